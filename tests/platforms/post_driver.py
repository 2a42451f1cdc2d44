"""Runs a post step by step against a sandbox, as core does, without a database.

It records results as the contract of `platforms.publishing` says, counts what was sent, and goes
forward with the sandbox's clock where a step wants to wait.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import groupby

from platforms.base import Phase
from platforms.errors import PlatformError, Unavailable
from platforms.publishing import (
    NO_STEP,
    RECONCILE_STEP,
    AbsenceReported,
    Part,
    PartCreated,
    PartDiscarded,
    PartFailed,
    PartReported,
    PartSent,
    PostVisible,
    ProgressReported,
    Publication,
    Safety,
    StepPublisher,
    StepTools,
    WaitFor,
)

MAX_STEPS, MAX_TRIES, ABSENCES_BEFORE_REPEAT = 60, 3, 3
POLL_DELAY, ONE_DAY = timedelta(seconds=30), timedelta(days=1)


@dataclass
class PostDriver:
    """One post. `history` has the steps that ran, `errors` what they raised.

    `client.advance_clock(seconds)` moves the sandbox's clock forward.
    """

    client: object
    publisher: StepPublisher
    tools: StepTools
    publication: Publication
    history: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    results: list = field(default_factory=list)
    discards: list = field(default_factory=list)
    failure: PartFailed | None = None
    delay: timedelta | None = None

    @property
    def now(self):
        """The sandbox's time."""
        raise NotImplementedError

    @property
    def posts(self):
        """What this account really published, as the sandbox knows it."""
        raise NotImplementedError

    @property
    def steps(self):
        """The steps that ran, one that waited for the platform and was repeated only once."""
        return [step for step, _ in groupby(self.history)]

    def run(self, *, until=NO_STEP):
        """Run steps until one is due, or the post has failed. The clock goes on instead of time."""
        for _ in range(MAX_STEPS):
            self.publication = replace(self.publication, now=self.now)
            step = self.next_step()
            if step == until or self.failure is not None:
                return self
            self.run_step(step)
        raise AssertionError(f"no end after {self.history}")

    def next_step(self):
        if self.publication.is_unconfirmed:
            return RECONCILE_STEP
        return self.publisher.next_step(self.publication)

    def run_step(self, step=None):
        step = step or self.next_step()
        self.history.append(step)
        self.delay = None
        self.publication = replace(self.publication, now=self.now)
        is_unsafe = self.publisher.step_safety(step, self.publication) is Safety.UNSAFE
        if is_unsafe:
            self.change(is_unconfirmed=True, unsafe_at=self.now, times_absent=0)
        try:
            results = self.publisher.run_step(step, self.publication, self.tools)
        except PlatformError as error:
            self.record_error(error, is_unsafe=is_unsafe)
            return error
        if is_unsafe:
            self.change(is_unconfirmed=False)
        self.results = list(results)
        for result in results:
            self.record_result(result)
        if self.delay is not None and self.next_step() != NO_STEP:
            self.client.advance_clock(self.delay.total_seconds())
        return self.results

    def record_error(self, error, *, is_unsafe):
        self.errors.append(error)
        is_doubtful = isinstance(error, Unavailable) and error.may_have_arrived
        if is_unsafe and not is_doubtful:
            self.change(is_unconfirmed=False)
        if self.publisher.steps[self.history[-1]].is_upload:
            self.change(is_offset_certain=False)
        self.client.advance_clock(POLL_DELAY.total_seconds())

    def record_result(self, result):
        match result:
            case PartCreated():
                self.record_created(result)
            case PartReported(position=position, status=status, status_text=text):
                self.change_part(position, status=str(status), status_text=text)
            case PartSent(position=position, next_offset=offset):
                self.change_part(position, next_offset=offset)
                self.change(is_offset_certain=True)
            case PartDiscarded(position=position):
                self.record_discarded(position, result)
            case PartFailed():
                self.failure = result
            case PostVisible():
                self.record_visible(result)
            case ProgressReported(progress=progress):
                self.record_progress(progress)
            case AbsenceReported():
                self.change(times_absent=self.publication.times_absent + 1)
                is_final = self.publication.times_absent >= ABSENCES_BEFORE_REPEAT
                self.change(is_unconfirmed=not is_final)
                self.delay = timedelta(minutes=2)
            case WaitFor(delay=delay):
                self.delay = delay or POLL_DELAY

    def record_created(self, result):
        old = self.publication.get_part(result.position)
        part = Part(
            result.position,
            result.role,
            result.handle,
            result.status,
            created_at=self.now,
            expires_at=self.now + (result.lifetime or ONE_DAY),
            tries=old.tries if old else 0,
            upload_url=result.upload_url,
        )
        others = [each for each in self.publication.parts if each.position != result.position]
        self.change(parts=(*others, part))
        if self.history[-1] == RECONCILE_STEP:
            self.change(is_unconfirmed=False)  # what became of the call is known

    def record_discarded(self, position, result):
        self.discards.append(result)
        old = self.publication.get_part(position)
        tries = (old.tries if old else 0) + 1
        others = [each for each in self.publication.parts if each.position != position]
        self.change(parts=(*others, Part(position, old.role if old else "item", tries=tries)))
        self.change(is_unconfirmed=False)
        if tries >= MAX_TRIES:
            self.failure = PartFailed(position, result.code, result.message)

    def record_visible(self, result):
        ids = self.publication.post_ids or ((result.post_id,) if result.post_id else ())
        self.change(
            phase=Phase.PUBLISHED,
            post_ids=ids,
            permalink=result.permalink or self.publication.permalink,
            published_at=self.publication.published_at or self.now,
            is_unconfirmed=False,
        )

    def record_progress(self, progress):
        ids = progress.post_ids or self.publication.post_ids
        self.change(phase=progress.phase, post_ids=ids, is_unconfirmed=False)

    def change_part(self, position, **changes):
        parts = [
            replace(part, **changes) if part.position == position else part
            for part in self.publication.parts
        ]
        self.change(parts=tuple(parts))

    def change(self, **changes):
        self.publication = replace(self.publication, **changes)
