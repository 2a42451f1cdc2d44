"""The `subscribed_apps` edges of Pages and of accounts, which take different field names.

Source: Meta, Page subscribed_apps and IG User subscribed_apps, read 2026-11-22. That the Page edge
refuses Instagram's fields was measured on v23.0.
"""

from typing import Any

from flask import Blueprint

from platforms.sandbox.instagram.access import (
    GraphCaller,
    find_account,
    find_page,
    read_list_param,
    read_params,
)
from platforms.sandbox.instagram.graph_errors import (
    GraphError,
    invalid_parameter,
    missing_permission,
    object_missing,
)
from platforms.sandbox.instagram.graph_route import graph_route
from platforms.sandbox.instagram.people import IgAccount, Page
from platforms.sandbox.instagram.state import current_instagram
from platforms.sandbox.instagram.tokens import PAGE
from platforms.sandbox.instagram.webhook_fields import FACEBOOK_FIELDS

routes = Blueprint("instagram_subscriptions", __name__)

PAGE_TOKEN_CODE, PERMISSIONS_CODE = 210, 200
PAGE_FIELD_NAMES = (
    *("feed", "mention", "name", "picture", "category", "description", "conversations"),
    *("ratings", "live_videos", "leadgen", "messages", "message_reactions", "message_deliveries"),
    *("message_reads", "message_echoes", "message_edits", "messaging_postbacks"),
    *("messaging_referrals", "messaging_optins", "standby", "messaging_handovers", "videos"),
)
ACCOUNT_FIELD_NAMES = (
    *("comments", "live_comments", "mentions", "story_insights", "messages"),
    *("message_reactions", "message_edit", "messaging_seen", "messaging_postbacks"),
    *("messaging_referral", "messaging_optins", "messaging_handover", "standby"),
    *("share_to_story", "story_reactions", "story_poll_response", "comment_poll_response"),
    *("follow", "delta", "agent_messages", "onboarding_welcome_message_series"),
)


@graph_route(routes, "POST", "/<node_id>/subscribed_apps")
def subscribe_node(caller: GraphCaller, node_id: str) -> dict[str, Any]:
    """Set the fields; they replace the earlier ones."""
    fields = read_list_param(read_params(), "subscribed_fields")
    node = find_subscriber(caller, node_id)
    if isinstance(node, Page):
        check_fields_of(fields, PAGE_FIELD_NAMES)
        node.subscribed_fields = tuple(fields)
    else:
        allowed = [
            name
            for name in ACCOUNT_FIELD_NAMES
            if not (caller.is_instagram and name in FACEBOOK_FIELDS)
        ]
        check_fields_of(fields, tuple(allowed))
        node.subscribed_fields[caller.flavour] = tuple(fields)
    return {"success": True}


@graph_route(routes, "GET", "/<node_id>/subscribed_apps")
def list_subscribed_apps(caller: GraphCaller, node_id: str) -> dict[str, Any]:
    state, node = current_instagram(), find_subscriber(caller, node_id)
    if isinstance(node, Page):
        app = {
            "category": "Business",
            "link": "https://example.com/",
            "name": "sandbox",
            "id": state.facebook_app.id,
            "subscribed_fields": list(node.subscribed_fields),
        }
        return {"data": [app] if node.subscribed_fields else []}
    fields = node.subscribed_fields.get(caller.flavour, ())
    app = {"app_id": state.find_app(caller.flavour).id, "subscribed_fields": list(fields)}
    return {"data": [app] if fields else []}


@graph_route(routes, "DELETE", "/<node_id>/subscribed_apps")
def unsubscribe_node(caller: GraphCaller, node_id: str) -> dict[str, Any]:
    node = find_subscriber(caller, node_id)
    if isinstance(node, Page):
        node.subscribed_fields = ()
    else:
        node.subscribed_fields.pop(caller.flavour, None)
    return {"success": True}


def find_subscriber(caller: GraphCaller, node_id: str) -> Page | IgAccount:
    """Return the Page, for its own token alone, or the account. Errors: GraphError."""
    kind = current_instagram().node_kind(node_id)
    if not caller.is_instagram and (kind == "page" or (node_id == "me" and caller.kind == PAGE)):
        if caller.kind != PAGE:
            raise GraphError(
                "(#210) A page access token is required to request this resource.",
                PAGE_TOKEN_CODE,
            )
        page = find_page(caller, node_id)
        if not caller.has_scopes("pages_manage_metadata"):
            raise missing_permission(PERMISSIONS_CODE)
        return page
    if node_id != "me" and kind != "account":
        raise object_missing(node_id)
    account = find_account(caller, node_id)
    caller.require_feature("basic")
    return account


def check_fields_of(fields: list[str], allowed: tuple[str, ...]) -> None:
    if not fields:
        raise invalid_parameter("The parameter subscribed_fields is required.")
    for index, name in enumerate(fields):
        if name not in allowed:
            raise invalid_parameter(
                f"Param subscribed_fields[{index}] must be one of {{{', '.join(allowed)}}}"
            )
