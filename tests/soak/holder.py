"""Holds the write lock of a SQLite database for some seconds, as a backup tool or a person with a
shell would: arguments are the file and the seconds.
"""

import sqlite3
import sys
import time

connection = sqlite3.connect(sys.argv[1], timeout=2, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
