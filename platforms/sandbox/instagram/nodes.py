"""Calls on a node itself, `/{id}`: which function answers them, by method and kind of node."""

from typing import Any

from flask import Blueprint

from platforms.sandbox.instagram.access import GraphCaller
from platforms.sandbox.instagram.comments import delete_comment, hide_comment, read_comment
from platforms.sandbox.instagram.container_calls import read_container
from platforms.sandbox.instagram.graph_errors import object_missing
from platforms.sandbox.instagram.graph_route import GraphView, graph_route
from platforms.sandbox.instagram.identity import read_account_node, read_me, read_page_node
from platforms.sandbox.instagram.media_reads import delete_media, read_media, update_media
from platforms.sandbox.instagram.state import current_instagram

routes = Blueprint("instagram_nodes", __name__)

NODE_VIEWS: dict[tuple[str, str], GraphView] = {
    ("GET", "me"): read_me,
    ("GET", "person"): read_me,
    ("GET", "page"): read_page_node,
    ("GET", "account"): read_account_node,
    ("GET", "container"): read_container,
    ("GET", "media"): read_media,
    ("POST", "media"): update_media,
    ("DELETE", "media"): delete_media,
    ("GET", "comment"): read_comment,
    ("POST", "comment"): hide_comment,
    ("DELETE", "comment"): delete_comment,
}
"""Method and kind of node (`InstagramState.node_kind`) → a view of the caller and the id."""


def answer_node(caller: GraphCaller, method: str, node_id: str) -> Any:
    kind = "me" if node_id == "me" else current_instagram().node_kind(node_id)
    view = NODE_VIEWS.get((method, kind))
    if view is None:
        raise object_missing(node_id, method)
    return view(caller, node_id)


@graph_route(routes, "GET", "/<node_id>")
def read_node(caller: GraphCaller, node_id: str) -> Any:
    return answer_node(caller, "GET", node_id)


@graph_route(routes, "POST", "/<node_id>")
def update_node(caller: GraphCaller, node_id: str) -> Any:
    return answer_node(caller, "POST", node_id)


@graph_route(routes, "DELETE", "/<node_id>")
def delete_node(caller: GraphCaller, node_id: str) -> Any:
    return answer_node(caller, "DELETE", node_id)
