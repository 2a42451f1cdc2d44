"""Outbox end to end: real workers deliver to a real receiver, with failures and a kill."""

import pytest
from standardwebhooks.webhooks import Webhook

from tests.flows.brokers import wait_until
from tests.flows.response_faults import kill_and_recover
from tests.platforms.hostile_server import hostile_server, http_response


@pytest.fixture
def receiver():
    with hostile_server() as server:
        yield server


@pytest.fixture
def make_endpoint(api_user, receiver):
    """A function that creates an endpoint of the API user; it is deleted after the test."""
    created = []

    def make(path, *events):
        fields = {"url": receiver.url + path, "events": list(events)}
        response = api_user.call("POST", "/api/endpoints", json=fields)
        assert response.status_code == 201, response.text
        created.append(response.json()["data"])
        return created[-1]

    yield make
    for endpoint in created:
        api_user.call("DELETE", f"/api/endpoints/{endpoint['id']}")


def received_requests(receiver, path):
    return [
        (body, headers)
        for (request_path, body), headers in zip(
            receiver.requests, receiver.request_headers, strict=False
        )
        if request_path == path
    ]


def make_due(stack):
    """Make retries due instead of waiting for seconds or minutes."""
    stack.query("UPDATE deliveries SET due_at = now() WHERE due_at > now()")


def test_every_step_of_a_post_is_delivered(stack, api_user, make_endpoint, receiver):
    endpoint = make_endpoint(
        "/events", "post.processing", "post.published", "post.delivered", "post.failed"
    )
    post_id = api_user.publish_file()
    api_user.wait_until_final(post_id, within=60)
    wait_until(
        lambda: len(received_requests(receiver, "/events")) >= 2, within=30, what="the final event"
    )
    events = [
        Webhook(endpoint["secret"]).verify(body, head)
        for body, head in received_requests(receiver, "/events")
    ]
    events_by_number = sorted((event["data"]["sequence"], event["type"]) for event in events)
    assert [number for number, _ in events_by_number] == list(range(1, len(events_by_number) + 1))
    assert events_by_number[0][1] == "post.processing"
    assert events_by_number[-1][1] in {"post.published", "post.delivered"}
    assert {event["data"]["post_id"] for event in events} == {post_id}


def test_a_failing_receiver_is_retried(stack, api_user, make_endpoint, receiver):
    responses = [
        http_response(500),
        http_response(302, b"", Location="/elsewhere"),
        http_response(200, b"<html>"),
    ]
    receiver.behaviours["/failing"] = lambda sock: sock.sendall(responses.pop(0))
    endpoint = make_endpoint("/failing")
    api_user.call("POST", f"/api/endpoints/{endpoint['id']}/test")
    for attempts in (1, 2, 3):
        wait_until(
            lambda attempts=attempts: count_answered_attempts(api_user, endpoint) >= attempts,
            within=30,
            what="a response",
        )
        make_due(stack)
    (delivery,) = load_deliveries(api_user, endpoint)
    assert [attempt["status"] for attempt in delivery["tries"]] == [500, 302, 200]
    assert delivery["state"] == "delivered"
    assert len({head["webhook-id"] for _, head in received_requests(receiver, "/failing")}) == 1
    assert not received_requests(receiver, "/elsewhere")


def test_a_worker_killed_while_delivering_is_followed_by_one_that_sends_the_same(
    stack, api_user, make_endpoint, receiver
):
    calls = []

    def slow_at_first(sock):
        calls.append(sock)
        if len(calls) > 1:
            sock.sendall(http_response(200))
        else:
            receiver.stopped.wait(60)

    receiver.behaviours["/slow"] = slow_at_first
    endpoint = make_endpoint("/slow")
    api_user.call("POST", f"/api/endpoints/{endpoint['id']}/test")
    wait_until(lambda: received_requests(receiver, "/slow"), within=30, what="the first attempt")
    kill_and_recover(stack, "worker")
    stack.query("UPDATE deliveries SET leased_until = now() WHERE leased_until > now()")
    wait_until(
        lambda: load_deliveries(api_user, endpoint)[0]["state"] == "delivered",
        within=60,
        what="the second attempt",
    )
    first, second = received_requests(receiver, "/slow")
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert first[0] == second[0]
    killed, delivered = load_deliveries(api_user, endpoint)[0]["tries"]
    assert (killed["status"], killed["milliseconds"], delivered["status"]) == (None, None, 200)


def count_answered_attempts(api_user, endpoint):
    return len(
        [
            attempt
            for attempt in load_deliveries(api_user, endpoint)[0]["tries"]
            if attempt["status"]
        ]
    )


def load_deliveries(api_user, endpoint):
    return api_user.call("GET", f"/api/endpoints/{endpoint['id']}/deliveries").json()["data"]
