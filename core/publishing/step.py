"""`Step`, the base class of the steps of publishing."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from core.bootstrap import Services
from core.outcomes import Failure, Reschedule
from core.post_state.changes import ChangeSet
from db.posts.posts import Post
from db.session import Session

OWN_STEP_PROVIDERS = frozenset({"tiktok"})
"""Platforms whose steps are those of this package; all others publish by `PlatformStep`."""

StepJobT = TypeVar("StepJobT")
StepOutcomeT = TypeVar("StepOutcomeT")


class Step(ABC, Generic[StepJobT, StepOutcomeT]):
    """What a claimed post needs next, in the three parts of a job: prepare, execute, record."""

    @abstractmethod
    def prepare(self, session: Session, post: Post) -> StepJobT:
        """Read what `execute` needs; may move the post, and may raise Snooze."""

    @abstractmethod
    def execute(self, job: StepJobT, services: Services) -> StepOutcomeT:
        """Call the platform, with no transaction open."""

    @abstractmethod
    def record(self, changes: ChangeSet, post: Post, outcome: StepOutcomeT) -> Reschedule | Failure:
        """Write the effect; return when the next step is due, or why there is none."""


def has_own_steps(provider: str) -> bool:
    """Whether this package, and not the platform's `StepPublisher`, decides the steps."""
    return provider in OWN_STEP_PROVIDERS
