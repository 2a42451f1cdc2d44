import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from celery import Celery
from celery.app.defaults import NAMESPACES, flatten
from kombu.transport import pyamqp

from tasks.queues import QUEUES
from tasks.settings import build_configuration

REDIS_URL = "redis://:canary-password@127.0.0.1:6379/0"
AMQP_URL = "amqp://guest:canary-password@127.0.0.1:5672//"
TLS_URLS = ["rediss://:pw@redis.example/0", "amqps://u:pw@rabbit.example/v"]
ROLES = ["web", "worker", "uploads", "beat", "flower", "cli"]
UNDOCUMENTED_SETTINGS = {"result_backend_thread_safe"}
"""Celery documents and reads these, but `NAMESPACES`, its table of settings, lacks them."""


@pytest.mark.parametrize("broker", [REDIS_URL, AMQP_URL])
@pytest.mark.parametrize("role", ROLES)
def test_celery_knows_every_setting(broker, role):
    celery_settings = {name for name, _ in flatten(NAMESPACES)} | UNDOCUMENTED_SETTINGS
    assert set(build_configuration(broker, role)) <= celery_settings


def test_only_json_is_read_and_nothing_is_kept_in_a_result_backend():
    settings = build_configuration(REDIS_URL, "worker")
    assert settings["accept_content"] == ["json"]
    assert settings["task_ignore_result"]
    assert "result_backend" not in settings


def test_a_thread_that_publishes_for_the_first_time_builds_no_result_backend():
    app = Celery("test")
    app.conf.update(build_configuration(REDIS_URL, "web"))
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lambda: app.backend).result() is app.backend


def test_roles_that_only_publish_wait_for_redis_for_a_second_at_most():
    for role in ("web", "beat", "cli", "flower"):
        options = build_configuration(REDIS_URL, role)["broker_transport_options"]
        assert options["socket_timeout"] <= 1
        assert options["socket_connect_timeout"] <= 1


def test_a_worker_waits_longer_than_a_short_pause_of_redis():
    for role in ("worker", "uploads"):
        assert (
            build_configuration(REDIS_URL, role)["broker_transport_options"]["socket_timeout"] >= 10
        )


def test_rabbitmq_gets_its_own_settings_and_confirms():
    for role in ROLES:
        options = build_configuration(AMQP_URL, role)["broker_transport_options"]
        assert options["confirm_publish"]
        assert "socket_timeout" not in options
        assert "visibility_timeout" not in options


@pytest.mark.parametrize("role", ROLES)
def test_soft_limit_hard_limit_and_redelivery_stand_in_that_order(role):
    settings = build_configuration(REDIS_URL, role)
    redelivered = settings["broker_transport_options"]["visibility_timeout"]
    assert settings["task_soft_time_limit"] < settings["task_time_limit"] < redelivered / 2


def test_uploads_may_take_longer_than_the_rest():
    assert build_configuration(REDIS_URL, "uploads")["task_time_limit"] == 300
    assert build_configuration(REDIS_URL, "worker")["task_time_limit"] == 75


def test_every_role_redelivers_after_the_same_time_because_the_shortest_wins():
    timeouts = {
        build_configuration(REDIS_URL, role)["broker_transport_options"]["visibility_timeout"]
        for role in ROLES
    }
    assert len(timeouts) == 1


def test_a_typo_in_a_queue_fails_instead_of_making_one():
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(REDIS_URL, "cli"))
    assert set(app.amqp.queues) == set(QUEUES)
    with pytest.raises(KeyError):
        app.amqp.queues["post"]


def test_an_unsupported_kind_of_broker_is_refused_without_its_password():
    with pytest.raises(ValueError) as refused:
        build_configuration("sqs://key:canary-password@", "web")
    assert "must begin with redis://" in str(refused.value)
    assert "canary-password" not in str(refused.value)


def test_the_application_can_be_imported_without_any_setting():
    code = "from tasks.celery import app; assert not app.configured"
    process = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": ""}, check=False, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("url", TLS_URLS)
@pytest.mark.parametrize("role", ROLES)
def test_tls_is_verified_in_every_role(url, role):
    options = build_configuration(url, role)["broker_use_ssl"]
    assert options.get("ssl_cert_reqs", options.get("cert_reqs")) == ssl.CERT_REQUIRED
    assert options.get("ssl_check_hostname") or options["server_hostname"] == "rabbit.example"


def test_the_environment_of_celery_s_commands_does_not_replace_our_form_of_the_address():
    """`celery` takes BROKER_URL from the environment, with kombu's meaning of it."""
    code = (
        "from celery import Celery; from tasks.settings import build_configuration;"
        f"app = Celery(); app.conf.update(build_configuration({TLS_URLS[0]!r}, 'worker'));"
        "print(app.connection_for_read().as_uri(), app.connection().as_uri())"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "CELERY_BROKER_URL": "redis://elsewhere.example/7"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert process.stdout.split() == ["rediss://:**@redis.example:6379/0"] * 2


def test_every_queue_on_rabbitmq_is_durable_or_exclusive():
    settings = build_configuration(AMQP_URL, "worker")
    assert settings["control_queue_durable"]
    assert settings["event_queue_exclusive"]
    assert all(queue.durable for queue in settings["task_queues"])


@pytest.mark.parametrize(
    ("version", "is_global"), [("3.10.8", True), ("4.0.0", False), ("4.3.1", False)]
)
def test_a_worker_asks_for_a_global_prefetch_only_where_rabbitmq_still_has_it(version, is_global):
    """RabbitMQ 4 refuses `basic.qos` with `global`; Celery asks kombu whether to send it."""
    connection = SimpleNamespace(server_properties={"product": "RabbitMQ", "version": version})
    transport = pyamqp.Transport(client=None)
    assert transport.qos_semantics_matches_spec(connection) is not is_global
