"""The API reference for people: groups of operations, error codes, and a console to try it."""

import json
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, abort, current_app, render_template

from app.api.openapi import encode_document
from app.api.tags import TAGS, Tag
from app.http.context import current_container
from app.http.errors import (
    ERROR_KINDS,
    GENERAL_ERRORS,
    OAUTH_ERRORS,
    PLATFORM_ERRORS,
    WEBHOOK_ERRORS,
    ErrorKind,
)
from app.http.i18n import current_locale, gettext_noop
from app.http.messages import LOCALES, UserMessage, get_message, load_messages
from app.pages.code_view import highlight_code, highlight_json
from app.pages.reference.operation_view import build_operation_view, iter_described
from app.pages.reference.samples import CLIENT_EXAMPLE

blueprint = Blueprint("reference_pages", __name__)

DOCUMENT_KEY = "signalpost.reference"  # in the extensions of the application: parsed once
ERROR_GROUPS = (
    (gettext_noop("Any request"), GENERAL_ERRORS),
    (gettext_noop("Connecting an account"), OAUTH_ERRORS),
    (gettext_noop("Posts, files and platforms"), PLATFORM_ERRORS),
    (gettext_noop("Webhooks of platforms"), WEBHOOK_ERRORS),
)
POST_REASONS_TITLE = gettext_noop("Reasons why a post failed or waits")


@dataclass(frozen=True)
class ErrorEntry:
    """A code with its texts; `kind` is None for a code that is no answer of its own."""

    code: str
    kind: ErrorKind | None
    texts: UserMessage


@blueprint.get("/docs")
def show_reference() -> str:
    """Show the operations of the API by group, as a page."""
    document = load_document()
    groups = [(tag, list(iter_described(document, tag.name))) for tag in TAGS]
    example = CLIENT_EXAMPLE.format(url=current_container().settings.public_url)
    return render_template(
        "docs.html",
        groups=[(tag, operations) for tag, operations in groups if operations],
        client_example=highlight_code(example, "python"),
    )


@blueprint.get("/docs/<tag_name>")
def show_tag(tag_name: str) -> str:
    """Show the operations of one group, as a page."""
    document = load_document()
    operations = list(iter_described(document, tag_name))
    if not operations:
        abort(404)
    tag = next(tag for tag in TAGS if tag.name == tag_name)
    return render_template(
        "docs_tag.html", tag=tag, tags=list_tags(document), operations=operations
    )


@blueprint.get("/docs/<tag_name>/<operation_id>")
def show_operation(tag_name: str, operation_id: str) -> str:
    """Show one operation in full, as a page."""
    document = load_document()
    operations = list(iter_described(document, tag_name))
    ids = [operation["operationId"] for _, _, operation in operations]
    if operation_id not in ids:
        abort(404)
    return render_template(
        "docs_operation.html",
        tag=next(tag for tag in TAGS if tag.name == tag_name),
        tags=list_tags(document),
        operations=operations,
        operation=build_operation_view(document, *operations[ids.index(operation_id)]),
        highlight_code=highlight_code,
        highlight_json=highlight_json,
    )


@blueprint.get("/docs/errors")
def show_errors() -> str:
    """Show every error code with its cause, its remedy and whether a retry can help, as a page."""
    groups = [
        (title, [describe_error_code(code) for code in sorted(kinds)])
        for title, kinds in ERROR_GROUPS
    ]
    others = sorted(set(load_messages(LOCALES[0])) - set(ERROR_KINDS))
    groups.append((POST_REASONS_TITLE, [describe_error_code(code) for code in others]))
    return render_template("docs_errors.html", groups=groups, tags=list_tags(load_document()))


@blueprint.get("/docs/try")
def show_console() -> str:
    """Show a console that sends requests to this API, as a page."""
    return render_template("docs_try.html")


def describe_error_code(code: str) -> ErrorEntry:
    return ErrorEntry(code, ERROR_KINDS.get(code), get_message(code, current_locale()))


def list_tags(document: dict[str, Any]) -> list[Tag]:
    return [tag for tag in TAGS if any(iter_described(document, tag.name))]


def load_document() -> dict[str, Any]:
    """Return the description as other programs read it."""
    document = current_app.extensions.get(DOCUMENT_KEY)
    if document is None:
        document = current_app.extensions[DOCUMENT_KEY] = json.loads(encode_document())
    return cast("dict[str, Any]", document)
