"""Each counter and histogram moves when what it counts happens, on a running stack's page."""

import contextlib
import re
import secrets
from collections import defaultdict

import pytest
import requests

from core.observability import metrics
from tests.flows.api_user import PULL_FIELDS, REQUEST_TIMEOUT
from tests.flows.brokers import wait_until
from tests.flows.prometheus_server import query_now
from tests.flows.test_insights_flow import make_due, publish_video
from tests.flows.test_ops_metrics import metrics_bearer
from tests.support.metric_names import list_metric_names

SAMPLE_PATTERN = re.compile(r"^(signalpost_\w+?)(?:_count)?(?:\{.*\})? ([0-9.e+-]+)$", re.MULTILINE)
GAUGES = {f"signalpost_{name}" for name in metrics.GAUGE_LABELS}
"""They are read from rows: tests/db/test_ops_gauges.py changes the rows."""

PROVED_ELSEWHERE = {
    "signalpost_insights_paused_total": "tests/db/test_insights_instagram.py",
    "signalpost_list_reads_total": "tests/flows/test_postgres_replica.py",
}
MAX_SIGN_INS = 40
MAX_POSTS = 12


def read_sums(stack):
    """The sum of each metric over its labels; of a histogram the number of observations."""
    page = requests.get(
        f"{stack.info['web']}/metrics", headers=metrics_bearer(stack), timeout=REQUEST_TIMEOUT
    )
    sums = defaultdict(float)
    for name, value in SAMPLE_PATTERN.findall(page.text):
        sums[name] += float(value)
    return sums


def publish_and_sample(stack, api_user):
    """Moves uploads, webhooks, calls, requests, runs of workers, and readings of metrics."""
    publish_video(api_user)
    make_due(stack, api_user)


def refresh_token(stack, api_user):
    stack.query(
        "UPDATE oauth_accounts SET refresh_due_at = now() WHERE id = %s", api_user.account_id
    )


def remove_grant(stack, _api_user):
    creator = stack.create_api_user()
    stack.sandbox.control(f"creators/{creator.open_id}/disconnect", method="POST")


def fail_deliveries(_stack, api_user):
    """Nobody answers at the endpoint, so that deliveries are counted, and are to be retried."""
    fields = {"url": "http://127.0.0.1:9/nobody", "events": ["post.published"]}
    assert api_user.call("POST", "/api/endpoints", json=fields).status_code == 201
    api_user.wait_until_final(api_user.publish_file())


def exceed_quota(stack, _api_user):
    """By a creator who has posted nothing yet, so that no limit of calls comes first."""
    creator = stack.create_api_user()
    for _ in range(MAX_POSTS):
        answer = creator.request_post(wait=True, mode="INBOX", **PULL_FIELDS)
        if not answer.ok:
            assert answer.json()["error"]["code"] == "quota_exceeded"
            return
    pytest.fail("no post was refused by a quota")


def exceed_sign_ins(stack, _api_user):
    body = {"email": f"{secrets.token_hex(8)}@example.org", "password": "wrong password"}
    for _ in range(MAX_SIGN_INS):
        answer = requests.post(
            f"{stack.info['web']}/api/auth/login", json=body, timeout=REQUEST_TIMEOUT
        )
        if answer.status_code == 429:
            return
    pytest.fail("no sign-in was refused")


def call_unknown_webhook(stack, _api_user):
    requests.post(f"{stack.info['web']}/api/webhooks/nobody", timeout=REQUEST_TIMEOUT)


def overtake_refresh(stack, api_user):
    """Another worker claims the account while this one waits for the platform."""
    stack.sandbox.control("faults", endpoint="token", kind="slow", seconds=2, times=1)
    refresh_token(stack, api_user)
    claim = (
        "UPDATE oauth_accounts SET lease_token = lease_token + 1"
        " WHERE id = %s AND leased_until > now()"
    )
    wait_until(lambda: stack.query(claim, api_user.account_id) == 1, what="a claim to overtake")
    lost = "signalpost_claims_lost_total"
    before = read_sums(stack)[lost]
    wait_until(lambda: read_sums(stack)[lost] > before, what="the end of the run")


def lose_stores(stack, api_user):
    stack.kill("redis")
    api_user.send("GET", "/api/posts")
    stack.kill("postgres")
    requests.get(f"{stack.info['web']}/api/posts", timeout=REQUEST_TIMEOUT)
    api_user.send("GET", "/api/posts")
    wait_until(lambda: api_user.send("GET", "/api/posts").ok, what="the stores")


ACTS = {
    publish_and_sample: (
        "oauth_flow_total upload_total publish_seconds webhook_received_total "
        "webhook_processed_total webhook_ack_seconds webhook_processing_seconds "
        "upstream_requests_total upstream_seconds http_requests_total http_seconds "
        "worker_runs_total worker_seconds insights_fetch_total insights_items_total "
        "insights_seconds"
    ),
    refresh_token: "token_refresh_total",
    remove_grant: "grants_ended_total",
    fail_deliveries: "deliveries_total retries_total",
    exceed_quota: "quota_refusals_total",
    exceed_sign_ins: "rate_limit_hits_total",
    call_unknown_webhook: "webhook_unknown_path_total",
    overtake_refresh: "claims_lost_total",
    lose_stores: "db_errors_total limiter_away_total",
}
MOVED = {f"signalpost_{name}" for names in ACTS.values() for name in names.split()}


def test_every_registered_metric_is_in_the_table():
    assert MOVED | GAUGES | PROVED_ELSEWHERE.keys() == list_metric_names()


def test_every_counter_moves_when_what_it_counts_happens(stack):
    before = read_sums(stack)
    api_user = stack.create_api_user()
    for act in ACTS:
        act(stack, api_user)

    def find_unmoved():
        sums = read_sums(stack)
        return sorted(name for name in MOVED if sums[name] <= before[name])

    with contextlib.suppress(AssertionError):  # the next line says which are missing
        wait_until(lambda: not find_unmoved(), what="all counts")
    assert find_unmoved() == []


INBOX_SERIES = (
    'signalpost_upload_total{kind="INBOX_VIDEO",source="FILE_UPLOAD",outcome="published"}'
)
LATE_SERIES = 'signalpost_http_requests_total{route="/api/posts/<int:post_id>/cancel",status="401"}'
"""A series that the first of its requests begins: of routes there are too many."""


def test_the_first_post_of_a_kind_is_seen_as_an_increase(stack, api_user, prometheus):
    before = query_now(prometheus, INBOX_SERIES)
    assert before is not None
    api_user.wait_until_final(api_user.publish_file(mode="INBOX", privacy_level=None))
    wait_until(lambda: query_now(prometheus, INBOX_SERIES) == before + 1, what="the count")
    increase = f"increase({INBOX_SERIES}[5m])"
    wait_until(lambda: (query_now(prometheus, increase) or 0) >= 1, what="an increase of one")


def test_a_series_that_is_born_at_one_shows_no_increase(stack, prometheus):
    """The control: what the zeros at the start of a process are for."""
    assert query_now(prometheus, LATE_SERIES) is None
    answer = requests.post(f"{stack.info['web']}/api/posts/1/cancel", timeout=REQUEST_TIMEOUT)
    assert answer.status_code == 401
    scrapes = f"count_over_time({LATE_SERIES}[5m])"
    wait_until(lambda: (query_now(prometheus, scrapes) or 0) >= 3, what="three scrapes")
    assert query_now(prometheus, LATE_SERIES) == 1
    assert query_now(prometheus, f"increase({LATE_SERIES}[5m])") == 0
