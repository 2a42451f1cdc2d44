"""With RabbitMQ, a bucket and a mail server no secret is readable in what they store or are sent,
nor on a page of Flower.
"""

import json
import subprocess
import sys
from base64 import b64encode
from urllib.parse import urlsplit

import pytest
import requests
from kombu import Connection, Queue

from tests.flows.api_user import PULL_FIELDS, REQUEST_TIMEOUT
from tests.flows.brokers import wait_until
from tests.flows.s3_server import BUCKET, BUCKET_KEY
from tests.flows.secret_search import (
    dump_database,
    find_secrets,
    list_secrets,
    read_files,
    read_logs,
    read_metrics,
    read_process_lists,
)
from tests.flows.stacks import ROOT, run_stack
from tests.support.mail_receiver import run_mail_server

FLOWER_PAGES = (
    *("/", "/workers", "/workers?json=1", "/tasks", "/broker", "/metrics"),
    *("/api/workers", "/api/tasks"),
)
FOLDERS = ("mnesia", "log")
REDIS_NUMBER = 14  # above those of the workers
CANARY = "canary-of-rabbitmq-" + "k5Rw" * 6
MAIL_PASSWORD = "password-of-the-mail-server-" + "p3Vd" * 6
BROKER_USER, BROKER_PASSWORD = "canary", "password-of-rabbitmq-" + "h8Tn" * 6
ADD_USER = """
rabbit_auth_backend_internal:add_user(<<"{0}">>, <<"{1}">>, <<"test">>),
rabbit_auth_backend_internal:set_permissions(
  <<"{0}">>, <<"/">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>).
"""


@pytest.fixture(scope="module")
def rabbit_stack(rabbitmq, server_addresses, s3_server, mail_server, tmp_path_factory):
    """A stack with Flower, whose RabbitMQ demands a password that can be searched."""
    if rabbitmq.has_exited():
        rabbitmq.start()
    rabbitmq.control("eval", ADD_USER.format(BROKER_USER, BROKER_PASSWORD))
    broker_url = rabbitmq.url.replace("guest:guest", f"{BROKER_USER}:{BROKER_PASSWORD}")
    settings = {
        "BROKER_URL": broker_url,
        "REDIS_URL": f"{server_addresses.valkey}/{REDIS_NUMBER}",
        "MEDIA_URL": s3_server.create_url(),
        **s3_server.settings,
        "SMTP_URL": f"smtp://ops:{MAIL_PASSWORD}@127.0.0.1:{mail_server.server_address[1]}?tls=none",
        "ALERT_EMAIL": "ops@example.org",
    }
    with run_stack(tmp_path_factory.mktemp("rabbit"), "--flower", **settings) as stack:
        yield stack


@pytest.fixture(scope="module")
def mail_server():
    with run_mail_server() as server:
        yield server


def read_flower(stack, pages=FLOWER_PAGES):
    """Yield these pages of Flower."""
    settings = json.loads((stack.folder / "data" / "settings.json").read_text())
    login = tuple(settings["FLOWER_BASIC_AUTH"].split(":", 1))
    for page in pages:
        answer = requests.get(stack.info["flower"] + page, auth=login, timeout=REQUEST_TIMEOUT)
        assert answer.status_code == 200, page
        yield f"Flower {page}", answer.content


def read_broker(rabbitmq):
    for folder in FOLDERS:
        yield from read_files(rabbitmq.folder / folder, "RabbitMQ")


def test_no_secret_is_readable_in_the_broker_or_beside_it(rabbit_stack, rabbitmq):
    api_user = rabbit_stack.create_api_user()
    fields = {**PULL_FIELDS, "mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}
    api_user.wait_until_final(api_user.create_post(**fields), within=60)
    secrets = [*list_secrets(rabbit_stack, api_user), BROKER_PASSWORD]
    places = [
        *read_broker(rabbitmq),
        *read_flower(rabbit_stack),
        *read_logs(rabbit_stack),
        *read_process_lists(rabbit_stack),
    ]
    assert find_secrets(places, secrets) == set()
    assert {"RabbitMQ", "Flower /broker"} <= {name for name, _ in places}


def run_command(stack, *arguments):
    """Run a command as an operator does, with all settings; return what it prints."""
    environment = stack.find_process("web").environ() | {"SIGNALPOST_ROLE": "cli"}
    return subprocess.run(
        [sys.executable, "-m", "local.cli", *arguments],
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=stack.folder,
        capture_output=True,
        check=False,
    )


def read_bucket(stack, s3_server):
    url = stack.find_process("web").environ()["MEDIA_URL"]
    for key in s3_server.list_keys(url):
        answer = s3_server.client.get_object(Bucket=BUCKET, Key=key)
        yield "bucket", key.encode() + repr(answer["Metadata"]).encode() + answer["Body"].read()


def test_neither_the_key_of_the_bucket_nor_the_password_of_the_mail_server_is_readable(
    rabbit_stack, s3_server, mail_server
):
    api_user = rabbit_stack.create_api_user()
    api_user.wait_until_final(api_user.publish_file(), within=60)
    outputs = [run_command(rabbit_stack, *each) for each in (("alerts", "test"), ("doctor",))]
    places = [
        *read_logs(rabbit_stack),
        *read_metrics(rabbit_stack),
        *read_process_lists(rabbit_stack),
        *dump_database(rabbit_stack),
        *read_bucket(rabbit_stack, s3_server),
        *(("mail", mail.encode()) for mail in mail_server.mails),
        *(("output", ended.stdout + ended.stderr) for ended in outputs),
    ]
    assert find_secrets(places, [BUCKET_KEY, MAIL_PASSWORD]) == set()
    assert {"bucket", "mail", "output", "dump"} <= {name for name, _ in places}


def test_both_are_used_and_would_be_found(rabbit_stack, mail_server):
    """The control: both are in the settings, and the password was sent to sign in."""
    run_command(rabbit_stack, "alerts", "test")
    environment = repr(rabbit_stack.find_process("web").environ()).encode()
    sent = "\n".join(mail_server.commands).encode()
    places = [("environment", environment), ("sign-in", sent)]
    assert find_secrets(places, [MAIL_PASSWORD]) == {"environment", "sign-in"}
    assert find_secrets(places, [BUCKET_KEY]) == {"environment"}


def test_a_secret_in_a_message_would_be_found(rabbit_stack, rabbitmq):
    queue = Queue("planted", durable=True)
    with Connection(rabbitmq.url) as connection:
        producer = connection.Producer()
        message = {"planted": b64encode(b"x" + CANARY.encode()).decode()}
        producer.publish(message, routing_key="planted", declare=[queue], delivery_mode=2)
        try:
            wait_until(lambda: find_secrets(read_broker(rabbitmq), [CANARY]), what="a stored one")
        finally:
            queue(connection).delete()


def test_the_rest_of_the_broker_s_address_is_found_on_flower_s_page(rabbit_stack):
    """The control: the address stands there, with its user, and only the password is masked."""
    port = urlsplit(rabbit_stack.info["broker"]).port
    address = f"amqp://{BROKER_USER}:**@127.0.0.1:{port}"
    pages = read_flower(rabbit_stack, ["/broker"])
    assert find_secrets(pages, [address]) == {"Flower /broker"}
