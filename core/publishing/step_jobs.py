"""What a claim of a post that publishes in steps works on, and what it brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.accounts.posting_tokens import PostingToken
from core.outcomes import Failure, Snooze
from core.publishing.publication import StoredFile
from platforms.errors import NO_WAIT
from platforms.exchanges import Exchange
from platforms.publishing import (
    PartCreated,
    PartDiscarded,
    PartFailed,
    PartReported,
    PartSent,
    Publication,
    StepResult,
    StepRule,
)

PART_RESULTS = (PartCreated, PartReported, PartSent, PartDiscarded, PartFailed)


@dataclass(frozen=True)
class PlatformStepJob:
    """What a claimed post needs for its next step. `planned_step` is an unsafe step that was
    written down and may run in this claim; `is_upload_claim`: the claim is one of uploads.
    """

    provider: str
    post_id: int
    user_id: int
    publication: Publication
    token: PostingToken
    files: Mapping[int, StoredFile]  # by media id
    encrypted_upload_urls: Mapping[int, str]  # by position
    due_since: datetime
    is_checked: bool
    file_stamps: Mapping[int, str]  # by media id: version of each file when it was first read
    is_upload_claim: bool
    has_slot: bool
    planned_step: str | None = None


@dataclass(frozen=True)
class StepPlanned:
    """The step that the next claim runs. One that is unsafe, or that sends bytes, has to be written
    down first.
    """

    step: str
    is_unsafe: bool
    is_upload: bool


@dataclass(frozen=True)
class ChecksPassed:
    """Nothing is known that the platform would refuse; the limits of its quotas by name."""

    limits: Mapping[str, int]
    plan: StepPlanned | None


@dataclass(frozen=True)
class NothingLeft:
    """The platform has no further step for the post."""


@dataclass(frozen=True)
class StepSucceeded:
    """What a step returned. Upload URLs are encrypted, by position, and absent from `results`.

    `plan` is what has to be written down for the step after it.
    """

    rule: StepRule
    is_unsafe: bool
    results: Sequence[StepResult]
    encrypted_upload_urls: Mapping[int, str]
    file_stamps: Mapping[int, str]
    jitter: float
    plan: StepPlanned | None = None


@dataclass(frozen=True)
class StepUnanswered:
    """An unsafe step may have had its effect, although no answer came. If it turns out that it had
    none, it is not repeated before `min_delay` is over.
    """

    step: str
    code: str
    min_delay: timedelta = NO_WAIT


@dataclass(frozen=True)
class StepNotSent:
    """The step surely had no effect that people can see."""

    cause: Failure | Snooze


@dataclass(frozen=True)
class PostingTokenRefused:
    """The platform refused the access token. The step had no effect."""

    token: PostingToken
    code: str


@dataclass(frozen=True)
class NothingSent:
    """This installation is not in live mode: no platform is called."""


StepAnswer = (
    ChecksPassed
    | StepPlanned
    | NothingLeft
    | StepSucceeded
    | StepUnanswered
    | StepNotSent
    | PostingTokenRefused
    | NothingSent
)


@dataclass(frozen=True)
class ClaimAnswer:
    """What a claim brought; `is_planned`: it was permitted to run a planned unsafe step.

    `exchanges`: the calls that were made, without secrets.
    """

    answer: StepAnswer
    is_planned: bool
    exchanges: Sequence[Exchange] = ()

    @property
    def changes_parts(self) -> bool:
        """Whether the rows of the post's parts are needed to record it."""
        if not isinstance(self.answer, StepSucceeded):
            return isinstance(self.answer, StepNotSent | PostingTokenRefused)
        return any(isinstance(result, PART_RESULTS) for result in self.answer.results)
