"""The only place where time passes: the corridor, timers, leases, outbox, recovery and limits."""
