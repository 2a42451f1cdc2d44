"""The rows of a table as requests for posts, each with what is wrong with it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.http.i18n import gettext_noop, translate_text
from app.http.time_zones import current_zone
from app.pages.composer.checks import CheckLine, check_one, describe_post_checks
from app.pages.composer.csv_table import OPTION_PREFIX, TableRow
from app.pages.composer.form import is_row_id
from app.pages.composer.requests import ComposedPost
from app.pages.composer.targets import ComposerTarget
from core.errors import Invalid
from core.publishing import PostRequest
from core.publishing.check_report import CheckLevel
from core.publishing.local_times import TimeNotOnClock, resolve_local_time
from core.validation import validate_model
from platforms.request_types import parse_rfc3339

NO_ACCOUNT = gettext_noop("There is no usable account “%(name)s”. The names are listed below.")
SEVERAL_ACCOUNTS = gettext_noop(
    "Several accounts are called “%(name)s”: give the identifier that is listed below."
)
NO_TIME = gettext_noop("“%(text)s” is no time such as 2026-12-01 18:00.")
SKIPPED_TIME = gettext_noop("Clocks pass over this time: choose %(next)s or later.")


@dataclass(frozen=True)
class ImportedRow:
    """A row: what it asks for, and the sentences of its faults in the reader's language."""

    line: int
    account: str
    text: str
    media_count: int
    publish_at: datetime | None = None
    request: PostRequest | None = None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_rows(rows: Sequence[TableRow], targets: Sequence[ComposerTarget]) -> list[ImportedRow]:
    """Read and check all rows; nothing is stored."""
    return [read_row(row, targets) for row in rows]


def read_row(row: TableRow, targets: Sequence[ComposerTarget]) -> ImportedRow:
    values = row.values
    media = values["media"].split()
    imported = ImportedRow(row.line, values["account"], values.get("text", ""), len(media))
    target, account_fault = find_target(values["account"].strip(), targets)
    publish_at, time_fault = read_time(values["publish_at"].strip())
    faults = tuple(fault for fault in (account_fault, time_fault) if fault)
    if target is None or publish_at is None:
        return replace(imported, publish_at=publish_at, faults=faults)
    post = build_request(values, target, publish_at, media)
    lines = list(describe_post_checks(post, check_one(post)))
    return replace(
        imported,
        account=f"{target.platform_name}, {target.name}",
        publish_at=publish_at,
        request=post.request,
        faults=faults + pick_texts(lines, CheckLevel.MUST_FIX),
        notes=pick_texts(lines, CheckLevel.NOTE),
    )


def pick_texts(lines: Sequence[CheckLine], level: str) -> tuple[str, ...]:
    return tuple(line.text for line in lines if line.level == level)


def find_target(name: str, targets: Sequence[ComposerTarget]) -> tuple[ComposerTarget | None, str]:
    """Find an account by its identifier or name; otherwise say why it is not found."""
    wanted = name.removeprefix("@").casefold()
    usable = [target for target in targets if target.reason is None]
    found = [
        target
        for target in usable
        if target.key == name or target.name.removeprefix("@").casefold() == wanted
    ]
    if len(found) == 1:
        return found[0], ""
    sentence = SEVERAL_ACCOUNTS if found else NO_ACCOUNT
    return None, translate_text(sentence, name=name)


def read_time(text: str) -> tuple[datetime | None, str]:
    """Read a time of the user's zone, or one that names its own; otherwise say what is wrong."""
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is not None:
            return parse_rfc3339(local), ""
        return resolve_local_time(local, current_zone()).at, ""
    except TimeNotOnClock as error:
        first_after = f"{error.first_after:%H:%M}"
        return None, translate_text(SKIPPED_TIME, next=first_after)
    except (ValueError, OverflowError, Invalid):
        return None, translate_text(NO_TIME, text=text)


def build_request(
    values: Any, target: ComposerTarget, publish_at: datetime, media: Sequence[str]
) -> ComposedPost:
    alt_text = values.get("alt_text", "").strip()
    fields = {
        "platform": target.platform,
        **target.query,
        "kind": values.get("kind", "").strip() or None,
        "text": values.get("text", "").replace("\r\n", "\n").strip(),
        "media": [describe_source(source, alt_text) for source in media],
        "publish_at": publish_at,
        "options": read_options(values),
    }
    try:
        return ComposedPost(target, validate_model(PostRequest, fields))
    except Invalid as error:
        faults = error.details.get("fields") or {"body": str(error)}
        return ComposedPost(target, None, faults=faults)


def describe_source(source: str, alt_text: str) -> dict[str, Any]:
    """A file of ours by its id, or an address."""
    named = {"media_id": int(source)} if is_row_id(source) else {"url": source}
    return {**named, "alt_text": alt_text} if alt_text else named


def read_options(values: Any) -> dict[str, Any]:
    """The platform's own fields, of the columns `options.<name>`: JSON, or a text."""
    return {
        name.removeprefix(OPTION_PREFIX): parse_option(value.strip())
        for name, value in values.items()
        if name.startswith(OPTION_PREFIX) and value.strip()
    }


def parse_option(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
