"""The inbox as a state machine: events stored, claimed, overtaken, applied, replayed, discarded.

Whatever the order, the rows are what the model says, and each event is applied once for each time
that it was stored or replayed.
"""

import itertools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select, text

from core.jobs.executor import execute_claim
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch
from core.webhooks import WEBHOOK_JOB_TYPE, discard_events, replay_events, restore_events
from db.webhooks.events import Event, EventFilter
from tests.db.schema_catalog import run_sql
from tests.db.state_machine_settings import CHOICES, pick_one, run_machine
from tests.db.webhooks_harness import publish_event
from tests.support.tiktok_webhooks import CREATOR

HOUR = timedelta(hours=1)
MANY_ATTEMPTS = 99  # more than any policy allows
EVENT_KINDS = ("inbox_delivered", "publicly_available", "complete")
PUBLICATION_COUNT, UNKNOWN_PUBLICATION = 3, "of nobody"
UNIQUE_NUMBERS = itertools.count(1)

NOTE_APPLIED = """
CREATE TABLE applied (event_id bigint);
CREATE FUNCTION note_applied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN INSERT INTO applied VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER note_applied AFTER UPDATE OF status ON webhook_events FOR EACH ROW
  WHEN (NEW.status = 'done') EXECUTE FUNCTION note_applied();
GRANT SELECT ON applied TO PUBLIC;
"""


@dataclass
class ModelEvent:
    """What has to be in the row. `holder`: the lease token whose result may be recorded."""

    id: int
    envelope: dict
    is_known: bool
    status: str = "pending"
    applied: int = 0
    holder: int | None = None
    token: int = 0
    lease_hours: int = 0  # until the lease ends; 0: within seconds from now
    is_exhausted: bool = False
    discarded_at: datetime | None = None

    @property
    def is_expired(self):
        return self.lease_hours < 0


class InboxMachine(RuleBasedStateMachine):
    job_type = WEBHOOK_JOB_TYPE

    def __init__(self, harness):
        super().__init__()
        self.harness = harness
        self.prefix = f"example-{next(UNIQUE_NUMBERS)}-"
        self.events = {}
        self.batches = []
        account_id = harness.create_account(open_id=self.prefix + CREATOR)
        for number in range(PUBLICATION_COUNT):
            harness.create_publication(account_id, f"{self.prefix}{number}")

    def find(self, **traits):
        return [
            event
            for event in self.events.values()
            if all(getattr(event, name) == value for name, value in traits.items())
        ]

    @rule(number=st.integers(0, PUBLICATION_COUNT), kind=st.sampled_from(EVENT_KINDS))
    def store(self, number, kind):
        is_known = number < PUBLICATION_COUNT
        name = f"{self.prefix}{number if is_known else UNKNOWN_PUBLICATION}"
        envelope = publish_event(
            kind,
            name,
            user_openid=self.prefix + CREATOR,
            create_time=1_770_000_000 + next(UNIQUE_NUMBERS),
        )
        (event_id,) = self.harness.store_envelopes(envelope)
        self.events[event_id] = ModelEvent(event_id, envelope, is_known)

    @rule(choice=CHOICES)
    def store_again(self, choice):
        if not self.events:
            return
        event = pick_one(list(self.events.values()), choice)
        before = self.count_rows()
        self.harness.store_envelopes(event.envelope)
        assert self.count_rows() == before

    @rule(limit=st.integers(1, 4))
    def claim(self, limit):
        self.keep_claims(limit=limit, expired=False)

    @rule()
    def claim_expired(self):
        self.keep_claims(limit=1, expired=True)

    def keep_claims(self, **options):
        claims = claim_batch(self.job_type, self.harness.database, row_id=None, **options)
        for claim in claims:
            event = self.events[claim.id]
            assert event.status == "pending", "only what is not finished is claimed"
            assert event.holder is None or event.is_expired, "a lease excludes other claims"
            assert claim.lease_token > event.token
            event.holder = event.token = claim.lease_token
            event.lease_hours = 0
        results = [
            (claim, execute_claim(self.job_type, claim, self.harness.services)) for claim in claims
        ]
        if results:
            self.batches.append(results)

    @rule(choice=CHOICES, is_kept=st.booleans())
    def record(self, choice, is_kept):
        """Record a batch; one that is kept is recorded a second time, as after a lost commit."""
        if not self.batches:
            return
        batch = pick_one(self.batches, choice)
        results = [(self.present_claim(claim), result) for claim, result in batch]
        record_results(self.job_type, self.harness.database, self.harness.services, results)
        for claim, _ in batch:
            event = self.events[claim.id]
            if event.holder == claim.lease_token:
                self.finish(event)
        if not is_kept:
            self.batches.remove(batch)

    def present_claim(self, claim):
        """The claim with which a worker records."""
        return claim

    def finish(self, event):
        event.holder, event.lease_hours = None, 0
        if event.is_exhausted:
            event.status = "dead"
        elif event.is_known:
            event.status, event.applied = "done", event.applied + 1

    @rule()
    def lose_worker(self):
        """A worker is killed with all it holds."""
        if self.batches:
            self.batches.pop(0)

    @rule()
    def expire_leases(self):
        held = [event for event in self.events.values() if event.holder is not None]
        if held:
            ids = [event.id for event in held]
            self.harness.update_events(*ids, leased_until=func.now() - HOUR)
        for event in held:
            event.lease_hours = -1

    @rule(hours=st.sampled_from([-2, 2]))
    def jump_clock(self, hours):
        """The database's clock jumps: all times in the rows are that much nearer, or farther."""
        self.harness.update_events(
            *self.events,
            due_at=Event.due_at - timedelta(hours=hours),
            leased_until=Event.leased_until - timedelta(hours=hours),
        )
        for event in self.events.values():
            if event.holder is not None:
                event.lease_hours -= hours

    @rule()
    def pass_time(self):
        waiting = self.find(status="pending", holder=None)
        if waiting:
            self.harness.update_events(*(event.id for event in waiting), due_at=func.now() - HOUR)

    @rule()
    def use_up_attempts(self):
        waiting = self.find(status="pending", holder=None)
        for event in waiting[:2]:
            event.is_exhausted = True
            self.harness.update_events(event.id, attempts=MANY_ATTEMPTS)

    @rule(choice=CHOICES, count=st.integers(1, 4))
    def replay(self, choice, count):
        if not self.events:
            return
        first = choice % len(self.events)
        chosen = list(self.events.values())[first : first + count]
        ids = [event.id for event in chosen]
        replayed = replay_events(self.harness.database, EventFilter(ids=ids))
        finished = [event for event in chosen if event.status != "pending"]
        assert replayed.ids == sorted(event.id for event in finished)
        for event in finished:
            event.status, event.is_exhausted, event.discarded_at = "pending", False, None

    @rule()
    def discard(self):
        dead = self.find(status="dead")
        found = discard_events(self.harness.database, EventFilter(ids=list(self.events)))
        assert found.ids == sorted(event.id for event in dead)
        for event in dead:
            event.status, event.discarded_at = "ignored", found.at

    @rule()
    def restore(self):
        for at in {event.discarded_at for event in self.find(status="ignored")}:
            restored = self.find(status="ignored", discarded_at=at)
            ids = restore_events(self.harness.database, at)
            assert ids == sorted(event.id for event in restored)
            for event in restored:
                event.status, event.discarded_at = "dead", None

    def count_rows(self):
        with self.harness.database.transaction() as session:
            return session.scalar(select(func.count()).select_from(Event))

    @invariant()
    def rows_are_as_in_the_model(self):
        rows = {row[0]: row[1:] for row in self.select_rows()}
        expected = {
            event.id: (event.status, event.token, event.holder is not None, event.applied)
            for event in self.events.values()
        }
        assert rows == expected

    def select_rows(self):
        applied = "(SELECT count(*) FROM applied WHERE event_id = webhook_events.id)"
        statement = (
            f"SELECT id, status, lease_token, leased_until IS NOT NULL, {applied}"
            " FROM webhook_events WHERE id = ANY(:ids)"
        )
        with self.harness.database.transaction() as session:
            rows = session.execute(text(statement), {"ids": list(self.events)}).all()
            return [tuple(row) for row in rows]

    def teardown(self):
        """In the end everything that can be applied is applied, and nothing is held."""
        try:
            self.batches.clear()
            self.expire_leases()
            pending = self.find(status="pending")
            for _ in range(2):
                if pending:  # also what a clock that was set back has postponed
                    ids = [event.id for event in pending]
                    self.harness.update_events(*ids, due_at=func.now() - HOUR)
                self.harness.process_events()
            self.check_end()
        finally:
            self.harness.remove_events(list(self.events))

    def check_end(self):
        left = self.find(is_known=True, status="pending")
        rows = {row[0]: row[1:] for row in self.select_rows()}
        assert {rows[event.id][0] for event in left} <= {"done", "dead"}
        assert not any(row[2] for row in rows.values()), "nothing is leased"


class UnfencedInboxMachine(InboxMachine):
    """Its workers record with the lease token of whoever has the event now."""

    def present_claim(self, claim):
        return replace(claim, lease_token=self.events[claim.id].token)


@pytest.fixture
def inbox(webhook_harness, database_url):
    run_sql(database_url, NOTE_APPLIED)
    return webhook_harness


def test_the_inbox_agrees_with_its_model_whatever_happens_in_which_order(inbox):
    run_machine(partial(InboxMachine, inbox))


def test_without_the_fence_the_machine_finds_an_event_that_is_applied_twice(inbox):
    """The negative control."""
    machine = UnfencedInboxMachine(inbox)
    machine.store(number=0, kind="complete")
    machine.claim(limit=1)
    machine.expire_leases()
    machine.claim_expired()
    machine.rows_are_as_in_the_model()
    machine.record(choice=0, is_kept=False)  # by the first worker
    with pytest.raises(AssertionError):
        machine.rows_are_as_in_the_model()


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_the_inbox_agrees_with_its_model_in_long_runs(inbox):
    run_machine(partial(InboxMachine, inbox), is_long=True)
