"""The endpoints of Instagram's hosts: the names under which they are logged and can fail."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from platforms.sandbox.fault_behaviours import SandboxEndpoint
from platforms.sandbox.instagram.graph_errors import (
    code_exchange_error_body,
    graph_error_body,
    upload_error_body,
)
from platforms.sandbox.instagram.injected_errors import respond_with_error
from platforms.sandbox.instagram.state import InstagramState

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ErrorBody = Callable[[int], str]
GRAPH_PATH = r"/(?:meta|instagram)-graph/v\d+\.\d+"
PREFIXES = (
    *("/meta-auth/", "/meta-graph/", "/meta-upload/"),
    *("/instagram-auth/", "/instagram-api/", "/instagram-graph/"),
)


@dataclass(frozen=True)
class EndpointPattern:
    """`node_kind`: the kind of the path's `node`, for paths that several endpoints share."""

    method: str
    path: re.Pattern[str]
    endpoint: SandboxEndpoint
    node_kind: str = ""


def name_endpoint(
    method: str,
    path: str,
    name: str,
    *,
    node_kind: str = "",
    error_body: ErrorBody = graph_error_body,
) -> EndpointPattern:
    pattern = re.compile(path.replace("<graph>", GRAPH_PATH).replace("<id>", r"(?P<node>[^/]+)"))
    endpoint = SandboxEndpoint(name, error_body, respond_with_error)
    return EndpointPattern(method, pattern, endpoint, node_kind)


OPTIONAL_VERSION = r"(?:/v\d+\.\d+)?"
ENDPOINT_PATTERNS = (
    # logins and tokens
    name_endpoint("GET", "/instagram-auth/oauth/authorize", "ig_authorize"),
    name_endpoint("POST", "/instagram-auth/oauth/authorize", "ig_consent"),
    name_endpoint("GET", r"/meta-auth/v\d+\.\d+/dialog/oauth", "fb_dialog"),
    name_endpoint("POST", r"/meta-auth/v\d+\.\d+/dialog/oauth", "fb_consent"),
    name_endpoint("GET", rf"/meta-graph{OPTIONAL_VERSION}/oauth/access_token", "fb_code_exchange"),
    name_endpoint("POST", rf"/meta-graph{OPTIONAL_VERSION}/oauth/access_token", "fb_code_exchange"),
    name_endpoint(
        "POST",
        "/instagram-api/oauth/access_token",
        "ig_code_exchange",
        error_body=code_exchange_error_body,
    ),
    name_endpoint("GET", rf"/instagram-graph{OPTIONAL_VERSION}/access_token", "ig_exchange_token"),
    name_endpoint(
        "GET", rf"/instagram-graph{OPTIONAL_VERSION}/refresh_access_token", "ig_refresh_token"
    ),
    name_endpoint("GET", rf"/meta-graph{OPTIONAL_VERSION}/debug_token", "debug_token"),
    # identity and subscriptions
    name_endpoint("GET", "<graph>/me", "me"),
    name_endpoint("GET", "<graph>/<id>/accounts", "me_accounts"),
    name_endpoint("GET", "<graph>/<id>/permissions", "me_permissions"),
    name_endpoint("DELETE", "<graph>/<id>/permissions(?:/[^/]+)?", "me_permissions"),
    name_endpoint("GET", "<graph>/<id>/(?:businesses|owned_pages|client_pages)", "me_businesses"),
    *(
        name_endpoint(method, "<graph>/<id>/subscribed_apps", name, node_kind=node_kind)
        for method in ("GET", "POST", "DELETE")
        for name, node_kind in (
            ("subscribed_apps_page", "page"),
            ("subscribed_apps_ig", "account"),
        )
    ),
    name_endpoint("POST", "<graph>/<id>/subscriptions", "app_subscriptions"),
    name_endpoint("GET", "<graph>/<id>", "page_node", node_kind="page"),
    name_endpoint("GET", "<graph>/<id>", "ig_user_node", node_kind="account"),
    # publishing
    name_endpoint("POST", "<graph>/<id>/media", "container_create"),
    name_endpoint("GET", "<graph>/<id>", "container_status", node_kind="container"),
    name_endpoint("POST", "<graph>/<id>/media_publish", "media_publish"),
    name_endpoint("GET", "<graph>/<id>/content_publishing_limit", "publishing_limit"),
    name_endpoint(
        "POST",
        r"/meta-upload/ig-api-upload/v\d+\.\d+/[^/]+",
        "rupload",
        error_body=upload_error_body,
    ),
    name_endpoint("GET", "<graph>/<id>/media", "media_list"),
    name_endpoint("GET", "<graph>/<id>/stories", "stories_list"),
    name_endpoint("GET", "<graph>/<id>", "media_node", node_kind="media"),
    name_endpoint("GET", "<graph>/<id>/children", "media_children"),
    name_endpoint("POST", "<graph>/<id>", "media_comment_enabled", node_kind="media"),
    name_endpoint("DELETE", "<graph>/<id>", "media_delete", node_kind="media"),
    # comments, insights, mentions
    name_endpoint("GET", "<graph>/<id>/comments", "comment_list"),
    name_endpoint("POST", "<graph>/<id>/comments", "media_comment_create"),
    name_endpoint("GET", "<graph>/<id>", "comment_node", node_kind="comment"),
    name_endpoint("GET", "<graph>/<id>/replies", "comment_list"),
    name_endpoint("POST", "<graph>/<id>/replies", "comment_reply"),
    name_endpoint("POST", "<graph>/<id>", "comment_hide", node_kind="comment"),
    name_endpoint("DELETE", "<graph>/<id>", "comment_delete", node_kind="comment"),
    name_endpoint("GET", "<graph>/<id>/insights", "media_insights", node_kind="media"),
    name_endpoint("GET", "<graph>/<id>/insights", "account_insights", node_kind="account"),
    name_endpoint("POST", "<graph>/<id>/mentions", "mentions"),
    name_endpoint("GET", "<graph>/pages/search", "page_search"),
)
UNKNOWN_ENDPOINT = SandboxEndpoint("graph_unknown", graph_error_body, respond_with_error)
CODE_EXCHANGE_NAME = "fb_code_exchange"
EXCHANGE_ENDPOINT = SandboxEndpoint("fb_exchange_token", graph_error_body, respond_with_error)
"""It has the path of the code exchange, and differs by a parameter."""

MAX_FORM_SIZE = 65_536  # bytes
ENDPOINT_NAMES = frozenset(
    (
        *(pattern.endpoint.name for pattern in ENDPOINT_PATTERNS),
        EXCHANGE_ENDPOINT.name,
        UNKNOWN_ENDPOINT.name,
    )
)


def find_endpoint(state: InstagramState, environ: "WSGIEnvironment") -> SandboxEndpoint | None:
    """Return the endpoint of a request; None for a path that is not one of Instagram's hosts."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if not path.startswith(PREFIXES):
        return None
    for pattern in ENDPOINT_PATTERNS:
        match = pattern.path.fullmatch(path.rstrip("/")) if pattern.method == method else None
        if match and has_node_kind(state, pattern, match):
            is_shared = pattern.endpoint.name == CODE_EXCHANGE_NAME
            if is_shared and EXCHANGE_ENDPOINT.name in read_params_text(environ):
                return EXCHANGE_ENDPOINT
            return pattern.endpoint
    return UNKNOWN_ENDPOINT


def read_params_text(environ: "WSGIEnvironment") -> str:
    """Return the query and the form's text; the body can still be read afterwards."""
    text: str = environ.get("QUERY_STRING", "")
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) <= MAX_FORM_SIZE:
        body: bytes = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)
        text += "&" + body.decode(errors="replace")
    return text


def has_node_kind(state: InstagramState, pattern: EndpointPattern, match: re.Match[str]) -> bool:
    """Compare kinds; `me` is the account on Instagram's host and has edges of an account."""
    if not pattern.node_kind:
        return True
    node = match["node"]
    if node == "me":
        return pattern.node_kind == "account"
    return state.node_kind(node) == pattern.node_kind
