"""The insights edge of both kinds of nodes: media and accounts."""

from typing import Any

from flask import Blueprint

from platforms.sandbox.instagram.access import GraphCaller, find_account, read_params
from platforms.sandbox.instagram.account_insights import read_account_insights
from platforms.sandbox.instagram.fields import FieldSpec
from platforms.sandbox.instagram.graph_route import graph_route
from platforms.sandbox.instagram.media_access import find_media
from platforms.sandbox.instagram.media_insights import read_media_insights
from platforms.sandbox.instagram.media_nodes import SandboxMedia
from platforms.sandbox.instagram.state import current_instagram

routes = Blueprint("instagram_insights", __name__)


@graph_route(routes, "GET", "/<node_id>/insights")
def read_insights(caller: GraphCaller, node_id: str) -> dict[str, Any]:
    meta, params = current_instagram(), read_params()
    if meta.node_kind(node_id) == "media":
        return read_media_insights(meta, caller, find_media(caller, node_id), params)
    return read_account_insights(meta, caller, find_account(caller, node_id), params)


def expand_insights(caller: GraphCaller, media: SandboxMedia, spec: FieldSpec) -> dict[str, Any]:
    """Return the value of `insights.metric(…)` of media; a bad metric fails the whole request."""
    params: dict[str, Any] = dict(spec.arguments)
    if spec.children:
        params["fields"] = ",".join(child.name for child in spec.children)
    return read_media_insights(current_instagram(), caller, media, params)
