"""A platform that delivers everything many times, in no order, and the judge of what became of it.

Knows our address, tables and signatures, and none of our code. That the judge can complain is shown
in `test_webhook_storm.py`.
"""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urljoin

import pytest
import requests

from tests.flows.brokers import PATIENCE, until
from tests.flows.houses import a_house
from tests.tiktok_sender import ADDRESS, an_envelope, signature

SECRET = "storm-secret-of-the-tests"
SECRETS = f"the-next-secret-of-the-tests,{SECRET}"  # as while one is changed
SENDERS, COPIES = 10, 10
TIMEOUT = (1.0, 5.0)

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
CREATE TABLE moved_back (publish_id text);
CREATE FUNCTION note_moved_back() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO moved_back VALUES (NEW.publish_id); RETURN NULL; END $$;
CREATE TRIGGER note_moved_back AFTER UPDATE OF state ON posts FOR EACH ROW
  WHEN (OLD.state = 'PUBLISHED' AND NEW.state <> 'PUBLISHED') EXECUTE FUNCTION note_moved_back();
"""
"""One trigger counts every application, with nothing in the way of a second one; the other sees
posts that leave the state nothing leads out of."""

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

    def deliver(self, publish_id, *, within=PATIENCE):
        envelope = an_envelope(publish_id=publish_id, client_key="")
        body = json.dumps(envelope).encode()
        until(
            lambda: self.send(publish_id, body), within=within, what=f"an answer for {publish_id}"
        )

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
    "moved back": "SELECT publish_id FROM moved_back WHERE publish_id = ANY(%s)",
    "held for ever": """
        SELECT publish_id FROM webhook_events
         WHERE publish_id = ANY(%s)
           AND (leased_until IS NOT NULL OR next_attempt_at IS NOT NULL)""",
    "tried too often": """
        SELECT publish_id FROM webhook_events
         WHERE publish_id = ANY(%s) AND (retry_count > 14 OR dead_at IS NOT NULL)""",
}
"""I1, I2, I3, I7 and I8 of the test plan, asked for what was acknowledged."""


@pytest.fixture(scope="package")
def storm_house(tmp_path_factory):
    """For all who deliver to it; they are in one group, so that it is opened once."""
    folder = tmp_path_factory.mktemp("storm")
    secrets = {"TIKTOK_WEBHOOK_SECRET": SECRETS, "INSTAGRAM_WEBHOOK_SECRET": SECRETS}
    with a_house(folder, **secrets) as house:
        house.rows(PEOPLE)
        yield house
