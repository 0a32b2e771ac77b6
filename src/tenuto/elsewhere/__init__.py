"""Work that another engine does: Airflow, Camunda 7, Temporal.

A workflow here starts a run there, waits for its end however long that takes, and goes on with what
it gave. Each is spoken to over the HTTP API that it has anyway; nothing is installed there. So a
department moves when it wants to.
"""
