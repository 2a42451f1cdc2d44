"""Token refreshes as a state machine, at a platform that rotates refresh tokens.

Whatever is lost, raced or revoked: an account that counts as connected has the platform's current
refresh token, unless an answer is missing; and no older result replaces a newer one.
"""

import itertools
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func

from core.accounts.refresh import REFRESH_JOB_TYPE
from core.jobs.executor import execute_claim
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch
from core.outcomes import Failure, Snooze
from tests.db.accounts_refresh_harness import (
    REVOKED_GRANT_RESPONSE,
    UNAVAILABLE_RESPONSE,
    factory,
    platform_server,
    refresh_response,
    services,
)
from tests.db.state_machine_settings import CHOICES, run_machine
from tests.platforms.hostile_server import END_CONNECTION
from tests.support.row_factory import HOUR

__all__ = ["factory", "platform_server", "services"]  # fixtures

TOKEN_PATH = "/v2/oauth/token/"
UNIQUE_NUMBERS = itertools.count(1)
ANSWERS = ("answered", "refused for now", "lost before", "lost after")


class RotatingPlatform:
    """Takes only its current refresh token, and replaces it with each call that takes effect."""

    def __init__(self, server):
        self.server = server
        self.open_id = f"-000{next(UNIQUE_NUMBERS)}"
        self.current = f"rft.{next(UNIQUE_NUMBERS)}"
        self.answer = "answered"
        self.rotations = 0
        server.behaviours[TOKEN_PATH] = self.respond

    def respond(self, sock):
        offered = parse_qs(self.server.requests[-1][1].decode())["refresh_token"][0]
        if self.answer == "refused for now":
            return sock.sendall(UNAVAILABLE_RESPONSE)
        if self.answer == "lost before":
            return self.lose_answer(sock)
        if offered != self.current:
            return sock.sendall(REVOKED_GRANT_RESPONSE)
        self.rotations += 1
        self.current = f"rft.{next(UNIQUE_NUMBERS)}"
        if self.answer == "lost after":
            return self.lose_answer(sock)
        return sock.sendall(refresh_response(refresh_token=self.current, open_id=self.open_id))

    def lose_answer(self, sock):
        self.server.reset_connection(sock)
        return END_CONNECTION

    def revoke(self):
        self.current = "revoked"


class TokenMachine(RuleBasedStateMachine):
    def __init__(self, database, services, factory, server):
        super().__init__()
        self.database, self.services, self.factory = database, services, factory
        self.platform = RotatingPlatform(server)
        self.account_id = factory.create_account(
            factory.create_user(),
            lasts=-HOUR,
            refresh=self.platform.current,
            open_id=self.platform.open_id,
        )
        self.claims, self.results = [], []
        self.version, self.token = 0, 0
        self.was_lost = self.was_revoked = False

    @property
    def account(self):
        return self.factory.account(self.account_id)

    @rule()
    def expire_token(self):
        """The access token expires: the account is due, unless nothing can renew it any more."""
        if self.account.status == "ACTIVE":
            now = func.now()
            self.factory.update_account(self.account_id, expires_at=now - HOUR, due_at=now)

    @rule(expired=st.booleans())
    def claim(self, expired):
        was_leased = self.account.leased_until is not None
        claims = claim_batch(
            REFRESH_JOB_TYPE, self.database, limit=1, expired=expired, row_id=self.account_id
        )
        assert not claims or was_leased == expired, "a lease excludes other claims"
        for claim in claims:
            assert claim.lease_token > self.token
            self.token = claim.lease_token
        self.claims += claims

    @rule(answer=st.sampled_from(ANSWERS), choice=CHOICES)
    def call(self, answer, choice):
        """Some worker makes its call; its claim may be overtaken by now."""
        if not self.claims:
            return
        claim = self.claims.pop(choice % len(self.claims))
        self.platform.answer = answer
        before = self.platform.rotations
        result = execute_claim(REFRESH_JOB_TYPE, claim, self.services)
        if self.platform.rotations > before and answer == "lost after":
            self.was_lost = True
        self.results.append((claim, result, self.platform.rotations > before))

    @rule(choice=CHOICES)
    def record(self, choice):
        if not self.results:
            return
        claim, result, has_rotated = self.results.pop(choice % len(self.results))
        before = self.factory.decrypted_tokens(self.account_id)
        report = record_results(
            REFRESH_JOB_TYPE, self.database, self.services, [(self.present_claim(claim), result)]
        )
        if report.stale_leases:
            assert self.factory.decrypted_tokens(self.account_id) == before
            self.was_lost |= has_rotated
        if claim.lease_token != self.token:
            assert report.stale_leases == 1, "an overtaken worker records nothing"

    def present_claim(self, claim):
        """The claim with which a worker records."""
        return claim

    @rule()
    def lose_worker(self):
        """A worker is killed with its claim, or with the answer that it has."""
        if not (self.claims or self.results):
            return
        if self.results:
            _, _, has_rotated = self.results.pop(0)
            self.was_lost |= has_rotated
        else:
            self.claims.pop(0)

    @rule()
    def expire_lease(self):
        if self.account.leased_until is not None:
            self.factory.update_account(self.account_id, leased_until=func.now() - HOUR)

    @rule()
    def revoke_grant(self):
        if not self.was_revoked and self.platform.rotations > 1:
            self.platform.revoke()
            self.was_revoked = True

    @invariant()
    def a_connected_account_has_the_current_token(self):
        account = self.account
        refresh_token = self.factory.decrypted_tokens(self.account_id)[1]
        assert account.token_version in {self.version, self.version + 1}
        self.version = account.token_version
        has_answers = not any(has_rotated for _, _, has_rotated in self.results)
        if account.status == "ACTIVE" and has_answers and not (self.was_lost or self.was_revoked):
            assert refresh_token == self.platform.current
        if account.status != "ACTIVE" or account.status_cause:
            assert self.was_lost or self.was_revoked, "nothing else ends a connection"

    def teardown(self):
        """In the end the account is refreshed once more, or has to be connected again."""
        self.claims.clear()
        self.was_lost |= any(has_rotated for _, _, has_rotated in self.results)
        self.results.clear()
        self.factory.update_account(self.account_id, leased_until=None)
        is_answered = False  # not while the circuit is open, after so many lost answers
        for _ in range(2):
            self.expire_token()
            self.claim(expired=False)
            while self.claims:
                self.platform.answer = "answered"
                claim = self.claims.pop()
                result = execute_claim(REFRESH_JOB_TYPE, claim, self.services)
                record_results(REFRESH_JOB_TYPE, self.database, self.services, [(claim, result)])
                is_answered |= not isinstance(result, Failure | Snooze)
        is_lost = self.was_lost or self.was_revoked
        assert is_lost or self.account.status == "ACTIVE"
        if is_answered and self.account.status == "ACTIVE":
            assert self.factory.decrypted_tokens(self.account_id)[1] == self.platform.current


class UnfencedTokenMachine(TokenMachine):
    """Its workers record with the lease token of whoever has the account now."""

    def present_claim(self, claim):
        return replace(claim, lease_token=self.token)


@pytest.fixture
def tokens(database, services, factory, platform_server, redis_url):
    """Builds machines, each with closed circuits."""

    def build_machine():
        with redis.Redis.from_url(redis_url) as client:
            client.flushdb()
        return TokenMachine(database, services, factory, platform_server)

    return build_machine


def test_tokens_agree_with_the_platform_whatever_is_lost_or_raced(tokens):
    run_machine(tokens)


def test_without_the_fence_the_machine_finds_an_overtaken_worker_that_records(
    database, services, factory, platform_server
):
    """The negative control."""
    machine = UnfencedTokenMachine(database, services, factory, platform_server)
    machine.expire_token()
    machine.claim(expired=False)
    machine.call(answer="answered", choice=0)
    machine.expire_lease()
    machine.claim(expired=True)
    with pytest.raises(AssertionError):
        machine.record(choice=0)  # by the first worker


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_tokens_agree_with_the_platform_in_long_runs(tokens):
    run_machine(tokens, is_long=True)
