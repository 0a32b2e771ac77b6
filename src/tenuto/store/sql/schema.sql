CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (log INTEGER PRIMARY KEY, node TEXT NOT NULL, opened_at INTEGER NOT NULL, sealed_at INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS slot (slot INTEGER PRIMARY KEY, log INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS chain (
    log INTEGER NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
    prev BLOB NOT NULL, root BLOB NOT NULL, hash BLOB NOT NULL, note BLOB NOT NULL,
    PRIMARY KEY (log, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (
    log INTEGER NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL,
    aggregate INTEGER NOT NULL, version INTEGER NOT NULL,
    leaf BLOB NOT NULL, header BLOB NOT NULL, blob BLOB,
    PRIMARY KEY (log, seq, n)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS journal_aggregate ON journal (aggregate, version);
CREATE TABLE IF NOT EXISTS payload (
    digest BLOB NOT NULL, aggregate INTEGER NOT NULL, data BLOB,
    PRIMARY KEY (digest, aggregate)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS instance (
    key INTEGER PRIMARY KEY, process TEXT NOT NULL, definition INTEGER NOT NULL, business_key TEXT,
    status TEXT NOT NULL, version INTEGER NOT NULL, parent INTEGER, started_at INTEGER NOT NULL,
    ended_at INTEGER, snapshot_version INTEGER NOT NULL, snapshot BLOB) STRICT;
CREATE INDEX IF NOT EXISTS instance_business_key ON instance (business_key) WHERE business_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS aggregate (
    key INTEGER PRIMARY KEY, kind INTEGER NOT NULL, version INTEGER NOT NULL, snapshot BLOB) STRICT;
CREATE TABLE IF NOT EXISTS job (
    instance INTEGER NOT NULL, element INTEGER NOT NULL, type TEXT NOT NULL, process TEXT NOT NULL,
    element_id TEXT NOT NULL, status TEXT NOT NULL, retries INTEGER NOT NULL, due_at INTEGER,
    created_at INTEGER NOT NULL, attempt INTEGER NOT NULL, token INTEGER NOT NULL, log INTEGER,
    crashes INTEGER NOT NULL, PRIMARY KEY (instance, element)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS job_ready ON job (type, created_at) WHERE status = 'ready';
CREATE INDEX IF NOT EXISTS job_waiting ON job (due_at) WHERE status = 'waiting';
CREATE TABLE IF NOT EXISTS heartbeat (
    instance INTEGER NOT NULL, element INTEGER NOT NULL, at INTEGER NOT NULL, details BLOB NOT NULL,
    PRIMARY KEY (instance, element)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS user_task (
    instance INTEGER NOT NULL, element INTEGER NOT NULL, process TEXT NOT NULL, element_id TEXT NOT NULL,
    name TEXT NOT NULL, assignee TEXT, candidate_groups TEXT NOT NULL, candidate_users TEXT NOT NULL,
    due_at INTEGER, follow_up_at INTEGER, priority INTEGER NOT NULL, form TEXT, created_at INTEGER NOT NULL,
    PRIMARY KEY (instance, element)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS timer (
    aggregate INTEGER NOT NULL, timer INTEGER NOT NULL, due_at INTEGER NOT NULL, element_id TEXT NOT NULL,
    PRIMARY KEY (aggregate, timer)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS timer_due ON timer (due_at);
CREATE TABLE IF NOT EXISTS subscription (
    mailbox INTEGER NOT NULL, instance INTEGER NOT NULL, subscription INTEGER NOT NULL, name TEXT NOT NULL,
    correlation_key TEXT NOT NULL, process TEXT NOT NULL, element_id TEXT NOT NULL, position INTEGER NOT NULL,
    offered INTEGER, PRIMARY KEY (mailbox, instance, subscription)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (
    mailbox INTEGER NOT NULL, message INTEGER NOT NULL, name TEXT NOT NULL, correlation_key TEXT NOT NULL,
    message_id TEXT, published_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, variables BLOB NOT NULL,
    taken BLOB NOT NULL, PRIMARY KEY (mailbox, message)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS message_expiry ON message (expires_at);
CREATE TABLE IF NOT EXISTS queue_entry (
    queue INTEGER NOT NULL, entry INTEGER NOT NULL, instance INTEGER NOT NULL, step TEXT NOT NULL,
    key TEXT NOT NULL, priority INTEGER NOT NULL, fairness TEXT NOT NULL, enqueued_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL, dedup_id TEXT, since INTEGER, status TEXT NOT NULL,
    PRIMARY KEY (queue, entry)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS signal (
    name TEXT NOT NULL, instance INTEGER NOT NULL, subscription INTEGER NOT NULL, element_id TEXT NOT NULL,
    opened_at INTEGER NOT NULL, PRIMARY KEY (name, instance, subscription)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS incident (
    instance INTEGER NOT NULL, incident INTEGER NOT NULL, process TEXT NOT NULL, element INTEGER NOT NULL,
    element_id TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (instance, incident)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    sender INTEGER NOT NULL, receiver INTEGER NOT NULL, number INTEGER NOT NULL, command BLOB NOT NULL,
    PRIMARY KEY (sender, receiver, number)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dedupe (
    scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint BLOB NOT NULL, answer BLOB NOT NULL,
    instance INTEGER, at INTEGER NOT NULL, PRIMARY KEY (scope, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS natural_key (
    process TEXT NOT NULL, digest BLOB NOT NULL, instance INTEGER NOT NULL, business_key TEXT, near TEXT,
    PRIMARY KEY (process, digest, instance)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS natural_key_instance ON natural_key (instance);
