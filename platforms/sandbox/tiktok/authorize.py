"""The consent page, where a creator ticks scopes and allows or denies.

Source: TikTok, login-kit-web and login-kit-desktop, read 2026-11-22. A request that is wrong gets
TikTok's own error page and no redirect; whether `state` may be absent is not documented.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, render_template, request
from werkzeug import Response

from platforms.sandbox.log import ENTRY
from platforms.sandbox.tiktok import pkce
from platforms.sandbox.tiktok.creators import Creator
from platforms.sandbox.tiktok.state import TikTok, here
from platforms.sandbox.tiktok.tokens import Code

routes = Blueprint("authorize", __name__)

PATH = "/v2/auth/authorize/"
ALWAYS = "user.info.basic"  # cannot be unticked
LOOPBACK = frozenset({"localhost", "127.0.0.1"})
MAX_URI = 512
DENIED = {"error": "access_denied", "error_description": "User cancelled the authorization"}
NOT_A_TARGET = {
    "error": "access_denied",
    "error_description": "The user is not a target user of this sandbox",
    "error_type": "non_sandbox_target",
}
Answer = Response | str | tuple[str, int]


@dataclass(frozen=True)
class Asked:
    """The query of an authorize request."""

    client_key: str
    scope: str
    response_type: str
    redirect_uri: str
    state: str
    code_challenge: str
    code_challenge_method: str

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.scope.split(",")))


CHECKS: dict[str, Callable[[TikTok, Asked], bool]] = {
    "client_key": lambda tiktok, asked: asked.client_key == tiktok.client_key,
    "redirect_uri": lambda tiktok, asked: asked.redirect_uri in tiktok.redirect_uris,
    "response_type": lambda _, asked: asked.response_type == "code",
    "scope": lambda tiktok, asked: set(asked.scopes) <= set(tiktok.settings.app_scopes.split(",")),
    "state": lambda _, asked: bool(asked.state),
    "code_challenge": lambda tiktok, asked: (
        not tiktok.settings.desktop
        or pkce.is_challenge(asked.code_challenge, asked.code_challenge_method)
    ),
}


@routes.get(PATH)
def page() -> Answer:
    tiktok, asked = here(), query()
    if wrong := faulty(tiktok, asked):
        return refusal(wrong)
    known = tiktok.creators.get(tiktok.settings.auto_consent)
    if known and request.args.get("disable_auto_auth") != "1":
        return back(asked, allowed(tiktok, asked, known, asked.scopes))
    creators = list(tiktok.creators.values())
    return render_template("consent.html", asked=asked, creators=creators, always=ALWAYS)


@routes.post(PATH)
def decide() -> Answer:
    tiktok, asked = here(), query()
    if wrong := faulty(tiktok, asked):
        return refusal(wrong)
    if request.form.get("decision") != "allow":
        return back(asked, DENIED)
    creator = tiktok.creators.get(request.form.get("creator", ""))
    if creator is None:
        return refusal(["creator"])
    ticked = {ALWAYS, *request.form.getlist("scopes")}
    scopes = tuple(one for one in asked.scopes if one in ticked)
    return back(asked, allowed(tiktok, asked, creator, scopes))


def query() -> Asked:
    return Asked(**{name: request.args.get(name, "") for name in Asked.__annotations__})


def faulty(tiktok: TikTok, asked: Asked) -> list[str]:
    return [name for name, is_fine in CHECKS.items() if not is_fine(tiktok, asked)]


def refusal(names: list[str]) -> tuple[str, int]:
    request.environ[ENTRY].note(refused=names)
    return render_template("refused.html", names=names), 400


def allowed(
    tiktok: TikTok, asked: Asked, creator: Creator, scopes: tuple[str, ...]
) -> dict[str, str]:
    """What the callback is told: `scopes`, plural, are those granted."""
    if tiktok.settings.sandbox_app and not creator.target:
        return NOT_A_TARGET
    until = tiktok.time + tiktok.settings.code_seconds
    with tiktok.lock:
        code = tiktok.tokens.code(
            Code(creator.open_id, scopes, asked.redirect_uri, asked.code_challenge, until)
        )
    request.environ[ENTRY].note(work=True, open_id=creator.open_id)
    return {"code": code, "scopes": ",".join(scopes)}


def back(asked: Asked, told: dict[str, str]) -> Response:
    """The code's tail travels percent-encoded, as it does from TikTok."""
    answer = redirect(f"{asked.redirect_uri}?{urlencode({**told, 'state': asked.state})}")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def is_registrable(uri: str) -> bool:
    """Whether TikTok would take it: https, static; http on loopback as for a desktop app."""
    url = urlsplit(uri)
    secure = url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)
    return secure and bool(url.hostname) and not url.query and "#" not in uri and len(uri) < MAX_URI
