"""The calls that publishing makes: containers, their status, publishing, and reading the result.

Source: Meta, ig-user/media, ig-container, ig-user/media_publish and IG Media, text of 2026-09-11.
A call that the platform answers with "not readable" is made once more with the login's own token:
for weeks in 2026 containers could not be read with the token of a Page.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from platforms.errors import MisdirectedResponse, Rejected, UnreadableResponse
from platforms.http import SAFE_RETRY, HttpRetryPolicy
from platforms.insights_base import PublicItem
from platforms.instagram.containers import ContainerState
from platforms.instagram.error_catalogue import INVALID_PARAMETER
from platforms.instagram.fallback import with_fallback
from platforms.instagram.graph import Flavour, GraphClient
from platforms.instagram.kinds import STORIES
from platforms.instagram.media import check_owner, parse_item
from platforms.instagram.node_reads import check_node_id, read_data, read_next_cursor
from platforms.instagram.publishing_limit import (
    LIMIT_FIELDS,
    PublishingLimit,
    parse_publishing_limit,
)
from platforms.instagram.uploads import read_received_bytes
from platforms.json_body import MAX_NAME_LENGTH
from platforms.secret import Secret
from platforms.vendor_values import read_id, read_named_id, read_text, read_url

Result = TypeVar("Result")

STATUS_FIELDS, UPLOAD_FIELDS = "status_code,status", "status_code,status,video_status"
PLAIN_FIELDS = "id,media_type,permalink,shortcode,timestamp"
DETAIL_FIELDS: Mapping[Flavour, str] = {
    "facebook": f"{PLAIN_FIELDS},media_product_type",
    "instagram": PLAIN_FIELDS,
}
"""The page keeps `media_product_type` and `caption` for Facebook Login."""

MATCH_FIELDS = "children{id},caption"

# a step makes two calls one after the other, and has to end within half the time limit of tasks
READ_RETRY = replace(SAFE_RETRY, max_attempts=2)
READ_TIMEOUT = (2.0, 6.0)  # seconds
WRITE_TIMEOUT = (2.0, 18.0)  # seconds; images are downloaded while the container is created
PAGE_SIZE, MAX_PAGES = 25, 4  # posts per page of a listing; pages that are looked through
MAX_STATUS_LENGTH, MAX_URL_LENGTH = 500, 2048  # characters


@dataclass(frozen=True)
class CreatedContainer:
    id: str
    upload_url: Secret | None = None


@dataclass(frozen=True)
class ContainerReport:
    """What the platform says of a container; `received_bytes` is None if it does not say it."""

    status: ContainerState
    text: str | None = None
    received_bytes: int | None = None


@dataclass(frozen=True)
class RecentPosts:
    """The account's posts since a time. Not `has_captions`: they could not be read."""

    items: tuple[PublicItem, ...]
    has_captions: bool


@dataclass(frozen=True)
class PublishingCalls:
    """Calls for one account. Errors of every call: PlatformError."""

    graph: GraphClient
    account_id: str
    token: Secret
    fallback_token: Secret | None = None

    def create_container(self, params: Mapping[str, Any]) -> CreatedContainer:
        """Create a container. Sent once: one whose answer is lost ends unseen after a day."""
        payload = self._try_tokens(
            lambda token: (
                self.graph.post(
                    f"{self.account_id}/media", token, endpoint="container_create", params=params
                ).body
            )
        )
        container_id = require_id(payload)
        upload_url = read_url(payload.get("uri"), MAX_URL_LENGTH)
        if upload_url is not None:
            check_upload_subject(upload_url, container_id)
        return CreatedContainer(container_id, Secret(upload_url) if upload_url else None)

    def fetch_container(
        self,
        container_id: str,
        fields: str = STATUS_FIELDS,
        *,
        retry: HttpRetryPolicy = READ_RETRY,
    ) -> ContainerReport:
        """Return a container's status. Errors: UnreadableResponse for an unknown one."""
        payload = self._get(container_id, "container_status", {"fields": fields}, retry=retry)
        check_node_id(payload, container_id)
        name = (read_id(payload.get("status_code"), MAX_NAME_LENGTH) or "").upper()
        if name not in ContainerState.__members__:
            raise UnreadableResponse("the response has no documented `status_code`")
        return ContainerReport(
            ContainerState(name),
            read_text(payload.get("status"), MAX_STATUS_LENGTH),
            read_received_bytes(payload),
        )

    def publish_container(self, container_id: str) -> str:
        """Publish a container and return the id of the post. Unsafe: sent once."""
        payload = self._try_tokens(
            lambda token: (
                self.graph.post(
                    f"{self.account_id}/media_publish",
                    token,
                    endpoint="media_publish",
                    params={"creation_id": container_id},
                ).body
            )
        )
        return require_id(payload)

    def fetch_details(self, media_id: str) -> PublicItem:
        """Return what a public post is and where it can be seen."""
        payload = self._get(media_id, "media_node", {"fields": DETAIL_FIELDS[self.graph.flavour]})
        check_node_id(payload, media_id)
        item = parse_item(payload)
        if item is None:
            raise UnreadableResponse("the response has no valid `id`")
        return item

    def list_recent_posts(self, kind: str, since: datetime) -> RecentPosts:
        """Return the posts since a time, newest first; stories are listed apart from the others.

        With Instagram Login captions are not documented: they are asked for, and do not count if
        the platform refuses the field, or gives it for none of the posts.
        """
        fields = DETAIL_FIELDS[self.graph.flavour]
        if kind == STORIES:
            return select_recent(self._list("stories", "stories_list", fields, since), since)
        try:
            items = self._list("media", "media_list", f"{fields},{MATCH_FIELDS}", since)
        except Rejected as error:
            if error.code != INVALID_PARAMETER.code:
                raise
            items = self._list("media", "media_list", fields, since)
            return select_recent(items, since, has_captions=False)
        is_facebook = self.graph.flavour == "facebook"
        has_captions = is_facebook or any(item.text is not None for item in items)
        return select_recent(items, since, has_captions=has_captions)

    def fetch_limit(self) -> PublishingLimit:
        path = f"{self.account_id}/content_publishing_limit"
        return parse_publishing_limit(self._get(path, "publishing_limit", {"fields": LIMIT_FIELDS}))

    def _list(self, edge: str, endpoint: str, fields: str, since: datetime) -> list[PublicItem]:
        """Read pages until one ends with a post older than `since`; older ones are returned too."""
        found: list[PublicItem] = []
        params: dict[str, Any] = {"fields": fields, "limit": PAGE_SIZE}
        for _ in range(MAX_PAGES):
            payload = self._get(f"{self.account_id}/{edge}", endpoint, params)
            nodes = read_data(payload)
            for node in nodes:
                check_owner(node, self.account_id)
            items = [parse_item(node) for node in nodes]
            page = [item for item in items if item is not None]
            found += page
            cursor = read_next_cursor(payload, params.get("after"))
            is_older = any(item.posted_at is not None and item.posted_at < since for item in page)
            if cursor is None or is_older:
                break
            params = {**params, "after": cursor}
        return found

    def _get(
        self,
        path: str,
        endpoint: str,
        params: Mapping[str, Any],
        *,
        retry: HttpRetryPolicy = READ_RETRY,
    ) -> Mapping[str, Any]:
        return self._try_tokens(
            lambda token: (
                self.graph.call(
                    "GET",
                    self.graph.graph_url(path),
                    token,
                    endpoint=endpoint,
                    params=params,
                    retry=retry,
                    timeout=READ_TIMEOUT,
                ).body
            )
        )

    def _try_tokens(self, call: Callable[[Secret], Result]) -> Result:
        return with_fallback(call, self.token, self.fallback_token)


def require_id(payload: Mapping[str, Any]) -> str:
    """Errors: UnreadableResponse; the call may have had its effect."""
    value = read_named_id(payload.get("id"))
    if value is None:
        raise UnreadableResponse("the response has no valid `id`")
    return value


def check_upload_subject(upload_url: str, container_id: str) -> None:
    """Check that an upload URL which ends with an id leads to the container that was made.

    Errors: MisdirectedResponse; the URL is a secret and is not quoted.
    """
    named = urlsplit(upload_url).path.rstrip("/").rpartition("/")[2]
    if named.isdigit() and named != container_id:
        raise MisdirectedResponse("the upload URL is of another container")


def select_recent(
    items: Iterable[PublicItem], since: datetime, *, has_captions: bool = True
) -> RecentPosts:
    """Return the posts since a time. `has_captions`: a caption that is left out is empty."""
    recent = (item for item in items if item.posted_at is None or item.posted_at >= since)
    return RecentPosts(
        tuple(replace(item, text=(item.text or "") if has_captions else None) for item in recent),
        has_captions,
    )
