"""Posts as a state machine: requested, held, cancelled, claimed, overtaken, published, reconciled.

The platform publishes whenever it is called, answers or not, and says truthfully what is public.
Whatever the order: no post is published twice, and its state agrees with what is public.
"""

import contextlib
import itertools
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select

from core.errors import Conflict
from core.jobs.executor import execute_claim
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch
from core.post_state.settle import PostState
from core.publishing import PUBLISH_JOB_TYPE, cancel_post, hold_post, release_post
from db.posts.posts import Post
from platforms.errors import ServerBusy, TimedOut
from platforms.publishing import RECONCILE_STEP, AbsenceReported, Safety
from tests.db.state_machine_settings import CHOICES, pick_one, run_machine
from tests.support.step_platform import part_created, visible

ANSWERS = ("answered", "refused for now", "lost before", "lost after")
ENDED = {PostState.PUBLISHED, PostState.FAILED, PostState.CANCELLED}
HOUR, TEN_MINUTES = timedelta(hours=1), timedelta(minutes=10)
MAX_POSTS = 3
MAX_ROUNDS = 12  # of workers, in which every post ends
UNIQUE_NUMBERS = itertools.count(1)


class TruthfulPlatform:
    """Publishes the part that it is called for, and knows what it has published."""

    def __init__(self, publisher):
        self.answer = "answered"
        self.public = Counter()
        publisher.answers |= {
            "create": [lambda _publication, _tools: [part_created(handle=self.make_handle())]],
            "publish": [self.publish],
            RECONCILE_STEP: [self.reconcile],
        }

    def make_handle(self):
        return f"part-{next(UNIQUE_NUMBERS)}"

    def publish(self, publication, _tools):
        handle = publication.get_part(0).handle
        if self.answer == "refused for now":
            raise ServerBusy("busy")
        if self.answer == "lost before":
            raise TimedOut("no answer")
        self.public[handle] += 1
        if self.answer == "lost after":
            raise TimedOut("no answer")
        return [visible(f"public-{handle}")]

    def reconcile(self, publication, _tools):
        handle = publication.get_part(0).handle
        return [visible(f"public-{handle}") if self.public[handle] else AbsenceReported()]


class PostMachine(RuleBasedStateMachine):
    safety = Safety.UNSAFE

    def __init__(self, harness):
        super().__init__()
        self.harness = harness
        harness.publisher.safeties["publish"] = self.safety
        self.platform = TruthfulPlatform(harness.publisher)
        self.account = harness.add_account()
        self.post_ids, self.claims, self.results = [], [], []
        self.held = set()

    @rule()
    def request_post(self):
        if len(self.post_ids) >= MAX_POSTS:
            return
        self.post_ids.append(self.harness.add_post(self.account))

    @rule(choice=CHOICES)
    def hold(self, choice):
        if not self.post_ids:
            return
        post_id = pick_one(self.post_ids, choice)
        with contextlib.suppress(Conflict):
            hold_post(self.harness.database, post_id, user_id=self.account.user_id)
            self.held.add(post_id)

    @rule()
    def release(self):
        if not self.held:
            return
        post_id = self.held.pop()
        with contextlib.suppress(Conflict):  # it was cancelled meanwhile
            release_post(
                self.harness.database,
                self.harness.services,
                post_id,
                user_id=self.account.user_id,
            )

    @rule(choice=CHOICES)
    def cancel(self, choice):
        if not self.post_ids:
            return
        post_id = pick_one(self.post_ids, choice)
        with contextlib.suppress(Conflict):
            cancel_post(
                self.harness.database,
                self.harness.services,
                post_id,
                user_id=self.account.user_id,
            )
            assert self.harness.post(post_id).state == PostState.CANCELLED

    @rule(expired=st.booleans())
    def claim(self, expired):
        claims = claim_batch(
            PUBLISH_JOB_TYPE, self.harness.database, limit=1, expired=expired, row_id=None
        )
        for claim in claims:
            assert claim.id not in self.held, "what is on hold is not claimed"
        self.claims += claims

    @rule(answer=st.sampled_from(ANSWERS), choice=CHOICES)
    def call(self, answer, choice):
        """Some worker makes its calls; its claim may be overtaken by now."""
        if not self.claims:
            return
        claim = self.claims.pop(choice % len(self.claims))
        self.platform.answer = answer
        result = execute_claim(PUBLISH_JOB_TYPE, claim, self.harness.services)
        self.results.append((claim, result))

    @rule(choice=CHOICES)
    def record(self, choice):
        if not self.results:
            return
        results = [self.results.pop(choice % len(self.results))]
        record_results(PUBLISH_JOB_TYPE, self.harness.database, self.harness.services, results)

    @rule()
    def lose_worker(self):
        """A worker is killed with its claim, or with the answer that it has."""
        if not (self.claims or self.results):
            return
        (self.results or self.claims).pop(0)

    @rule()
    def expire_leases(self):
        leased = [Post.id.in_(self.post_ids), Post.leased_until.is_not(None)]
        self.harness.update_posts(leased, leased_until=func.now() - HOUR)

    @rule(hours=st.sampled_from([-1, 1]))
    def jump_clock(self, hours):
        """The database's clock jumps: leases end in their workers' hands, or last for longer."""
        jump = timedelta(hours=hours)
        own_posts = [Post.id.in_(self.post_ids)]
        self.harness.update_posts(
            own_posts, due_at=Post.due_at - jump, leased_until=Post.leased_until - jump
        )

    @rule()
    def pass_time(self):
        """Ten minutes pass: what waits is due, and absences were reported over a long time."""
        for post in self.load_posts():
            if post.due_at is None or post.leased_until is not None:
                continue
            step_state = dict(post.step_state)
            if "absent_since" in step_state:
                ago = self.harness.one(func.now().select()) - TEN_MINUTES
                step_state |= {"absent_since": ago.isoformat(), "repeat_after": ago.isoformat()}
            self.harness.update_post(post.id, step_state=step_state, due_at=func.now())

    def load_posts(self):
        return self.harness.all(select(Post).where(Post.id.in_(self.post_ids)).order_by(Post.id))

    @invariant()
    def states_agree_with_what_is_public(self):
        assert not [handle for handle, count in self.platform.public.items() if count > 1]
        published = [post for post in self.load_posts() if post.state == PostState.PUBLISHED]
        assert all(self.platform.public[post.publish_id] == 1 for post in published)
        ended = [post for post in self.load_posts() if post.state in ENDED]
        is_all_ended = len(ended) == len(self.post_ids) and not self.results
        if is_all_ended:
            assert self.platform.public.total() == len(published)
        assert self.platform.public.total() <= len(self.post_ids)

    def teardown(self):
        """In the end every post has ended, and what was not cancelled is public once."""
        self.claims.clear()
        self.results.clear()
        while self.held:
            self.release()
        for _ in range(MAX_ROUNDS):
            if all(post.state in ENDED for post in self.load_posts()):
                break
            self.expire_leases()
            self.pass_time()
            due = [Post.id.in_(self.post_ids), Post.due_at.is_not(None)]
            self.harness.update_posts(due, due_at=func.now())  # also of a clock that was set back
            self.platform.answer = "answered"
            self.harness.run_workers()
        for post in self.load_posts():
            assert post.state in {PostState.PUBLISHED, PostState.CANCELLED}, post.state
        self.states_agree_with_what_is_public()


class RepeatingPostMachine(PostMachine):
    """Its platform's publish call counts as one that may be repeated."""

    safety = Safety.SAFE


def test_posts_agree_with_what_is_public_whatever_is_lost_or_raced(step_harness):
    run_machine(partial(PostMachine, step_harness), examples=5)


def test_if_the_call_is_repeated_without_reconciling_the_machine_finds_a_second_post(step_harness):
    """The negative control."""
    machine = RepeatingPostMachine(step_harness)
    machine.request_post()
    with pytest.raises(AssertionError):
        lose_every_answer(machine)


def lose_every_answer(machine):
    for _ in range(MAX_ROUNDS):
        machine.pass_time()
        machine.claim(expired=False)
        while machine.claims:
            machine.call(answer="lost after", choice=0)
        while machine.results:
            machine.record(choice=0)
        machine.states_agree_with_what_is_public()


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_posts_agree_with_what_is_public_in_long_runs(step_harness):
    run_machine(partial(PostMachine, step_harness), is_long=True)
