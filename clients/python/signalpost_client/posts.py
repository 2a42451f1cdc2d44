"""Posts: request, follow, change and list them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from signalpost_client.data_types import (
    CheckPostData,
    DetailedPostData,
    ExchangeData,
    ListPostEventsData,
    PostData,
    RequestedPostData,
    TimelineEventData,
)
from signalpost_client.errors import FollowTimeout
from signalpost_client.pages import PagedList
from signalpost_client.transport import IDEMPOTENCY_HEADER, Transport, create_key

FINAL_STATES = frozenset({"PUBLISHED", "FAILED", "CANCELLED"})
POLL_INTERVAL = 2.0  # seconds between two requests for a post's state
DEFAULT_WAIT = 900.0  # seconds; platforms may process a video for minutes

TimelineEvents = list[TimelineEventData]


class PostContent(TypedDict, total=False):
    """What to post, and where.

    `destination_id` is the account to post to, `account_id` the login. Without a platform the
    account decides, without a kind the media do. Each of `media` is the id of an uploaded file, a
    URL, or an object with more fields. `options` are the platform's own: the server's `/docs`.
    """

    platform: str | None
    account_id: int | None
    destination_id: int | None
    kind: str | None
    text: str
    media: Sequence[Mapping[str, Any] | int | str]
    publish_at: datetime | str | None
    group_id: UUID | str | None
    options: Mapping[str, Any]


@dataclass(frozen=True)
class PostsApi:
    transport: Transport

    def create(
        self,
        *,
        idempotency_key: str | None = None,
        wait_for_platform: bool = False,
        **content: Unpack[PostContent],
    ) -> RequestedPostData:
        """Request a post; it is made in the background.

        One key means one post, however often it is sent; without one, a new key serves all
        repetitions of this call. With `wait_for_platform` the answer comes after the first calls to
        the platform.
        """
        headers = {IDEMPOTENCY_HEADER: idempotency_key or create_key()}
        if not wait_for_platform:
            headers["Prefer"] = "respond-async"
        return self.transport.fetch_data(
            RequestedPostData, "POST", "/api/posts", body=build_content(content), headers=headers
        )

    def check(self, **content: Unpack[PostContent]) -> CheckPostData:
        """Check what would be posted, and forecast its quotas; nothing is stored."""
        body = build_content(content)
        return self.transport.fetch_envelope(CheckPostData, "POST", "/api/posts/check", body=body)

    def get(self, post_id: int) -> DetailedPostData:
        """Return a post with its timeline."""
        return self._fetch("GET", "/api/posts/{post_id}", post_id)

    def list(
        self,
        *,
        platform: str | None = None,
        state: str | None = None,
        account_id: int | None = None,
        group_id: UUID | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        page_size: int = 100,
    ) -> PagedList[PostData]:
        """List my posts, newest first; `text` is looked for in their titles."""
        query = {
            "platform": platform,
            "state": state,
            "account_id": account_id,
            "group_id": group_id,
            "from": since,
            "to": until,
            "q": text,
            "limit": page_size,
        }
        return PagedList(self.transport, "/api/posts", {}, query)

    def edit(
        self,
        post_id: int,
        *,
        publish_at: datetime | str | None = None,
        title: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> DetailedPostData:
        """Change a post that has not begun. What is None stays as it is."""
        body = {"publish_at": publish_at, "title": title, "settings": settings}
        return self._fetch("PATCH", "/api/posts/{post_id}", post_id, body=drop_missing(body))

    def reschedule(self, post_id: int, publish_at: datetime | str | None) -> DetailedPostData:
        """Move a post that has not begun; None publishes it now."""
        body = {"publish_at": publish_at}
        return self._fetch("PATCH", "/api/posts/{post_id}", post_id, body=body)

    def cancel(self, post_id: int) -> DetailedPostData:
        """Cancel a post, if it can still be cancelled."""
        return self._fetch("POST", "/api/posts/{post_id}/cancel", post_id, body={})

    def release(self, post_id: int) -> DetailedPostData:
        """Let a parked post go on."""
        return self._fetch("POST", "/api/posts/{post_id}/release", post_id, body={})

    def retry(
        self, post_id: int, *, confirm: bool = False, idempotency_key: str | None = None
    ) -> DetailedPostData:
        """Retry a post as a new post, and return that one.

        `confirm` is needed if the first may have been published: somebody has looked.
        """
        response = self.transport.call(
            "POST",
            "/api/posts/{post_id}/retry",
            values={"post_id": post_id},
            body={"confirm": confirm},
            headers={IDEMPOTENCY_HEADER: idempotency_key or create_key()},
        )
        return self.get(int(response.headers["Location"].rpartition("/")[2]))

    def list_events(self, post_id: int, *, after: int = 0) -> TimelineEvents:
        """List a post's timeline, oldest first; `after` is the id of an event."""
        return self.transport.fetch_envelope(
            ListPostEventsData,
            "GET",
            "/api/posts/{post_id}/events",
            values={"post_id": post_id},
            query={"after": after},
        )["events"]

    def list_exchanges(self, post_id: int, *, page_size: int = 100) -> PagedList[ExchangeData]:
        """List the calls that a post made to its platform, newest first, without secrets."""
        template, values = "/api/posts/{post_id}/exchanges", {"post_id": post_id}
        return PagedList(self.transport, template, values, {"limit": page_size})

    def follow(
        self, post_id: int, *, timeout: float = DEFAULT_WAIT, poll_interval: float = POLL_INTERVAL
    ) -> Iterator[DetailedPostData]:
        """Yield the post now and after each change, until its state is final. Units: seconds.

        Errors: FollowTimeout.
        """
        deadline = time.monotonic() + timeout
        post = self.get(post_id)
        yield post
        while post["state"] not in FINAL_STATES:
            if time.monotonic() > deadline:
                text = f"post {post_id} is still {post['state']} after {timeout:.0f} seconds"
                raise FollowTimeout(text, post=post)
            self.transport.sleep(poll_interval)
            previous, post = post, self.get(post_id)
            if post != previous:
                yield post

    def wait_until_final(
        self, post_id: int, *, timeout: float = DEFAULT_WAIT, poll_interval: float = POLL_INTERVAL
    ) -> DetailedPostData:
        """Return the post when it is PUBLISHED, FAILED or CANCELLED. Errors: FollowTimeout."""
        *_, post = self.follow(post_id, timeout=timeout, poll_interval=poll_interval)
        return post

    def _fetch(self, method: str, template: str, post_id: int, **options: Any) -> DetailedPostData:
        values = {"post_id": post_id}
        return self.transport.fetch_data(
            DetailedPostData, method, template, values=values, **options
        )


@dataclass(frozen=True)
class GroupsApi:
    """Posts that are written together for several accounts."""

    posts: PostsApi

    def create(
        self, group_id: UUID | str, contents: Sequence[PostContent]
    ) -> list[RequestedPostData]:
        """Request one post for each of `contents`.

        The idempotency keys are made of the group's id and the position, so a call that failed in
        between is completed by the same call.
        """
        requested = []
        for position, content in enumerate(contents):
            grouped: PostContent = {**content, "group_id": group_id}
            key = f"{group_id}-{position}"
            requested.append(self.posts.create(idempotency_key=key, **grouped))
        return requested

    def list_posts(self, group_id: UUID | str) -> PagedList[PostData]:
        return self.posts.list(group_id=group_id)


def build_content(content: PostContent) -> dict[str, Any]:
    """Return the JSON of a post. What is None is left out."""
    media = [build_media(item) for item in content.get("media", ())]
    return drop_missing({**content, "media": media})


def build_media(item: Mapping[str, Any] | int | str) -> dict[str, Any]:
    if isinstance(item, int):
        return {"media_id": item}
    return {"url": item} if isinstance(item, str) else dict(item)


def drop_missing(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is None."""
    return {name: value for name, value in fields.items() if value is not None}
