"""Messages on their way: signed, tried again along the curve, given up in the end."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook

from core import endpoints
from core.health.facts import gather
from core.outbox.deliver import LONGEST_REST, TROUBLED
from db.deliveries import Delivery
from db.endpoints import Endpoint, EndpointSecret
from tests.platforms.hostile import answer, plays

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WENT_WRONG = answer(500, b"<html>out of order</html>")


@pytest.fixture
def box(letter_box):
    return letter_box


def test_a_message_arrives_signed_and_is_not_sent_again(box):
    delivery, endpoint = box.a_delivery()
    assert box.works().recorded == 1
    ((path, body),) = box.server.seen
    head = box.server.heads[0]
    assert (path, head["content-type"]) == ("/hook", "application/json")
    said = Webhook(box.secrets[endpoint]).verify(body, head)
    assert said["type"] == "post.published"
    row = box.delivery(delivery)
    assert (row.due_at, row.dead_at, row.attempts) == (None, None, 1)
    assert row.delivered_at is not None
    (one,) = box.tries(delivery)
    assert (one.number, one.status, one.error) == (1, 200, None)
    assert one.milliseconds >= 0
    assert one.answer == answer(200).decode().partition("\r\n\r\n")[2]
    assert box.works().claimed == 0


def test_a_page_of_html_with_200_is_heard_too(box):
    delivery, _ = box.a_delivery()
    plays(box.server, answer(200, b"<html>all is well</html>"))
    box.works()
    assert box.delivery(delivery).delivered_at is not None


def test_a_failed_try_comes_back_after_five_seconds_under_the_same_id(box):
    delivery, _ = box.a_delivery()
    plays(box.server, WENT_WRONG, answer(204, b""))
    box.works()
    with box.database.transaction() as session:
        wait = session.scalars(select(Delivery.due_at - func.now())).one()
    assert timedelta(seconds=0) < wait <= timedelta(seconds=5.5)
    box.works()
    first, second = box.server.heads
    assert first["webhook-id"] == second["webhook-id"]
    assert box.server.seen[0] == box.server.seen[1]
    one, two = box.tries(delivery)
    assert (one.status, one.error, one.answer) == (500, "http_500", "<html>out of order</html>")
    assert (two.number, two.status) == (2, 204)
    assert box.delivery(delivery).delivered_at is not None


def test_the_time_of_a_try_is_its_own(box):
    box.a_delivery()
    plays(box.server, WENT_WRONG, answer(204, b""))
    moments = [box.world.now(), box.world.now() + timedelta(hours=1)]
    for moment in moments:
        box.world = replace(box.world, now=lambda moment=moment: moment)
        box.works()
    stamps = [int(head["webhook-timestamp"]) for head in box.server.heads]
    assert stamps == [int(moment.timestamp()) for moment in moments]


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_may_ask_us_to_wait_longer(box, status):
    box.a_delivery()
    plays(box.server, answer(status, b"", Retry_After="1000"))
    box.works()
    with box.database.transaction() as session:
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
def test_what_a_receiver_does_instead_of_answering_is_logged_and_tried_again(box, path, error):
    delivery, _ = box.a_delivery(path=path)
    box.works()
    (one,) = box.tries(delivery)
    assert one.error == error
    assert box.delivery(delivery).due_at is not None
    assert [where for where, _ in box.server.seen] == [path]


def test_a_drip_is_cut_off_and_counts_as_no_answer(box):
    box.world.outside._timeout = (0.5, 1.0)
    delivery, _ = box.a_delivery(path="/drip-head")
    box.works()
    assert box.tries(delivery)[0].error == "timeout"


def test_of_a_huge_answer_the_first_bytes_are_kept_and_it_is_heard(box):
    delivery, _ = box.a_delivery(path="/huge")
    box.works()
    (one,) = box.tries(delivery)
    assert (one.status, len(one.answer)) == (200, 1000)
    assert box.delivery(delivery).delivered_at is not None


def test_an_answer_of_any_bytes_can_be_kept(box):
    delivery, _ = box.a_delivery()
    plays(box.server, answer(200, b"\x00\xff\xfe\xed\xa0\x80"))
    box.works()
    assert "\x00" not in box.tries(delivery)[0].answer


def test_after_the_last_try_a_message_is_a_dead_letter(box):
    delivery, _ = box.a_delivery()
    plays(box.server, WENT_WRONG)
    for _ in range(8):
        box.change(Endpoint, failures=0)
        box.works()
    row = box.delivery(delivery)
    assert (row.due_at, row.attempts, len(box.tries(delivery))) == (None, 8, 8)
    assert row.dead_at is not None
    assert box.works().claimed == 0
    assert dict(gather(box.database, box.world)["outbox"]) == {("pending",): 0, ("dead",): 1}


def test_gone_means_gone_and_its_owner_is_told_once(box):
    delivery, endpoint = box.a_delivery()
    user = box.endpoint(endpoint).user_id
    box.tells(user)
    plays(box.server, answer(410, b""))
    box.works()
    row = box.endpoint(endpoint)
    assert (row.disabled_cause, box.delivery(delivery).due_at) == ("gone", None)
    assert box.delivery(delivery).dead_at is not None
    (notice,) = box.tenants.notices(user)
    assert (notice.kind, notice.payload["why"]) == ("endpoint_disabled", "gone")
    box.tells(user)
    assert len(box.deliveries(endpoint)) == 2


def test_five_days_in_vain_disable_an_endpoint_and_what_waits_is_kept(box):
    delivery, endpoint = box.a_delivery()
    user = box.endpoint(endpoint).user_id
    plays(box.server, WENT_WRONG)
    failing = {"failures": 12, "failed_at": func.now() - DAY}
    box.change(Endpoint, failing_since=func.now() - 5 * DAY + MINUTE, **failing)
    box.works()
    assert box.endpoint(endpoint).disabled_at is None  # not five days yet
    box.change(Endpoint, failing_since=func.now() - 5 * DAY - MINUTE, **failing)
    box.works()
    assert box.endpoint(endpoint).disabled_cause == "failing"
    assert [notice.kind for notice in box.tenants.notices(user)] == ["endpoint_disabled"]
    box.works()
    row = box.delivery(delivery)
    assert (row.due_at, row.dead_at, row.attempts) == (None, None, 2)  # parked
    plays(box.server, answer(200))
    with box.database.transaction() as session:
        endpoints.change(session, box.world, endpoint, user_id=user, enabled=True)
    box.works()
    assert box.delivery(delivery).delivered_at is not None


def test_a_single_message_in_vain_long_ago_disables_nobody(box):
    _, endpoint = box.a_delivery()
    plays(box.server, WENT_WRONG)
    box.change(Endpoint, failures=8, failing_since=func.now() - 9 * DAY, failed_at=func.now() - DAY)
    box.works()
    assert box.endpoint(endpoint).disabled_at is None


def test_one_success_ends_all_trouble(box):
    _, endpoint = box.a_delivery()
    box.change(Endpoint, failures=3, failing_since=func.now() - 9 * DAY)
    box.works()
    row = box.endpoint(endpoint)
    assert (row.failures, row.failing_since) == (0, None)
    assert row.delivered_at is not None


def test_an_endpoint_in_trouble_gets_one_try_in_each_rest_and_others_do_not_wait(box):
    delivery, endpoint = box.a_delivery()
    user = box.endpoint(endpoint).user_id
    for _ in range(3):
        box.tells(user)
    other, _ = box.a_delivery(path="/elsewhere")
    box.change(Endpoint, Endpoint.id == endpoint, failures=TROUBLED + 9, failed_at=func.now() - DAY)
    box.server.manners["/hook"] = lambda sock: sock.sendall(WENT_WRONG)
    box.works()
    assert [path for path, _ in box.server.seen].count("/hook") == 1
    assert box.delivery(other).delivered_at is not None
    resting = [row for row in box.deliveries(endpoint) if row.last_error == "the endpoint rests"]
    assert len(resting) == 3
    assert {row.attempts for row in resting} == {0}
    with box.database.transaction() as session:
        waits = session.scalars(select(Delivery.due_at - func.now()).where(Delivery.attempts == 0))
        assert all(wait <= LONGEST_REST for wait in waits)
    assert box.delivery(delivery).attempts == 1


def test_a_person_who_asks_does_not_wait_for_the_end_of_a_rest(box):
    endpoint = box.an_endpoint()
    box.change(Endpoint, failures=TROUBLED + 9, failed_at=func.now())
    user = box.endpoint(endpoint).user_id
    with box.database.transaction() as session:
        told = endpoints.test(session, endpoint, user_id=user)
    box.works_on()
    assert box.delivery(told.delivery.id).delivered_at is not None
    assert json.loads(box.server.seen[0][1])["type"] == "endpoint.test"


def test_a_stored_address_without_tls_is_not_called_where_that_is_not_allowed(box):
    delivery, _ = box.a_delivery()
    settings = replace(box.world.settings, endpoint_private_hosts=False)
    box.world = replace(box.world, settings=settings)
    box.works()
    assert (box.server.seen, box.tries(delivery)[0].error) == ([], "not_https")


def test_a_secret_that_does_not_open_is_our_fault_and_stands_in_the_log(box):
    delivery, endpoint = box.a_delivery()
    box.change(
        EndpointSecret, EndpointSecret.endpoint_id == endpoint, secret_encrypted="v1.1.a:b:c"
    )
    box.works()
    assert box.server.seen == []
    assert box.tries(delivery)[0].error == "crypto_error"
    assert box.endpoint(endpoint).failures == 0
