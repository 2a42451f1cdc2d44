"""Deliveries are claimed by one worker each; secrets; redelivery; what other users can see."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook

from core import endpoints, outbox
from core.errors import Conflict, NotFound
from core.health.housekeeping import run_housekeeping
from core.jobs.runner import run_jobs
from core.outbox import DELIVERY_JOB
from db.outbox.deliveries import Delivery, DeliveryAttempt
from db.outbox.endpoints import Endpoint, EndpointSecret
from tests.support.job_types import with_changes

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def deliverer(outbox_harness):
    return outbox_harness


def test_two_workers_at_once_deliver_each_message_once(deliverer):
    endpoint = deliverer.create_endpoint()
    for number in range(24):
        deliverer.enqueue_event(deliverer.endpoint(endpoint).user_id, subject=f"post:{number}")
    workers = [threading.Thread(target=deliverer.deliver_due) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    while deliverer.deliver_due().claimed:
        pass
    ids = [headers["webhook-id"] for headers in deliverer.server.request_headers]
    assert (len(ids), len(set(ids))) == (24, 24)
    assert all(row.delivered_at for row in deliverer.deliveries(endpoint))


def test_a_result_that_outlived_its_lease_is_dropped(deliverer):
    delivery, _ = deliverer.create_delivery()

    def execute_beyond_the_lease(job, services):
        result = DELIVERY_JOB.execute(job, services)
        deliverer.update_rows(Delivery, lease_token=Delivery.lease_token + 1)
        return result

    report = run_jobs(
        with_changes(DELIVERY_JOB, execute=execute_beyond_the_lease),
        deliverer.database,
        deliverer.services,
    )
    assert (report.recorded, report.stale_leases) == (0, 1)
    assert deliverer.delivery(delivery).delivered_at is None


def test_a_killed_worker_leaves_its_attempt_in_the_log_and_the_next_one_delivers(deliverer):
    delivery, _ = deliverer.create_delivery()

    def die(job, services):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(with_changes(DELIVERY_JOB, execute=die), deliverer.database, deliverer.services)
    deliverer.update_rows(Delivery, leased_until=func.now() - MINUTE)
    deliverer.deliver_due()
    killed, delivered = deliverer.load_attempts(delivery)
    assert (killed.number, killed.status, killed.error) == (1, None, None)
    assert killed.milliseconds is None
    assert (delivered.number, delivered.status) == (2, 200)


def test_a_replaced_secret_signs_for_another_day(deliverer):
    _, endpoint = deliverer.create_delivery()
    user = deliverer.endpoint(endpoint).user_id
    old_secret = deliverer.secrets[endpoint]
    with deliverer.database.transaction() as session:
        new_secret = endpoints.rotate_secret(
            session, deliverer.services, endpoint, user_id=user
        ).secret.reveal()
    deliverer.deliver_all()
    body, headers = deliverer.server.requests[0][1], deliverer.server.request_headers[0]
    for secret in (old_secret, new_secret):
        Webhook(secret).verify(body, headers)
    remaining = deliverer.one(
        select(EndpointSecret.expires_at - func.now()).where(EndpointSecret.expires_at.is_not(None))
    )
    assert timedelta(hours=23) < remaining <= timedelta(hours=24)
    deliverer.update_rows(
        EndpointSecret, EndpointSecret.expires_at.is_not(None), expires_at=func.now() - MINUTE
    )
    deliverer.enqueue_event(user)
    deliverer.deliver_all()
    assert len(deliverer.server.request_headers[1]["webhook-signature"].split()) == 1
    Webhook(new_secret).verify(deliverer.server.requests[1][1], deliverer.server.request_headers[1])
    run_housekeeping(deliverer.database, deliverer.services)
    assert len(deliverer.encrypted_secrets(endpoint)) == 1


def test_an_endpoint_has_at_most_five_secrets(deliverer):
    endpoint = deliverer.create_endpoint()
    user = deliverer.endpoint(endpoint).user_id
    with deliverer.database.transaction() as session:
        for _ in range(4):
            endpoints.rotate_secret(session, deliverer.services, endpoint, user_id=user)
        with pytest.raises(Conflict):
            endpoints.rotate_secret(session, deliverer.services, endpoint, user_id=user)


def test_a_secret_is_encrypted_and_bound_to_its_endpoint(deliverer):
    first, second = deliverer.create_endpoint(), deliverer.create_endpoint()
    (encrypted,) = deliverer.encrypted_secrets(first)
    assert deliverer.secrets[first] not in encrypted.secret_encrypted
    deliverer.update_rows(
        EndpointSecret,
        EndpointSecret.endpoint_id == second,
        secret_encrypted=encrypted.secret_encrypted,
    )
    deliverer.enqueue_event(deliverer.endpoint(second).user_id)
    deliverer.deliver_all()
    assert deliverer.server.requests == []


def test_a_dead_message_is_redelivered_on_request_under_the_same_id(deliverer):
    delivery, endpoint = deliverer.create_delivery()
    user = deliverer.endpoint(endpoint).user_id
    deliverer.update_rows(Delivery, dead_at=func.now(), due_at=None, attempts=8)
    with deliverer.database.transaction() as session:
        endpoints.redeliver_message(session, delivery, user_id=user)
    assert deliverer.delivery(delivery).dead_at is None
    deliverer.deliver_due()
    (message,) = deliverer.messages(user)
    assert deliverer.server.request_headers[0]["webhook-id"] == message.name
    with deliverer.database.transaction() as session:  # a delivered message can be redelivered, too
        endpoints.redeliver_message(session, delivery, user_id=user)
    deliverer.deliver_due()
    assert [headers["webhook-id"] for headers in deliverer.server.request_headers] == [
        message.name
    ] * 2


def test_a_delivery_that_is_being_sent_or_disabled_is_not_redelivered(deliverer):
    delivery, endpoint = deliverer.create_delivery()
    user = deliverer.endpoint(endpoint).user_id
    deliverer.update_rows(Delivery, leased_until=func.now() + MINUTE)
    with deliverer.database.transaction() as session, pytest.raises(Conflict):
        endpoints.redeliver_message(session, delivery, user_id=user)
    deliverer.update_rows(Delivery, leased_until=None)
    deliverer.update_rows(Endpoint, disabled_at=func.now())
    with deliverer.database.transaction() as session, pytest.raises(Conflict):
        endpoints.redeliver_message(session, delivery, user_id=user)
    with deliverer.database.transaction() as session, pytest.raises(Conflict):
        endpoints.send_test_message(session, endpoint, user_id=user)


def test_other_users_find_nothing(deliverer):
    delivery, endpoint = deliverer.create_delivery()
    other_user = deliverer.factory.create_user()
    with deliverer.database.transaction() as session:
        for call in (
            lambda: endpoints.get_endpoint(session, endpoint, user_id=other_user),
            lambda: endpoints.rotate_secret(
                session, deliverer.services, endpoint, user_id=other_user
            ),
            lambda: endpoints.update_endpoint(
                session, deliverer.services, endpoint, user_id=other_user, enabled=False
            ),
            lambda: endpoints.delete_endpoint(session, endpoint, user_id=other_user),
            lambda: endpoints.send_test_message(session, endpoint, user_id=other_user),
            lambda: endpoints.redeliver_message(session, delivery, user_id=other_user),
            lambda: endpoints.list_deliveries(session, endpoint, user_id=other_user, limit=5),
        ):
            with pytest.raises(NotFound):
                call()


def test_deleting_an_endpoint_deletes_its_deliveries_and_attempts(deliverer):
    _, endpoint = deliverer.create_delivery()
    deliverer.deliver_all()
    with deliverer.database.transaction() as session:
        endpoints.delete_endpoint(session, endpoint, user_id=deliverer.endpoint(endpoint).user_id)
    for model in (Endpoint, EndpointSecret, Delivery, DeliveryAttempt):
        assert deliverer.all(select(model)) == []


def test_an_endpoint_can_be_deleted_while_an_event_is_enqueued(deliverer):
    """The writer of the event locks it, so that the change of a post never fails because of it."""
    endpoint = deliverer.create_endpoint()
    user = deliverer.endpoint(endpoint).user_id
    deleted = threading.Event()

    def delete():
        with deliverer.database.transaction() as session:
            endpoints.delete_endpoint(session, endpoint, user_id=user)
        deleted.set()

    with deliverer.database.transaction() as session:
        outbox.enqueue_events(session, [outbox.AppEvent(user, "post.published", "post:1", {})])
        thread = threading.Thread(target=delete)
        thread.start()
        assert not deleted.wait(0.3)
    thread.join(20)
    assert deleted.is_set()


def test_a_user_has_at_most_twenty_endpoints(deliverer):
    user = deliverer.factory.create_user()
    for _ in range(20):
        deliverer.create_endpoint(user)
    with pytest.raises(Conflict):
        deliverer.create_endpoint(user)


def test_the_claim_finds_due_deliveries_by_their_index(deliverer):
    endpoint = deliverer.create_endpoint()
    user = deliverer.endpoint(endpoint).user_id
    with deliverer.database.transaction() as session:
        events = [outbox.AppEvent(user, "post.published", f"post:{n}", {}) for n in range(500)]
        outbox.enqueue_events(session, events)
    deliverer.update_rows(Delivery, Delivery.id % 50 != 0, due_at=None)
    with deliverer.database.transaction() as session:
        session.connection().exec_driver_sql("ANALYZE deliveries")
        plan = session.connection().exec_driver_sql(
            "EXPLAIN SELECT id FROM deliveries WHERE due_at <= now() AND leased_until IS NULL"
            " ORDER BY due_at LIMIT 16 FOR UPDATE SKIP LOCKED"
        )
        assert "idx_deliveries_due" in "".join(line[0] for line in plan)
