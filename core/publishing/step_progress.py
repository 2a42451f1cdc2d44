"""The steps that a post has gone through, for its owner. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.post_state.settle import FINAL_STATES, PostState
from db.posts.posts import Post
from db.posts.timeline import PostEvent

STEP_EVENT = "step"


class ProgressState(StrEnum):
    DONE = "done"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True)
class StepProgress:
    """A step by its platform's name. A step that is repeated until it succeeds is listed once."""

    name: str
    state: ProgressState
    at: datetime


def list_step_progress(post: Post, events: Sequence[PostEvent]) -> list[StepProgress]:
    """The steps in their order; the last one is running until the post has ended."""
    steps = [event for event in events if event.kind == STEP_EVENT and event.note]
    return [
        StepProgress(
            str(event.note),
            last_step_state(post) if event is steps[-1] else ProgressState.DONE,
            event.at,
        )
        for event in steps
    ]


def last_step_state(post: Post) -> ProgressState:
    if post.state not in FINAL_STATES:
        return ProgressState.RUNNING
    return ProgressState.DONE if post.state == PostState.PUBLISHED else ProgressState.FAILED
