"""Lists an account's media and stories, and reads the counts of the account.

Source: Meta, IG User, IG Media, ig-user/media and ig-user/stories, text of 2026-09-11, read
2026-11-22.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from platforms.errors import MisdirectedResponse, NotReadable, Rejected
from platforms.insights_base import AccountAccess, ItemPage, MetricCounts, PublicItem
from platforms.instagram.graph import GraphClient
from platforms.instagram.node_reads import (
    check_node_id,
    node_path,
    read_data,
    read_next_cursor,
    read_node,
)
from platforms.vendor_values import (
    read_count,
    read_flag,
    read_id,
    read_list,
    read_object,
    read_text,
    read_time,
    read_url,
)

MEDIA_LISTING, STORY_LISTING = "media", "stories"
LISTING_ENDPOINTS = {MEDIA_LISTING: "media_list", STORY_LISTING: "stories_list"}
PAGE_SIZE = 50  # media per page; with its items each album costs more than an id
MAX_IDS = 5  # one call for each
MAX_CAPTION_LENGTH, MAX_NAME_LENGTH, MAX_URL_LENGTH = 2200, 100, 2048  # characters
INVALID_PARAMETER = "invalid_parameter"

MEDIA_FIELDS = (
    *("id", "media_type", "permalink", "shortcode", "timestamp", "media_url", "thumbnail_url"),
    *("like_count", "comments_count", "is_comment_enabled", "children{id}"),
)
CAPTION_FIELDS = ("caption", "media_product_type")
"""Meta's page says Facebook Login only, its SDK and clients read them with both logins."""

BASIC_SCOPES = {"facebook": "instagram_basic", "instagram": "instagram_business_basic"}
# our name of a count → Meta's field
ACCOUNT_COUNT_FIELDS = {
    "followers": "followers_count",
    "following": "follows_count",
    "media": "media_count",
}
ITEM_COUNT_FIELDS = {"likes": "like_count", "comments": "comments_count"}


@dataclass
class CaptionSupport:
    """Whether captions can be asked for: once refused, they are not asked for again."""

    is_refused: bool = False
    lock: Lock = field(default_factory=Lock, repr=False)

    def note_refusal(self) -> None:
        with self.lock:
            self.is_refused = True


@dataclass(frozen=True)
class InstagramMedia:
    """Implements `Insights`: media and their counts of likes and comments."""

    client: GraphClient
    captions: CaptionSupport = field(default_factory=CaptionSupport, compare=False)

    @property
    def listings(self) -> tuple[str, ...]:
        return (MEDIA_LISTING, STORY_LISTING)

    @property
    def max_items_per_query(self) -> int:
        return MAX_IDS

    def fetch_account_totals(self, access: AccountAccess) -> MetricCounts:
        """Return the account's counts. Errors: Rejected without the scope."""
        self._require_scope(access)
        account_id = require_account(access)
        is_facebook = self.client.flavour == "facebook"
        path, id_field, endpoint = (
            (node_path(account_id), "id", "ig_user_node")
            if is_facebook
            else ("me", "user_id", "me")
        )
        body = read_node(
            self.client,
            path,
            access.token,
            access.fallback_token,
            endpoint=endpoint,
            params={"fields": ",".join((id_field, *ACCOUNT_COUNT_FIELDS.values()))},
        )
        check_node_id(body, account_id, key=id_field)
        return parse_counts(body, ACCOUNT_COUNT_FIELDS)

    def fetch_item_page(
        self, access: AccountAccess, *, listing: str | None = None, cursor: str | None = None
    ) -> ItemPage:
        """Return a page of media, or of the stories of the last 24 hours, newest first.

        Errors: Rejected without the scope; ValueError for an unknown listing.
        """
        self._require_scope(access)
        name = listing or MEDIA_LISTING
        if name not in LISTING_ENDPOINTS:
            raise ValueError(f"Instagram has no listing {name!r}")
        path, endpoint = node_path(require_account(access), name), LISTING_ENDPOINTS[name]
        body = self._read_media(path, access, endpoint, limit=PAGE_SIZE, after=cursor)
        nodes = read_data(body)
        for node in nodes:
            check_owner(node, require_account(access))
        items = (parse_item(node) for node in nodes)
        return ItemPage(
            tuple(item for item in items if item is not None), read_next_cursor(body, cursor)
        )

    def fetch_items(self, access: AccountAccess, *, ids: Sequence[str]) -> tuple[PublicItem, ...]:
        """Return these media, one call for each; those that cannot be read are left out.

        Errors: ValueError without ids or with more than 5; Rejected without the scope.
        """
        self._require_scope(access)
        if not 0 < len(ids) <= MAX_IDS:
            raise ValueError(f"1 to {MAX_IDS} media ids can be queried at a time, not {len(ids)}")
        items = (self._fetch_item(access, media_id) for media_id in ids)
        return tuple(item for item in items if item is not None)

    def _fetch_item(self, access: AccountAccess, media_id: str) -> PublicItem | None:
        try:
            body = self._read_media(node_path(media_id), access, "media_node")
            check_node_id(body, media_id)
            check_owner(body, require_account(access))
        except (NotReadable, MisdirectedResponse):
            return None
        return parse_item(body)

    def _read_media(
        self, path: str, access: AccountAccess, endpoint: str, **params: Any
    ) -> Mapping[str, Any]:
        """Read with captions; without them if an Instagram Login is refused them."""
        can_lack_captions = self.client.flavour == "instagram"
        if can_lack_captions and self.captions.is_refused:
            return self._read_fields(path, access, endpoint, MEDIA_FIELDS, params)
        try:
            fields = (*MEDIA_FIELDS, *CAPTION_FIELDS)
            return self._read_fields(path, access, endpoint, fields, params)
        except Rejected as error:
            if not can_lack_captions or error.code != INVALID_PARAMETER:
                raise
        body = self._read_fields(path, access, endpoint, MEDIA_FIELDS, params)
        self.captions.note_refusal()  # only now is it known that the captions were the reason
        return body

    def _read_fields(
        self,
        path: str,
        access: AccountAccess,
        endpoint: str,
        fields: Sequence[str],
        params: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        return read_node(
            self.client,
            path,
            access.token,
            access.fallback_token,
            endpoint=endpoint,
            params={"fields": ",".join(fields), **params},
        )

    def _require_scope(self, access: AccountAccess) -> None:
        require_scope(BASIC_SCOPES[self.client.flavour], access)


def require_scope(scope: str, access: AccountAccess) -> None:
    """Errors: Rejected if the scope was not granted."""
    if scope not in access.scopes:
        raise Rejected(f"the call needs the permission {scope}", code="scope_not_authorized")


def require_account(access: AccountAccess) -> str:
    if access.account_id is None:
        raise ValueError("calls to Instagram need the id of the account")
    return access.account_id


def check_owner(node: Mapping[str, Any], account_id: str) -> None:
    """Check that media are of the account, if the answer names whose. Errors: MisdirectedResponse.

    The owner is not asked for: Meta's page gives the field for Facebook Login alone.
    """
    owner = node.get("owner")
    check_node_id(read_object(owner) or {"id": owner}, account_id)


def parse_item(node: Mapping[str, Any]) -> PublicItem | None:
    """Return media as an item; None without an id."""
    media_id = read_id(node.get("id"))
    if media_id is None:
        return None
    children = read_object(node.get("children")) or {}
    parts = read_list(children.get("data"))
    picture = read_url(node.get("thumbnail_url"), MAX_URL_LENGTH)
    media_type = read_text(node.get("media_type"), MAX_NAME_LENGTH)
    if picture is None and media_type != "VIDEO":  # only videos have a picture of their own
        picture = read_url(node.get("media_url"), MAX_URL_LENGTH)
    return PublicItem(
        id=media_id,
        posted_at=read_time(node.get("timestamp")),
        text=read_text(node.get("caption"), MAX_CAPTION_LENGTH),
        url=read_url(node.get("permalink"), MAX_URL_LENGTH),
        product=read_text(node.get("media_product_type"), MAX_NAME_LENGTH),
        counts=parse_counts(node, ITEM_COUNT_FIELDS),
        media_type=media_type,
        shortcode=read_text(node.get("shortcode"), MAX_NAME_LENGTH),
        thumbnail_url=picture,
        part_count=len(parts) or None,
        is_comment_enabled=read_flag(node.get("is_comment_enabled")),
    )


def parse_counts(node: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, int]:
    """Return the counts that the node has. Likes are left out if the owner hides them.

    `fields`: our name of a count → Meta's field.
    """
    counts = {name: read_count(node.get(meta_field)) for name, meta_field in fields.items()}
    return {name: count for name, count in counts.items() if count is not None}
