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
from core.outbox import DELIVERY_JOB_TYPE
from db.outbox.deliveries import Delivery, DeliveryAttempt
from db.outbox.endpoints import Endpoint, EndpointSecret
from tests.db.schema_catalog import run_sql
from tests.support.job_types import with_changes

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_two_workers_at_once_deliver_each_message_once(outbox_harness):
    endpoint = outbox_harness.create_endpoint()
    for number in range(24):
        outbox_harness.enqueue_event(
            outbox_harness.endpoint(endpoint).user_id, subject=f"post:{number}"
        )
    workers = [threading.Thread(target=outbox_harness.deliver_due) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    while outbox_harness.deliver_due().claimed:
        pass
    ids = [headers["webhook-id"] for headers in outbox_harness.server.request_headers]
    assert (len(ids), len(set(ids))) == (24, 24)
    assert all(row.delivered_at for row in outbox_harness.deliveries(endpoint))


def test_a_result_that_outlived_its_lease_is_dropped(outbox_harness):
    delivery, _ = outbox_harness.create_delivery()

    def execute_beyond_the_lease(job, services):
        result = DELIVERY_JOB_TYPE.execute(job, services)
        outbox_harness.update_rows(Delivery, lease_token=Delivery.lease_token + 1)
        return result

    report = run_jobs(
        with_changes(DELIVERY_JOB_TYPE, execute=execute_beyond_the_lease),
        outbox_harness.database,
        outbox_harness.services,
    )
    assert (report.recorded, report.stale_leases) == (0, 1)
    assert outbox_harness.delivery(delivery).delivered_at is None


def test_a_killed_worker_leaves_its_attempt_in_the_log_and_the_next_one_delivers(outbox_harness):
    delivery, _ = outbox_harness.create_delivery()

    def die(job, services):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(
            with_changes(DELIVERY_JOB_TYPE, execute=die),
            outbox_harness.database,
            outbox_harness.services,
        )
    outbox_harness.update_rows(Delivery, leased_until=func.now() - MINUTE)
    outbox_harness.deliver_due()
    killed, delivered = outbox_harness.load_attempts(delivery)
    assert (killed.number, killed.status, killed.error) == (1, None, None)
    assert killed.milliseconds is None
    assert (delivered.number, delivered.status) == (2, 200)


def test_a_replaced_secret_signs_for_another_day(outbox_harness):
    _, endpoint = outbox_harness.create_delivery()
    user = outbox_harness.endpoint(endpoint).user_id
    old_secret = outbox_harness.secrets[endpoint]
    with outbox_harness.database.transaction() as session:
        new_secret = endpoints.rotate_secret(
            session, outbox_harness.services, endpoint, user_id=user
        ).secret.reveal()
    outbox_harness.deliver_all()
    body, headers = outbox_harness.server.requests[0][1], outbox_harness.server.request_headers[0]
    for secret in (old_secret, new_secret):
        Webhook(secret).verify(body, headers)
    remaining = outbox_harness.one(
        select(EndpointSecret.expires_at - func.now()).where(EndpointSecret.expires_at.is_not(None))
    )
    assert timedelta(hours=23) < remaining <= timedelta(hours=24)
    outbox_harness.update_rows(
        EndpointSecret, EndpointSecret.expires_at.is_not(None), expires_at=func.now() - MINUTE
    )
    outbox_harness.enqueue_event(user)
    outbox_harness.deliver_all()
    assert len(outbox_harness.server.request_headers[1]["webhook-signature"].split()) == 1
    Webhook(new_secret).verify(
        outbox_harness.server.requests[1][1], outbox_harness.server.request_headers[1]
    )
    run_housekeeping(outbox_harness.database, outbox_harness.services)
    assert len(outbox_harness.encrypted_secrets(endpoint)) == 1


def test_an_endpoint_has_at_most_five_secrets(outbox_harness):
    endpoint = outbox_harness.create_endpoint()
    user = outbox_harness.endpoint(endpoint).user_id
    with outbox_harness.database.transaction() as session:
        for _ in range(4):
            endpoints.rotate_secret(session, outbox_harness.services, endpoint, user_id=user)
        with pytest.raises(Conflict):
            endpoints.rotate_secret(session, outbox_harness.services, endpoint, user_id=user)


def test_a_secret_is_encrypted_and_bound_to_its_endpoint(outbox_harness):
    first, second = outbox_harness.create_endpoint(), outbox_harness.create_endpoint()
    (encrypted,) = outbox_harness.encrypted_secrets(first)
    assert outbox_harness.secrets[first] not in encrypted.secret_encrypted
    outbox_harness.update_rows(
        EndpointSecret,
        EndpointSecret.endpoint_id == second,
        secret_encrypted=encrypted.secret_encrypted,
    )
    outbox_harness.enqueue_event(outbox_harness.endpoint(second).user_id)
    outbox_harness.deliver_all()
    assert outbox_harness.server.requests == []


def test_a_dead_message_is_redelivered_on_request_under_the_same_id(outbox_harness):
    delivery, endpoint = outbox_harness.create_delivery()
    user = outbox_harness.endpoint(endpoint).user_id
    outbox_harness.update_rows(Delivery, dead_at=func.now(), due_at=None, attempts=8)
    with outbox_harness.database.transaction() as session:
        endpoints.redeliver_message(session, delivery, user_id=user)
    assert outbox_harness.delivery(delivery).dead_at is None
    outbox_harness.deliver_due()
    (message,) = outbox_harness.messages(user)
    assert outbox_harness.server.request_headers[0]["webhook-id"] == message.name
    with (
        outbox_harness.database.transaction() as session
    ):  # a delivered message can be redelivered, too
        endpoints.redeliver_message(session, delivery, user_id=user)
    outbox_harness.deliver_due()
    assert [headers["webhook-id"] for headers in outbox_harness.server.request_headers] == [
        message.name
    ] * 2


def test_a_delivery_that_is_being_sent_or_disabled_is_not_redelivered(outbox_harness):
    delivery, endpoint = outbox_harness.create_delivery()
    user = outbox_harness.endpoint(endpoint).user_id
    outbox_harness.update_rows(Delivery, leased_until=func.now() + MINUTE)
    with outbox_harness.database.transaction() as session, pytest.raises(Conflict):
        endpoints.redeliver_message(session, delivery, user_id=user)
    outbox_harness.update_rows(Delivery, leased_until=None)
    outbox_harness.update_rows(Endpoint, disabled_at=func.now())
    with outbox_harness.database.transaction() as session, pytest.raises(Conflict):
        endpoints.redeliver_message(session, delivery, user_id=user)
    with outbox_harness.database.transaction() as session, pytest.raises(Conflict):
        endpoints.send_test_message(session, endpoint, user_id=user)


def test_other_users_find_nothing(outbox_harness):
    delivery, endpoint = outbox_harness.create_delivery()
    other_user = outbox_harness.factory.create_user()
    with outbox_harness.database.transaction() as session:
        for call in (
            lambda: endpoints.get_endpoint(session, endpoint, user_id=other_user),
            lambda: endpoints.rotate_secret(
                session, outbox_harness.services, endpoint, user_id=other_user
            ),
            lambda: endpoints.update_endpoint(
                session, outbox_harness.services, endpoint, user_id=other_user, enabled=False
            ),
            lambda: endpoints.delete_endpoint(session, endpoint, user_id=other_user),
            lambda: endpoints.send_test_message(session, endpoint, user_id=other_user),
            lambda: endpoints.redeliver_message(session, delivery, user_id=other_user),
            lambda: endpoints.list_deliveries(session, endpoint, user_id=other_user, limit=5),
        ):
            with pytest.raises(NotFound):
                call()


def test_deleting_an_endpoint_deletes_its_deliveries_and_attempts(outbox_harness):
    _, endpoint = outbox_harness.create_delivery()
    outbox_harness.deliver_all()
    with outbox_harness.database.transaction() as session:
        endpoints.delete_endpoint(
            session, endpoint, user_id=outbox_harness.endpoint(endpoint).user_id
        )
    for model in (Endpoint, EndpointSecret, Delivery, DeliveryAttempt):
        assert outbox_harness.all(select(model)) == []


def test_an_endpoint_can_be_deleted_while_an_event_is_enqueued(outbox_harness):
    """The writer of the event locks it, so that the change of a post never fails because of it."""
    endpoint = outbox_harness.create_endpoint()
    user = outbox_harness.endpoint(endpoint).user_id
    deleted = threading.Event()

    def delete():
        with outbox_harness.database.transaction() as session:
            endpoints.delete_endpoint(session, endpoint, user_id=user)
        deleted.set()

    with outbox_harness.database.transaction() as session:
        outbox.enqueue_events(session, [outbox.AppEvent(user, "post.published", "post:1", {})])
        thread = threading.Thread(target=delete)
        thread.start()
        assert not deleted.wait(0.3)
    thread.join(20)
    assert deleted.is_set()


def test_a_user_has_at_most_twenty_endpoints(outbox_harness):
    user = outbox_harness.factory.create_user()
    for _ in range(20):
        outbox_harness.create_endpoint(user)
    with pytest.raises(Conflict):
        outbox_harness.create_endpoint(user)


def test_the_claim_finds_due_deliveries_by_their_index(outbox_harness, database_url):
    endpoint = outbox_harness.create_endpoint()
    user = outbox_harness.endpoint(endpoint).user_id
    with outbox_harness.database.transaction() as session:
        events = [outbox.AppEvent(user, "post.published", f"post:{n}", {}) for n in range(500)]
        outbox.enqueue_events(session, events)
    outbox_harness.update_rows(Delivery, Delivery.id % 50 != 0, due_at=None)
    run_sql(database_url, "ANALYZE deliveries")
    with outbox_harness.database.transaction() as session:
        plan = session.connection().exec_driver_sql(
            "EXPLAIN SELECT id FROM deliveries WHERE due_at <= now() AND leased_until IS NULL"
            " ORDER BY due_at LIMIT 16 FOR UPDATE SKIP LOCKED"
        )
        assert "idx_deliveries_due" in "".join(line[0] for line in plan)
