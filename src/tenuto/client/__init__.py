"""The one surface: start, correlate, complete, repair, read. Async, with a blocking face."""
