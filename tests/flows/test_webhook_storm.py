"""Deliveries tenfold, shuffled, while the house loses its processes: I1 and I2 of the test plan.

What was acknowledged is there, and was applied once. The checker is shown to be able to complain.
"""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin

import pytest
import requests

from tests.flows.brokers import until
from tests.flows.houses import a_house
from tests.tiktok_sender import ADDRESS, an_envelope, signature

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("storm")]

SECRET = "storm-secret-of-the-tests"
SENDERS, COPIES = 10, 10
TIMEOUT = (1.0, 5.0)
DRAINED = 60.0  # seconds; a lease, and the start of a worker on a busy machine

PEOPLE = """
INSERT INTO users (email) VALUES ('storm@example.org');
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at)
  SELECT id, 'tiktok', 'open-1', 'video.upload', 'sealed', now() + interval '1 day' FROM users
   WHERE email = 'storm@example.org';
CREATE TABLE applied (event_id bigint, publish_id text);
CREATE FUNCTION note_applied() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO applied VALUES (NEW.id, NEW.publish_id); RETURN NULL; END $$;
CREATE TRIGGER note_applied AFTER UPDATE OF status ON webhook_events FOR EACH ROW
  WHEN (NEW.status = 'done') EXECUTE FUNCTION note_applied();
"""
"""The trigger counts every application; nothing stands in the way of a second one."""

POSTS = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, started_at)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM', 'PROCESSING',
         'PROCESSING', %s || number, now()
    FROM oauth_accounts, generate_series(1, %s) AS number WHERE open_id = 'open-1'
"""


@dataclass
class Storm:
    """As the platform: the same bytes again until somebody answers 200."""

    house: object
    name: str
    count: int
    acknowledged: set = field(default_factory=set)
    answers: list = field(default_factory=list)
    lapsed: float = field(default_factory=time.monotonic)

    @property
    def ids(self):
        return [f"{self.name}{number}" for number in range(1, self.count + 1)]

    def prepare(self):
        self.house.rows(POSTS, self.name, self.count)
        return self

    def blow(self, copies=COPIES):
        """Every notice so often, in no order, by ten senders at once."""
        deliveries = self.ids * copies
        random.Random(self.name).shuffle(deliveries)
        with ThreadPoolExecutor(SENDERS) as threads:
            list(threads.map(self.deliver, deliveries))

    def deliver(self, publish_id):
        envelope = an_envelope(publish_id=publish_id, client_key="")
        body = json.dumps(envelope).encode()
        until(lambda: self.send(publish_id, body), what=f"an answer for {publish_id}")

    def send(self, publish_id, body):
        headers = {"TikTok-Signature": signature(body, secret=SECRET)}
        address = urljoin(self.house.told["web"], ADDRESS)
        try:
            answer = requests.post(address, data=body, headers=headers, timeout=TIMEOUT)
        except requests.RequestException:
            time.sleep(0.1)  # the platform waits longer; nobody is there right now
            return False
        self.answers.append(answer.status_code)
        if answer.status_code == 200:
            self.acknowledged.add(publish_id)
        return answer.status_code == 200

    def drained(self):
        open_ones = (
            "SELECT count(*) FROM webhook_events WHERE publish_id = ANY(%s)"
            " AND processed_at IS NULL AND dead_at IS NULL"
        )
        return self.house.one(open_ones, self.ids) == 0

    def drained_soon(self):
        """The same, with leases that end after three seconds instead of thirty."""
        if self.drained():
            return True
        if time.monotonic() > self.lapsed + 3:
            self.house.lapse()
            self.lapsed = time.monotonic()
        return False

    def complaints(self):
        """Everything that is not as promised: lost, stored twice, applied never or twice."""
        wrong = {}
        for told, statement in CHECKS.items():
            wrong[told] = {row[0] for row in self.house.rows(statement, sorted(self.acknowledged))}
        return {told: ids for told, ids in wrong.items() if ids}


CHECKS = {
    "lost": """
        SELECT wanted FROM unnest(%s) AS wanted
         WHERE NOT EXISTS (SELECT FROM webhook_events WHERE publish_id = wanted)""",
    "stored twice": """
        SELECT publish_id FROM webhook_events WHERE publish_id = ANY(%s)
         GROUP BY 1 HAVING count(*) > 1""",
    "not applied once": """
        SELECT wanted FROM unnest(%s) AS wanted
         WHERE (SELECT count(*) FROM applied WHERE publish_id = wanted) <> 1""",
    "without effect": """
        SELECT publish_id FROM posts
         WHERE publish_id = ANY(%s) AND state <> 'PUBLISHED'""",
    "with two effects": """
        SELECT publish_id FROM posts JOIN post_events ON post_id = posts.id
         WHERE publish_id = ANY(%s) AND post_events.kind = 'webhook'
         GROUP BY 1 HAVING count(*) > 1""",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("storm")
    with a_house(folder, TIKTOK_WEBHOOK_SECRET=SECRET) as house:
        house.rows(PEOPLE)
        yield house


@pytest.fixture
def storm(house, request):
    return lambda name, count: Storm(house, name, count).prepare()


def test_killed_processes_lose_nothing_that_was_acknowledged(house, storm):
    storm = storm("storm-", 120)
    with ThreadPoolExecutor(1) as threads:
        blowing = threads.submit(storm.blow)
        for name, after in (("worker", 100), ("web", 400), ("worker", 700)):
            until(
                lambda after=after: len(storm.answers) >= after or blowing.done(),
                what=f"{after} answers",
            )
            assert not blowing.done(), "the storm was over before its misfortune"
            house.kill(name)
            house.lapse()  # of whom was killed, and of the living as well: the fence holds
        blowing.result()
    until(storm.drained_soon, within=DRAINED, what="the inbox drained")
    assert len(storm.acknowledged) == 120
    assert set(storm.answers) <= {200, 503}
    assert storm.answers.count(200) == 120 * COPIES
    assert storm.complaints() == {}


def test_a_hung_broker_costs_no_answer_and_beat_makes_up_for_the_bells(house, storm):
    storm = storm("hung-", 20)
    with house.frozen("redis"):
        began = time.monotonic()
        storm.blow(copies=2)
        taken = time.monotonic() - began
    assert set(storm.answers) == {200}
    assert taken < 4
    until(storm.drained, within=DRAINED, what="the inbox drained")
    assert storm.complaints() == {}


def test_the_checker_complains_when_there_is_something_to_complain_about(house, storm):
    storm = storm("control-", 6)
    storm.blow(copies=1)
    until(storm.drained, within=DRAINED, what="the inbox drained")
    assert storm.complaints() == {}
    lost, again, forgotten, stored_twice = storm.ids[:4]

    house.rows("DELETE FROM webhook_events WHERE publish_id = %s", lost)
    house.rows(
        "UPDATE webhook_events SET processed_at = NULL, status = 'pending', next_attempt_at = now()"
        " WHERE publish_id = %s",
        again,
    )
    house.rows("UPDATE posts SET state = 'PROCESSING' WHERE publish_id = %s", forgotten)
    with without_the_key(house):
        storm.deliver(stored_twice)
    until(storm.drained, within=DRAINED, what="the inbox drained")

    assert storm.complaints() == {
        "lost": {lost},
        "stored twice": {stored_twice},
        "not applied once": {again, stored_twice},
        "without effect": {forgotten},
    }


@contextmanager
def without_the_key(house):
    """Nothing in the schema refuses a second row."""
    key = "uq_webhook_events_provider_external_id"
    house.rows(f"ALTER TABLE webhook_events DROP CONSTRAINT {key}")
    yield
    house.rows("UPDATE webhook_events SET external_id = external_id || id")
    house.rows(f"ALTER TABLE webhook_events ADD CONSTRAINT {key} UNIQUE (provider, external_id)")
