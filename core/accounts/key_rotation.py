"""Key rotation: encrypt every stored secret again with the current key, online and in batches.

A value that changes meanwhile is skipped: its writer has encrypted it with the current key.
A value that cannot be decrypted is counted and left as it is. No value is ever printed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from core import audit
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
    """Progress of a rotation. `values_by_key`: encrypted values per key id, as at the start."""

    values_by_key: Counter[str] = field(default_factory=Counter)
    reencrypted: int = 0
    changed_meanwhile: int = 0
    unreadable: int = 0

    @property
    def processed(self) -> int:
        return self.reencrypted + self.changed_meanwhile + self.unreadable

    def remaining(self, current: str) -> int:
        """How many values are encrypted with other keys, unreadable ones included."""
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
    """Rotate all encrypted columns. `report` gets the column and the counts after every batch."""
    counts = RotationCounts()
    for column in ENCRYPTED_COLUMNS:
        with database.transaction() as session:
            counts.values_by_key.update(EncryptedColumns(session).count_by_key(column))
        report(column.name, counts)
    if not dry_run:
        for column in ENCRYPTED_COLUMNS:
            rotate_column(database, services.key_ring, column, counts, report)
        with database.transaction() as session:
            details = {"reencrypted": counts.reencrypted, "unreadable": counts.unreadable}
            subject = f"key:{services.key_ring.current_key_id}"
            audit.record_action(session, "encryption.rotated", subject=subject, details=details)
    return counts


def rotate_column(
    database: Database,
    keys: KeyRing,
    column: EncryptedColumn,
    counts: RotationCounts,
    report: ReportProgress,
) -> None:
    """Rotate one column, a transaction per batch, in the order of row ids."""
    last_row_id = 0
    while True:
        with database.transaction() as session:
            batch = EncryptedColumns(session).list_batch(
                column, current_key=keys.current_key_id, after=last_row_id, limit=BATCH_SIZE
            )
            for value in batch:
                reencrypt_value(session, keys, column, value, counts)
        if not batch:
            return
        last_row_id = batch[-1].row_id
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
    if EncryptedColumns(session).replace(column, value, encrypted):
        counts.reencrypted += 1
    else:
        counts.changed_meanwhile += 1
