"""The pure core: commands in, records out. No clock, no network, no randomness."""
