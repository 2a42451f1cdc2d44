"""`signalpost up` as a user runs it: readiness, restarts of killed processes, a clean stop."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg2
import pytest
import redis

from local import user_and_folders
from local.ports import find_free_port
from tests.flows.brokers import wait_until
from tests.flows.stacks import REAP_TIMEOUT, SIGNALPOST_COMMAND, STOP_TIMEOUT, start_stack

STOP_WAIT = 60.0  # seconds; on a busy machine only the test of the limit fails, not every test


class UpProcess:
    """One `signalpost up` and its descendants."""

    def __init__(self, folder, *options, **user_options):
        arguments = ("--json", "--port", "0", "--data-dir", folder / "data")
        self.errors = folder / "up.err"
        self.process = start_stack(
            folder,
            (*SIGNALPOST_COMMAND, "up", *arguments, *options),
            user_options=user_options,
            CLOUD_ACCESS_TOKEN=FOREIGN_SECRET,
        )

    def wait_ready(self):
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        return json.loads(line)

    def descendants(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def read_descendants(self, read):
        """Return what `read` returns, by process, of all that have not ended meanwhile."""
        values = {}
        for process in self.descendants():
            with suppress(psutil.NoSuchProcess):
                values[process] = read(process)
        return values

    def child_pids(self):
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def stop(self, signal_number=signal.SIGTERM):
        """Stop it and return the descendants that are still running."""
        descendants = self.descendants() if self.process.poll() is None else []
        self.process.send_signal(signal_number)
        self.process.wait(STOP_WAIT)
        self.process.stdout.close()
        _, alive = psutil.wait_procs(descendants, timeout=REAP_TIMEOUT)
        return alive


@pytest.fixture(scope="module")
def stopped_stack(tmp_path_factory):
    """A first stack: folder, ready line, (leftover processes, exit code), seconds to stop."""
    folder = tmp_path_factory.mktemp("stack")
    up = UpProcess(folder, "--no-flower", "--sandbox")
    info = up.wait_ready()
    stop_requested_at = time.monotonic()
    leftover = up.stop(signal.SIGINT)
    return folder, info, (leftover, up.process.returncode), time.monotonic() - stop_requested_at


@pytest.fixture(scope="module")
def restarted_stack(stopped_stack):
    """The next stack in the same folder. It is shared: tests leave it as they found it."""
    up = UpProcess(stopped_stack[0], "--sandbox")
    info = up.wait_ready()
    yield up, info
    if up.process.poll() is None:
        assert up.stop() == []


def fetch(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.status, response.read()


def is_ok(url):
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


def accepts_connections(database_url):
    """Tell whether Postgres accepts connections: `/readyz` may still report what it saw before."""
    try:
        psycopg2.connect(database_url).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_every_server_responds_when_the_ready_line_is_printed(restarted_stack):
    _, info = restarted_stack
    assert info["ready"] is True
    assert fetch(f"{info['web']}/readyz")[0] == 200
    assert fetch(f"{info['sandbox']}/_sandbox/clock")[0] == 200
    psycopg2.connect(info["database"]).close()
    with redis.Redis.from_url(info["broker"]) as client:
        assert client.ping()


def test_the_sandbox_imitates_every_platform_and_knows_our_addresses(restarted_stack):
    _, info = restarted_stack
    webhooks = f"{info['web']}/api/webhooks"
    tiktok = json.loads(fetch(f"{info['sandbox']}/_sandbox/settings")[1])
    assert tiktok["webhook_url"] == f"{webhooks}/tiktok"
    instagram = json.loads(fetch(f"{info['sandbox']}/_sandbox/instagram/settings")[1])
    assert instagram["webhook_url"] == f"{webhooks}/instagram"
    assert instagram["deauthorize_url"] == f"{webhooks}/instagram/deauthorize"
    assert instagram["data_deletion_url"] == f"{webhooks}/instagram/data-deletion"
    key = {"Authorization": f"Bearer {info['api_key']}"}
    platforms = json.loads(fetch(f"{info['web']}/api/platforms", **key)[1])["data"]
    assert {each["platform"]: each["configured"] for each in platforms} == {
        "tiktok": True,
        "instagram": True,
    }


def test_the_printed_api_key_is_accepted(restarted_stack):
    _, info = restarted_stack
    status, body = fetch(f"{info['web']}/api/auth/me", Authorization=f"Bearer {info['api_key']}")
    assert status == 200
    assert info["user"] in body.decode()


def test_the_ready_line_names_every_process(restarted_stack):
    _, info = restarted_stack
    names = {"web", "worker", "uploads", "beat", "flower", "postgres", "redis", "sandbox"}
    assert set(info["pids"]) == names


def test_a_shell_that_reads_the_exported_settings_can_run_every_command(restarted_stack):
    up, _ = restarted_stack
    exports = up.errors.parent / "data" / "settings.env"
    assert exports.stat().st_mode & 0o777 == 0o600
    listed = subprocess.run(
        ["bash", "-ec", f". {exports} && {SIGNALPOST_COMMAND[0]} users list"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (listed.returncode, listed.stderr) == (0, "")


def test_no_argument_of_any_process_is_a_secret(restarted_stack):
    up, info = restarted_stack
    secrets = [*json.loads((up.errors.parent / "data" / "settings.json").read_text()).values()]
    words = " ".join(" ".join(process.cmdline()) for process in up.descendants())
    assert not [
        secret for secret in (*secrets, info["password"], info["api_key"]) if secret in words
    ]


STORE_URLS = {"DATABASE_URL", "BROKER_URL"}
PLATFORM_SECRETS = {"TIKTOK_CLIENT_SECRET", "FACEBOOK_APP_SECRET", "INSTAGRAM_APP_SECRET"}
WORKER_SECRETS = {
    *(STORE_URLS | PLATFORM_SECRETS),
    *("SECRET_KEY", "TOKEN_ENCRYPTION_KEY", "METRICS_TOKEN", "INSTAGRAM_WEBHOOK_VERIFY_TOKEN"),
}
SECRETS_OF_PROCESSES = {
    "web": WORKER_SECRETS | {"WORKER_SECRET"},
    "worker": WORKER_SECRETS,
    "uploads": WORKER_SECRETS,
    "beat": {"BROKER_URL"},
    "flower": {"BROKER_URL", "FLOWER_BASIC_AUTH"},
    # It issues them in the platforms' place.
    "sandbox": PLATFORM_SECRETS | {"INSTAGRAM_WEBHOOK_VERIFY_TOKEN"},
    "postgres": set(),
    "redis": set(),
}
STORE_PROGRAMS = {"postgres": "postgres", "valkey-server": "redis"}
FOREIGN_SECRET = "a-token-of-the-operators-shell"


def generated_secrets(up, info):
    """Every secret of the stack by its name, and the one that the operator's shell holds."""
    settings = json.loads((up.errors.parent / "data" / "settings.json").read_text())
    names = ("SECRET", "TOKEN", "_KEY", "AUTH", "PASSWORD")
    secrets = {name: value for name, value in settings.items() if any(map(name.count, names))}
    del secrets["TIKTOK_CLIENT_KEY"]  # an id
    urls = {
        "DATABASE_URL": psutil.Process(current_pids(up)["worker"]).environ()["DATABASE_URL"],
        "the owner of the tables": info["database"],
        "BROKER_URL": info["broker"],
    }
    passwords = {name: urlsplit(url).password for name, url in urls.items()}
    return {**secrets, **passwords, "CLOUD_ACCESS_TOKEN": FOREIGN_SECRET}


def current_pids(up):
    """The processes by name; those of the ready line may have been killed by another test."""
    children = psutil.Process(up.process.pid).children()
    return {
        child.environ().get("SIGNALPOST_ROLE") or STORE_PROGRAMS[Path(child.exe()).name]: child.pid
        for child in children
    }


def found_secrets(pid, secrets):
    """The secrets in the environment of a process or of one of its descendants."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    paths = [Path(f"/proc/{process.pid}/environ") for process in processes]
    text = b"".join(path.read_bytes() for path in paths if path.exists()).decode()
    return {name for name, secret in secrets.items() if secret in text}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_each_process_holds_only_the_secrets_of_its_role(restarted_stack):
    up, info = restarted_stack
    wait_until(lambda: current_pids(up).keys() == SECRETS_OF_PROCESSES.keys(), what="all processes")
    secrets = generated_secrets(up, info)
    found = {name: found_secrets(pid, secrets) for name, pid in current_pids(up).items()}
    assert found == SECRETS_OF_PROCESSES
    assert FOREIGN_SECRET in Path(f"/proc/{up.process.pid}/environ").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="another user runs Postgres as itself")
def test_as_root_postgres_runs_as_an_account_without_rights_and_makes_none(restarted_stack):
    up, _ = restarted_stack
    accounts = Path("/etc/passwd").read_text()
    wait_until(lambda: "postgres" in current_pids(up), what="Postgres")
    process = psutil.Process(current_pids(up)["postgres"])
    name = user_and_folders.SERVER_ACCOUNT
    expected = name if f"\n{name}:" in accounts else user_and_folders.SHARED_ACCOUNT
    assert process.uids().real == pwd.getpwnam(expected).pw_uid != 0


def test_flower_shows_no_page_without_its_password(restarted_stack):
    up, info = restarted_stack
    password = generated_secrets(up, info)["FLOWER_BASIC_AUTH"]
    basic = {"Authorization": "Basic " + b64encode(password.encode()).decode()}
    for path in ("/", "/metrics", "/healthcheck", "/api/workers", "/tasks", "/broker"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            fetch(f"{info['flower']}{path}")
    for path in ("/metrics", "/healthcheck"):
        assert fetch(f"{info['flower']}{path}", **basic)[0] == 200


@pytest.mark.parametrize("name", ["worker", "web", "postgres"])
def test_a_killed_process_is_restarted(restarted_stack, name):
    up, info = restarted_stack
    before = up.child_pids()
    psutil.Process(info["pids"][name]).kill()
    wait_until(lambda: up.child_pids() - before, what="a restart")
    wait_until(lambda: accepts_connections(info["database"]), what="Postgres")
    wait_until(lambda: is_ok(f"{info['web']}/readyz"), what="readiness")


def test_a_second_stack_in_the_same_folder_is_refused(restarted_stack):
    up, _ = restarted_stack
    folder = up.errors.parent
    refused = subprocess.run(
        [*SIGNALPOST_COMMAND, "up", "--port", "0", "--data-dir", folder / "data"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 1
    assert "another stack is using" in refused.stderr


def test_a_database_that_cannot_be_used_is_named(tmp_path):
    address = f"postgresql://signalpost:password@127.0.0.1:{find_free_port()}/signalpost"
    process = start_stack(
        tmp_path,
        (*SIGNALPOST_COMMAND, "up", "--json", "--port", "0", "--data-dir", tmp_path / "data"),
        DATABASE_URL=address,
    )
    answer = json.loads(process.communicate(timeout=STOP_WAIT)[0])
    assert (process.returncode, answer["ok"]) == (1, False)
    assert answer["error"]["code"] == "SERVICE_UNAVAILABLE"
    assert "nothing listens" in answer["error"]["message"]


def test_it_stops_in_time_without_leftovers_and_keeps_its_data(stopped_stack, restarted_stack):
    _, info, leftover_and_code, seconds = stopped_stack
    _, info_again = restarted_stack
    assert leftover_and_code == ([], 0)
    assert seconds < STOP_TIMEOUT
    assert (info_again["user"], info_again["password"]) == (info["user"], info["password"])
    assert info_again["api_key"] != info["api_key"]  # the old key is revoked


def test_temporary_files_are_in_the_data_folder(restarted_stack):
    up, _ = restarted_stack
    environments = [process.environ() for process in up.descendants()]
    stack_environments = [environ for environ in environments if "SIGNALPOST_ROLE" in environ]
    assert len(stack_environments) >= len({"web", "worker", "uploads", "beat"})
    assert {environ["TMPDIR"] for environ in stack_environments} == {
        str(up.errors.parent / "data" / "tmp")
    }


def test_processes_without_a_port_show_by_a_file_that_they_work(restarted_stack):
    """The health checks of containers look at its age."""
    folder = restarted_stack[0].errors.parent / "data" / "tmp"
    paths = [folder / f"signalpost-{name}.alive" for name in ("worker", "uploads", "beat")]
    wait_until(lambda: all(path.exists() for path in paths), what="three files")
    before = {path: path.stat().st_mtime for path in paths}
    wait_until(
        lambda: all(path.stat().st_mtime > before[path] for path in paths), what="newer files"
    )


def test_a_stop_while_everything_starts_is_no_error(tmp_path):
    up = UpProcess(tmp_path, "--no-flower")
    wait_until((tmp_path / "data" / "postgres").exists, what="initdb, which the main thread runs")
    assert up.stop(signal.SIGINT) == []
    assert up.process.returncode == 0
    assert "Traceback" not in up.errors.read_text()


def test_a_killed_stack_leaves_no_process_either(tmp_path):
    up = UpProcess(tmp_path, "--no-flower")
    info = up.wait_ready()
    assert (info["sandbox"], info["flower"], info["user"], info["api_key"]) == (None,) * 4
    descendants = up.descendants()
    up.process.kill()
    up.process.wait(5)
    up.process.stdout.close()
    wait_until(
        lambda: not any(process.is_running() for process in descendants),
        what="the end of all children",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can switch to another user")
def test_an_ordinary_user_needs_no_more_than_a_folder(tmp_path_factory):
    """The servers' user has no home directory and may only read the checkout."""
    if not user_and_folders.is_readable_by_all(Path(sys.executable).resolve()):
        pytest.skip("this Python is in a folder that only root can enter")
    folder = Path(tempfile.mkdtemp(prefix="signalpost-user-"))
    user = user_and_folders.find_unprivileged_user()
    os.chown(folder, user.uid, user.gid)
    try:
        up = UpProcess(folder, "--no-flower", **user.popen_options)
        up.wait_ready()
        assert set(up.read_descendants(lambda each: each.uids().real).values()) == {user.uid}
        environments = up.read_descendants(psutil.Process.environ)
        ours = [each for each, environ in environments.items() if "SIGNALPOST_ROLE" in environ]
        assert len(ours) >= len({"web", "worker", "uploads", "beat"})
        # Only root reads what a process has hidden from others of its own user.
        assert {Path(f"/proc/{process.pid}/environ").stat().st_uid for process in ours} == {0}
        assert up.stop() == []
    finally:
        shutil.rmtree(folder)
