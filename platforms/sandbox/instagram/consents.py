"""What both consent pages share: the request, the person's choice, the way back to the app."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import redirect, render_template, request
from werkzeug import Response

from platforms.sandbox.instagram.state import InstagramState
from platforms.sandbox.instagram.tokens import MetaCode, MetaGrant
from platforms.sandbox.request_log import ENTRY_KEY

ConsentView = Response | str | tuple[str, int]


@dataclass(frozen=True)
class DialogRequest:
    """The query of a request for consent; `scopes` are those that it asks for."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    response_type: str
    state: str | None = None
    config_id: str = ""
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ConsentChoice:
    """What a person ticked. `login`: the id of the person, or of the Instagram account."""

    login: str
    scopes: frozenset[str] = frozenset()
    page_ids: frozenset[str] = frozenset()
    account_ids: frozenset[str] = frozenset()
    is_allowed: bool = True


@dataclass(frozen=True)
class ConsentDialog:
    """One of the two logins: how it reads and checks a request, and turns a choice into a grant.

    `find_invalid` returns the names of invalid parameters; `make_grant` returns None for a login
    that does not exist. `tail`: what follows the callback's parameters.
    """

    template: str
    tail: str
    denied_params: Mapping[str, str]
    read_dialog: Callable[[InstagramState, Mapping[str, str]], DialogRequest]
    find_invalid: Callable[[InstagramState, DialogRequest], list[str]]
    make_grant: Callable[[InstagramState, DialogRequest, ConsentChoice], MetaGrant | None]
    page_context: Callable[[InstagramState, DialogRequest], Mapping[str, Any]] = field(
        default=lambda _state, _dialog: {}
    )


def show_page(state: InstagramState, dialog: ConsentDialog) -> ConsentView:
    dialog_request = dialog.read_dialog(state, request.args)
    if invalid := dialog.find_invalid(state, dialog_request):
        return refuse_request(invalid)
    with state.lock:
        return render_template(
            dialog.template,
            dialog_request=dialog_request,
            **dialog.page_context(state, dialog_request),
        )


def submit_page(state: InstagramState, dialog: ConsentDialog) -> ConsentView:
    dialog_request = dialog.read_dialog(state, request.args)
    if invalid := dialog.find_invalid(state, dialog_request):
        return refuse_request(invalid)
    form = request.form
    choice = ConsentChoice(
        form.get("login", ""),
        frozenset(form.getlist("scopes")),
        frozenset(form.getlist("pages")),
        frozenset(form.getlist("accounts")),
        is_allowed=form.get("decision") == "allow",
    )
    url = answer_consent(state, dialog, dialog_request, choice)
    if url is None:
        return refuse_request(["login"])
    request.environ[ENTRY_KEY].update(work=True, login=choice.login)
    response = redirect(url)
    response.headers["Cache-Control"] = "no-store"
    return response


def answer_consent(
    state: InstagramState,
    dialog: ConsentDialog,
    dialog_request: DialogRequest,
    choice: ConsentChoice,
) -> str | None:
    """Save the grant and return the address of the callback; None if nobody has this login."""
    if not choice.is_allowed:
        return callback_address(state, dialog, dialog_request, dialog.denied_params)
    with state.lock:
        grant = dialog.make_grant(state, dialog_request, choice)
        if grant is None:
            return None
        state.tokens.save_grant(grant)
        code = state.tokens.issue_code(
            MetaCode(
                grant.key,
                dialog_request.client_id,
                dialog_request.redirect_uri,
                expires_at=state.now + state.settings.code_seconds,
            )
        )
    return callback_address(state, dialog, dialog_request, {"code": code})


def callback_address(
    state: InstagramState,
    dialog: ConsentDialog,
    dialog_request: DialogRequest,
    params: Mapping[str, str],
) -> str:
    query = dict(params)
    if dialog_request.state is not None:
        query["state"] = dialog_request.state
    tail = dialog.tail if state.settings.dialog_tail else ""
    separator = "&" if "?" in dialog_request.redirect_uri else "?"
    return f"{dialog_request.redirect_uri}{separator}{urlencode(query)}{tail}"


def refuse_request(names: list[str]) -> tuple[str, int]:
    """Explain on a page; Meta redirects nobody to an address that it has not checked."""
    request.environ[ENTRY_KEY].update(refused=names)
    return render_template("meta_refused.html", names=names), 400


def split_scopes(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(" ", ",").replace("+", ",").strip(",").split(",")))
