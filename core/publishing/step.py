"""`Step`, the base class of the steps of publishing."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from core.bootstrap import Services
from core.outcomes import Reschedule
from core.post_state.changes import ChangeSet
from db.posts.posts import Post
from db.session import Session

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
    def record(self, changes: ChangeSet, post: Post, outcome: StepOutcomeT) -> Reschedule:
        """Write the effect; return when the next step is due."""
