"""Deliveries: signed, retried by the policy, dead letters in the end; failing endpoints."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook

from core import endpoints
from core.health.gauges import Gauges
from core.outbox.deliver import COOLDOWN_AFTER_FAILURES, MAX_COOLDOWN
from db.outbox.deliveries import Delivery
from db.outbox.endpoints import Endpoint, EndpointSecret
from tests.platforms.hostile_server import http_response, set_responses

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SERVER_ERROR_RESPONSE = http_response(500, b"<html>out of order</html>")


def test_a_message_arrives_signed_and_is_not_sent_again(outbox_harness):
    delivery, endpoint = outbox_harness.create_delivery()
    assert outbox_harness.deliver_all().recorded == 1
    ((path, body),) = outbox_harness.server.requests
    headers = outbox_harness.server.request_headers[0]
    assert (path, headers["content-type"]) == ("/hook", "application/json")
    event = Webhook(outbox_harness.secrets[endpoint]).verify(body, headers)
    assert event["type"] == "post.published"
    row = outbox_harness.delivery(delivery)
    assert (row.due_at, row.dead_at, row.attempts) == (None, None, 1)
    assert row.delivered_at is not None
    (attempt,) = outbox_harness.load_attempts(delivery)
    assert (attempt.number, attempt.status, attempt.error) == (1, 200, None)
    assert attempt.milliseconds >= 0
    assert attempt.answer == http_response(200).decode().partition("\r\n\r\n")[2]
    assert outbox_harness.deliver_all().claimed == 0


def test_a_page_of_html_with_200_counts_as_delivered(outbox_harness):
    delivery, _ = outbox_harness.create_delivery()
    set_responses(outbox_harness.server, http_response(200, b"<html>all is well</html>"))
    outbox_harness.deliver_all()
    assert outbox_harness.delivery(delivery).delivered_at is not None


def test_a_failed_attempt_is_retried_after_five_seconds_with_the_same_id(outbox_harness):
    delivery, _ = outbox_harness.create_delivery()
    set_responses(outbox_harness.server, SERVER_ERROR_RESPONSE, http_response(204, b""))
    outbox_harness.deliver_all()
    with outbox_harness.database.transaction() as session:
        wait = session.scalars(select(Delivery.due_at - func.now())).one()
    assert timedelta(seconds=0) < wait <= timedelta(seconds=5.5)
    outbox_harness.deliver_all()
    first, second = outbox_harness.server.request_headers
    assert first["webhook-id"] == second["webhook-id"]
    assert outbox_harness.server.requests[0] == outbox_harness.server.requests[1]
    failed, delivered = outbox_harness.load_attempts(delivery)
    assert (failed.status, failed.error, failed.answer) == (
        500,
        "http_500",
        "<html>out of order</html>",
    )
    assert (delivered.number, delivered.status) == (2, 204)
    assert outbox_harness.delivery(delivery).delivered_at is not None


def test_each_attempt_is_signed_with_its_own_time(outbox_harness):
    outbox_harness.create_delivery()
    set_responses(outbox_harness.server, SERVER_ERROR_RESPONSE, http_response(204, b""))
    times = [outbox_harness.services.now(), outbox_harness.services.now() + timedelta(hours=1)]
    for time in times:
        outbox_harness.services = replace(outbox_harness.services, now=lambda time=time: time)
        outbox_harness.deliver_all()
    timestamps = [int(head["webhook-timestamp"]) for head in outbox_harness.server.request_headers]
    assert timestamps == [int(time.timestamp()) for time in times]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_of_a_receiver_is_followed(outbox_harness, status):
    outbox_harness.create_delivery()
    set_responses(outbox_harness.server, http_response(status, b"", Retry_After="1000"))
    outbox_harness.deliver_all()
    with outbox_harness.database.transaction() as session:
        wait = session.scalars(select(Delivery.due_at - func.now())).one()
    assert timedelta(seconds=900) < wait < timedelta(seconds=1101)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/redirect", "http_302"),
        ("/reset", "NETWORK_ERROR"),
        ("/half-close", "NETWORK_ERROR"),
    ],
)
def test_redirects_and_broken_connections_are_logged_and_retried(outbox_harness, path, error):
    delivery, _ = outbox_harness.create_delivery(path=path)
    outbox_harness.deliver_all()
    (attempt,) = outbox_harness.load_attempts(delivery)
    assert attempt.error == error
    assert outbox_harness.delivery(delivery).due_at is not None
    assert [request_path for request_path, _ in outbox_harness.server.requests] == [path]


def test_a_response_that_drips_in_is_cut_off_and_counts_as_a_timeout(outbox_harness):
    outbox_harness.services.public_http._timeout = (0.5, 1.0)
    delivery, _ = outbox_harness.create_delivery(path="/drip-head")
    outbox_harness.deliver_all()
    assert outbox_harness.load_attempts(delivery)[0].error == "timeout"


def test_of_a_huge_response_the_first_characters_are_stored_and_it_counts_as_delivered(
    outbox_harness,
):
    delivery, _ = outbox_harness.create_delivery(path="/huge")
    outbox_harness.deliver_all()
    (attempt,) = outbox_harness.load_attempts(delivery)
    assert (attempt.status, len(attempt.answer)) == (200, 1000)
    assert outbox_harness.delivery(delivery).delivered_at is not None


def test_a_response_of_any_bytes_can_be_stored(outbox_harness):
    delivery, _ = outbox_harness.create_delivery()
    set_responses(outbox_harness.server, http_response(200, b"\x00\xff\xfe\xed\xa0\x80"))
    outbox_harness.deliver_all()
    assert "\x00" not in outbox_harness.load_attempts(delivery)[0].answer


def test_after_the_last_attempt_a_delivery_is_dead(outbox_harness):
    delivery, _ = outbox_harness.create_delivery()
    set_responses(outbox_harness.server, SERVER_ERROR_RESPONSE)
    for _ in range(8):
        outbox_harness.update_rows(Endpoint, failures=0)
        outbox_harness.deliver_all()
    row = outbox_harness.delivery(delivery)
    assert (row.due_at, row.attempts, len(outbox_harness.load_attempts(delivery))) == (None, 8, 8)
    assert row.dead_at is not None
    assert outbox_harness.deliver_all().claimed == 0
    assert dict(Gauges(outbox_harness.database, outbox_harness.services).collect()["outbox"]) == {
        ("pending",): 0,
        ("dead",): 1,
    }


def test_a_410_disables_the_endpoint_and_notifies_its_owner_once(outbox_harness):
    delivery, endpoint = outbox_harness.create_delivery()
    user = outbox_harness.endpoint(endpoint).user_id
    outbox_harness.enqueue_event(user)
    set_responses(outbox_harness.server, http_response(410, b""))
    outbox_harness.deliver_all()
    row = outbox_harness.endpoint(endpoint)
    assert (row.disabled_cause, outbox_harness.delivery(delivery).due_at) == ("gone", None)
    assert outbox_harness.delivery(delivery).dead_at is not None
    (notification,) = outbox_harness.factory.load_notifications(user)
    assert (notification.kind, notification.payload["why"]) == ("endpoint_disabled", "gone")
    outbox_harness.enqueue_event(user)
    assert len(outbox_harness.deliveries(endpoint)) == 2


def test_five_days_of_failures_disable_an_endpoint_and_park_its_deliveries(outbox_harness):
    delivery, endpoint = outbox_harness.create_delivery()
    user = outbox_harness.endpoint(endpoint).user_id
    set_responses(outbox_harness.server, SERVER_ERROR_RESPONSE)
    failing = {"failures": 12, "failed_at": func.now() - DAY}
    outbox_harness.update_rows(Endpoint, failing_since=func.now() - 5 * DAY + MINUTE, **failing)
    outbox_harness.deliver_all()
    assert outbox_harness.endpoint(endpoint).disabled_at is None  # not five days yet
    outbox_harness.update_rows(Endpoint, failing_since=func.now() - 5 * DAY - MINUTE, **failing)
    outbox_harness.deliver_all()
    assert outbox_harness.endpoint(endpoint).disabled_cause == "failing"
    assert [
        notification.kind for notification in outbox_harness.factory.load_notifications(user)
    ] == ["endpoint_disabled"]
    outbox_harness.deliver_all()
    row = outbox_harness.delivery(delivery)
    assert (row.due_at, row.dead_at, row.attempts) == (None, None, 2)  # parked
    set_responses(outbox_harness.server, http_response(200))
    with outbox_harness.database.transaction() as session:
        endpoints.update_endpoint(
            session, outbox_harness.services, endpoint, user_id=user, enabled=True
        )
    outbox_harness.deliver_all()
    assert outbox_harness.delivery(delivery).delivered_at is not None


def test_one_failed_message_long_ago_does_not_disable_an_endpoint(outbox_harness):
    _, endpoint = outbox_harness.create_delivery()
    set_responses(outbox_harness.server, SERVER_ERROR_RESPONSE)
    outbox_harness.update_rows(
        Endpoint, failures=8, failing_since=func.now() - 9 * DAY, failed_at=func.now() - DAY
    )
    outbox_harness.deliver_all()
    assert outbox_harness.endpoint(endpoint).disabled_at is None


def test_one_success_resets_the_failures(outbox_harness):
    _, endpoint = outbox_harness.create_delivery()
    outbox_harness.update_rows(Endpoint, failures=3, failing_since=func.now() - 9 * DAY)
    outbox_harness.deliver_all()
    row = outbox_harness.endpoint(endpoint)
    assert (row.failures, row.failing_since) == (0, None)
    assert row.delivered_at is not None


def test_a_failing_endpoint_gets_one_attempt_per_cooldown_and_others_do_not_wait(outbox_harness):
    delivery, endpoint = outbox_harness.create_delivery()
    user = outbox_harness.endpoint(endpoint).user_id
    for _ in range(3):
        outbox_harness.enqueue_event(user)
    other, _ = outbox_harness.create_delivery(path="/elsewhere")
    outbox_harness.update_rows(
        Endpoint,
        Endpoint.id == endpoint,
        failures=COOLDOWN_AFTER_FAILURES + 9,
        failed_at=func.now() - DAY,
    )
    outbox_harness.server.behaviours["/hook"] = lambda sock: sock.sendall(SERVER_ERROR_RESPONSE)
    outbox_harness.deliver_all()
    assert [path for path, _ in outbox_harness.server.requests].count("/hook") == 1
    assert outbox_harness.delivery(other).delivered_at is not None
    cooling_down = [
        row
        for row in outbox_harness.deliveries(endpoint)
        if row.last_error == "the endpoint is in its cooldown"
    ]
    assert len(cooling_down) == 3
    assert {row.attempts for row in cooling_down} == {0}
    with outbox_harness.database.transaction() as session:
        delays = session.scalars(select(Delivery.due_at - func.now()).where(Delivery.attempts == 0))
        assert all(delay <= MAX_COOLDOWN for delay in delays)
    assert outbox_harness.delivery(delivery).attempts == 1


def test_a_manual_test_message_ignores_the_cooldown(outbox_harness):
    endpoint = outbox_harness.create_endpoint()
    outbox_harness.update_rows(Endpoint, failures=COOLDOWN_AFTER_FAILURES + 9, failed_at=func.now())
    user = outbox_harness.endpoint(endpoint).user_id
    with outbox_harness.database.transaction() as session:
        details = endpoints.send_test_message(session, endpoint, user_id=user)
    outbox_harness.deliver_due()
    assert outbox_harness.delivery(details.delivery.id).delivered_at is not None
    assert json.loads(outbox_harness.server.requests[0][1])["type"] == "endpoint.test"


def test_a_stored_http_url_is_not_called_unless_private_hosts_are_allowed(outbox_harness):
    delivery, _ = outbox_harness.create_delivery()
    settings = outbox_harness.services.settings.model_copy(update={"endpoint_private_hosts": False})
    outbox_harness.services = replace(outbox_harness.services, settings=settings)
    outbox_harness.deliver_all()
    assert (outbox_harness.server.requests, outbox_harness.load_attempts(delivery)[0].error) == (
        [],
        "not_https",
    )


def test_an_undecryptable_secret_is_logged_and_does_not_count_against_the_endpoint(outbox_harness):
    delivery, endpoint = outbox_harness.create_delivery()
    outbox_harness.update_rows(
        EndpointSecret, EndpointSecret.endpoint_id == endpoint, secret_encrypted="v1.1.a:b:c"
    )
    outbox_harness.deliver_all()
    assert outbox_harness.server.requests == []
    assert outbox_harness.load_attempts(delivery)[0].error == "crypto_error"
    assert outbox_harness.endpoint(endpoint).failures == 0
