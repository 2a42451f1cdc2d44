"""Real processes tell a real receiver: failures are tried again, a kill costs nothing but time."""

import pytest
from standardwebhooks.webhooks import Webhook

from tests.flows.brokers import until
from tests.flows.strikes import strike
from tests.platforms.hostile import answer, hostile_server

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def receiver():
    with hostile_server() as server:
        yield server


@pytest.fixture
def hook(guest, receiver):
    """A new endpoint of the guest at this path; gone with the test."""
    made = []

    def make(path, *events):
        wish = {"url": receiver.url + path, "events": list(events)}
        told = guest.ask("POST", "/api/endpoints", json=wish)
        assert told.status_code == 201, told.text
        made.append(told.json()["data"])
        return made[-1]

    yield make
    for each in made:
        guest.ask("DELETE", f"/api/endpoints/{each['id']}")


def heads(receiver, path):
    return [
        (body, head)
        for (where, body), head in zip(receiver.seen, receiver.heads, strict=False)
        if where == path
    ]


def due(house):
    """Stands for the seconds or minutes until the next try."""
    house.rows("UPDATE deliveries SET due_at = now() WHERE due_at > now()")


def test_a_post_is_told_of_from_its_bytes_to_its_end(house, guest, hook, receiver):
    one = hook("/story", "post.processing", "post.published", "post.delivered", "post.failed")
    post_id = guest.send()
    guest.ended(post_id, within=60)
    until(lambda: len(heads(receiver, "/story")) >= 2, within=30, what="the end told")
    said = [Webhook(one["secret"]).verify(body, head) for body, head in heads(receiver, "/story")]
    mine = sorted((each["data"]["sequence"], each["type"]) for each in said)
    assert [number for number, _ in mine] == list(range(1, len(mine) + 1))
    assert mine[0][1] == "post.processing"
    assert mine[-1][1] in {"post.published", "post.delivered"}
    assert {each["data"]["post_id"] for each in said} == {post_id}


def test_a_receiver_that_is_out_of_order_is_told_later(house, guest, hook, receiver):
    answers = [answer(500), answer(302, b"", Location="/elsewhere"), answer(200, b"<html>")]
    receiver.manners["/tired"] = lambda sock: sock.sendall(answers.pop(0))
    one = hook("/tired")
    guest.ask("POST", f"/api/endpoints/{one['id']}/test")
    for tries in (1, 2, 3):
        until(lambda tries=tries: answered(guest, one) >= tries, within=30, what="an answer")
        due(house)
    (delivery,) = log(guest, one)
    assert [each["status"] for each in delivery["tries"]] == [500, 302, 200]
    assert delivery["state"] == "delivered"
    assert len({head["webhook-id"] for _, head in heads(receiver, "/tired")}) == 1
    assert not heads(receiver, "/elsewhere")


def test_a_worker_killed_while_it_tells_is_followed_by_one_that_tells_the_same(
    house, guest, hook, receiver
):
    calls = []

    def slow_at_first(sock):
        calls.append(sock)
        if len(calls) > 1:
            sock.sendall(answer(200))
        else:
            receiver.over.wait(60)

    receiver.manners["/slow"] = slow_at_first
    one = hook("/slow")
    guest.ask("POST", f"/api/endpoints/{one['id']}/test")
    until(lambda: heads(receiver, "/slow"), within=30, what="the first try")
    strike(house, "worker")
    house.rows("UPDATE deliveries SET leased_until = now() WHERE leased_until > now()")
    until(lambda: log(guest, one)[0]["state"] == "delivered", within=60, what="the second try")
    first, second = heads(receiver, "/slow")
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert first[0] == second[0]
    killed, heard = log(guest, one)[0]["tries"]
    assert (killed["status"], killed["milliseconds"], heard["status"]) == (None, None, 200)


def answered(guest, one):
    return len([each for each in log(guest, one)[0]["tries"] if each["status"]])


def log(guest, one):
    return guest.ask("GET", f"/api/endpoints/{one['id']}/deliveries").json()["data"]
