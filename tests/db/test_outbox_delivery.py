"""Deliveries: signed, retried by the policy, dead letters in the end; failing endpoints."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook

from core import endpoints
from core.health.gauges import collect_gauges
from core.outbox.deliver import COOLDOWN_AFTER_FAILURES, MAX_COOLDOWN
from db.outbox.deliveries import Delivery
from db.outbox.endpoints import Endpoint, EndpointSecret
from tests.platforms.hostile_server import http_response, set_responses

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SERVER_ERROR_RESPONSE = http_response(500, b"<html>out of order</html>")


@pytest.fixture
def deliverer(outbox_harness):
    return outbox_harness


def test_a_message_arrives_signed_and_is_not_sent_again(deliverer):
    delivery, endpoint = deliverer.create_delivery()
    assert deliverer.deliver_all().recorded == 1
    ((path, body),) = deliverer.server.requests
    headers = deliverer.server.request_headers[0]
    assert (path, headers["content-type"]) == ("/hook", "application/json")
    event = Webhook(deliverer.secrets[endpoint]).verify(body, headers)
    assert event["type"] == "post.published"
    row = deliverer.delivery(delivery)
    assert (row.due_at, row.dead_at, row.attempts) == (None, None, 1)
    assert row.delivered_at is not None
    (attempt,) = deliverer.load_attempts(delivery)
    assert (attempt.number, attempt.status, attempt.error) == (1, 200, None)
    assert attempt.milliseconds >= 0
    assert attempt.answer == http_response(200).decode().partition("\r\n\r\n")[2]
    assert deliverer.deliver_all().claimed == 0


def test_a_page_of_html_with_200_counts_as_delivered(deliverer):
    delivery, _ = deliverer.create_delivery()
    set_responses(deliverer.server, http_response(200, b"<html>all is well</html>"))
    deliverer.deliver_all()
    assert deliverer.delivery(delivery).delivered_at is not None


def test_a_failed_attempt_is_retried_after_five_seconds_with_the_same_id(deliverer):
    delivery, _ = deliverer.create_delivery()
    set_responses(deliverer.server, SERVER_ERROR_RESPONSE, http_response(204, b""))
    deliverer.deliver_all()
    with deliverer.database.transaction() as session:
        wait = session.scalars(select(Delivery.due_at - func.now())).one()
    assert timedelta(seconds=0) < wait <= timedelta(seconds=5.5)
    deliverer.deliver_all()
    first, second = deliverer.server.request_headers
    assert first["webhook-id"] == second["webhook-id"]
    assert deliverer.server.requests[0] == deliverer.server.requests[1]
    failed, delivered = deliverer.load_attempts(delivery)
    assert (failed.status, failed.error, failed.answer) == (
        500,
        "http_500",
        "<html>out of order</html>",
    )
    assert (delivered.number, delivered.status) == (2, 204)
    assert deliverer.delivery(delivery).delivered_at is not None


def test_each_attempt_is_signed_with_its_own_time(deliverer):
    deliverer.create_delivery()
    set_responses(deliverer.server, SERVER_ERROR_RESPONSE, http_response(204, b""))
    times = [deliverer.services.now(), deliverer.services.now() + timedelta(hours=1)]
    for time in times:
        deliverer.services = replace(deliverer.services, now=lambda time=time: time)
        deliverer.deliver_all()
    timestamps = [int(head["webhook-timestamp"]) for head in deliverer.server.request_headers]
    assert timestamps == [int(time.timestamp()) for time in times]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_of_a_receiver_is_followed(deliverer, status):
    deliverer.create_delivery()
    set_responses(deliverer.server, http_response(status, b"", Retry_After="1000"))
    deliverer.deliver_all()
    with deliverer.database.transaction() as session:
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
def test_redirects_and_broken_connections_are_logged_and_retried(deliverer, path, error):
    delivery, _ = deliverer.create_delivery(path=path)
    deliverer.deliver_all()
    (attempt,) = deliverer.load_attempts(delivery)
    assert attempt.error == error
    assert deliverer.delivery(delivery).due_at is not None
    assert [request_path for request_path, _ in deliverer.server.requests] == [path]


def test_a_response_that_drips_in_is_cut_off_and_counts_as_a_timeout(deliverer):
    deliverer.services.public_http._timeout = (0.5, 1.0)
    delivery, _ = deliverer.create_delivery(path="/drip-head")
    deliverer.deliver_all()
    assert deliverer.load_attempts(delivery)[0].error == "timeout"


def test_of_a_huge_response_the_first_characters_are_stored_and_it_counts_as_delivered(deliverer):
    delivery, _ = deliverer.create_delivery(path="/huge")
    deliverer.deliver_all()
    (attempt,) = deliverer.load_attempts(delivery)
    assert (attempt.status, len(attempt.answer)) == (200, 1000)
    assert deliverer.delivery(delivery).delivered_at is not None


def test_a_response_of_any_bytes_can_be_stored(deliverer):
    delivery, _ = deliverer.create_delivery()
    set_responses(deliverer.server, http_response(200, b"\x00\xff\xfe\xed\xa0\x80"))
    deliverer.deliver_all()
    assert "\x00" not in deliverer.load_attempts(delivery)[0].answer


def test_after_the_last_attempt_a_delivery_is_dead(deliverer):
    delivery, _ = deliverer.create_delivery()
    set_responses(deliverer.server, SERVER_ERROR_RESPONSE)
    for _ in range(8):
        deliverer.update_rows(Endpoint, failures=0)
        deliverer.deliver_all()
    row = deliverer.delivery(delivery)
    assert (row.due_at, row.attempts, len(deliverer.load_attempts(delivery))) == (None, 8, 8)
    assert row.dead_at is not None
    assert deliverer.deliver_all().claimed == 0
    assert dict(collect_gauges(deliverer.database, deliverer.services)["outbox"]) == {
        ("pending",): 0,
        ("dead",): 1,
    }


def test_a_410_disables_the_endpoint_and_notifies_its_owner_once(deliverer):
    delivery, endpoint = deliverer.create_delivery()
    user = deliverer.endpoint(endpoint).user_id
    deliverer.enqueue_event(user)
    set_responses(deliverer.server, http_response(410, b""))
    deliverer.deliver_all()
    row = deliverer.endpoint(endpoint)
    assert (row.disabled_cause, deliverer.delivery(delivery).due_at) == ("gone", None)
    assert deliverer.delivery(delivery).dead_at is not None
    (notification,) = deliverer.factory.load_notifications(user)
    assert (notification.kind, notification.payload["why"]) == ("endpoint_disabled", "gone")
    deliverer.enqueue_event(user)
    assert len(deliverer.deliveries(endpoint)) == 2


def test_five_days_of_failures_disable_an_endpoint_and_park_its_deliveries(deliverer):
    delivery, endpoint = deliverer.create_delivery()
    user = deliverer.endpoint(endpoint).user_id
    set_responses(deliverer.server, SERVER_ERROR_RESPONSE)
    failing = {"failures": 12, "failed_at": func.now() - DAY}
    deliverer.update_rows(Endpoint, failing_since=func.now() - 5 * DAY + MINUTE, **failing)
    deliverer.deliver_all()
    assert deliverer.endpoint(endpoint).disabled_at is None  # not five days yet
    deliverer.update_rows(Endpoint, failing_since=func.now() - 5 * DAY - MINUTE, **failing)
    deliverer.deliver_all()
    assert deliverer.endpoint(endpoint).disabled_cause == "failing"
    assert [notification.kind for notification in deliverer.factory.load_notifications(user)] == [
        "endpoint_disabled"
    ]
    deliverer.deliver_all()
    row = deliverer.delivery(delivery)
    assert (row.due_at, row.dead_at, row.attempts) == (None, None, 2)  # parked
    set_responses(deliverer.server, http_response(200))
    with deliverer.database.transaction() as session:
        endpoints.update_endpoint(session, deliverer.services, endpoint, user_id=user, enabled=True)
    deliverer.deliver_all()
    assert deliverer.delivery(delivery).delivered_at is not None


def test_one_failed_message_long_ago_does_not_disable_an_endpoint(deliverer):
    _, endpoint = deliverer.create_delivery()
    set_responses(deliverer.server, SERVER_ERROR_RESPONSE)
    deliverer.update_rows(
        Endpoint, failures=8, failing_since=func.now() - 9 * DAY, failed_at=func.now() - DAY
    )
    deliverer.deliver_all()
    assert deliverer.endpoint(endpoint).disabled_at is None


def test_one_success_resets_the_failures(deliverer):
    _, endpoint = deliverer.create_delivery()
    deliverer.update_rows(Endpoint, failures=3, failing_since=func.now() - 9 * DAY)
    deliverer.deliver_all()
    row = deliverer.endpoint(endpoint)
    assert (row.failures, row.failing_since) == (0, None)
    assert row.delivered_at is not None


def test_a_failing_endpoint_gets_one_attempt_per_cooldown_and_others_do_not_wait(deliverer):
    delivery, endpoint = deliverer.create_delivery()
    user = deliverer.endpoint(endpoint).user_id
    for _ in range(3):
        deliverer.enqueue_event(user)
    other, _ = deliverer.create_delivery(path="/elsewhere")
    deliverer.update_rows(
        Endpoint,
        Endpoint.id == endpoint,
        failures=COOLDOWN_AFTER_FAILURES + 9,
        failed_at=func.now() - DAY,
    )
    deliverer.server.behaviours["/hook"] = lambda sock: sock.sendall(SERVER_ERROR_RESPONSE)
    deliverer.deliver_all()
    assert [path for path, _ in deliverer.server.requests].count("/hook") == 1
    assert deliverer.delivery(other).delivered_at is not None
    cooling_down = [
        row
        for row in deliverer.deliveries(endpoint)
        if row.last_error == "the endpoint is in its cooldown"
    ]
    assert len(cooling_down) == 3
    assert {row.attempts for row in cooling_down} == {0}
    with deliverer.database.transaction() as session:
        delays = session.scalars(select(Delivery.due_at - func.now()).where(Delivery.attempts == 0))
        assert all(delay <= MAX_COOLDOWN for delay in delays)
    assert deliverer.delivery(delivery).attempts == 1


def test_a_manual_test_message_ignores_the_cooldown(deliverer):
    endpoint = deliverer.create_endpoint()
    deliverer.update_rows(Endpoint, failures=COOLDOWN_AFTER_FAILURES + 9, failed_at=func.now())
    user = deliverer.endpoint(endpoint).user_id
    with deliverer.database.transaction() as session:
        details = endpoints.send_test_message(session, endpoint, user_id=user)
    deliverer.deliver_due()
    assert deliverer.delivery(details.delivery.id).delivered_at is not None
    assert json.loads(deliverer.server.requests[0][1])["type"] == "endpoint.test"


def test_a_stored_http_url_is_not_called_unless_private_hosts_are_allowed(deliverer):
    delivery, _ = deliverer.create_delivery()
    settings = deliverer.services.settings.model_copy(update={"endpoint_private_hosts": False})
    deliverer.services = replace(deliverer.services, settings=settings)
    deliverer.deliver_all()
    assert (deliverer.server.requests, deliverer.load_attempts(delivery)[0].error) == (
        [],
        "not_https",
    )


def test_an_undecryptable_secret_is_logged_and_does_not_count_against_the_endpoint(deliverer):
    delivery, endpoint = deliverer.create_delivery()
    deliverer.update_rows(
        EndpointSecret, EndpointSecret.endpoint_id == endpoint, secret_encrypted="v1.1.a:b:c"
    )
    deliverer.deliver_all()
    assert deliverer.server.requests == []
    assert deliverer.load_attempts(delivery)[0].error == "crypto_error"
    assert deliverer.endpoint(endpoint).failures == 0
