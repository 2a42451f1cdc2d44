"""Which posts of a user a list shows: conditions, and the states as pages display them.

A display state is what a badge says: a queued post is scheduled, waiting or on hold, and a
published one may be a draft that its creator has not dealt with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, true

from db.posts.posts import POST_STATES, Post, is_undecided_draft, publish_time

ConditionBuilder = tuple[Any, Callable[[Any], ColumnElement[bool]]]
"""A value to filter by, None for any, and the function that makes the condition of it."""

SEARCH_CONFIGURATION: Any = literal_column("'simple'::regconfig")
"""As in the index of titles; a parameter would not fit it."""


@dataclass(frozen=True)
class DisplayState:
    """The states in which a post is displayed so, and what else must be true of it."""

    states: tuple[str, ...]
    condition: Callable[[], ColumnElement[bool]] = true


def is_scheduled() -> ColumnElement[bool]:
    return and_(Post.hold_reason.is_(None), Post.publish_at > func.now())


def is_waiting() -> ColumnElement[bool]:
    return and_(
        Post.hold_reason.is_(None), or_(Post.publish_at.is_(None), Post.publish_at <= func.now())
    )


def is_held() -> ColumnElement[bool]:
    return Post.hold_reason.is_not(None)


def is_decided() -> ColumnElement[bool]:
    return Post.step.is_distinct_from("DELIVERED")


DISPLAY_STATES: Mapping[str, DisplayState] = {
    "SCHEDULED": DisplayState(("QUEUED",), is_scheduled),
    "QUEUED": DisplayState(("QUEUED",), is_waiting),
    "HELD": DisplayState(("QUEUED",), is_held),
    "SENDING": DisplayState(("SENDING",)),
    "PROCESSING": DisplayState(("PROCESSING",)),
    "UNCONFIRMED": DisplayState(("UNCONFIRMED",)),
    "DRAFT": DisplayState(("PUBLISHED",), is_undecided_draft),
    "PUBLISHED": DisplayState(("PUBLISHED",), is_decided),
    "FAILED": DisplayState(("FAILED",)),
    "CANCELLED": DisplayState(("CANCELLED",)),
}
"""Name in addresses → the posts; every post has one of them."""

IN_PROGRESS = ("QUEUED", "SENDING", "PROCESSING", "UNCONFIRMED")
"""Display states in which something is expected to happen now."""


@dataclass(frozen=True, kw_only=True)
class PostFilter:
    """Conditions on posts; None or an empty tuple means any.

    `status` is the platform's status or, for a post without a record of it, the state. `kinds`: all
    that are looked for; of a platform, all that it has. `since` and `until` are times of creation,
    `publish_since` and `publish_until` of publication; `since_id` and `until_id` are ids before the
    first and after the last post. `words` are words of the title, or how they begin.
    """

    provider: str | None = None
    kinds: tuple[str, ...] = ()
    state: str | None = None
    displays: tuple[str, ...] = ()
    status: str | None = None
    account_id: int | None = None
    destination_id: int | None = None
    group_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    since_id: int | None = None
    until_id: int | None = None
    publish_since: datetime | None = None
    publish_until: datetime | None = None
    words: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        builders: tuple[ConditionBuilder, ...] = (
            (self.provider, lambda provider: Post.provider == provider),
            (self.kinds or None, Post.kind.in_),
            (self.state, lambda state: Post.state == state),
            (self.displays or None, display_condition),
            (self.account_id, lambda account: Post.oauth_account_id == account),
            (self.destination_id, lambda destination: Post.destination_id == destination),
            (self.group_id, lambda group: Post.group_id == group),
            (self.since, lambda since: Post.created_at >= since),
            (self.until, lambda until: Post.created_at < until),
            (self.since_id, lambda since_id: Post.id > since_id),
            (self.until_id, lambda until_id: Post.id < until_id),
            (self.publish_since, lambda since: publish_time() >= since),
            (self.publish_until, lambda until: publish_time() < until),
            (self.words, words_condition),
        )
        return [build(value) for value, build in builders if value is not None]

    def branches(self) -> list[ColumnElement[bool]]:
        """Conditions that exclude each other and together cover what the filter lets through.

        Each is served by an index in the order of a list, so that a rare state is found as fast as
        a common one. Words, accounts and the platform's status have indexes of their own, and a
        status has a query of its own (`build_status_query`).
        """
        if self.state is not None:
            return [true()]
        if self.displays:
            return [
                and_(Post.state == state, DISPLAY_STATES[name].condition())
                for name in self.displays
                for state in DISPLAY_STATES[name].states
            ]
        if any((self.account_id, self.destination_id, self.group_id)):
            return [true()]
        if self.kinds:
            return [Post.kind == kind for kind in self.kinds]
        return [Post.state == state for state in POST_STATES]

    def branch_conditions(self) -> list[list[ColumnElement[bool]]]:
        """Return all conditions of each branch, without those that the branch implies."""
        is_by_display = bool(self.displays) and self.state is None
        shared = (replace(self, displays=()) if is_by_display else self).conditions()
        return [[*shared, branch] for branch in self.branches()]


def display_condition(names: tuple[str, ...]) -> ColumnElement[bool]:
    chosen = [DISPLAY_STATES[name] for name in names]
    return or_(*(and_(Post.state.in_(item.states), item.condition()) for item in chosen))


def words_condition(words: str, title: Any = Post.title) -> ColumnElement[bool]:
    """Condition: each of the words is one of the title, or the beginning of one.

    Case does not matter; the index of titles has the words as the configuration `simple` makes
    them.
    """
    terms = [word.replace("'", " ").replace("\\", " ").strip() for word in words.split()]
    query = " & ".join(f"'{term}':*" for term in terms if term)
    vector = func.to_tsvector(SEARCH_CONFIGURATION, title)
    return vector.op("@@", is_comparison=True)(func.to_tsquery(SEARCH_CONFIGURATION, query))
