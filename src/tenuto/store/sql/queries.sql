-- name: tables
SELECT name FROM sqlite_master WHERE type = 'table'
-- name: meta
SELECT value FROM meta WHERE name = ?
-- name: next_log
SELECT coalesce(max(log), 0) + 1 FROM log
-- name: insert_log
INSERT INTO log (log, node, opened_at) VALUES (?, ?, ?)
-- name: unsealed_logs
SELECT log FROM log WHERE sealed_at IS NULL ORDER BY log
-- name: seal_log
UPDATE log SET sealed_at = ? WHERE log = ?
-- name: take_slots
UPDATE slot SET log = ?
-- name: insert_chain
INSERT INTO chain (log, seq, kind, at, prev, root, hash, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
-- name: chain_head
SELECT seq, hash FROM chain WHERE log = ? ORDER BY seq DESC LIMIT 1
-- name: chain_hash
SELECT hash FROM chain WHERE log = ? AND seq = ?
-- name: last_instance
SELECT max(key) FROM instance
-- name: journal_tail
SELECT header, blob FROM journal WHERE aggregate = ? AND version > ? ORDER BY version
-- name: mailbox_subscriptions
SELECT * FROM subscription WHERE mailbox = ? ORDER BY position, instance, subscription
-- name: mailbox_messages
SELECT * FROM message WHERE mailbox = ? ORDER BY message
-- name: queue_entries
SELECT * FROM queue_entry WHERE queue = ? ORDER BY entry
-- name: payload
SELECT data FROM payload WHERE digest = ? AND aggregate = ?
-- name: job
SELECT * FROM job WHERE instance = ? AND element = ?
-- name: ready_jobs
SELECT * FROM job WHERE type = ? AND status = 'ready' ORDER BY created_at, instance, element LIMIT ?
-- name: waiting_jobs
SELECT * FROM job WHERE type = ? AND status = 'waiting' AND due_at <= ? ORDER BY due_at, instance, element LIMIT ?
-- name: expired_jobs
SELECT * FROM job WHERE status = 'leased' AND due_at <= ? ORDER BY due_at, instance, element LIMIT ?
-- name: orphaned_jobs
SELECT * FROM job WHERE status = 'leased' AND log <> ? ORDER BY instance, element LIMIT ?
-- name: next_job_due
SELECT min(due_at) FROM job WHERE status = 'waiting' AND due_at > ?
-- name: due_timers
SELECT * FROM timer WHERE due_at <= ? ORDER BY due_at, aggregate, timer LIMIT ?
-- name: next_timer_due
SELECT min(due_at) FROM timer
-- name: outbox
SELECT * FROM outbox ORDER BY number, sender, receiver LIMIT ?
-- name: expired_messages
SELECT * FROM message WHERE expires_at <= ? ORDER BY expires_at, mailbox, message LIMIT ?
-- name: next_message_expiry
SELECT min(expires_at) FROM message
-- name: signal_subscribers
SELECT * FROM signal WHERE name = ? AND (instance, subscription) > (?, ?) ORDER BY instance, subscription LIMIT ?
-- name: natural_keys
SELECT * FROM natural_key WHERE process = ? AND digest = ? ORDER BY instance
-- name: instance
SELECT * FROM instance WHERE key = ?
-- name: instances
SELECT * FROM instance WHERE (?1 IS NULL OR process = ?1) AND (?2 IS NULL OR status = ?2) AND (?5 IS NULL OR started_at >= ?5) AND (?6 IS NULL OR started_at < ?6) AND (?7 IS NULL OR ended_at >= ?7) AND (?8 IS NULL OR ended_at < ?8) AND key < ifnull(?3, 9223372036854775807) ORDER BY key DESC LIMIT ?4
-- name: instances_oldest_first
SELECT * FROM instance WHERE (?1 IS NULL OR process = ?1) AND (?2 IS NULL OR status = ?2) AND (?5 IS NULL OR started_at >= ?5) AND (?6 IS NULL OR started_at < ?6) AND (?7 IS NULL OR ended_at >= ?7) AND (?8 IS NULL OR ended_at < ?8) AND key > ifnull(?3, -1) ORDER BY key LIMIT ?4
-- name: instances_by_business_key
SELECT * FROM instance WHERE business_key = ?9 AND (?1 IS NULL OR process = ?1) AND (?2 IS NULL OR status = ?2) AND (?5 IS NULL OR started_at >= ?5) AND (?6 IS NULL OR started_at < ?6) AND (?7 IS NULL OR ended_at >= ?7) AND (?8 IS NULL OR ended_at < ?8) AND key < ifnull(?3, 9223372036854775807) ORDER BY key DESC LIMIT ?4
-- name: instances_by_business_key_oldest_first
SELECT * FROM instance WHERE business_key = ?9 AND (?1 IS NULL OR process = ?1) AND (?2 IS NULL OR status = ?2) AND (?5 IS NULL OR started_at >= ?5) AND (?6 IS NULL OR started_at < ?6) AND (?7 IS NULL OR ended_at >= ?7) AND (?8 IS NULL OR ended_at < ?8) AND key > ifnull(?3, -1) ORDER BY key LIMIT ?4
-- name: count_instances
SELECT process, status, count(*) FROM instance GROUP BY process, status ORDER BY process, status
-- name: count_queue
SELECT status, count(*) FROM queue_entry WHERE queue = ? GROUP BY status
-- name: aggregates
SELECT key FROM aggregate ORDER BY key
-- name: journal_of
SELECT log, seq, n, aggregate, version, leaf, header, blob FROM journal WHERE aggregate = ? AND version > ? ORDER BY version LIMIT ?
-- name: versions
SELECT aggregate, min(version), max(version), count(*) FROM journal WHERE aggregate > ifnull(?, -9223372036854775808) GROUP BY aggregate ORDER BY aggregate LIMIT ?
-- name: turns_of_log
SELECT log, seq, n, aggregate, version, leaf, header, blob FROM journal WHERE log = ? AND (seq, n) > (?, ?) ORDER BY seq, n LIMIT ?
-- name: chain
SELECT log, seq, kind, at, prev, root, hash, note FROM chain WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?
-- name: head
SELECT log, seq, kind, at, prev, root, hash, note FROM chain WHERE log = ? ORDER BY seq DESC LIMIT 1
-- name: logs
WITH RECURSIVE
committed (log) AS (SELECT min(log) FROM chain UNION ALL SELECT (SELECT min(log) FROM chain WHERE log > committed.log) FROM committed WHERE log IS NOT NULL),
written (log) AS (SELECT min(log) FROM journal UNION ALL SELECT (SELECT min(log) FROM journal WHERE log > written.log) FROM written WHERE log IS NOT NULL)
SELECT log FROM log UNION SELECT log FROM committed WHERE log IS NOT NULL UNION SELECT log FROM written WHERE log IS NOT NULL ORDER BY log
-- name: cluster
SELECT value FROM meta WHERE name = 'cluster'
-- name: user_tasks
SELECT * FROM user_task
WHERE (?1 IS NULL OR assignee = ?1)
AND (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(candidate_groups) WHERE value = ?2))
AND (due_at IS NULL, coalesce(due_at, 0), instance, element) > (?3, ?4, ?5, ?6)
ORDER BY due_at IS NULL, due_at, instance, element LIMIT ?7
-- name: waiting
SELECT process, element_id, 'job:' || type, count(*) FROM job WHERE status <> 'failed' GROUP BY 1, 2, 3
UNION ALL SELECT process, element_id, 'user-task', count(*) FROM user_task GROUP BY 1, 2
UNION ALL SELECT process, element_id, 'message:' || name, count(*) FROM subscription GROUP BY 1, 2, 3
UNION ALL SELECT process, element_id, 'incident', count(*) FROM incident GROUP BY 1, 2
UNION ALL SELECT i.process, t.element_id, 'timer', count(*) FROM timer t JOIN instance i ON i.key = t.aggregate GROUP BY 1, 2
UNION ALL SELECT i.process, s.element_id, 'signal:' || s.name, count(*) FROM signal s JOIN instance i ON i.key = s.instance GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
-- name: prune_turns
UPDATE journal SET blob = NULL WHERE aggregate = ? AND version <= ? AND blob IS NOT NULL
-- name: erase_payload
UPDATE payload SET data = NULL WHERE digest = ? AND aggregate = ? AND data IS NOT NULL
-- name: delete_instance
DELETE FROM instance WHERE key = ?
-- name: delete_natural_keys
DELETE FROM natural_key WHERE instance = ?
-- name: owner_of_payload
SELECT aggregate FROM payload WHERE digest = ? AND aggregate = ?
-- name: delete_payload
DELETE FROM payload WHERE digest = ? AND aggregate = ?
-- name: owner_of_dedupe
SELECT instance FROM dedupe WHERE scope = ? AND key = ?
-- name: delete_dedupe
DELETE FROM dedupe WHERE scope = ? AND key = ?
