"""Registers a Graph call under a path of one or both Graph hosts."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from flask import Blueprint, Response, request

from platforms.sandbox.instagram.access import GraphCaller, authenticate_call, read_params
from platforms.sandbox.instagram.graph_errors import graph_response
from platforms.sandbox.instagram.state import current_instagram
from platforms.sandbox.instagram.usage import count_call
from platforms.sandbox.request_log import ENTRY_KEY

FACEBOOK_HOST, INSTAGRAM_HOST = "/meta-graph", "/instagram-graph"
BOTH_HOSTS = (FACEBOOK_HOST, INSTAGRAM_HOST)
GraphView = Callable[..., Any]


def graph_route(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    hosts: Sequence[str] = BOTH_HOSTS,
    is_locked: bool = True,
) -> Callable[[GraphView], GraphView]:
    """Register `view(caller, **path variables)` below `/<host>/<version>`.

    The view returns a JSON value or a Response, and raises GraphError. `is_locked`: the view runs
    with the state's lock; a view that waits for other servers takes the lock itself.
    """

    def decorate(view: GraphView) -> GraphView:
        def handle_request(version: str, **names: str) -> Response:
            del version  # checked by `authenticate_call`
            state = current_instagram()
            with state.lock:
                caller = authenticate_call()
                read_params()  # refuses what Meta has removed, also where nothing is read
                count_call(state, caller, next(iter(names.values()), "me"))
            with state.lock if is_locked else nullcontext():
                return answer_call(view, caller, names)

        for host in hosts:
            blueprint.add_url_rule(
                f"{host}/<version>{path}",
                f"{view.__name__}_{host[1:].replace('-', '_')}",
                handle_request,
                methods=[method],
            )
        return view

    return decorate


def answer_call(view: GraphView, caller: GraphCaller, names: dict[str, str]) -> Response:
    answer = view(caller, **names)
    response = answer if isinstance(answer, Response) else graph_response(answer)
    entry = request.environ.get(ENTRY_KEY)
    if entry is not None and response.status_code < 400:  # noqa: PLR2004 - an HTTP status
        entry.update(work=True)
    return response
