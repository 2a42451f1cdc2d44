"""The load of a campaign: a stream of deliveries, posts of every kind, refreshes of tokens.

Whoever requests something repeats it with the same key until there is an answer, as a client does.
"""

import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread
from typing import Any
from urllib.parse import urljoin

import requests

from chaos.campaign_stack import CampaignStack
from chaos.fault_tools import FaultImpossible, wait_for
from chaos.timed_stream import TimedStream
from tests.flows.api_user import CHUNKED_FILE_BYTES, DIRECT_FIELDS, PULL_FIELDS
from tests.flows.instagram_posts import SAMPLE_KINDS, media_fields
from tests.flows.post_kinds import FILE_UPLOAD, INBOX_FIELDS, POST_KINDS

STREAM_NAME, EVENTS_PER_SECOND = "chaos-", 30.0
BUSY_USERS, TOKEN_USERS = 4, 6  # one more user has the posts of many chunks
CONNECTING_THREADS = 4
BUSY_POST_INTERVAL, TOKEN_INTERVAL = 5.0, 3.0  # seconds
DRAFTS_PER_DAY = 5  # TikTok's limit for a creator; three times as many direct posts
HANGING = -1  # instead of the status of an answer that never came
WEB_START_TIMEOUT = 25.0  # seconds in which a killed web process answers again
REPEAT_TIMEOUT = 90.0  # seconds that a request is repeated: the longest outage and a start

IS_CONNECTED = "SELECT status = 'ACTIVE' FROM oauth_accounts WHERE id = %s"
EXPIRE_TOKENS = """
UPDATE oauth_accounts SET expires_at = now() - interval '1 second', refresh_due_at = now()
 WHERE id IN (SELECT id FROM oauth_accounts
               WHERE id = ANY(%s) AND status = 'ACTIVE' AND leased_until IS NULL
                 FOR UPDATE SKIP LOCKED)
"""
INSERT_POISONED_POST = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, started_at)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM', 'PROCESSING',
         'PROCESSING', %s, now() FROM oauth_accounts WHERE open_id = 'open-1'
"""


@dataclass
class Workload:
    """What was sent and requested; `kind_posts` and `sample_posts` have one post for each user."""

    stack: CampaignStack
    stream: TimedStream
    users: list[tuple[Any, str]] = field(default_factory=list)
    instagram_users: list[tuple[Any, str]] = field(default_factory=list)
    busy_users: list[Any] = field(default_factory=list)
    token_users: list[Any] = field(default_factory=list)
    kind_posts: list[tuple[Any, dict[str, int]]] = field(default_factory=list)
    sample_posts: list[tuple[Any, int]] = field(default_factory=list)
    poisoned: list[str] = field(default_factory=list)
    odd_answers: set[str] = field(default_factory=set)
    given_up: list[str] = field(default_factory=list)
    expired_tokens: int = 0
    reconnections: int = 0
    chunked_media_id: int = 0
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def token_accounts(self) -> list[int]:
        return [user.account_id for user in self.token_users]

    def connect_users(self, rounds: int) -> None:
        """Connect the accounts of all users, before anything fails."""
        running = self.stack.running
        kinds = [kind for kind in POST_KINDS for _ in range(rounds)]
        samples = list(SAMPLE_KINDS)
        creator_count = len(kinds) + BUSY_USERS + 1 + TOKEN_USERS
        users = self.connect_in_groups(running.create_api_user, creator_count)
        people = self.connect_in_groups(running.create_instagram_user, len(samples))
        self.users = list(zip(users, kinds, strict=False))
        others = users[len(kinds) :]
        self.busy_users, self.token_users = others[: BUSY_USERS + 1], others[BUSY_USERS + 1 :]
        self.chunked_media_id = self.busy_users[-1].upload_file(CHUNKED_FILE_BYTES)
        self.instagram_users = list(zip(people, samples, strict=True))

    def connect_in_groups(self, connect: Callable[[], Any], count: int) -> list[Any]:
        """Connect so many users, a few at a time: more sign-ins than that are refused."""
        users: list[Any] = []
        with ThreadPoolExecutor(CONNECTING_THREADS) as threads:
            while len(users) < count:
                self.stack.running.forget_earlier_tests()
                group = min(CONNECTING_THREADS, count - len(users))
                users += threads.map(lambda _: connect(), range(group))
        return users

    @contextmanager
    def run(self, seconds: float) -> Iterator[None]:
        """Send and request until the end of the block. `seconds`: how long that will be."""
        stopped = Event()
        runners = (
            Thread(target=self.request_posts, args=(stopped, seconds)),
            Thread(target=self.request_busy_posts, args=(stopped,)),
            Thread(target=self.expire_in_turn, args=(stopped,)),
        )
        with self.stream.run():
            for runner in runners:
                runner.start()
            try:
                yield
            finally:
                stopped.set()
                for runner in runners:
                    runner.join()

    def request_posts(self, stopped: Event, seconds: float) -> None:
        """Request one post for each user, evenly in the time there is."""
        jobs = [partial(self.request_kind, user, kind) for user, kind in self.users]
        jobs += [partial(self.request_sample, user, kind) for user, kind in self.instagram_users]
        interleaved = [job for start in range(7) for job in jobs[start::7]]
        for job in interleaved:
            if not stopped.wait(seconds * 0.8 / len(jobs)):
                job()

    def request_kind(self, user: Any, kind: str) -> None:
        source, fields = POST_KINDS[kind][1:]
        media_id = self.repeat(user.upload_file) if source == FILE_UPLOAD else None
        media: dict[str, Any] = {} if media_id is None else {"media_id": media_id}
        request = {**fields, **media, "title": kind, "key": secrets.token_hex(8)}
        post_id = self.repeat(lambda: user.create_post(**request))
        if post_id is not None:
            self.kind_posts.append((user, {kind: post_id}))

    def request_sample(self, user: Any, kind: str) -> None:
        fields = self.repeat(lambda: media_fields(user, kind))
        request = {"text": kind, **(fields or {}), "key": secrets.token_hex(8)}
        post_id = self.repeat(lambda: user.create_post(**request)) if fields else None
        if post_id is not None:
            self.sample_posts.append((user, post_id))

    def request_busy_posts(self, stopped: Event) -> None:
        """Request posts of the users who have many, as many as the platform takes in a day.

        Every fourth is a draft. Refusals are no error: there are limits per minute too.
        """
        kinds = [INBOX_FIELDS, DIRECT_FIELDS, DIRECT_FIELDS, DIRECT_FIELDS]
        kinds *= DRAFTS_PER_DAY
        for fields, user in itertools.product(kinds, self.busy_users[:BUSY_USERS]):
            if stopped.wait(BUSY_POST_INTERVAL):
                return
            self.request_titled_post(user, {**PULL_FIELDS, **fields})

    def request_chunked_post(self) -> None:
        """Request a post whose bytes are sent to the platform in six chunks."""
        fields = {"source": FILE_UPLOAD, "media_id": self.chunked_media_id, **DIRECT_FIELDS}
        self.request_titled_post(self.busy_users[-1], fields)

    def request_titled_post(self, user: Any, fields: dict[str, Any]) -> None:
        with contextlib.suppress(requests.RequestException):
            user.request_post(**fields, title=f"busy {secrets.token_hex(8)}")

    def repeat(self, request_one: Callable[[], Any]) -> Any:
        """Return the answer to a request that is repeated until it is accepted; None in the end."""
        deadline = time.monotonic() + REPEAT_TIMEOUT
        while True:
            try:
                return request_one()
            except (AssertionError, requests.RequestException) as error:
                if time.monotonic() > deadline:
                    self.given_up.append(str(error)[:200])
                    return None
                time.sleep(0.5)

    def expire_in_turn(self, stopped: Event) -> None:
        """Expire one token after the other; who has to connect the account again does."""
        while not stopped.wait(TOKEN_INTERVAL):
            number = next(self._numbers)
            user = self.token_users[number % TOKEN_USERS]
            if self.stack.query_value(IS_CONNECTED, user.account_id):
                self.expire_tokens(only=number)
                continue
            with contextlib.suppress(AssertionError, requests.RequestException):
                user.connect()
                self.reconnections += 1

    def expire_tokens(self, *, only: int | None = None) -> int:
        """Let tokens expire now: all of them, or one; return how many."""
        accounts = self.token_accounts
        chosen = accounts if only is None else [accounts[only % len(accounts)]]
        count = int(self.stack.query(EXPIRE_TOKENS, chosen))
        self.expired_tokens += count
        return count

    def note_statuses(self, statuses: set[Any]) -> None:
        self.odd_answers |= {str(status) for status in statuses}

    def read_posts(self, timeout: float) -> int:
        """Return the status of a request for posts; 0 without a connection, -1 if it hangs."""
        info = self.stack.running.info
        headers = {"Authorization": f"Bearer {info['api_key']}"}
        url = urljoin(info["web"], "/api/posts?limit=1")
        with contextlib.suppress(requests.ConnectionError):  # the web process was just killed
            try:
                return requests.get(url, headers=headers, timeout=timeout).status_code
            except requests.ReadTimeout:
                return HANGING
        return 0

    def wait_for_web(self) -> None:
        """Wait until the web process answers, if it was just killed. Errors: FaultImpossible."""
        if not wait_for(lambda: self.read_posts(WEB_START_TIMEOUT) > 0, within=WEB_START_TIMEOUT):
            raise FaultImpossible("the web process was not running")

    def try_upload(self, number: int) -> str:
        """Send a file to us; return what was answered."""
        try:
            return f"with file {self.busy_users[number % len(self.busy_users)].upload_file()}"
        except AssertionError as error:
            return "with " + str(error).partition('"code":"')[2].partition('"')[0]
        except requests.RequestException as error:
            return type(error).__name__

    def send_poison(self, publish_id: str) -> None:
        self.stack.query(INSERT_POISONED_POST, publish_id)
        self.poisoned.append(publish_id)
        self.stream.deliver_aside(publish_id, within=REPEAT_TIMEOUT)

    def next_publish_ids(self, count: int) -> list[str]:
        """Return the ids of publications whose events are about to be sent."""
        first = self.stream.count + 2
        return [f"{self.stream.name}{number}" for number in range(first, first + count)]
