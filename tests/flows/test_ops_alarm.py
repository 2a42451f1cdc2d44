"""Notices reach an operator while what they are about is down, from processes that are not.

The conditions are judged every two seconds here instead of every minute, and heartbeats are aged
where a test would have to wait for minutes. All other limits are the shipped ones.
"""

import json
import os
import re
import signal
import time
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.stacks import SIGNALPOST_COMMAND, run_stack
from tests.support.notice_receiver import run_notice_receiver

METRICS_TOKEN = "the-token-of-the-metrics-0123456789"
ANSWER_LIMIT_SECONDS = 3.0  # two, and one for a busy machine
ENDED_GRANTS = re.compile(
    r'signalpost_grants_ended_total\{cause="(\w+)",provider="(\w+)",state="REVOKED"\} ([0-9.]+)'
)
FROZEN_STATUSES = {"/api/posts": 503, "/login": 503}


@pytest.fixture(scope="module")
def receiver():
    with run_notice_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def alarm_settings(receiver):
    return {
        "ALERT_CHECK_INTERVAL": "2",
        "ALERT_WEBHOOK_URL": f"{receiver.url}/",
        "SLACK_WEBHOOK_URL": f"{receiver.url}/slack/secret-token",
        "HEARTBEAT_URL": f"{receiver.url}/ping/secret-token",
        "METRICS_TOKEN": METRICS_TOKEN,
    }


@pytest.fixture(scope="module")
def alarm_stack(tmp_path_factory, alarm_settings):
    with run_stack(tmp_path_factory.mktemp("alarm"), **alarm_settings) as stack:
        yield stack


@pytest.fixture(scope="module")
def second_monitor(alarm_stack, alarm_settings):
    """A monitor in a process of its own, besides the one of the web process."""
    folder = alarm_stack.folder
    generated = json.loads((alarm_stack.folder / "data" / "settings.json").read_text())
    environment = {
        **{name: generated[name] for name in ("SECRET_KEY", "TOKEN_ENCRYPTION_KEY")},
        "DATABASE_URL": alarm_stack.info["database"],
        "BROKER_URL": alarm_stack.info["broker"],
        **alarm_settings,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "LOG_LEVEL": "INFO",
    }
    with (folder / "monitor.log").open("wb") as log:
        process = start_process(
            [*SIGNALPOST_COMMAND, "monitor"],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            parent_death_signal=signal.SIGKILL,
        )
    yield process
    process.terminate()
    assert process.wait(20) == 0, (folder / "monitor.log").read_text()


@contextmanager
def frozen_processes(*pids):
    """Stop these processes and everything below them, whatever their process groups."""
    processes = [
        each
        for pid in pids
        for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    ]
    for each in processes:
        each.suspend()
    try:
        yield
    finally:
        for each in processes:
            each.resume()


def fetch(stack, path, *, token=METRICS_TOKEN):
    """Return status, body and how many seconds the answer took."""
    request = Request(stack.info["web"] + path, headers={"Authorization": f"Bearer {token}"})
    started_at = time.monotonic()
    try:
        with urlopen(request, timeout=20) as response:
            status, body = response.status, response.read()
    except HTTPError as error:
        status, body = error.code, error.read()
    return status, body, time.monotonic() - started_at


def silence_beat(stack):
    """Wait until the last message of beat has been recorded, then make it four minutes old."""
    wait_until(
        lambda: stack.query_value("SELECT now() - at > interval '6 s' FROM beats"
                                  " WHERE name = 'tick'"),
        what="the last tick",
    )  # fmt: skip
    stack.query("UPDATE beats SET at = at - interval '4 minutes' WHERE name = 'tick'")


def skip_quiet_period(stack, name):
    """Let the notice that the alert is over be due at once, instead of after 30 seconds."""
    statement = (
        "UPDATE alert_notices SET due_at = now() FROM alerts"
        " WHERE alerts.id = alert_id AND name = %s AND kind = 'over'"
    )
    wait_until(lambda: stack.query(statement, name), what="the end of the alert")


def count_slack_texts(receiver, name):
    texts = [
        each.json["text"] for each in list(receiver.received) if each.path.startswith("/slack")
    ]
    return len([text for text in texts if name in text])


@pytest.mark.alert("scheduler_lag")
def test_a_frozen_beat_is_one_notice_although_two_monitors_run_and_another_when_it_is_over(
    alarm_stack, second_monitor, receiver
):
    receiver.wait_for_path("/ping/secret-token")
    assert receiver.list_kinds("scheduler_lag") == []  # nothing arrives without a cause
    status, body, _ = fetch(alarm_stack, "/statusz")
    reasons = json.loads(body)["reasons"]
    assert (status == 200) == (reasons == [])
    assert [each for each in reasons if "media_store_full" not in each] == []  # this machine's disk
    with alarm_stack.freeze("beat"):
        silence_beat(alarm_stack)
        receiver.wait_for_kind("scheduler_lag", "opened", seconds=20)
        assert fetch(alarm_stack, "/readyz")[0] == 200
        status, body, _ = fetch(alarm_stack, "/statusz")
        assert status == 503
        assert "alert scheduler_lag" in " ".join(json.loads(body)["reasons"])
    skip_quiet_period(alarm_stack, "scheduler_lag")
    receiver.wait_for_kind("scheduler_lag", "over", seconds=20)
    receiver.wait(lambda: count_slack_texts(receiver, "scheduler_lag") == 2, "both texts", 20)
    assert receiver.list_kinds("scheduler_lag") == ["opened", "over"]
    assert count_slack_texts(receiver, "scheduler_lag") == 2
    logs = alarm_stack.read_log("web")
    assert "notice.delivered" in logs
    assert "secret-token" not in logs


def read_ended_grants(stack):
    """Platform and cause → the number of grants that were reported as revoked."""
    page = fetch(stack, "/metrics")[1].decode()
    found = ENDED_GRANTS.findall(page)
    return {(provider, cause): float(count) for cause, provider, count in found if float(count)}


@pytest.mark.alert("grants_removed")
def test_grants_that_end_by_webhooks_and_callbacks_are_counted_and_noticed(alarm_stack, receiver):
    people = [alarm_stack.create_instagram_user() for _ in range(3)]
    for person in people:
        alarm_stack.sandbox.control("instagram/deauthorize", login=person.open_id)
    creators = [alarm_stack.create_api_user() for _ in range(4)]
    assert receiver.list_kinds("grants_removed") == []  # three are no alert
    for creator in creators:
        alarm_stack.sandbox.control(f"creators/{creator.open_id}/disconnect", method="POST")
    notice = receiver.wait_for_kind("grants_removed", "opened", seconds=20)
    assert notice.json["alert"]["details"]["names"] == ["tiktok"]
    assert notice.json["alert"]["details"]["codes"] == {"removed_in_app": 4}
    assert read_ended_grants(alarm_stack) == {
        ("tiktok", "removed_in_app"): 4,
        ("instagram", "removed_in_app"): 3,
    }


@pytest.mark.chaos
@pytest.mark.alert("database")
def test_while_postgres_hangs_every_view_answers_and_the_notice_arrives(
    alarm_stack, second_monitor, receiver
):
    assert fetch(alarm_stack, "/statusz")[0] == 200
    fetch(alarm_stack, "/metrics")
    with frozen_processes(alarm_stack.info["pids"]["postgres"]):
        web = psutil.Process(alarm_stack.find_process("web").pid)
        wait_until(lambda: fetch(alarm_stack, "/readyz")[0] == 503, what="the truth")
        for _ in range(5):
            for path in ("/readyz", "/statusz", "/metrics", "/healthz"):
                status, _, seconds = fetch(alarm_stack, path)
                assert seconds < ANSWER_LIMIT_SECONDS, (path, seconds)
                assert status == (503 if path in {"/readyz", "/statusz"} else 200)
            assert json.loads(fetch(alarm_stack, "/readyz")[1])["migration"] is not None
        for path in ("/api/posts", "/login"):
            status, _, seconds = fetch(alarm_stack, path, token=alarm_stack.info["api_key"])
            assert (status, seconds < ANSWER_LIMIT_SECONDS) == (FROZEN_STATUSES[path], True), path
        assert max(each.num_threads() for each in [web, *web.children(recursive=True)]) < 80
        receiver.wait_for_kind("database", "opened", seconds=45)
    skip_quiet_period(alarm_stack, "database")
    receiver.wait_for_kind("database", "over", seconds=30)
    assert receiver.list_kinds("database") == ["opened", "over"]
    assert receiver.list_kinds("scheduler_lag") in ([], ["opened", "over"])  # no false alarm
    assert receiver.list_kinds("worker_silent") == []
    wait_until(lambda: fetch(alarm_stack, "/readyz")[0] == 200, what="readiness")


@pytest.mark.chaos
@pytest.mark.alert("broker_unreachable", "worker_silent")
def test_a_frozen_broker_and_frozen_workers_are_noticed(alarm_stack, receiver):
    with frozen_processes(alarm_stack.info["pids"]["redis"]):
        receiver.wait_for_kind("broker_unreachable", "opened", seconds=60)
        assert fetch(alarm_stack, "/readyz")[0] == 200
    skip_quiet_period(alarm_stack, "broker_unreachable")
    receiver.wait_for_kind("broker_unreachable", "over", seconds=30)
    pids = [alarm_stack.info["pids"][name] for name in ("worker", "uploads")]
    with frozen_processes(*pids):
        receiver.wait_for_kind("worker_silent", "opened", seconds=90)
    skip_quiet_period(alarm_stack, "worker_silent")
    receiver.wait_for_kind("worker_silent", "over", seconds=30)
    assert receiver.list_kinds("worker_silent") == ["opened", "over"]
