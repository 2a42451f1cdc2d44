"""Instagram's part of the control API: settings, people, consent, tokens, callbacks, the app.

Its callers act as a person, as Meta or as the operator; Meta has no such endpoints.
"""

from dataclasses import asdict, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import BadRequest, NotFound

from platforms.sandbox.control_api import check_fields, read_json_object
from platforms.sandbox.instagram.callbacks import REQUEST_FORGERIES, send_callback
from platforms.sandbox.instagram.consents import ConsentChoice, ConsentDialog, answer_consent
from platforms.sandbox.instagram.default_people import add_person
from platforms.sandbox.instagram.delivery_bodies import DELIVERY_SHAPES
from platforms.sandbox.instagram.facebook_dialog import FACEBOOK_DIALOG, accounts_behind
from platforms.sandbox.instagram.graph_errors import GraphError
from platforms.sandbox.instagram.handshake import register_subscription
from platforms.sandbox.instagram.instagram_dialog import INSTAGRAM_DIALOG
from platforms.sandbox.instagram.people import IgAccount, LoginConfiguration, Page
from platforms.sandbox.instagram.settings import InstagramSandboxSettings
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.token_checks import DEATH_SUBCODES, EXPIRED, REMOVED
from platforms.sandbox.instagram.tokens import FACEBOOK, INSTAGRAM, MetaGrant, MetaToken
from platforms.sandbox.urls import is_https_or_loopback

routes = Blueprint("instagram_controls", __name__, url_prefix="/_sandbox/instagram")

Json = dict[str, Any]
SETTING_CHOICES = {
    "code_answer": ("flat", "data"),
    "user_id_type": ("number", "string"),
    "permissions_type": ("list", "text"),
    "revoke_answer": ("object", "true"),
    "me_accounts": ("all", "empty", "partial"),
    "callback_user_id": ("app_scoped", "professional"),
    "delivery_shape": tuple(DELIVERY_SHAPES),
    "second_publish": ("refuse", "same_id"),
    "expired_code": (24, -2),
}
URL_SETTINGS = (
    *("webhook_url", "instagram_webhook_url", "deauthorize_url", "data_deletion_url"),
    *("instagram_deauthorize_url", "instagram_data_deletion_url"),
)
DIALOGS: dict[str, ConsentDialog] = {FACEBOOK: FACEBOOK_DIALOG, INSTAGRAM: INSTAGRAM_DIALOG}


@routes.errorhandler(BadRequest)
@routes.errorhandler(NotFound)
def handle_error(error: BadRequest | NotFound) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code


@routes.errorhandler(GraphError)
def handle_refusal(error: GraphError) -> tuple[Response, int]:
    return jsonify(error=str(error), code=error.code), 400


@routes.get("/settings")
def show_settings() -> Json:
    return asdict(current_instagram().settings)


@routes.post("/settings")
def update_settings() -> Json:
    changes = check_fields(InstagramSandboxSettings, read_json_object())
    for name, choices in SETTING_CHOICES.items():
        if name in changes and changes[name] not in choices:
            raise BadRequest(f"{name}: has to be one of {', '.join(map(repr, choices))}")
    for name in URL_SETTINGS:
        if changes.get(name) and not is_https_or_loopback(changes[name]):
            raise BadRequest(f"{name}: has to be https, or http on loopback")
    with current_instagram().lock:
        current_instagram().settings = replace(current_instagram().settings, **changes)
    return show_settings()


@routes.delete("/settings")
def reset_settings() -> Json:
    """Set the defaults again; the URLs stay."""
    state = current_instagram()
    urls = {name: getattr(state.settings, name) for name in URL_SETTINGS}
    with state.lock:
        state.settings = InstagramSandboxSettings(**urls)
    return show_settings()


@routes.get("/state")
def show_state() -> Json:
    """Show people, Pages, accounts and grants; no tokens."""
    state = current_instagram()
    with state.lock:
        return {
            "people": [asdict(each) for each in state.people.values()],
            "pages": [asdict(each) for each in state.pages.values()],
            "accounts": [asdict(each) for each in state.accounts.values()],
            "businesses": [asdict(each) for each in state.businesses.values()],
            "configurations": [asdict(each) for each in state.configurations.values()],
            "grants": [asdict(each) for each in state.tokens.grants.values()],
            "callbacks": list(state.callbacks),
        }


@routes.post("/people")
def create_person() -> Json:
    """Add a person with Pages and accounts in one call; returns all ids."""
    with current_instagram().lock:
        try:
            return add_person(current_instagram(), read_json_object())
        except (ValueError, TypeError) as error:
            raise BadRequest(str(error)) from None


@routes.post("/accounts/<account_id>")
def change_account(account_id: str) -> Json:
    return change_record(IgAccount, current_instagram().accounts, account_id)


@routes.post("/pages/<page_id>")
def change_page(page_id: str) -> Json:
    """Change a Page; without a person in `tasks`, that person has lost the role."""
    return change_record(Page, current_instagram().pages, page_id)


def change_record(record_type: type[Any], records: dict[str, Any], record_id: str) -> Json:
    changes = check_fields(record_type, read_json_object())
    with current_instagram().lock:
        if record_id not in records:
            raise NotFound("nothing has this id")
        for name, value in changes.items():
            setattr(records[record_id], name, value)
        return asdict(records[record_id])


@routes.post("/configurations")
def create_configuration() -> Json:
    """Add a configuration of Facebook Login for Business."""
    state, params = current_instagram(), read_json_object()
    scopes = params.get("scopes", [])
    if not isinstance(scopes, list):
        raise BadRequest("scopes: has to be a list")
    configuration = LoginConfiguration(
        str(params.get("id") or state.new_id("1000")),
        tuple(map(str, scopes)),
        params.get("is_for_system_user") is True,
    )
    with state.lock:
        state.configurations[configuration.id] = configuration
    return asdict(configuration)


@routes.post("/consent")
def give_consent() -> Json:
    """Consent, or deny, as a person would on the page of `url`; returns the callback's address.

    `login`: the person, or the Instagram account. Without `scopes`, `pages` or `accounts` all of
    them are ticked.
    """
    state, params = current_instagram(), read_json_object()
    url = urlsplit(str(params.get("url", "")))
    dialog = DIALOGS[INSTAGRAM if "/instagram-auth/" in url.path else FACEBOOK]
    dialog_request = dialog.read_dialog(state, dict(parse_qsl(url.query, keep_blank_values=True)))
    if invalid := dialog.find_invalid(state, dialog_request):
        raise BadRequest(f"the request for consent is invalid: {', '.join(invalid)}")
    login = str(params.get("login", ""))
    person = state.people.get(login)
    page_ids = person.page_ids if person else []
    choice = ConsentChoice(
        login,
        frozenset(params.get("scopes", dialog_request.scopes)),
        frozenset(params.get("pages", page_ids)),
        frozenset(params.get("accounts", accounts_behind(state, page_ids))),
        is_allowed=params.get("decision", "allow") == "allow",
    )
    address = answer_consent(state, dialog, dialog_request, choice)
    if address is None:
        raise BadRequest("login: nobody has this id")
    return {"redirect": address, **dict(parse_qsl(urlsplit(address).query))}


@routes.post("/token-death")
def end_tokens() -> Json:
    """End the tokens of a login, or of one Page, with a subcode of error 190; 0 revives them."""
    state, params = current_instagram(), read_json_object()
    subcode = params.get("subcode", EXPIRED)
    if subcode not in {0, *DEATH_SUBCODES}:
        raise BadRequest(f"subcode: has to be 0 or one of {', '.join(map(str, DEATH_SUBCODES))}")
    with state.lock:
        grant = find_grant(state, str(params.get("login", "")))
        page_id, kind = params.get("page_id"), params.get("kind")
        tokens = [
            token
            for token in state.tokens.tokens_of(grant.key)
            if is_selected(token, page_id=page_id, kind=kind)
        ]
        for token in tokens:
            token.dead_subcode = subcode or None
    return {"ended": len(tokens), "subcode": subcode}


def is_selected(token: MetaToken, *, page_id: str | None, kind: str | None) -> bool:
    return page_id in {None, token.page_id} and kind in {None, token.kind}


@routes.post("/deauthorize")
def deauthorize_app() -> Json:
    """Remove the app as the person does in the settings: tokens end, the callback is called."""
    return run_callback("deauthorize")


@routes.post("/data-deletion")
def request_deletion() -> Json:
    """Ask for the deletion of the data, as the person does after removing the app."""
    return run_callback("data_deletion")


def run_callback(kind: str) -> Json:
    """Call the callback and return its answer; with `forgery` nothing else happens."""
    state, params = current_instagram(), read_json_object()
    forgery = params.get("forgery")
    if forgery not in {None, *REQUEST_FORGERIES}:
        raise BadRequest(f"forgery: has to be one of {', '.join(REQUEST_FORGERIES)}")
    with state.lock:
        grant = find_grant(state, str(params.get("login", "")))
        if forgery is None:
            state.tokens.revoke_grant(grant, subcode=REMOVED)
    answer = send_callback(state, kind, grant, forgery=forgery)
    if answer is None:
        raise BadRequest(f"the setting {kind}_url is empty")
    return asdict(answer)


def find_grant(state: InstagramState, login: str) -> MetaGrant:
    for flavour in DIALOGS:
        grant = state.tokens.grants.get(f"{flavour}:{login}")
        if grant is not None:
            return grant
    raise NotFound("login: no person and no account with this id has consented")


@routes.get("/callbacks")
def list_callbacks() -> Json:
    """List the calls of callbacks with their answers, and what Meta would reject of them."""
    return {"callbacks": list(current_instagram().callbacks)}


@routes.post("/subscribe-app")
def subscribe_app() -> Json:
    """Set webhook URL and fields as the dashboard does: only if the callback passes the handshake.

    `flavour` is facebook or instagram.
    """
    params = read_json_object()
    flavour = params.get("flavour", FACEBOOK)
    if flavour not in DIALOGS:
        raise BadRequest(f"flavour: has to be one of {', '.join(DIALOGS)}")
    state = current_instagram()
    token = params.get("verify_token", state.verify_token)
    register_subscription(state, flavour, {**params, "verify_token": token})
    return {"success": True}
