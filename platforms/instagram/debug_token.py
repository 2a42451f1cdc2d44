"""Asks graph.facebook.com whether a token is still valid: `GET /debug_token`.

Source: Meta, debug_token, and answers seen in public repositories, read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from platforms.errors import (
    AppRefused,
    MisdirectedResponse,
    PlatformError,
    Rejected,
    TokenExpired,
    UnreadableResponse,
)
from platforms.http import SAFE_RETRY
from platforms.instagram.error_catalogue import TOKEN_INVALID, find_meaning
from platforms.instagram.graph import GRAPH_BASE_URLS, GraphClient
from platforms.instagram.responses import UnknownAddress
from platforms.logins import TokenInspection
from platforms.secret import Secret
from platforms.vendor_values import (
    read_flag,
    read_ids,
    read_list,
    read_named_id,
    read_names,
    read_number,
    read_object,
    read_text,
    read_time,
)

MAX_KIND_LENGTH = 50  # characters
SYSTEM_USER = "SYSTEM_USER"
TOKEN_CODE = 190
FORM_REFUSALS = (AppRefused, Rejected, TokenExpired, UnknownAddress)


@dataclass(frozen=True)
class DebuggedToken:
    """What Meta says of a token.

    `targets`: permission → the ids for which it was granted; a permission without ids was granted
    for all and is left out. `lifetime` counts from when the token was issued; None: not said.
    """

    inspection: TokenInspection
    kind: str | None = None  # USER, PAGE, SYSTEM_USER, …
    user_id: str | None = None
    lifetime: timedelta | None = None
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_system_user(self) -> bool:
        """Whether the token is one of a business portfolio and not of a person."""
        return self.kind == SYSTEM_USER


def debug_token(graph: GraphClient, token: Secret) -> DebuggedToken:
    """Ask whether a token is still valid. Safe to repeat.

    The app's own token goes into the header, as in other calls. If that is refused, it is sent in
    the only form that Meta's page shows: without a version, and in the URL. The inspected token can
    only be a parameter of the URL, which is never logged.
    Errors: AppRefused if Meta does not accept the app; MisdirectedResponse for another app's token;
    as other calls.
    """
    app_token = Secret(f"{graph.app.client_key}|{graph.app.client_secret.reveal()}")
    try:
        url = graph.graph_url("debug_token")
        body = ask_about_token(graph, url, app_token, {"input_token": token})
    except PlatformError as error:
        if not isinstance(error, FORM_REFUSALS):
            raise
        url = f"{graph.base_url(GRAPH_BASE_URLS['facebook'])}/debug_token"
        params = {"input_token": token, "access_token": app_token}
        try:
            body = ask_about_token(graph, url, None, params)
        except UnknownAddress:
            raise error from None
    return read_debugged_token(body, graph.app.client_key)


def ask_about_token(
    graph: GraphClient, url: str, app_token: Secret | None, params: Mapping[str, Any]
) -> Mapping[str, Any]:
    return graph.call(
        "GET", url, app_token, endpoint="debug_token", params=params, retry=SAFE_RETRY
    ).body


def read_debugged_token(body: Mapping[str, Any], client_key: str) -> DebuggedToken:
    data = read_object(body.get("data"))
    if data is None or (is_valid := read_flag(data.get("is_valid"))) is None:
        raise UnreadableResponse("the response does not say whether the token is valid")
    app_id = read_named_id(data.get("app_id"))
    if app_id is not None and app_id != client_key:
        raise MisdirectedResponse("the response is about the token of another app")
    kind, user_id = (
        read_text(data.get("type"), MAX_KIND_LENGTH),
        read_named_id(data.get("user_id")),
    )
    issued_at, expires_at = read_time(data.get("issued_at")), read_time(data.get("expires_at"))
    lifetime = None if issued_at is None or expires_at is None else expires_at - issued_at
    return DebuggedToken(
        TokenInspection(
            is_valid=is_valid,
            expires_at=expires_at,
            data_access_until=read_time(data.get("data_access_expires_at")),
            scopes=read_names(data.get("scopes")),
            code=None if is_valid else read_reason(data),
            login_id=user_id,
        ),
        kind=kind and kind.upper(),
        user_id=user_id,
        lifetime=lifetime if lifetime and lifetime > timedelta(0) else None,
        targets=read_targets(data.get("granular_scopes")),
    )


def read_reason(data: Mapping[str, Any]) -> str:
    """Return our code of why a token is not valid."""
    error_info = read_object(data.get("error")) or {}
    code = read_number(error_info.get("code"))
    subcode = read_number(error_info.get("subcode") or error_info.get("error_subcode"))
    meaning = find_meaning(
        (
            code if isinstance(code, int) else TOKEN_CODE,
            subcode if isinstance(subcode, int) and subcode else None,
        )
    )
    return meaning.code if meaning is not None else TOKEN_INVALID.code


def read_targets(value: Any) -> dict[str, tuple[str, ...]]:
    targets: dict[str, tuple[str, ...]] = {}
    for entry in map(read_object, read_list(value)):
        name = read_text((entry or {}).get("scope"), MAX_KIND_LENGTH)
        ids = read_ids((entry or {}).get("target_ids"))
        if name and ids:
            targets[name] = ids
    return targets
