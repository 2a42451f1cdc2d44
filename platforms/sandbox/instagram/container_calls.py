"""Creating containers and reading their status.

Source: Meta, ig-user/media and ig-container, text of 2026-09-11. Not documented, and decided here:
the errors of the 401st container and of children that cannot be used.
"""

from typing import Any

from flask import Blueprint, request

from platforms.sandbox.clock import DAY_SECONDS
from platforms.sandbox.instagram.access import GraphCaller, find_account, read_params
from platforms.sandbox.instagram.container_outcomes import apply_next_outcome
from platforms.sandbox.instagram.container_validation import parse_container_request
from platforms.sandbox.instagram.containers import (
    CAROUSEL,
    CONTAINER_FIELDS,
    NODE_TYPE,
    STORIES,
    ContainerRequest,
    ResumableUpload,
    SandboxContainer,
    SandboxContainerStatus,
)
from platforms.sandbox.instagram.fields import parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import (
    GraphError,
    invalid_parameter,
    missing_permission,
    object_missing,
)
from platforms.sandbox.instagram.graph_route import graph_route
from platforms.sandbox.instagram.media_access import check_outage
from platforms.sandbox.instagram.media_processing import (
    NOTHING_FETCHED,
    fetch_image,
    needs_feed_ratio,
    start_processing,
)
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.publishing_errors import (
    ACCOUNT_RESTRICTED,
    MEDIA_NOT_FOUND,
    NOT_READY,
    publishing_error,
)
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.request_log import ENTRY_KEY

routes = Blueprint("instagram_containers", __name__)

CONTAINER_ID_PREFIX = "1788"


@graph_route(routes, "POST", "/<ig_id>/media", is_locked=False)
def create_container(caller: GraphCaller, ig_id: str) -> dict[str, Any]:
    """Create a container; an image is fetched and checked before the answer, without the lock."""
    state, params = current_instagram(), read_params()
    with state.lock:
        account = find_account(caller, ig_id)
        caller.require_feature("publish")
        check_publishing_account(account)
        wanted = parse_container_request(params, state.settings, is_instagram=caller.is_instagram)
        check_account_rules(state, account, wanted)
        check_container_count(state, account)
    image = NOTHING_FETCHED
    if wanted.image_url:
        image = fetch_image(state, wanted.image_url, is_feed=needs_feed_ratio(wanted.media_type))
    with state.lock:
        check_container_count(state, account)
        container = add_container(state, account, wanted)
        container.size, container.digest = image.size, image.digest
        start_processing(state, container)
        apply_next_outcome(state, container)
    request.environ[ENTRY_KEY].update(container_id=container.id, media_type=wanted.media_type)
    return container_answer(container)


def container_answer(container: SandboxContainer) -> dict[str, Any]:
    version = (request.view_args or {}).get("version", "")
    if container.upload is None:
        return {"id": container.id}
    uri = f"{request.host_url}meta-upload/ig-api-upload/{version}/{container.id}"
    return {"id": container.id, "uri": uri}


def check_publishing_account(account: IgAccount) -> None:
    """Errors: GraphError for a restricted account, and for a Page that is not authorised."""
    if account.is_restricted:
        raise publishing_error(ACCOUNT_RESTRICTED)
    if account.needs_page_authorization:
        raise missing_permission()


def check_account_rules(
    state: InstagramState, account: IgAccount, wanted: ContainerRequest
) -> None:
    """Check what depends on accounts and other containers. Errors: GraphError."""
    is_creator = account.account_type != "BUSINESS"
    if wanted.media_type == STORIES and is_creator and state.settings.stories_need_business:
        raise missing_permission()
    private_names = {each.username for each in state.accounts.values() if not each.is_public}
    for tag in wanted.user_tags:
        if tag["username"] in private_names:
            raise invalid_parameter(f"The user {tag['username']} cannot be tagged")
    if wanted.media_type == CAROUSEL:
        for child_id in wanted.children:
            check_child(state, account, child_id)


def check_child(state: InstagramState, account: IgAccount, child_id: str) -> None:
    """Errors: GraphError 24/2207006 for a child that is not there, 9007 while it is not ready."""
    child: SandboxContainer | None = state.containers.get(child_id)
    if child is None or child.account_id != account.id:
        raise publishing_error(MEDIA_NOT_FOUND)
    if not child.request.is_carousel_item:
        raise invalid_parameter("Param children must be containers with is_carousel_item")
    status = child.status_at(state.now)
    if status == SandboxContainerStatus.IN_PROGRESS:
        raise publishing_error(NOT_READY)
    if status != SandboxContainerStatus.FINISHED:
        raise publishing_error(MEDIA_NOT_FOUND)


def check_container_count(state: InstagramState, account: IgAccount) -> None:
    """Errors: GraphError 9 above the limit of 24 moving hours; every child counts."""
    since = state.now - DAY_SECONDS
    count = sum(
        1
        for each in state.containers.values()
        if each.account_id == account.id and each.created_at > since
    )
    if count >= state.settings.containers_per_day:
        raise GraphError("(#9) Application request limit reached", 9, is_transient=False)


def add_container(
    state: InstagramState, account: IgAccount, wanted: ContainerRequest
) -> SandboxContainer:
    container = SandboxContainer(
        id=state.new_id(CONTAINER_ID_PREFIX),
        account_id=account.id,
        request=wanted,
        created_at=state.now,
        expires_at=state.now + state.settings.container_seconds,
        late_publishes=state.settings.late_ready_publishes,
        upload=ResumableUpload() if wanted.is_resumable else None,
    )
    state.containers[container.id] = container
    return container


def read_container(caller: GraphCaller, container_id: str) -> dict[str, Any]:
    """Read the status; containers have none of the fields of published media."""
    state = current_instagram()
    check_outage(caller, container_id)
    container = find_container(caller, container_id)
    if container is None:
        raise object_missing(container_id)
    caller.require_feature("publish")
    specs = parse_fields(read_params().get("fields") or "id")
    return select_fields(container.as_node(state.now), specs, CONTAINER_FIELDS, node_type=NODE_TYPE)


def find_container(caller: GraphCaller, container_id: str) -> SandboxContainer | None:
    """Return a container of an account that the caller may see."""
    container: SandboxContainer | None = current_instagram().containers.get(container_id)
    if container is None:
        return None
    try:
        find_account(caller, container.account_id)
    except GraphError:
        return None
    return container
