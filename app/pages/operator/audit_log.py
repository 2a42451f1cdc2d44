"""The audit log: who did what, when and from where. Reading it is itself recorded."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, render_template, request, stream_with_context, url_for

from app.http.context import current_container, require_login
from app.http.i18n import gettext_noop, translate_text
from app.http.validation import row_id_from_query
from app.pages.operator.query_values import list_set_values, read_day, read_text
from core import audit
from core.validation import format_utc
from db.ops.audit import AuditEntry, AuditFilter, AuditLog
from db.session import Database
from db.statement_limits import SearchTooSlow, search_limits

PAGE_SIZE = 50
CSV_PAGE_SIZE = 1000
MAX_CSV_ROWS = 100_000
CSV_COLUMNS = ("id", "at", "user", "actor", "action", "subject", "details", "ip", "request")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet reads a cell that begins so as a formula."""

ACTORS = ("session", "key", "jwt", "worker", "cli", "nobody")
FILTER_LABELS = {
    "user": gettext_noop("User id"),
    "actor": gettext_noop("Actor"),
    "action": gettext_noop("Action"),
    "subject": gettext_noop("Subject"),
    "request": gettext_noop("Request id"),
    "from": gettext_noop("From"),
    "to": gettext_noop("To"),
}

blueprint = Blueprint("audit_pages", __name__)


@blueprint.get("/admin/audit")
@require_login("admin")
def list_entries() -> str:
    """List the audit log, newest first."""
    before, query = row_id_from_query("cursor"), list_set_values(FILTER_LABELS)
    entries: list[AuditEntry] = []
    is_slow = False
    try:
        with current_container().database.transaction() as session:
            audit.record_action(session, "audit_log.read", details=query)
            with search_limits(session):
                entries = AuditLog(session).page(read_filter(), limit=PAGE_SIZE + 1, before=before)
    except SearchTooSlow:
        is_slow = True
    page = entries[:PAGE_SIZE]
    has_more = len(entries) > len(page)
    return render_template(
        "operator/audit.html",
        entries=[describe_entry(entry) for entry in page],
        query=query,
        is_slow=is_slow,
        chips=[(translate_text(FILTER_LABELS[name]), value) for name, value in query.items()],
        actors=ACTORS,
        csv_url=url_for("audit_pages.export_entries", **query),
        older_url=url_for("audit_pages.list_entries", **query, cursor=page[-1].id)
        if has_more
        else None,
        newer_url=url_for("audit_pages.list_entries", **query) if before else None,
        max_rows=MAX_CSV_ROWS,
    )


@blueprint.get("/admin/audit.csv")
@require_login("admin")
def export_entries() -> Response:
    """Export the entries that match the filters as CSV, the newest 100,000 at most."""
    database, audit_filter = current_container().database, read_filter()
    with database.transaction() as session:
        audit.record_action(session, "audit_log.exported", details=list_set_values(FILTER_LABELS))
    lines = stream_with_context(iter_csv_lines(database, audit_filter))
    headers = {"Content-Disposition": 'attachment; filename="audit-log.csv"'}
    return Response(lines, mimetype="text/csv", headers=headers)


def read_filter() -> AuditFilter:
    actor = request.args.get("actor")
    return AuditFilter(
        user_id=row_id_from_query("user"),
        actor=actor if actor in ACTORS else None,
        action=read_text("action"),
        subject=read_text("subject"),
        correlation_id=read_text("request"),
        since=read_day("from"),
        until=read_day("to", is_end=True),
    )


def describe_entry(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "user_id": entry.user_id,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": describe_details(entry.details),
        "details_json": json.dumps(entry.details, ensure_ascii=False) if entry.details else "",
        "ip": entry.ip,
        "request_id": entry.correlation_id,
    }


def describe_details(details: Mapping[str, Any]) -> str:
    """The details in short: of a list only how long it is."""
    return " · ".join(
        f"{name}: [{len(value)}]" if isinstance(value, list) else f"{name}: {value}"
        for name, value in details.items()
    )


def iter_csv_lines(database: Database, audit_filter: AuditFilter) -> Iterator[str]:
    """Yield the lines page by page, each read in a short transaction of its own."""
    yield csv_line(CSV_COLUMNS)
    before: int | None = None
    for _ in range(MAX_CSV_ROWS // CSV_PAGE_SIZE):
        with database.transaction() as session:
            page = AuditLog(session).page(audit_filter, limit=CSV_PAGE_SIZE, before=before)
        yield from (csv_line(csv_cells(entry)) for entry in page)
        if len(page) < CSV_PAGE_SIZE:
            return
        before = page[-1].id


def csv_cells(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.id,
        format_utc(entry.at),
        entry.user_id,
        entry.actor,
        entry.action,
        entry.subject,
        json.dumps(entry.details, ensure_ascii=False),
        entry.ip,
        entry.correlation_id,
    )


def csv_line(cells: tuple[object, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([csv_text(cell) for cell in cells])
    return buffer.getvalue()


def csv_text(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
