"""Every error of Meta's tables, to be injected on any Graph endpoint by code and subcode.

Source: Meta, Graph API error handling and Instagram error codes (text of 2026-06-02), read
2026-11-22; the subcodes that these pages do not have, and the messages, as observed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from platforms.sandbox.instagram.graph_errors import (
    METHOD_EXCEPTION,
    OAUTH_EXCEPTION,
    GraphError,
    graph_response,
)
from platforms.sandbox.instagram.publishing_errors import PUBLISHING_ERRORS


@dataclass(frozen=True)
class InjectedErrorText:
    """The message of an error. `user_title` and `user_message` are there for publishing only."""

    message: str
    status: int = 400
    is_transient: bool | None = None
    type: str = OAUTH_EXCEPTION
    user_title: str | None = None
    user_message: str | None = None


INVALID_TOKEN = "Error validating access token: "  # noqa: S105 - Meta's message, no secret
GENERAL_ERRORS: Mapping[tuple[int, int | None], InjectedErrorText] = {
    (1, None): InjectedErrorText("An unknown error has occurred.", 500, is_transient=True),
    (2, None): InjectedErrorText("Service temporarily unavailable", 503, is_transient=True),
    (3, None): InjectedErrorText(
        "(#3) Application does not have the capability to make this API call."
    ),
    (4, None): InjectedErrorText("(#4) Application request limit reached", 403, is_transient=True),
    (10, None): InjectedErrorText("(#10) Application does not have permission for this action"),
    (17, None): InjectedErrorText("(#17) User request limit reached"),
    (17, 2446079): InjectedErrorText("(#17) User request limit reached"),
    (20, 1772107): InjectedErrorText(
        "(#20) The requested response format is not supported for this call"
    ),
    (32, None): InjectedErrorText("(#32) Page request limit reached"),
    (100, None): InjectedErrorText("(#100) Invalid parameter"),
    (100, 33): InjectedErrorText(
        "Unsupported get request. Object with ID '0' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation",
        type=METHOD_EXCEPTION,
    ),
    (102, None): InjectedErrorText("Session key invalid or no longer valid"),
    (190, None): InjectedErrorText("Invalid OAuth access token data."),
    (190, 458): InjectedErrorText(INVALID_TOKEN + "The user has not authorized application."),
    (190, 459): InjectedErrorText(INVALID_TOKEN + "You cannot access the app till you log in."),
    (190, 460): InjectedErrorText(INVALID_TOKEN + "The session has been invalidated."),
    (190, 463): InjectedErrorText(INVALID_TOKEN + "Session has expired."),
    (190, 464): InjectedErrorText(INVALID_TOKEN + "The user is not a confirmed user."),
    (190, 467): InjectedErrorText(
        INVALID_TOKEN + "The session is invalid because the user logged out."
    ),
    (190, 492): InjectedErrorText(INVALID_TOKEN + "The user must have a role on the page."),
    (190, 493): InjectedErrorText(INVALID_TOKEN + "Data access has expired."),
    (200, None): InjectedErrorText("(#200) Permissions error", 403),
    (299, None): InjectedErrorText("(#299) Permissions error", 403),
    (341, None): InjectedErrorText("(#341) Feed action request limit reached"),
    (368, None): InjectedErrorText(
        "The action attempted has been deemed abusive or is otherwise disallowed"
    ),
    (506, None): InjectedErrorText("(#506) Duplicate status message"),
    (613, None): InjectedErrorText("(#613) Calls to this api have exceeded the rate limit."),
    (613, 1996): InjectedErrorText("(#613) Calls to this api have exceeded the rate limit."),
    (2500, None): InjectedErrorText("Unknown path components: /sandbox"),
    (80001, None): InjectedErrorText(
        "(#80001) There have been too many calls to this Page account."
    ),
    (80002, None): InjectedErrorText(
        "(#80002) There have been too many calls to this Instagram account."
    ),
    (80006, None): InjectedErrorText(
        "(#80006) There have been too many messages from this account."
    ),
    (1609005, None): InjectedErrorText(
        "(#1609005) There was a problem scraping data from the link"
    ),
}
SERVER_ERROR_TEXT = "Something went wrong. Please try again later."
MORE_PUBLISHING_ERRORS: Mapping[tuple[int, int], str] = {
    (-1, 2207001): "Instagram server error. Try again.",
    (-1, 2207032): "Create media failed, please try to re-create media.",
    (-1, 2207053): "Unknown upload error.",
    (-1, 2207085): SERVER_ERROR_TEXT,
    (-1, 2207086): SERVER_ERROR_TEXT,
    (100, 2207035): "Product tag positions are not allowed for videos.",
    (100, 2207036): "Product tag positions are required for photos.",
    (100, 2207037): "Product tags are invalid.",
}
"""Errors that the sandbox itself never answers."""
KNOWN_ERRORS: Mapping[tuple[int, int | None], InjectedErrorText] = {
    **GENERAL_ERRORS,
    **{
        (text.code, subcode): InjectedErrorText(
            text.message,
            text.status,
            is_transient=text.is_transient,
            user_title=text.title,
            user_message=text.user_message,
        )
        for subcode, text in PUBLISHING_ERRORS.items()
    },
    **{
        (code, subcode): InjectedErrorText(
            "Fatal" if code < 0 else "Invalid parameter",
            is_transient=False,
            user_title="Error",
            user_message=user_message,
        )
        for (code, subcode), user_message in MORE_PUBLISHING_ERRORS.items()
    },
}
LOCALISED_TEXTS = {
    "id": "Terjadi kesalahan. Silakan coba lagi nanti.",
    "ar": "\u062d\u062f\u062b \u062e\u0637\u0623. \u064a\u0631\u062c\u0649 \u0627\u0644"
    "\u0645\u062d\u0627\u0648\u0644\u0629 \u0644\u0627\u062d\u0642\u0627\u064b.",
    "de": "Es ist ein Fehler aufgetreten. Bitte versuche es sp\u00e4ter erneut.",
}
"""Language → what `error_user_title` and `error_user_msg` then say."""


def respond_with_error(fields: Mapping[str, Any]) -> Response:
    """Return the response to a call that a fault refuses with an error of the tables."""
    error = injected_error(fields)
    return graph_response(error.as_dict(), error.status)


def injected_error(fields: Mapping[str, Any]) -> GraphError:
    """Return the error of a fault's fields: `code`, and what shall differ from the table's text.

    A code and subcode that the table does not have are answered, too: Meta adds new ones.
    """
    code, subcode = int(fields["code"]), fields.get("subcode")
    text = KNOWN_ERRORS.get((code, subcode)) or KNOWN_ERRORS.get((code, None))
    text = text or InjectedErrorText(f"(#{code}) An unexpected error has occurred.")
    return GraphError(
        fields.get("message", text.message),
        code,
        subcode,
        status=fields.get("status", text.status),
        type=fields.get("type", text.type),
        is_transient=fields.get("is_transient", text.is_transient),
        user_title=fields.get("user_title", text.user_title),
        user_message=fields.get("user_message", text.user_message),
    )


def localise_error(error: GraphError, language: str) -> None:
    """Set the user's texts, where there are some, in the language; codes stay as they are."""
    text = LOCALISED_TEXTS.get(language)
    if text is not None and "error_user_msg" in error.fields:
        error.fields |= {"error_user_title": text, "error_user_msg": text}
