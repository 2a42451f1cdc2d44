"""Endpoints of host applications, and the encrypted secrets that sign what is sent to them.

When a failing endpoint is disabled is decided in `core/outbox/disable_policy.py`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Text,
    any_,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, CreatedAtColumn, IdColumn, TimestampColumns
from db.bulk import IDS_PARAMETER
from db.compiled_statements import CompiledStatement, execute_compiled


class Endpoint(IdColumn, TimestampColumns, Base):
    __tablename__ = "endpoints"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    url: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    events: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default="{}", comment="subscribed event types; empty: all"
    )
    disabled_at: Mapped[datetime | None] = mapped_column(
        comment="when it was disabled; NULL: enabled"
    )
    disabled_cause: Mapped[str | None] = mapped_column(
        comment="why it was disabled: by its owner, gone or failing"
    )
    failures: Mapped[int] = mapped_column(
        server_default="0", comment="failed attempts since the last success"
    )
    failing_since: Mapped[datetime | None] = mapped_column(
        comment="first failed attempt since the last success"
    )
    failed_at: Mapped[datetime | None] = mapped_column(
        comment="last failed attempt, or start of the last probe in a cooldown"
    )
    delivered_at: Mapped[datetime | None] = mapped_column(comment="last successful delivery")

    __table_args__ = (
        Index("idx_endpoints_user", "user_id"),
        {"comment": "URLs of host applications that receive app events"},
    )


class EndpointSecret(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "endpoint_secrets"

    endpoint_id: Mapped[int] = mapped_column(ForeignKey("endpoints.id", ondelete="CASCADE"))
    secret_encrypted: Mapped[str] = mapped_column(comment="AES-256-GCM")
    expires_at: Mapped[datetime | None] = mapped_column(
        comment="when a replaced secret expires; NULL: the current secret"
    )

    __table_args__ = (
        Index("idx_endpoint_secrets_endpoint", "endpoint_id"),
        Index(
            "idx_endpoint_secrets_expires",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL"),
        ),
        {"comment": "Secrets that sign app events; a replaced one stays in use for a while"},
    )


class LockedEndpoint(NamedTuple):
    """An enabled endpoint, as far as deliveries to it are added. `events`: empty means all."""

    id: int
    user_id: int
    events: Sequence[str]


def build_lock_query() -> Any:
    user_ids = bindparam(IDS_PARAMETER, type_=ARRAY(BigInteger))
    query = select(Endpoint.id, Endpoint.user_id, Endpoint.events).where(
        Endpoint.user_id == any_(user_ids), Endpoint.disabled_at.is_(None)
    )
    return query.order_by(Endpoint.id).with_for_update(read=True, key_share=True)


LOCK_STATEMENT = CompiledStatement(build_lock_query(), name="lock_endpoints")


class Endpoints:
    """Queries about endpoints. Look-ups on behalf of a user take the user's id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, user_id: int, **values: Any) -> Endpoint:
        endpoint = Endpoint(user_id=user_id, **values)
        self._session.add(endpoint)
        self._session.flush()
        return endpoint

    def list_for_user(self, user_id: int) -> Sequence[Endpoint]:
        """List the user's endpoints, oldest first."""
        query = select(Endpoint).where(Endpoint.user_id == user_id).order_by(Endpoint.id)
        return self._session.scalars(query).all()

    def get_for_user(
        self, endpoint_id: int, *, user_id: int, lock: bool = False
    ) -> Endpoint | None:
        query = select(Endpoint).where(Endpoint.id == endpoint_id, Endpoint.user_id == user_id)
        final_query = query.with_for_update(key_share=True) if lock else query
        return self._session.scalar(final_query, execution_options={"populate_existing": True})

    def delete(self, endpoint: Endpoint) -> None:
        """Delete the endpoint with its secrets and deliveries."""
        self._session.delete(endpoint)

    def lock_enabled(self, user_ids: Collection[int]) -> list[LockedEndpoint]:
        """Lock the enabled endpoints of these users: none is deleted before we commit.

        It runs for every batch of webhook events: the ORM took longer for it than Postgres.
        """
        values = {IDS_PARAMETER: list(user_ids)}
        rows = execute_compiled(self._session, LOCK_STATEMENT, values).rows
        return [LockedEndpoint(*row) for row in rows]

    def record_success(self, endpoint_id: int) -> None:
        """Record a successful delivery and reset the count of failures."""
        self._update(endpoint_id, failures=0, failing_since=None, delivered_at=func.now())

    def record_failure(self, endpoint_id: int) -> Endpoint:
        """Count one more failed attempt; return the endpoint as it is now."""
        failing_since = func.coalesce(Endpoint.failing_since, func.now())
        self._update(
            endpoint_id,
            failures=Endpoint.failures + 1,
            failing_since=failing_since,
            failed_at=func.clock_timestamp(),
        )
        return self._session.get_one(Endpoint, endpoint_id, populate_existing=True)

    def claim_probe(self, endpoint_id: int, *, cooldown: timedelta) -> bool:
        """Whether the cooldown since the last failure is over; True for one caller only."""
        is_due = Endpoint.failed_at < func.clock_timestamp() - cooldown
        statement = update(Endpoint).where(Endpoint.id == endpoint_id, is_due)
        claim = statement.values(failed_at=func.clock_timestamp()).returning(Endpoint.id)
        return self._session.scalar(claim) is not None

    def disable(self, endpoint_id: int, cause: str) -> bool:
        """Disable the endpoint; False if it was disabled already."""
        is_enabled = (Endpoint.id == endpoint_id, Endpoint.disabled_at.is_(None))
        statement = (
            update(Endpoint).where(*is_enabled).values(disabled_at=func.now(), disabled_cause=cause)
        )
        return self._session.scalar(statement.returning(Endpoint.id)) is not None

    def enable(self, endpoint_id: int) -> None:
        """Enable the endpoint and reset its failures."""
        self._update(
            endpoint_id, disabled_at=None, disabled_cause=None, failures=0, failing_since=None
        )

    def _update(self, endpoint_id: int, **values: Any) -> None:
        statement = update(Endpoint).where(Endpoint.id == endpoint_id).values(**values)
        self._session.execute(statement, execution_options={"synchronize_session": False})


class EndpointSecrets:
    def __init__(self, session: Session) -> None:
        self._session = session

    def list_active(self, endpoint_id: int) -> Sequence[EndpointSecret]:
        """List the secrets that sign, newest first."""
        query = select(EndpointSecret).where(
            EndpointSecret.endpoint_id == endpoint_id,
            or_(EndpointSecret.expires_at.is_(None), EndpointSecret.expires_at > func.now()),
        )
        return self._session.scalars(query.order_by(EndpointSecret.id.desc())).all()

    def replace(self, endpoint_id: int, encrypted_secret: str, *, overlap: timedelta) -> None:
        """Insert a new secret; the current one goes on signing for the time `overlap`."""
        current = (EndpointSecret.endpoint_id == endpoint_id, EndpointSecret.expires_at.is_(None))
        statement = update(EndpointSecret).where(*current).values(expires_at=func.now() + overlap)
        self._session.execute(statement, execution_options={"synchronize_session": False})
        self._session.add(
            EndpointSecret(endpoint_id=endpoint_id, secret_encrypted=encrypted_secret)
        )
        self._session.flush()
