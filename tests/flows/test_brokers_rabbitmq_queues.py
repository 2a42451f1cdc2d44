"""What our processes declare on a RabbitMQ, as the server itself lists it."""

import os

import pytest
from celery import Celery

from local.ports import LOOPBACK_HOST, find_free_port, is_port_in_use
from tasks.queues import MESSAGE_EXPIRY, QUEUES, WAKE_TASKS
from tasks.settings import build_configuration
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import CELERY_COMMAND, CeleryHarness
from tests.flows.child_processes import start_process


@pytest.fixture
def rabbit_harness(rabbit_server, tmp_path):
    harness = CeleryHarness(rabbit_server, tmp_path)
    yield harness
    harness.stop()


def start_flower(harness):
    """Start Flower, and wait until it listens."""
    port = find_free_port()
    with (harness.folder / "flower.log").open("ab") as log:
        process = start_process(
            [*CELERY_COMMAND, "flower", f"--port={port}", f"--address={LOOPBACK_HOST}"],
            env={**os.environ, **harness.build_environment("flower")},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    harness.processes.append(process)
    wait_until(lambda: is_port_in_use(port), what="Flower listening")


def build_app(server, role):
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(server.url, role))
    return app


def test_rabbitmq_from_4_3_on_takes_every_queue_that_we_declare(rabbit_harness):
    """It refuses queues that are neither durable nor exclusive; Debian's lists the same flags."""
    server = rabbit_harness.broker
    rabbit_harness.start_worker()
    rabbit_harness.start("beat")
    start_flower(rabbit_harness)
    app = build_app(server, "cli")
    wait_until(lambda: app.control.ping(timeout=2, limit=1), what="a worker that answers")
    wait_until(
        lambda: {"celeryev", "reply.celery.pidbox", "celery.pidbox"} <= name_kinds(server),
        what="queues of events, of the worker's mailbox and of its replies",
    )
    queues = server.list_queues()
    assert {queue["name"] for queue in queues} >= set(QUEUES)
    refused = [each for each in queues if not each["durable"] and not each["exclusive"]]
    assert refused == []


def name_kinds(server):
    """The kinds of the queues besides our own: their names without host and id."""
    kinds = ("celeryev", "reply.celery.pidbox", "celery.pidbox")
    names = [str(queue["name"]) for queue in server.list_queues()]
    return {next((kind for kind in kinds if kind in name), name) for name in names}


def test_without_our_flags_celery_declares_queues_that_rabbitmq_4_3_refuses(rabbit_harness):
    """The control: the list would show them."""
    server = rabbit_harness.broker
    app = Celery(set_as_current=False, broker=server.url)
    with app.connection_for_write() as connection:
        mailbox = app.control.mailbox.Node("control@host", channel=connection.default_channel)
        consumer = mailbox.listen()
        flags = {
            str(each["name"]): (each["durable"], each["exclusive"]) for each in server.list_queues()
        }
        consumer.cancel()
    assert flags["control@host.celery.pidbox"] == (False, False)


def test_wake_ups_of_a_queue_without_consumers_expire(rabbit_harness):
    server = rabbit_harness.broker
    app = build_app(server, "web")
    for _ in range(3):
        app.send_task(WAKE_TASKS["uploads"], queue="uploads", expires=0.5)
    wait_until(lambda: count_messages(server, "uploads") == 0, what="the expiry")
    assert MESSAGE_EXPIRY <= 10


def count_messages(server, name):
    return next(each["messages"] for each in server.list_queues() if each["name"] == name)
