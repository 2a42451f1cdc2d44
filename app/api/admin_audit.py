"""The audit log for operators. Who reads it is itself recorded."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, require_scopes
from app.http.validation import OptionalRowId, RequestModel, success_body, validate_query
from core import audit
from core.errors import Invalid
from core.validation import ClampedTime
from db.ops.audit import AuditEntry, AuditFilter, AuditLog
from db.statement_limits import SearchTooSlow, search_limits

MAX_TEXT_CHARS = 200
TOO_SLOW_MESSAGE = "the filter takes too long: choose a shorter time with since and until"
FilterText = Annotated[str | None, Field(min_length=1, max_length=MAX_TEXT_CHARS)]

blueprint = Blueprint("admin_audit", __name__)


class AuditListQuery(RequestModel):
    """The query of the list; `cursor` is the `nextCursor` of the previous page."""

    user_id: Annotated[OptionalRowId, Field(alias="userId")] = None
    actor: FilterText = None
    action: FilterText = None
    subject: FilterText = None
    correlation_id: Annotated[FilterText, Field(alias="correlationId")] = None
    since: ClampedTime | None = None
    until: ClampedTime | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None

    def to_filter(self) -> AuditFilter:
        return AuditFilter(**self.model_dump(exclude={"limit", "cursor"}))


@blueprint.get("/api/admin/audit")
@require_scopes("admin")
@validate_query(AuditListQuery)
def list_audit_entries(query: AuditListQuery) -> dict[str, Any]:
    """List the audit log, newest first: who did what, when and from where."""
    try:
        entries = read_entries(query)
    except SearchTooSlow as error:
        raise Invalid(TOO_SLOW_MESSAGE) from error
    page = entries[: query.limit]
    next_cursor = str(page[-1].id) if len(entries) > len(page) else None
    return success_body(
        data=[serialize_audit_entry(entry) for entry in page], nextCursor=next_cursor
    )


def read_entries(query: AuditListQuery) -> list[AuditEntry]:
    """Return the page and one entry more, and record the reading. Errors: SearchTooSlow."""
    with current_container().database.transaction() as session:
        with search_limits(session):
            entries = AuditLog(session).page(
                query.to_filter(), limit=query.limit + 1, before=query.cursor
            )
        audit.record_action(
            session,
            "audit_log.read",
            details=query.model_dump(mode="json", exclude_none=True, exclude={"limit"}),
        )
    return entries


def serialize_audit_entry(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "userId": entry.user_id,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "ip": entry.ip,
        "correlationId": entry.correlation_id,
    }
