"""What several accounts have used of their limits, counted by one statement: to be displayed.

What is counted is the same as in `QuotaSlots` and `DestinationUsage`, which count for one account
and, while that is locked, exactly.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.posts.parts import PostPart
from db.posts.posts import Post
from db.publishing.destination_usage import (
    is_awaiting_parts,
    is_made_part,
    is_slot_of_destination,
    is_unmade_part,
    select_parts,
)
from db.publishing.quota_slots import is_start_within, select_slots
from db.session import Session

ACCOUNTS_PARAMETER = "{}_account_ids"
"""Name of the parameter with the logins of a platform whose usage is counted."""


class Counted(StrEnum):
    """What takes a place of a limit."""

    SLOTS = "slots"  # of a login, each for a day
    PENDING_SLOTS = "pending_slots"  # of a login, each until its creator has dealt with the post
    STARTS = "starts"  # of a login
    POSTS = "posts"  # of a destination
    PARTS = "parts"  # of a destination


@dataclass(frozen=True)
class UsageRule:
    """A limit of a platform. `kinds`: the kinds of posts that share it."""

    provider: str
    name: str
    counted: Counted
    kinds: tuple[str, ...]
    window: timedelta


@dataclass(frozen=True)
class LimitUsage:
    """How many places are taken, and since when the oldest of them is."""

    count: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True)
class UsageKey:
    """Of which limit, of which login or destination."""

    provider: str
    rule_name: str
    account_id: int
    destination_id: int | None = None


def count_usage(
    session: Session, rules: Sequence[UsageRule], account_ids: Mapping[str, Sequence[int]]
) -> Mapping[UsageKey, LimitUsage]:
    """Count for each rule what the logins and their destinations have used; nothing is left out.

    Shapes: `account_ids` is platform → ids of logins.
    """
    found: dict[UsageKey, LimitUsage] = {}
    if not rules:
        return found
    parameters = {
        ACCOUNTS_PARAMETER.format(provider): list(ids) for provider, ids in account_ids.items()
    }
    statement = build_usage_query(tuple(rules))
    for provider, name, account, destination, count, oldest in session.execute(
        statement, parameters
    ):
        key = UsageKey(provider, name, int(account), destination)
        earlier = found.get(key, LimitUsage())
        times = [time for time in (earlier.oldest, oldest) if time is not None]
        found[key] = LimitUsage(earlier.count + int(count), min(times, default=None))
    return found


@cache
def build_usage_query(rules: tuple[UsageRule, ...]) -> Any:
    """Query of rows to be added up: platform, rule, login, destination, count, oldest time.

    It is built once, which costs more than running it.
    """
    return union_all(*(query for rule in rules for query in QUERIES[rule.counted](rule)))


def select_used_slots(rule: UsageRule) -> Iterator[Any]:
    is_pending = rule.counted is Counted.PENDING_SLOTS
    for query in select_slots(
        Post.oauth_account_id,
        rule.kinds,
        while_pending=is_pending,
        account_ids=account_ids_parameter(rule),
    ):
        slots = query.subquery()
        yield select(
            *rule_columns(rule),
            slots.c.value,
            cast(null(), BigInteger),
            func.count(),
            func.min(slots.c.at),
        ).group_by(slots.c.value)


def select_starts(rule: UsageRule) -> Iterator[Any]:
    yield (
        select(
            *rule_columns(rule),
            Post.oauth_account_id,
            cast(null(), BigInteger),
            func.count(),
            func.min(Post.started_at),
        )
        .where(is_of_accounts(rule), is_start_within(rule.window))
        .group_by(Post.oauth_account_id)
    )


def select_used_posts(rule: UsageRule) -> Iterator[Any]:
    yield (
        select(*rule_columns(rule), *DESTINATION_COLUMNS, func.count(), func.min(Post.finished_at))
        .where(is_of_accounts(rule), is_slot_of_destination(rule.kinds, rule.window))
        .group_by(*DESTINATION_COLUMNS)
    )


def select_used_parts(rule: UsageRule) -> Iterator[Any]:
    """Queries of what was made and of what is awaited, which are read apart.

    What is awaited is looked up post by post: Postgres would rather read all parts there are.
    """
    is_made = case((PostPart.handle.is_not(None), 1), else_=0)
    made = select_parts(
        *rule_columns(rule),
        *DESTINATION_COLUMNS,
        func.sum(PostPart.tries + is_made),
        func.min(PostPart.made_at),
    )
    awaited_parts = (
        select(func.count())
        .where(PostPart.post_id == Post.id, is_unmade_part())
        .correlate(Post)
        .scalar_subquery()
    )
    awaited = select(*rule_columns(rule), *DESTINATION_COLUMNS, func.sum(awaited_parts), null())
    for query, condition in ((made, is_made_part(rule.window)), (awaited, is_awaiting_parts())):
        yield query.where(is_of_accounts(rule), condition).group_by(*DESTINATION_COLUMNS)


DESTINATION_COLUMNS = (Post.oauth_account_id, Post.destination_id)
QUERIES: Mapping[Counted, Callable[[UsageRule], Iterator[Any]]] = {
    Counted.SLOTS: select_used_slots,
    Counted.PENDING_SLOTS: select_used_slots,
    Counted.STARTS: select_starts,
    Counted.POSTS: select_used_posts,
    Counted.PARTS: select_used_parts,
}


def rule_columns(rule: UsageRule) -> tuple[Any, Any]:
    return literal(rule.provider), literal(rule.name)


def account_ids_parameter(rule: UsageRule) -> Any:
    name = ACCOUNTS_PARAMETER.format(rule.provider)
    return bindparam(name, type_=ARRAY(BigInteger))


def is_of_accounts(rule: UsageRule) -> Any:
    return Post.oauth_account_id == any_(account_ids_parameter(rule))
