"""Every bound of the runtime, its unit and its reason.

What a model or value may be is bounded in its own room.
"""

from __future__ import annotations

from typing import Final

# A batch of 64 turns has 63 to 76 % of the throughput of 1,000 at a tenth of the latency; 256 is
# the knee. Advancing for 5 ms gave batches of 70 turns and 8 % less than 10 ms do; 20 ms give no
# more.
BATCH_TURNS_MAX: Final = 256
BATCH_ADVANCE_SECONDS_MAX: Final = 0.010

# Loading folds at most this many turns after a snapshot.
TAIL_TURNS_MAX: Final = 64

# Warm aggregates: each costs about 3 KB. An instance that only waits (for a timer, a message, a
# person) rests: few of those stay, so that a hundred thousand cost as much as ten thousand.
WARM_AGGREGATES_MAX: Final = 20_000
WARM_RESTING_MAX: Final = 4_000

# Timers take at most half of a batch while other work is ready.
TIMERS_PER_BATCH_MAX: Final = BATCH_TURNS_MAX // 2

# Jobs that are leased from the table at once.
LEASES_PER_BATCH_MAX: Final = 256

# How long a worker of this process holds a job unless its handler says otherwise.
LEASE_SECONDS_DEFAULT: Final = 300.0
CRASHES_ALONE_MAX: Final = 3

# How long a commit that the store could not take (busy, full) waits before it is tried again.
STORE_RETRY_SECONDS: Final = 0.25

# The corridor looks at the clock at least this often even if nothing wakes it.
IDLE_SECONDS_MAX: Final = 1.0

# A waiting request is refused above this many unanswered ones.
INBOX_MAX: Final = 100_000

# A business key, a correlation key, a message name or an idempotency key, in characters.
KEY_LENGTH_MAX: Final = 255

# How long a thread keeps the interpreter while others wait: long, and short while the process is
# busy and the corridor gets little of what it takes (see `runtime.switching`). Left alone it takes
# 0.5 or more, beside a thread that burns CPU 0.2, with the short interval 0.35.
SWITCH_SECONDS: Final = 0.002
SWITCH_SHORT_SECONDS: Final = 0.0005
SWITCH_LOOK_SECONDS: Final = 0.25
BUSY_SHARE: Final = 0.5
OWN_SHARE_MIN: Final = 0.4

# Warm state is many small objects without cycles: looking for cycles every 700 of them cost 4 to 15
# %.
GC_THRESHOLDS: Final = (50_000, 20, 50)
