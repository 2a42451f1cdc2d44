"""Posts as the calendar shows them: one chip for a post, or for those of a group at one time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import url_for

from app.pages.account_names import post_account_key
from app.pages.badges import Badge, post_badge
from app.pages.brands import kind_label
from app.pages.calendar_times import format_clock
from core.post_state.settle import PostState
from core.publishing.local_times import convert_to_local
from db.posts.posts import Post
from platforms.registry import PLATFORMS

MAX_TITLE_CHARS = 80
MAX_CELL_TITLE_CHARS = 40  # in a cell, which is narrower than that
COLOURS_BY_URGENCY = ("bad", "ask", "wait", "busy", "calm", "good")
"""Of posts with one chip, the one whose state needs a person most gives the chip its badge."""

AccountNames = Mapping[str, str]
"""Key of an account (`post_account_key`) → its name."""


@dataclass(frozen=True)
class CalendarChip:
    """What is shown of posts that belong together; `at` is their time on the reader's clock."""

    post_id: int
    at: datetime
    title: str
    badge: Badge
    url: str
    accounts: list[str]
    brands: list[tuple[str, str]]  # CSS class of a platform and its name
    count: int = 1
    move_url: str = ""  # empty: it cannot be moved any more

    @property
    def clock(self) -> str:
        return format_clock(self.at)

    @property
    def cell_title(self) -> str:
        return cut_line(self.title, MAX_CELL_TITLE_CHARS)


@dataclass
class PostGroup:
    posts: list[Post] = field(default_factory=list)


def build_chips(posts: Iterable[Post], zone: ZoneInfo, names: AccountNames) -> list[CalendarChip]:
    """Return the chips in the order of the posts."""
    groups: dict[object, PostGroup] = {}
    for post in posts:
        time = find_calendar_time(post)
        key = post.id if post.group_id is None else (post.group_id, time)
        groups.setdefault(key, PostGroup()).posts.append(post)
    return [build_chip(group.posts, zone, names) for group in groups.values()]


def find_calendar_time(post: Post) -> datetime:
    """Return when a post is to be published, or when it was requested."""
    return post.publish_at or post.created_at


def build_chip(posts: Sequence[Post], zone: ZoneInfo, names: AccountNames) -> CalendarChip:
    first = posts[0]
    movable = next((post for post in posts if post.state == PostState.QUEUED), None)
    badges = sorted(map(post_badge, posts), key=lambda badge: rank_colour(badge.colour))
    brands = {
        (brand.css_class, brand.title): None
        for brand in (PLATFORMS[post.provider].brand for post in posts)
    }
    return CalendarChip(
        post_id=first.id,
        at=convert_to_local(find_calendar_time(first), zone),
        title=shorten_title(first),
        badge=badges[0],
        url=url_for("post_pages.show_post", post_id=first.id),
        accounts=[name_account(post, names) for post in posts],
        brands=list(brands),
        count=len(posts),
        move_url="" if movable is None else url_for("calendar_moves.show_move", post_id=movable.id),
    )


def rank_colour(colour: str) -> int:
    return COLOURS_BY_URGENCY.index(colour) if colour in COLOURS_BY_URGENCY else 0


def shorten_title(post: Post) -> str:
    """Return the first line of the text; a post without text is named by its kind."""
    line = post.title.strip().partition("\n")[0].strip()
    if not line:
        return kind_label(post.provider, post.kind)
    return cut_line(line, MAX_TITLE_CHARS)


def cut_line(line: str, max_chars: int) -> str:
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def name_account(post: Post, names: AccountNames) -> str:
    """Return the name of the account that a post goes to, with its platform."""
    title = PLATFORMS[post.provider].brand.title
    name = names.get(post_account_key(post))
    return title if name is None else f"{name}, {title}"
