"""Refuses answers of a step that name what belongs to another post.

Stored, such an answer would show one post's progress, link and comments at another. It says nothing
about the post that was asked for: an unsafe step counts as unanswered, any other is repeated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import structlog

from core.outcomes import Failure
from core.publishing.step_jobs import ClaimAnswer, StepNotSent, StepSucceeded, StepUnanswered
from db.posts.posts import Post, Posts
from db.providers import PlatformKey
from db.records.public_posts import map_public_posts
from db.session import Session
from platforms.errors import MisdirectedResponse
from platforms.publishing import PartCreated, PostVisible, StepResult

log = structlog.get_logger(__name__)


def refuse_foreign_results(
    session: Session, outcomes: Sequence[tuple[Post, ClaimAnswer]]
) -> list[tuple[Post, ClaimAnswer]]:
    """Return the outcomes, those that name another post's publication as unanswered.

    One query for the publications of a batch, and one for each platform's public posts; none if
    no step has made anything.
    """
    owners = find_owners(session, outcomes)
    return [
        (post, refuse_answer(post, outcome) if names_other_post(post, outcome, owners) else outcome)
        for post, outcome in outcomes
    ]


def find_owners(
    session: Session, outcomes: Sequence[tuple[Post, ClaimAnswer]]
) -> dict[PlatformKey, int]:
    """Return which posts have what the answers name."""
    handles: set[PlatformKey] = set()
    post_ids: dict[str, set[str]] = {}
    for post, outcome in outcomes:
        handles |= set(iter_handles(post, outcome))
        for provider, post_id in iter_post_ids(post, outcome):
            post_ids.setdefault(provider, set()).add(post_id)
    owners = Posts(session).map_publications(handles)
    for provider, ids in post_ids.items():
        found = map_public_posts(session, provider, ids)
        owners |= {(provider, public_id): owner for public_id, owner in found.items()}
    return owners


def list_results(outcome: ClaimAnswer) -> Sequence[StepResult]:
    return outcome.answer.results if isinstance(outcome.answer, StepSucceeded) else ()


def iter_handles(post: Post, outcome: ClaimAnswer) -> Iterator[PlatformKey]:
    """The publications that an answer names newly."""
    created = (each for each in list_results(outcome) if isinstance(each, PartCreated))
    for part in created:
        if part.position == 0 and part.handle != post.publish_id:
            yield post.provider, part.handle


def iter_post_ids(post: Post, outcome: ClaimAnswer) -> Iterator[PlatformKey]:
    """The public posts that an answer names newly."""
    for result in list_results(outcome):
        if isinstance(result, PostVisible) and result.post_id not in {None, post.platform_post_id}:
            yield post.provider, str(result.post_id)


def names_other_post(post: Post, outcome: ClaimAnswer, owners: dict[PlatformKey, int]) -> bool:
    named = (*iter_handles(post, outcome), *iter_post_ids(post, outcome))
    return any(owners.get(key, post.id) != post.id for key in named)


def refuse_answer(post: Post, outcome: ClaimAnswer) -> ClaimAnswer:
    answer = outcome.answer
    if not isinstance(answer, StepSucceeded):
        return outcome
    log.error("step.answer_of_other_post", provider=post.provider, post=post.id)
    if answer.is_unsafe:
        refused = StepUnanswered(answer.rule.name, MisdirectedResponse.code)
        return replace(outcome, answer=refused)
    message = "the platform answered with what belongs to another post"
    return replace(outcome, answer=StepNotSent(Failure(MisdirectedResponse.code, message)))
