"""A store in memory, temporary."""

from __future__ import annotations

from tenuto.engine.rows import KEY_WIDTH, TABLES
from tenuto.store.port import *
from tenuto.store.port import LogHead, StoredAggregate, StoredInstance

KEYS = {t: KEY_WIDTH[k] for t, k in TABLES}


class MemoryStore:
    def __init__(self):
        self.t = {t: {} for t, _ in TABLES}
        self.ch = {}
        self.j = []
        self.by = {}

    def open_log(self, *, node, at):
        return LogHead(1, 0, bytes(32), 0)

    def commit(self, b):
        assert (b.chain.log, b.chain.seq) not in self.ch
        self.ch[(b.chain.log, b.chain.seq)] = b.chain
        for r in b.journal:
            assert (r.aggregate, r.version) not in self.by, (r.aggregate, r.version)
            self.by[(r.aggregate, r.version)] = r
            self.j.append(r)
        for t, rows in b.puts.items():
            for r in rows:
                k = tuple(r[: KEYS[t]])
                if t == "instance" and r.snapshot is None and k in self.t[t]:
                    r = r._replace(snapshot=self.t[t][k].snapshot)
                self.t[t][k] = r
        for t, ks in b.deletes.items():
            for k in ks:
                self.t[t].pop(tuple(k), None)

    def chain_hash(self, l, s):
        c = self.ch.get((l, s))
        return c and c.hash

    def load_instances(self, keys):
        out = []
        for k in keys:
            r = self.t["instance"].get((k,))
            if r:
                out.append(
                    StoredInstance(
                        r,
                        [
                            (x.header, x.blob)
                            for v in range(r.snapshot_version + 1, r.version + 1)
                            for x in [self.by[(k, v)]]
                        ],
                    )
                )
        return out

    def load_aggregates(self, keys):
        return [
            StoredAggregate(k, r.version, r.snapshot)
            for k in keys
            if (r := self.t["aggregate"].get((k,)))
        ]

    def load_mailbox(self, key):
        return (
            [r for r in self.t["subscription"].values() if r.mailbox == key],
            [r for r in self.t["message"].values() if r.mailbox == key],
        )

    def load_payloads(self, a, d):
        return {x: self.t["payload"][(x, a)].data for x in d if (x, a) in self.t["payload"]}

    def load_jobs(self, keys):
        return [self.t["job"][k] for k in keys if k in self.t["job"]]

    def ready_jobs(self, types, now, limit):
        return [
            r
            for r in self.t["job"].values()
            if r.type in types
            and (r.status == "ready" or (r.status == "waiting" and r.due_at <= now))
        ][:limit]

    def expired_jobs(self, now, limit):
        return []

    def orphaned_jobs(self, log, limit):
        return [r for r in self.t["job"].values() if r.status == "leased" and r.log != log]

    def next_job_due(self, now):
        return min(
            (r.due_at for r in self.t["job"].values() if r.status == "waiting" and r.due_at > now),
            default=None,
        )

    def due_timers(self, now, limit):
        return sorted(
            [r for r in self.t["timer"].values() if r.due_at <= now], key=lambda r: r.due_at
        )[:limit]

    def next_timer_due(self):
        return min((r.due_at for r in self.t["timer"].values()), default=None)

    def outbox(self, limit):
        return list(self.t["outbox"].values())

    def expired_messages(self, now, limit):
        return [r for r in self.t["message"].values() if r.expires_at <= now]

    def next_message_expiry(self):
        return min((r.expires_at for r in self.t["message"].values()), default=None)

    def signal_subscribers(self, name, after, limit):
        return sorted(
            [
                r
                for r in self.t["signal"].values()
                if r.name == name and (r.instance, r.subscription) > after
            ],
            key=lambda r: (r.instance, r.subscription),
        )[:limit]

    def load_dedupe(self, keys):
        return [self.t["dedupe"][k] for k in keys if k in self.t["dedupe"]]

    def load_natural_keys(self, keys):
        return [r for r in self.t["natural_key"].values() if (r.process, r.digest) in keys]

    def reader(self):
        return self

    def close(self):
        pass
