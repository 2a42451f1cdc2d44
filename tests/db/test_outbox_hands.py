"""Who may sign, who may ask again, and that each message is in one worker's hands."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook

from core import endpoints, outbox
from core.engine.work import run
from core.errors import Conflict, NotFound
from core.health.housekeeping import tidy
from core.outbox import WORK
from db.deliveries import Delivery, Try
from db.endpoints import Endpoint, EndpointSecret

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def box(letter_box):
    return letter_box


def test_two_workers_at_once_deliver_each_message_once(box):
    endpoint = box.an_endpoint()
    for number in range(24):
        box.tells(box.endpoint(endpoint).user_id, subject=f"post:{number}")
    workers = [threading.Thread(target=box.works_on) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    while box.works_on().claimed:
        pass
    names = [head["webhook-id"] for head in box.server.heads]
    assert (len(names), len(set(names))) == (24, 24)
    assert all(row.delivered_at for row in box.deliveries(endpoint))


def test_a_result_that_outlived_its_lease_is_dropped(box):
    delivery, _ = box.a_delivery()

    def overtaken(job, world):
        done = WORK.perform(job, world)
        box.change(Delivery, lease_token=Delivery.lease_token + 1)
        return done

    report = run(replace(WORK, perform=overtaken), box.database, box.world)
    assert (report.recorded, report.fenced) == (0, 1)
    assert box.delivery(delivery).delivered_at is None


def test_a_worker_that_died_leaves_its_try_in_the_log_and_the_next_one_delivers(box):
    delivery, _ = box.a_delivery()

    def dies(job, world):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(replace(WORK, perform=dies), box.database, box.world)
    box.change(Delivery, leased_until=func.now() - MINUTE)
    box.works_on()
    one, two = box.tries(delivery)
    assert (one.number, one.status, one.error, one.milliseconds) == (1, None, None, None)
    assert (two.number, two.status) == (2, 200)


def test_a_replaced_secret_signs_for_another_day(box):
    _, endpoint = box.a_delivery()
    user, old = box.endpoint(endpoint).user_id, box.secrets[endpoint]
    with box.database.transaction() as session:
        new = endpoints.rotate(session, box.world, endpoint, user_id=user).secret.reveal()
    box.works()
    body, head = box.server.seen[0][1], box.server.heads[0]
    for secret in (old, new):
        Webhook(secret).verify(body, head)
    left = box.one(
        select(EndpointSecret.expires_at - func.now()).where(EndpointSecret.expires_at.is_not(None))
    )
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    box.change(
        EndpointSecret, EndpointSecret.expires_at.is_not(None), expires_at=func.now() - MINUTE
    )
    box.tells(user)
    box.works()
    assert len(box.server.heads[1]["webhook-signature"].split()) == 1
    Webhook(new).verify(box.server.seen[1][1], box.server.heads[1])
    tidy(box.database, box.world)
    assert len(box.sealed(endpoint)) == 1


def test_nobody_signs_with_more_than_five(box):
    endpoint = box.an_endpoint()
    user = box.endpoint(endpoint).user_id
    with box.database.transaction() as session:
        for _ in range(4):
            endpoints.rotate(session, box.world, endpoint, user_id=user)
        with pytest.raises(Conflict):
            endpoints.rotate(session, box.world, endpoint, user_id=user)


def test_a_secret_is_sealed_and_bound_to_its_endpoint(box):
    first, second = box.an_endpoint(), box.an_endpoint()
    (sealed,) = box.sealed(first)
    assert box.secrets[first] not in sealed.secret_encrypted
    box.change(
        EndpointSecret,
        EndpointSecret.endpoint_id == second,
        secret_encrypted=sealed.secret_encrypted,
    )
    box.tells(box.endpoint(second).user_id)
    box.works()
    assert box.server.seen == []


def test_a_dead_letter_is_delivered_on_somebodys_word_under_the_same_id(box):
    delivery, endpoint = box.a_delivery()
    user = box.endpoint(endpoint).user_id
    box.change(Delivery, dead_at=func.now(), due_at=None, attempts=8)
    with box.database.transaction() as session:
        endpoints.redeliver(session, delivery, user_id=user)
    assert box.delivery(delivery).dead_at is None
    box.works_on()
    (message,) = box.messages(user)
    assert box.server.heads[0]["webhook-id"] == message.name
    with box.database.transaction() as session:  # what was heard may be sent once more, too
        endpoints.redeliver(session, delivery, user_id=user)
    box.works_on()
    assert [head["webhook-id"] for head in box.server.heads] == [message.name] * 2


def test_what_is_on_its_way_or_disabled_is_not_sent_again(box):
    delivery, endpoint = box.a_delivery()
    user = box.endpoint(endpoint).user_id
    box.change(Delivery, leased_until=func.now() + MINUTE)
    with box.database.transaction() as session, pytest.raises(Conflict):
        endpoints.redeliver(session, delivery, user_id=user)
    box.change(Delivery, leased_until=None)
    box.change(Endpoint, disabled_at=func.now())
    for act in (endpoints.redeliver, endpoints.test):
        with box.database.transaction() as session, pytest.raises(Conflict):
            act(session, delivery if act is endpoints.redeliver else endpoint, user_id=user)


def test_strangers_find_nothing(box):
    delivery, endpoint = box.a_delivery()
    stranger = box.tenants.a_user()
    with box.database.transaction() as session:
        for ask in (
            lambda: endpoints.look(session, endpoint, user_id=stranger),
            lambda: endpoints.rotate(session, box.world, endpoint, user_id=stranger),
            lambda: endpoints.change(session, box.world, endpoint, user_id=stranger, enabled=False),
            lambda: endpoints.remove(session, endpoint, user_id=stranger),
            lambda: endpoints.test(session, endpoint, user_id=stranger),
            lambda: endpoints.redeliver(session, delivery, user_id=stranger),
            lambda: endpoints.page(session, endpoint, user_id=stranger, limit=5),
        ):
            with pytest.raises(NotFound):
                ask()


def test_an_endpoint_that_goes_takes_its_log_along(box):
    _, endpoint = box.a_delivery()
    box.works()
    with box.database.transaction() as session:
        endpoints.remove(session, endpoint, user_id=box.endpoint(endpoint).user_id)
    for model in (Endpoint, EndpointSecret, Delivery, Try):
        assert box.all(select(model)) == []


def test_an_endpoint_may_go_while_something_is_being_told(box):
    """The teller holds it, so that a change of a post never fails for it."""
    endpoint = box.an_endpoint()
    user = box.endpoint(endpoint).user_id
    gone = threading.Event()

    def remove():
        with box.database.transaction() as session:
            endpoints.remove(session, endpoint, user_id=user)
        gone.set()

    with box.database.transaction() as session:
        outbox.tell(session, [outbox.News(user, "post.published", "post:1", {})])
        thread = threading.Thread(target=remove)
        thread.start()
        assert not gone.wait(0.3)
    thread.join(20)
    assert gone.is_set()


def test_nobody_has_more_than_twenty(box):
    user = box.tenants.a_user()
    for _ in range(20):
        box.an_endpoint(user)
    with pytest.raises(Conflict):
        box.an_endpoint(user)


def test_the_claim_finds_due_deliveries_by_their_index(box):
    endpoint = box.an_endpoint()
    user = box.endpoint(endpoint).user_id
    with box.database.transaction() as session:
        news = [outbox.News(user, "post.published", f"post:{n}", {}) for n in range(500)]
        outbox.tell(session, news)
    box.change(Delivery, Delivery.id % 50 != 0, due_at=None)
    with box.database.transaction() as session:
        session.connection().exec_driver_sql("ANALYZE deliveries")
        plan = session.connection().exec_driver_sql(
            "EXPLAIN SELECT id FROM deliveries WHERE due_at <= now() AND leased_until IS NULL"
            " ORDER BY due_at LIMIT 16 FOR UPDATE SKIP LOCKED"
        )
        assert "idx_deliveries_due" in "".join(line[0] for line in plan)
