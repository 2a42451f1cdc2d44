"""Table `erased_subjects`: whose webhook events are stored without content, because the person was
erased. It knows them by keyed hashes only.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Index, Text, any_, bindparam, delete, func, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, IdColumn
from db.session import Connection, Session


class ErasedSubject(IdColumn, Base):
    __tablename__ = "erased_subjects"

    subject_hash: Mapped[str] = mapped_column(
        unique=True, comment="keyed hash of the platform and its id of the person"
    )
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        Index("idx_erased_subjects_created", "created_at"),
        {
            "comment": (
                "People and accounts that were erased: their late webhook events are stored empty"
            )
        },
    )


HASHES_PARAMETER = "hashes"
IS_GIVEN = ErasedSubject.subject_hash == any_(bindparam(HASHES_PARAMETER, type_=ARRAY(Text())))
DELETE_STATEMENT = delete(ErasedSubject).where(IS_GIVEN)


class ErasedSubjects:
    def __init__(self, session: Session | Connection) -> None:
        self._session = session

    def add(self, hashes: Collection[str]) -> None:
        """Remember these people; whoever is known already, from now on."""
        if not hashes:
            return
        rows = [{"subject_hash": subject_hash} for subject_hash in sorted(hashes)]
        statement = insert(ErasedSubject).values(rows)
        self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[ErasedSubject.subject_hash], set_={"created_at": func.now()}
            )
        )

    def delete(self, hashes: Collection[str]) -> None:
        """Forget these people: they have connected again."""
        if hashes:
            self._session.execute(DELETE_STATEMENT, {HASHES_PARAMETER: list(hashes)})
