"""Every secret sealed anew with the current key, online, a batch at a time.

A value that changes meanwhile is left to whoever changed it: they sealed with the current key.
What does not open is counted and left as it is. Shows no value.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from core.bootstrap import Services
from core.crypto import KeyRing
from core.errors import DecryptionFailed
from db.encrypted_columns import (
    ENCRYPTED_COLUMNS,
    EncryptedColumn,
    EncryptedColumns,
    EncryptedValue,
)
from db.session import Database, Session

BATCH_SIZE = 200


@dataclass
class RotationCounts:
    """`keys`: values per key id as found at the start."""

    values_by_key: Counter[str] = field(default_factory=Counter)
    reencrypted: int = 0
    changed_meanwhile: int = 0
    unreadable: int = 0

    @property
    def processed(self) -> int:
        return self.reencrypted + self.changed_meanwhile + self.unreadable

    def remaining(self, current: str) -> int:
        """Values of other keys, those that do not open included."""
        return (
            sum(self.values_by_key.values())
            - self.values_by_key[current]
            - self.reencrypted
            - self.changed_meanwhile
        )


ReportProgress = Callable[[str, RotationCounts], None]


def rotate_keys(
    database: Database, services: Services, *, dry_run: bool, report: ReportProgress
) -> RotationCounts:
    """`report` is told the column and the counts so far after every batch."""
    counts = RotationCounts()
    for column in ENCRYPTED_COLUMNS:
        with database.transaction() as session:
            counts.values_by_key.update(EncryptedColumns(session).count_by_key(column))
        report(column.name, counts)
    if not dry_run:
        for column in ENCRYPTED_COLUMNS:
            rotate_column(database, services.key_ring, column, counts, report)
    return counts


def rotate_column(
    database: Database,
    keys: KeyRing,
    column: EncryptedColumn,
    counts: RotationCounts,
    report: ReportProgress,
) -> None:
    after = 0
    while True:
        with database.transaction() as session:
            batch = EncryptedColumns(session).list_batch(
                column, current_key=keys.current_key_id, after=after, limit=BATCH_SIZE
            )
            for value in batch:
                reencrypt_value(session, keys, column, value, counts)
        if not batch:
            return
        after = batch[-1].row_id
        report(column.name, counts)


def reencrypt_value(
    session: Session,
    keys: KeyRing,
    column: EncryptedColumn,
    value: EncryptedValue,
    counts: RotationCounts,
) -> None:
    try:
        encrypted = keys.encrypt(keys.decrypt(value.ciphertext, value.context), value.context)
    except DecryptionFailed:
        counts.unreadable += 1
        return
    is_replaced = EncryptedColumns(session).replace(column, value, encrypted)
    counts.reencrypted += is_replaced
    counts.changed_meanwhile += not is_replaced
