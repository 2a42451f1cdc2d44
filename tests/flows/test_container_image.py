"""The image of deploy/Dockerfile is built, and run as docker-compose.yml says: read-only, without
capabilities, with the memory, processes and volumes of the file.

Real are the Dockerfile, the file's services and their network. Stand-ins are the images of Python,
Postgres and Valkey (`container_images.py`). Needs root and packages that `.ci/run` does not install
(`container_engine.INSTALL_COMMAND`). From empty it takes six minutes on two slow cores, most of
them for the image. The short form is tests/test_container_files.py, which builds and runs nothing.
"""

import json
import re
import signal
from pathlib import Path

import pytest
import requests

from core.config.roles import list_secret_settings
from core.config.settings import Settings
from core.encryption_keys import generate_key
from core.health.version import INSTALLED_VERSION
from tests.deploy_tools import deploy_tools
from tests.flows.api_user import TUS_HEADERS, make_video
from tests.flows.brokers import wait_until
from tests.flows.compose_services import ComposeServices, read_config
from tests.flows.container_engine import run_engine
from tests.flows.container_images import (
    IMAGE,
    PLANTED_SECRET,
    STORE_IMAGES,
    build_derived_image,
    build_image,
    build_store_images,
)
from tests.support.tiktok_webhooks import WEBHOOK_PATH, build_envelope, sign_body

__all__ = ["deploy_tools"]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(2400)]

USER_ID = 999
KILLED = 128 + signal.SIGKILL
SERVICES = ("web", "worker", "uploads", "beat", "flower")
MONITOR = "monitor"  # a process of its own instead of a thread of web: docs/operations.md
OWN_PROCESSES = (*SERVICES, MONITOR)
EMPTY_FOLDERS = {"/tmp", "/var/tmp", "/run/lock", "/metrics"}  # noqa: S108 - of the image
DATA_FOLDERS = {"/media", "/erasures"}
HOST, CLIENT_SECRET = "signalpost.test", "client-secret-of-the-tests"
METRICS_TOKEN = "metrics-token-of-the-tests"
VARIABLES = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": f"https://{HOST}",
    "SECRET_KEY": "secret-key-of-the-tests-with-some-length",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
    "METRICS_TOKEN": METRICS_TOKEN,
    "WORKER_SECRET": "worker-secret-of-the-tests",
    "POSTGRES_PASSWORD": "superuser-of-the-tests",
    "POSTGRES_OWNER_PASSWORD": "owner-of-the-tests",
    "POSTGRES_APP_PASSWORD": "application-of-the-tests",
    "REDIS_PASSWORD": "redis-of-the-tests",
    "FLOWER_BASIC_AUTH": "operator:password-of-the-tests",
    "TIKTOK_CLIENT_KEY": "key",
    "TIKTOK_CLIENT_SECRET": CLIENT_SECRET,
    "TIKTOK_REDIRECT_URI": f"https://{HOST}/api/auth/tiktok/callback",
    "ALERT_MONITOR": "off",
}
PROXY_HEADERS = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
"""What the proxy in front of a production server sends."""

LIST_WRITABLE_SCRIPT = """
import os
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = [each for each in folders if each not in ("proc", "sys", "dev")]
    for path in (folder, *(os.path.join(folder, name) for name in files)):
        if not os.path.islink(path) and os.access(path, os.W_OK):
            print(path)
"""
READ_METRICS_SCRIPT = f"""
import urllib.request
headers = {{"Authorization": "Bearer {METRICS_TOKEN}"}}
for name in ("worker", "uploads"):
    request = urllib.request.Request(f"http://{{name}}:9100/metrics", headers=headers)
    print(urllib.request.urlopen(request, timeout=5).read().decode())
"""
INSERT_POST = """
INSERT INTO users (email) VALUES ('owner@example.org');
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at)
  SELECT id, 'tiktok', 'open-1', 'video.upload', 'ciphertext', now() + interval '1 day' FROM users
   WHERE email = 'owner@example.org';
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, started_at)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM', 'PROCESSING',
         'PROCESSING', 'v_pub~1', now() FROM oauth_accounts;
"""
SELECT_STATE = "SELECT state FROM posts WHERE publish_id = 'v_pub~1'"
SELECT_JUDGES = "SELECT count(*) FROM monitor_leases WHERE leased_until > now()"
FAULTS_IN_LOGS = re.compile(r"Traceback|Read-only file system|Permission denied|Operation not perm")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """An engine with the image."""
    with run_engine(tmp_path_factory.mktemp("containers")) as engine:
        build_image(engine)
        yield engine


@pytest.fixture(scope="module")
def run_once(engine):
    """Runs a command in a new container of an image, without a network, and returns its output."""

    def run(*command, image=IMAGE, options=()):
        confinement = ("--network=none", "--cap-drop=all", "--security-opt=no-new-privileges")
        return engine.run("podman", "run", "--rm", *confinement, *options, image, *command).stdout

    return run


def test_the_image_says_its_version_on_a_file_system_that_cannot_be_written(run_once):
    options = ("--read-only", "--read-only-tmpfs=false")
    assert INSTALLED_VERSION in run_once("signalpost", "--version", options=options)


def test_no_secret_of_the_checkout_is_in_the_image(engine, tmp_path):
    assert engine.contains(IMAGE, PLANTED_SECRET, "TOKEN_ENCRYPTION_KEY") == {
        "TOKEN_ENCRYPTION_KEY"  # the name is in the code
    }
    (settings,) = json.loads(engine.run("podman", "image", "inspect", IMAGE).stdout)
    names = {each.partition("=")[0] for each in settings["Config"]["Env"]}
    assert names
    assert not names & list_secret_settings(Settings).keys()


@pytest.mark.parametrize(
    "instruction",
    [
        "COPY secret.env /signalpost/",
        f"ENV SECRET_KEY={PLANTED_SECRET}",
        f"RUN echo {PLANTED_SECRET} >/dev/null",
    ],
    ids=["layer", "environment", "history"],
)
def test_a_secret_in_an_image_would_be_found(engine, tmp_path, instruction):
    (tmp_path / "secret.env").write_text(PLANTED_SECRET)
    image = "localhost/with-a-secret:test"
    dockerfile = f"FROM {IMAGE}\nUSER root\n{instruction}\nRUN rm -f /signalpost/secret.env\n"
    build_derived_image(engine, image, dockerfile, context=tmp_path)
    assert engine.contains(image, PLANTED_SECRET)


def test_the_user_of_the_image_can_write_nothing_but_data(engine, run_once, tmp_path):
    command = ("python", "-c", LIST_WRITABLE_SCRIPT)
    assert set(run_once(*command).split()) - EMPTY_FOLDERS == DATA_FOLDERS
    image = "localhost/writable:test"
    dockerfile = f"FROM {IMAGE}\nUSER root\nRUN chmod o+w /signalpost/app/asgi.py\nUSER 999:999\n"
    build_derived_image(engine, image, dockerfile, context=tmp_path)
    assert "/signalpost/app/asgi.py" in run_once(*command, image=image).split()


@pytest.fixture(scope="module")
def services(engine, deploy_tools):
    """All services of the file, and the monitor, in production and healthy."""
    build_store_images(engine)
    config = read_config(deploy_tools, VARIABLES, engine.folder)
    services = ComposeServices(engine, config, {**STORE_IMAGES, "": IMAGE})
    engine.run("podman", "network", "create", services.network)
    services.start("postgres")
    services.start("redis")
    services.wait_until_healthy("postgres", "redis")
    services.start("migrate")
    assert services.wait_until_done("migrate") == 0, services.read_log("migrate")
    for name in SERVICES:
        services.start(name)
    start_monitor(services)
    services.wait_until_healthy(*SERVICES)
    wait_until(lambda: query(services, SELECT_JUDGES) != "0", what="a monitor that judges")
    return services


def start_monitor(services):
    environment = {**services.config["web"]["environment"], "SIGNALPOST_ROLE": MONITOR}
    command = ("signalpost", "monitor")
    services.start(MONITOR, service="web", command=command, environment=environment, ports=[])


def send_to_web(services, method, path, **options):
    url = f"http://127.0.0.1:{services.ports['web', 8000]}{path}"
    headers = {**PROXY_HEADERS, **options.pop("headers", {})}
    return requests.request(method, url, headers=headers, timeout=30, **options)


def query(services, statement):
    command = ("psql", "-X", "-q", "-At", "-U", "signalpost", "-d", "signalpost", "-c", statement)
    return services.execute("postgres", *command).strip()


def test_the_web_server_takes_requests_and_a_delivery_is_applied(services):
    assert send_to_web(services, "GET", "/readyz").status_code == 200
    query(services, INSERT_POST)
    body = json.dumps(build_envelope(publish_id="v_pub~1")).encode()
    headers = {"TikTok-Signature": sign_body(body, secret=CLIENT_SECRET)}
    answer = send_to_web(services, "POST", WEBHOOK_PATH, data=body, headers=headers)
    assert answer.status_code == 200, answer.text
    wait_until(lambda: query(services, SELECT_STATE) == "PUBLISHED", what="the applied delivery")
    applied = r"signalpost_webhook_processed_total\{[^}]*\} [1-9]"
    wait_until(
        lambda: re.search(applied, services.execute("web", "python", "-c", READ_METRICS_SCRIPT)),
        what="the count of the worker",
    )


def test_a_file_is_received_and_inspected_by_the_confined_process(services):
    query(services, "INSERT INTO users (email) VALUES ('creator@example.org')")
    add_key = ("signalpost", "keys", "add", "test", "--user=creator@example.org", "--json")
    key = json.loads(services.execute("web", *add_key, "--scope=media:write"))["key"]
    video = make_video()
    headers = {**TUS_HEADERS, "Authorization": f"Bearer {key}"}
    created = send_to_web(
        *(services, "POST", "/api/media"), headers={**headers, "Upload-Length": str(len(video))}
    )
    assert created.status_code == 201, created.text
    path = created.headers["Location"].removeprefix(f"https://{HOST}")
    part = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    sent = send_to_web(services, "PATCH", path, data=video, headers={**headers, **part})
    assert sent.status_code == 204, sent.text
    media = send_to_web(services, "GET", path, headers=headers).json()["data"]
    assert media["content_type"] == "video/mp4"
    assert media["probe"]["width"] > 0


def find_privileges(services, name):
    """Return what the processes of a container may do beyond those of our image."""
    faults = set()
    for process in services.list_processes(name):
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines)
        if {int(number) for number in status["Uid"].split()} != {USER_ID}:
            faults.add("another user")
        if any(int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")):
            faults.add("capabilities")
        if status["NoNewPrivs"] != "1":
            faults.add("new privileges")
    return faults


def test_every_process_runs_as_the_user_of_the_image_without_privileges(services):
    faults = {name: find_privileges(services, name) for name in OWN_PROCESSES}
    assert faults == {name: set() for name in OWN_PROCESSES}
    careless = {"cap_drop": [], "security_opt": [], "user": "0"}
    services.start("careless", service="beat", **careless)
    assert find_privileges(services, "careless") == {
        *("another user", "capabilities", "new privileges")
    }


def test_nothing_is_written_outside_memory_and_volumes(services):
    write = (
        "for folder in / /etc /signalpost /venv /var/tmp; do touch $folder/written && exit 1; done"
    )
    for name in OWN_PROCESSES:
        services.execute(name, "sh", "-c", f"{write}; exit 0")
        assert services.list_changed_files(name) == []
        assert FAULTS_IN_LOGS.search(services.read_log(name)) is None, services.read_log(name)
    services.start("writing", service="beat", read_only=False)
    services.execute("writing", "touch", "/var/lock/written")
    assert "A /run/lock/written" in services.list_changed_files("writing")


def test_every_process_ends_within_its_grace_with_status_0_and_starts_again(services):
    stopped = {name: services.stop(name, service=service_of(name)) for name in OWN_PROCESSES}
    late = {
        name: each
        for name, each in stopped.items()
        if each.status != 0 or each.seconds >= services.grace_of(service_of(name))
    }
    assert late == {}, [services.read_log(name) for name in late]
    for name in OWN_PROCESSES:
        services.engine.run("podman", "start", services.container(name))
    services.wait_until_healthy(*SERVICES)


def service_of(name):
    """The service of the file whose settings a container has."""
    return "web" if name == MONITOR else name


def test_a_process_that_ignores_sigterm_is_noticed(services):
    deaf = ("sh", "-c", "trap '' TERM; touch /tmp/ready; sleep 99")
    services.start("deaf", service="beat", command=deaf)
    wait_until(lambda: "ready" in services.execute("deaf", "ls", "/tmp"), what="its start")  # noqa: S108 - of the container
    assert services.stop("deaf", service="beat").status == KILLED
