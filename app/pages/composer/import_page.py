"""The page that imports scheduled posts from a table: a preview with the faults of each row, then
all rows at once or none.
"""

import csv
import io
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from app.http.context import current_container, current_principal, require_login
from app.http.errors import describe_error
from app.http.i18n import translate_text
from app.http.time_zones import current_zone
from app.pages.composer.csv_table import (
    COLUMNS,
    MAX_TABLE_BYTES,
    TableFault,
    decode_file,
    read_table,
)
from app.pages.composer.form import parse_uuid
from app.pages.composer.imported_rows import ImportedRow, read_rows
from app.pages.composer.targets import load_targets
from core.publishing.import_posts import ImportRefused, import_posts

blueprint = Blueprint("post_imports", __name__)

SEE_OTHER = 303
FORM_SHARE = 4  # a form needs up to so many bytes for one of the table: escapes and Base64
EXAMPLE_ROW = ("my account", "2026-12-01 18:00", "At dawn", "https://videos.example.com/a.mp4")


@blueprint.get("/posts/import")
@require_login("posts:write")
def show_import() -> str:
    """Show the form that takes a table of posts."""
    return render_import()


@blueprint.get("/posts/import/template.csv")
@require_login("posts:write")
def show_template() -> Response:
    """Give a table with the heading and an example, to be filled in."""
    text = io.StringIO()
    names = [target.key for target in load_targets() if target.reason is None]
    account = names[0] if names else EXAMPLE_ROW[0]
    csv.writer(text).writerows([COLUMNS, (account, *EXAMPLE_ROW[1:], "", "")])
    headers = {"Content-Disposition": 'attachment; filename="posts.csv"'}
    return Response("\ufeff" + text.getvalue(), mimetype="text/csv", headers=headers)


@blueprint.post("/posts/import")
@require_login("posts:write")
def submit_import() -> Any:
    """Show what would be imported, or import it."""
    request.max_form_memory_size = request.max_content_length = FORM_SHARE * MAX_TABLE_BYTES
    import_id = parse_uuid(request.form.get("import_id", "")) or uuid4()
    try:
        table = read_submitted_table()
        rows = read_rows(read_table(table), load_targets())
    except TableFault as fault:
        return render_import(fault=translate_text(str(fault)), table=pasted_table()), 422
    if request.form.get("action") != "import" or any(row.faults for row in rows):
        return render_import(rows=rows, table=table, import_id=import_id)
    return store_rows(rows, table, import_id)


def read_submitted_table() -> str:
    """Return the table, of the file or pasted. Errors: TableFault."""
    encoded = request.form.get("file", "")
    return decode_file(encoded) if encoded else pasted_table()


def pasted_table() -> str:
    return request.form.get("table", "")


def store_rows(rows: list[ImportedRow], table: str, import_id: UUID) -> Any:
    """Store all posts, or show which row was refused meanwhile."""
    try:
        count = import_posts(
            current_container().database,
            current_container().services,
            [row.request for row in rows if row.request is not None],
            user_id=current_principal().user_id,
            import_id=import_id,
        )
    except ImportRefused as refusal:
        message = describe_error(refusal.error)
        reason = f"{message.message} {message.suggestion}"
        fault = translate_text(
            "Line %(line)d: %(reason)s Nothing was imported.",
            line=rows[refusal.index].line,
            reason=reason,
        )
        return render_import(rows=rows, table=table, import_id=import_id, fault=fault), 422
    flash(translate_text("Posts scheduled: %(count)d.", count=count), "good")
    return redirect(url_for("post_pages.list_posts"), SEE_OTHER)


def render_import(
    *,
    rows: list[ImportedRow] | None = None,
    table: str = "",
    import_id: UUID | None = None,
    fault: str = "",
) -> str:
    rows = rows or []
    return render_template(
        "import.html",
        rows=rows,
        table=table,
        import_id=import_id or uuid4(),
        fault=fault,
        fault_count=sum(bool(row.faults) for row in rows),
        targets=[target for target in load_targets() if target.reason is None],
        zone=current_zone().key,
        columns=COLUMNS,
    )
