"""Sends each delivery many times in random order, and checks in the tables what became of it.

It knows URL, tables and signatures, and imports no production code. The negative control of the
check is in `test_webhooks_burst.py`.
"""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urljoin

import pytest
import requests

from tests.flows.brokers import WAIT_TIMEOUT, wait_until
from tests.flows.stacks import run_stack
from tests.support.tiktok_webhooks import WEBHOOK_PATH, build_envelope, sign_body

WEBHOOK_SECRET = "current-secret-of-the-tests"
WEBHOOK_SECRETS = f"the-next-secret-of-the-tests,{WEBHOOK_SECRET}"  # during a change of secret
SENDER_COUNT, COPIES_PER_EVENT = 10, 10
DELIVERY_TIMEOUT = (1.0, 5.0)

SETUP_SQL = """
INSERT INTO users (email) VALUES ('burst@example.org');
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at)
  SELECT id, 'tiktok', 'open-1', 'video.upload', 'ciphertext', now() + interval '1 day' FROM users
   WHERE email = 'burst@example.org';
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
"""One trigger counts each application of an event, also a second one; the other records posts that
leave their final state."""

INSERT_POSTS = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, started_at)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM', 'PROCESSING',
         'PROCESSING', %s || number, now()
    FROM oauth_accounts, generate_series(1, %s) AS number WHERE open_id = 'open-1'
"""


@dataclass
class DeliveryBurst:
    """Sends deliveries as a platform does: the same bytes again until the answer is 200."""

    stack: object
    name: str
    count: int
    acknowledged: set = field(default_factory=set)
    statuses: list = field(default_factory=list)
    leases_expired_at: float = field(default_factory=time.monotonic)

    @property
    def publish_ids(self):
        return [f"{self.name}{number}" for number in range(1, self.count + 1)]

    def insert_posts(self):
        self.stack.query(INSERT_POSTS, self.name, self.count)
        return self

    def deliver_all(self, copies=COPIES_PER_EVENT):
        """Send each delivery `copies` times, in random order, by ten senders at once."""
        deliveries = self.publish_ids * copies
        random.Random(self.name).shuffle(deliveries)
        with ThreadPoolExecutor(SENDER_COUNT) as senders:
            list(senders.map(self.deliver, deliveries))

    def deliver(self, publish_id, *, within=WAIT_TIMEOUT):
        envelope = build_envelope(publish_id=publish_id, client_key="")
        body = json.dumps(envelope).encode()
        wait_until(
            lambda: self.send(publish_id, body), within=within, what=f"an answer for {publish_id}"
        )

    def send(self, publish_id, body):
        sent_at = time.monotonic()
        status = post_delivery(self.stack, body)
        if status is None:
            time.sleep(0.1)  # the server is down; a platform would wait longer
            return False
        self.note_answer(publish_id, status, time.monotonic() - sent_at)
        return status == 200

    def note_answer(self, publish_id, status, _seconds):
        self.statuses.append(status)
        if status == 200:
            self.acknowledged.add(publish_id)

    def is_drained(self):
        statement = (
            "SELECT count(*) FROM webhook_events WHERE publish_id = ANY(%s)"
            " AND processed_at IS NULL AND dead_at IS NULL"
        )
        return self.stack.query_value(statement, self.publish_ids) == 0

    def is_drained_early(self):
        """Like `is_drained`, but expire the leases every three seconds instead of thirty."""
        if self.is_drained():
            return True
        if time.monotonic() > self.leases_expired_at + 3:
            self.stack.expire_leases()
            self.leases_expired_at = time.monotonic()
        return False

    def find_violations(self):
        """Return the violated guarantees, each with the publish ids concerned."""
        violations = {}
        for violation, statement in VIOLATION_QUERIES.items():
            violations[violation] = {
                row[0] for row in self.stack.query(statement, sorted(self.acknowledged))
            }
        return {violation: ids for violation, ids in violations.items() if ids}


def post_delivery(stack, body):
    """Send a signed delivery once; return the status of the answer, None without one."""
    headers = {"TikTok-Signature": sign_body(body, secret=WEBHOOK_SECRET)}
    url = urljoin(stack.info["web"], WEBHOOK_PATH)
    try:
        return requests.post(url, data=body, headers=headers, timeout=DELIVERY_TIMEOUT).status_code
    except requests.RequestException:
        return None


VIOLATION_QUERIES = {
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
    "leased for ever": """
        SELECT publish_id FROM webhook_events
         WHERE publish_id = ANY(%s)
           AND (leased_until IS NOT NULL OR next_attempt_at IS NOT NULL)""",
    "tried too often": """
        SELECT publish_id FROM webhook_events
         WHERE publish_id = ANY(%s) AND (retry_count > 14 OR dead_at IS NOT NULL)""",
}
"""Guarantee → query for the acknowledged publish ids that violate it."""


@pytest.fixture(scope="package")
def burst_stack(tmp_path_factory):
    """One running stack for all tests of the xdist group `webhook_stack`."""
    folder = tmp_path_factory.mktemp("webhooks")
    secrets = {
        "TIKTOK_WEBHOOK_SECRET": WEBHOOK_SECRETS,
        "INSTAGRAM_WEBHOOK_SECRET": WEBHOOK_SECRETS,
    }
    with run_stack(folder, **secrets) as stack:
        stack.query(SETUP_SQL)
        yield stack
