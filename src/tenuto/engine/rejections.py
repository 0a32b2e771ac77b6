"""Rejections: the caller may not do that now. A rejection is a value with a stable code."""

from __future__ import annotations

from typing import NamedTuple


class Rejection(NamedTuple):
    """A refused command: `code` is stable and documented, `message` says what was expected and
    how to mend it.
    """

    code: str
    message: str


NOT_FOUND = "not-found"
NOT_ACTIVE = "not-active"
ALREADY_EXISTS = "already-exists"
STALE_LEASE = "stale-lease"
UNKNOWN_PROCESS = "unknown-process"
NO_START_EVENT = "no-start-event"
DUPLICATE_BUSINESS_KEY = "duplicate-business-key"
DUPLICATE_MESSAGE = "duplicate-message"
KEY_REUSED = "key-reused"
ALREADY_CLAIMED = "already-claimed"
NOT_STUCK = "not-stuck"
MAILBOX_FULL = "mailbox-full"
INVALID_VALUE = "invalid-value"
NOT_APPLICABLE = "not-applicable"
STOPPING = "stopping"
STORE_REFUSED = "store-refused"
STORE_FULL = "store-full"
STORE_BUSY = "store-busy"
VERSION_MISMATCH = "version-mismatch"
OUTCOME_ORDERED = "outcome-ordered"
PAUSED = "paused"
NOT_PAUSED = "not-paused"

CODES: dict[str, str] = {
    NOT_FOUND: "There is no such instance, task, incident or decision.",
    NOT_ACTIVE: "The element, job or task has ended or was withdrawn.",
    ALREADY_EXISTS: "An aggregate with this key exists.",
    STALE_LEASE: "Another attempt holds the job; this result came too late.",
    UNKNOWN_PROCESS: "No deployed process has this id.",
    NO_START_EVENT: "The process has no start event of the kind that was asked for.",
    DUPLICATE_BUSINESS_KEY: "An instance of the process has this unique business key.",
    DUPLICATE_MESSAGE: "A kept message of this name and key has the same message id.",
    KEY_REUSED: "The idempotency key was used with another payload.",
    ALREADY_CLAIMED: "Another person has the task.",
    NOT_STUCK: "The incident is resolved already.",
    MAILBOX_FULL: "Too many messages wait in this mailbox.",
    INVALID_VALUE: "A variable is not what the process declares or a store can keep.",
    NOT_APPLICABLE: "The aggregate does not know this command.",
    STOPPING: "The node is shutting down.",
    STORE_FULL: "The disk or quota of the database has no space; nothing was changed.",
    STORE_BUSY: "Another process holds the database; nothing was changed.",
    VERSION_MISMATCH: "The instance or task has changed since it was read.",
    OUTCOME_ORDERED: "Another outcome came first; the workflow is replayed and says it again.",
    PAUSED: "The instance is paused; resume it.",
    NOT_PAUSED: "The instance is not paused.",
    STORE_REFUSED: "The store cannot keep what the command would write.",
}
