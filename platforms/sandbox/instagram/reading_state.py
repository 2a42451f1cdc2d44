"""What visitors did and what tests set: comments, media of others, values of metrics."""

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass
class SandboxComment:
    """A comment or, with a `parent_id`, a reply.

    `from_id` is the id of its author as the account sees it: that of the account itself for its
    own. `is_withheld`: its author is restricted and the owner has not approved it.
    """

    id: str
    media_id: str
    owner_id: str  # the account of the media; "" for media of others
    text: str
    created_at: float
    from_id: str
    username: str
    parent_id: str | None = None
    like_count: int = 0
    hidden: bool = False
    is_withheld: bool = False


@dataclass
class SandboxForeignMedia:
    """Media of somebody who is no user of the app; accounts can be mentioned in it."""

    id: str
    username: str
    caption: str
    created_at: float
    mentioned_ids: set[str] = field(default_factory=set)  # accounts in the caption
    media_type: str = "IMAGE"
    like_count: int = 3

    @property
    def permalink(self) -> str:
        return f"https://www.instagram.com/p/F{self.id}/"


@dataclass
class ReadingState:
    """Values are by the id of media or account, then by metric; None: Meta has no data."""

    metric_values: dict[str, dict[str, float | None]] = field(default_factory=dict)
    shared_to_facebook: set[str] = field(default_factory=set)  # ids of media
    highlights: set[str] = field(default_factory=set)  # ids of stories that stay readable
    foreign_media: dict[str, SandboxForeignMedia] = field(default_factory=dict)
    mentioned_comments: dict[str, set[str]] = field(default_factory=dict)  # account → comments


def format_timestamp(seconds: float) -> str:
    """Return a time as Meta writes it: `2017-08-31T19:16:02+0000`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
