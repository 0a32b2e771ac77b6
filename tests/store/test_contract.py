"""Every adapter keeps the contract of a store."""

import pytest

from tenuto.store.memory import MemoryDisk, MemoryStore
from tenuto.store.sqlite import SqliteStore
from tenuto.testing.audit_contract import AuditContract
from tenuto.testing.queue_contract import QueueContract
from tenuto.testing.retention_contract import RetentionContract
from tenuto.testing.store_contract import StoreContract


class TestMemory(StoreContract, AuditContract, QueueContract, RetentionContract):
    """The contract on one disk of memory."""

    @pytest.fixture(autouse=True)
    def _disk(self):
        self.disk = MemoryDisk()

    def open(self, on_phase=None):
        """Open the disk."""
        return MemoryStore(self.disk, on_phase=on_phase)

    def reopen(self):
        """Open the disk anew."""
        return MemoryStore(self.disk)


class TestSqlite(StoreContract, AuditContract, QueueContract, RetentionContract):
    """The contract on one file of SQLite."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        self.path = tmp_path / "contract.db"
        self.stores = []
        yield
        for store in self.stores:
            store.close()

    key = None

    def open(self, on_phase=None):
        """Open the file."""
        self.stores.append(SqliteStore(self.path, key=self.key, on_phase=on_phase))
        return self.stores[-1]

    def reopen(self):
        """Close the file and open it anew."""
        self.stores.pop().close()
        return self.open()


class TestEncrypted(TestSqlite):
    """The contract on one file that is encrypted."""

    key = bytes(range(32))
