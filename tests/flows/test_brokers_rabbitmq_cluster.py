"""Workers and beat on a cluster of three RabbitMQ nodes, of which one is killed."""

import pytest
from celery import Celery

from tasks.queues import QUEUES, WAKE_TASKS
from tasks.settings import build_configuration
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import CeleryHarness
from tests.flows.rabbitmq_cluster import run_cluster

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

WAITING_MESSAGES = 50
RECOVERY_LIMIT = 60.0  # seconds, on a busy machine; about ten on a quiet one
START_LIMIT = 90.0


@pytest.fixture(scope="module")
def cluster():
    with run_cluster() as nodes:
        yield nodes


@pytest.fixture
def new_harness(cluster, tmp_path):
    """Make the processes of an application; all nodes run, and none has a queue of ours."""
    harnesses = []

    def make_harness():
        for node in cluster:
            if node.has_exited():
                node.start()
                node.control("await_startup")
        for name in list_queues(cluster[0]):
            cluster[0].control("delete_queue", name)
        harnesses.append(CeleryHarness(cluster[0], tmp_path))
        return harnesses[-1]

    yield make_harness
    for harness in harnesses:
        harness.stop()


def list_queues(node):
    return [str(queue["name"]) for queue in node.list_queues()]


def count_runs(harness):
    return harness.count_effects("webhooks")


def test_workers_and_beat_go_on_when_the_node_of_their_queues_is_killed(cluster, new_harness):
    harness = new_harness()
    environment = {"BROKER_QUEUE_TYPE": "quorum"}
    worker = harness.start_worker(**environment)
    beat = harness.start("beat", **environment)
    wait_until(lambda: count_runs(harness) > 1, within=START_LIMIT, what="work")
    assert not [name for name in list_queues(cluster[1]) if name.startswith("celery_delayed")]
    cluster[0].kill()
    before = count_runs(harness)
    wait_until(lambda: count_runs(harness) > before + 5, within=RECOVERY_LIMIT, what="more work")
    assert worker.poll() is beat.poll() is None


def test_messages_that_wait_are_not_lost_with_a_node(cluster, new_harness):
    harness = new_harness()
    environment = {"BROKER_QUEUE_TYPE": "quorum"}
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(cluster[0].url, "web", queue_type="quorum"))
    for _ in range(WAITING_MESSAGES):
        app.send_task(WAKE_TASKS["posts"], queue="posts")
    app.close()
    cluster[0].kill()
    harness.start_worker(**environment)
    wait_until(
        lambda: harness.count_effects("posts") == WAITING_MESSAGES,
        within=RECOVERY_LIMIT,
        what="every message",
    )


def test_with_classic_queues_they_stop_until_the_node_is_back(cluster, new_harness):
    """The control: what the setting is for."""
    harness = new_harness()
    worker = harness.start_worker()
    harness.start("beat")
    wait_until(lambda: count_runs(harness) > 1, within=START_LIMIT, what="work")
    assert {*QUEUES} <= {*list_queues(cluster[1])}
    cluster[0].kill()
    wait_until(lambda: worker.poll() is not None, within=RECOVERY_LIMIT, what="the worker's end")
