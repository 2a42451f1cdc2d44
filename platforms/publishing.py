"""What publishing means on every platform: kinds of posts, their parts, and the steps of a post.

A platform decides which step a post needs next and makes the calls; `core.publishing` owns rows,
leases, retries, quotas and the timeline. A step returns values of `StepResult`, and core has one
recorder for each of them. Whether a step may be repeated is declared by its `Safety`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol

from platforms.base import BytesLike, Phase, PublishProgress
from platforms.insights_base import PublicItem
from platforms.secret import Secret


class Capability(StrEnum):
    """What an account can be used for, if the platform offers it and its scopes were granted."""

    DRAFT = "draft"
    PUBLISH = "publish"
    DELETE = "delete"
    COMMENTS = "comments"
    REPLY = "reply"
    MENTIONS = "mentions"
    INSIGHTS = "insights"
    LOCATION = "location"


class Safety(StrEnum):
    """Whether a step whose answer was lost may be run again."""

    SAFE = "safe"  # asks, or sends bytes that can be resumed: repeat it
    REPLACEABLE = "replaceable"  # makes something invisible that expires: make another
    UNSAFE = "unsafe"  # may make the post visible: sent once, then reconciled


class EndsAs(StrEnum):
    """What a successful post of a kind is."""

    DRAFT = "draft"  # delivered to the creator, who publishes it
    PUBLIC = "public"


@dataclass(frozen=True)
class MediaSlot:
    """The media files of one role that a kind of post takes.

    `rules` are names in `Platform.media_rules`; a file has to satisfy one of them.
    """

    role: str  # "video", "image", "item", "cover"
    min_count: int
    max_count: int
    rules: tuple[str, ...]


@dataclass(frozen=True)
class TextRule:
    """Limits of a post's text. A field that ends with `_setting` names the platform's setting with
    the limit; without such a name the number beside it is the limit.
    """

    max_length: int
    unit: Literal["characters", "utf16"] = "characters"
    max_hashtags: int | None = None
    max_mentions: int | None = None
    max_hashtags_setting: str | None = None
    max_mentions_setting: str | None = None
    is_required: bool = False
    is_allowed: bool = True


@dataclass(frozen=True)
class PostKind:
    """A kind of post. `quotas`: name in `Platform.quotas` → how many units one post costs;
    `containers` may be "parts+1": one for each part and one for the whole.
    """

    name: str  # column `posts.kind`
    slots: tuple[MediaSlot, ...]
    ends_as: EndsAs
    capability: Capability
    text: TextRule
    quotas: Mapping[str, int | str] = field(default_factory=dict)
    can_caller_send: bool = False  # the client may send the bytes to the platform itself


@dataclass(frozen=True)
class MediaItem:
    """A media file of a post: one of ours, or a URL that the platform fetches.

    `size` is in bytes; `probe` has what was found in the file: `container`, `width`, `height`,
    `duration_ms`, `fps`, `video_codec`, `audio_codec`. Absent means not known.
    """

    position: int
    role: str
    media_id: int | None = None
    url: str | None = None
    size: int | None = None
    content_type: str | None = None
    alt_text: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # e.g. user_tags
    probe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        return self.media_id is not None


@dataclass(frozen=True)
class Part:
    """Something that the platform made for a post on the way to its publication.

    `position` 0 is the part that is published; the items of a collection are 1 and up, in order.
    `handle` is the platform's id of it: a publish id, a container id. `upload_url` permits an
    upload by itself and is a secret. `tries` counts the parts that were made before this one.
    """

    position: int
    role: str  # "video", "image", "item", "collection"
    handle: str | None = None
    status: str | None = None  # the vendor's name
    status_text: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    next_offset: int = 0  # bytes the platform has
    tries: int = 0
    upload_url: Secret | None = None


@dataclass(frozen=True)
class Evidence:
    """What our database knows that can tell what became of a call whose answer was lost.

    `known_ids`: platform ids that belong to other posts. `named_handles`: handles that webhooks
    named and that no post has. `rivals`: texts of other posts of the account that may have become
    public in the same time.
    """

    known_ids: frozenset[str] = frozenset()
    named_handles: tuple[str, ...] = ()
    has_other_unconfirmed: bool = False
    public_items: tuple[PublicItem, ...] = ()
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Publication:
    """What a platform's publisher sees of a post. It contains no rows.

    `destination_id` is the platform's id of the account that is posted to. `is_unconfirmed`: an
    unsafe step was begun and its outcome is not known. `unsafe_at` is when it was begun, also once
    it has made the post public at `published_at`. `times_absent` counts how often the platform has
    said that nothing was published. `is_offset_certain`: the platform has confirmed how many bytes
    of the parts it has; after an attempt without an answer it may have more. `is_recheck`: the post
    has ended, and something asks what the platform says of it now.
    """

    kind: PostKind
    text: str
    destination_id: str
    now: datetime
    created_at: datetime
    options: Mapping[str, Any] = field(default_factory=dict)
    destination: Mapping[str, Any] = field(default_factory=dict)  # page_id, account_type, …
    media: tuple[MediaItem, ...] = ()
    parts: tuple[Part, ...] = ()
    phase: Phase | None = None
    is_unconfirmed: bool = False
    started_at: datetime | None = None
    unsafe_at: datetime | None = None
    published_at: datetime | None = None
    times_absent: int = 0
    is_offset_certain: bool = True
    is_recheck: bool = False
    post_ids: tuple[str, ...] = ()
    permalink: str | None = None
    evidence: Evidence = Evidence()

    def get_part(self, position: int) -> Part | None:
        return next((part for part in self.parts if part.position == position), None)


@dataclass(frozen=True)
class StepRule:
    """How core runs a step. `call_class` names the rate limit, circuit and timeout. `is_listed`:
    the timeline of the post names the step.
    """

    name: str
    call_class: str
    is_upload: bool = False  # runs in the queue of uploads, one post per claim
    is_listed: bool = True


@dataclass(frozen=True)
class StepTools:
    """What a step may use. `read_bytes(item, first, last)` reads both ends included; `media_link`
    makes a URL from which the platform can fetch a file of ours for at least a day.

    `fallback_token` is the login's own token, to be tried once if the platform cannot read an
    object with the account's.
    """

    token: Secret
    read_bytes: Callable[[MediaItem, int, int], BytesLike]
    media_link: Callable[[MediaItem], str]
    fallback_token: Secret | None = None
    jitter: float = 0.5


@dataclass(frozen=True)
class QuotaReading:
    """A quota of the account as the platform reports it; `name` as in `Platform.quotas`.

    None: the platform did not say.
    """

    name: str
    used: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class PartCreated:
    """The platform made a part. It replaces an earlier part at the same position."""

    position: int
    role: str
    handle: str
    lifetime: timedelta | None = None
    upload_url: Secret | None = None
    status: str | None = None


@dataclass(frozen=True)
class PartReported:
    """The platform reported the status of a part."""

    position: int
    status: str
    status_text: str | None = None


@dataclass(frozen=True)
class PartSent:
    """Bytes of a part have arrived; `next_offset` is the next byte the platform expects."""

    position: int
    next_offset: int
    is_complete: bool = False


@dataclass(frozen=True)
class PartDiscarded:
    """A part is useless and is made again; `code` is our code of the reason. After three parts at
    the same position core fails the post with that code.
    """

    position: int
    code: str
    message: str = ""


@dataclass(frozen=True)
class PartFailed:
    """A part has failed for good; the post fails with this code, and the part is named."""

    position: int
    code: str
    message: str = ""


@dataclass(frozen=True)
class ProgressReported:
    """The platform reported the progress of the whole post."""

    progress: PublishProgress


@dataclass(frozen=True)
class PostVisible:
    """The post is public. `post_id` is None if the platform does not say which it is; a later step
    looks for it. The facts about it may come later too.
    """

    post_id: str | None = None
    permalink: str | None = None
    posted_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # media_type, shortcode, …


@dataclass(frozen=True)
class AbsenceReported:
    """Reconcile: the platform says that nothing was published."""


@dataclass(frozen=True)
class WaitFor:
    """Run the next step after this time; None: by the schedule of polls."""

    delay: timedelta | None = None
    reason: str = ""


StepResult = (
    PartCreated
    | PartReported
    | PartSent
    | PartDiscarded
    | PartFailed
    | ProgressReported
    | PostVisible
    | AbsenceReported
    | WaitFor
)

NO_STEP = "done"
"""What `next_step` returns when nothing is left to do."""

RECONCILE_STEP = "reconcile"
CHECK_BEFORE_STEP = "check_before"
"""Names under which a publisher has the rules of what core itself chooses to run."""


class StepPublisher(Protocol):
    """Publishes posts of one platform in steps."""

    @property
    def steps(self) -> Mapping[str, StepRule]: ...

    def next_step(self, publication: Publication) -> str:
        """Return the name of the step that the post needs next, or `NO_STEP`. Pure.

        Core itself chooses `RECONCILE_STEP` for a post whose unsafe step has no recorded answer.
        """
        ...

    def step_safety(self, step: str, publication: Publication) -> Safety:
        """Return whether the step may be repeated. Pure."""
        ...

    def check_before(
        self, publication: Publication, tools: StepTools
    ) -> Sequence[QuotaReading] | None:
        """Check with the platform what it would refuse, before the first step. Safe to repeat.

        Returns the quotas that the platform reported; core counts its own posts against them.
        Errors: Rejected with the code of the fault; RateLimited if a quota of it is used up.
        """
        ...

    def run_step(
        self, step: str, publication: Publication, tools: StepTools
    ) -> Sequence[StepResult]:
        """Make the calls of one step; for `RECONCILE_STEP` find out what became of the post.

        Results of parts that succeeded are returned even if others failed; errors of the call as
        a whole are raised as `PlatformError`.
        """
        ...

    def fetch_quotas(
        self, destination_id: str, token: Secret, fallback_token: Secret | None = None
    ) -> Sequence[QuotaReading]:
        """Ask for the quotas of an account; needed where a `QuotaRule` is dynamic. Safe."""
        ...

    def cancel_post(self, publication: Publication, token: Secret) -> None:
        """Cancel the post at the platform, if the platform has a call for that."""
        ...
