"""With LOG_FORMAT=json every line of every process of ours is an object of JSON."""

import json
import signal
import subprocess
import sys
import time

import pytest

from local.ports import find_free_port
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.stacks import ROOT

PROCESSES = ("web", "worker", "uploads", "beat")
FIELDS = {"time", "level", "logger", "message"}
OUTAGE_SECONDS = 3  # long enough for each process to notice


def find_other_lines(text):
    """The lines that are no object with the fields of a log."""
    return [line for line in text.splitlines() if line.strip() and not is_log_line(line)]


def is_log_line(line):
    try:
        return json.loads(line).keys() >= FIELDS
    except (json.JSONDecodeError, AttributeError):
        return False


def test_the_search_finds_what_is_no_line_of_a_log():
    good = '{"time": "", "level": "", "logger": "", "message": ""}'
    assert find_other_lines(f"{good}\n[INFO] x\n\n{{}}\n[1]\n{good}") == ["[INFO] x", "{}", "[1]"]


def test_every_line_of_a_stack_is_json_also_while_redis_is_away(stack, api_user):
    api_user.publish_file()
    stack.kill("redis")
    time.sleep(OUTAGE_SECONDS)
    api_user.wait_until_final(api_user.publish_file())
    supervisor_log = stack.folder / "up.err"
    stack.find_process("worker").send_signal(signal.SIGINT)  # Celery has words for it
    stack.find_process("beat").terminate()
    wait_until(
        lambda: "worker exited" in supervisor_log.read_text(), what="the line of the supervisor"
    )
    api_user.wait_until_final(api_user.publish_file())
    others = {name: find_other_lines(stack.read_log(name)) for name in PROCESSES}
    assert others == {name: [] for name in PROCESSES}
    assert find_other_lines(supervisor_log.read_text()) == []
    assert '"message": "worker: Warm shutdown' in stack.read_log("worker")


@pytest.fixture
def flower_output(stack, tmp_path):
    """What Flower writes until it answers, and while it stops."""
    environment = stack.find_process("worker").environ() | {
        "SIGNALPOST_ROLE": "flower",
        "FLOWER_BASIC_AUTH": "ops:long-enough-for-a-test",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path),
    }
    log = tmp_path / "flower.log"
    arguments = ("flower", f"--port={find_free_port()}", "--address=127.0.0.1")
    with log.open("wb") as output:
        process = start_process(
            (sys.executable, "-m", "local.private_program", "tasks.program", *arguments),
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: "Registered tasks" in log.read_text(), what="the start of Flower")
            process.terminate()
            wait_until(lambda: "shutting down" in log.read_text(), what="the end of Flower")
        finally:
            process.kill()
            process.wait()
    return log.read_text()


def test_every_line_of_flower_is_json(flower_output):
    assert find_other_lines(flower_output) == []


PROGRAM = """
import sys, threading, warnings
print("a banner")
print("to stderr", file=sys.stderr)
warnings.warn("old")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("postgresql://app:c4n4ry@host/")
"""
"""Stands for a server: `celery` is one of the programs that `private_program` treats as servers."""


def run_failing_program(folder, **settings):
    (folder / "celery.py").write_text(PROGRAM)
    return subprocess.run(
        [sys.executable, "-m", "local.private_program", "celery"],
        env={"PYTHONPATH": f"{folder}:{ROOT}", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_banners_warnings_and_tracebacks_become_lines_of_json(tmp_path):
    ended = run_failing_program(tmp_path)
    assert ended.returncode == 1
    assert find_other_lines(ended.stdout + ended.stderr) == []
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    messages = [line["message"] for line in lines]
    assert messages[:2] == ["a banner", "to stderr"]
    assert "UserWarning: old" in messages[2]
    assert messages[3:] == ["thread.uncaught_error", "process.uncaught_error"]
    assert (lines[3]["exception"], lines[4]["exception"]) == ("ZeroDivisionError", "RuntimeError")
    assert "c4n4ry" not in ended.stderr


def test_with_log_format_text_they_stay_as_they_are(tmp_path):
    ended = run_failing_program(tmp_path, LOG_FORMAT="text")
    assert ended.stdout == "a banner\n"
    assert "Traceback (most recent call last)" in ended.stderr


def start_command(folder, *arguments, **settings):
    return start_process(
        (sys.executable, "-m", "local.cli", *arguments),
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "LOG_FORMAT": "json", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_messages(output):
    assert find_other_lines(output) == []
    return [json.loads(line)["message"] for line in output.splitlines()]


def test_migrate_writes_json_where_the_setting_says_so(empty_database_url, tmp_path):
    output, _ = start_command(tmp_path, "migrate", DATABASE_URL=empty_database_url).communicate()
    messages = read_messages(output)
    assert any(message.startswith("migration 0001: 1 of ") for message in messages)
    assert any(" tables, " in message for message in messages)
    levels = {json.loads(line)["level"] for line in output.splitlines()}
    assert levels == {"info"}


def test_migrate_writes_its_failure_as_json_and_without_the_password(tmp_path):
    url = f"postgresql://app:c4n4ry@127.0.0.1:{find_free_port()}/none"
    process = start_command(tmp_path, "migrate", "status", DATABASE_URL=url)
    output, _ = process.communicate()
    assert process.returncode == 1
    assert any("What to do: " in message for message in read_messages(output))
    assert "c4n4ry" not in output


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [(("migrate", "status"), {"LOG_FORMAT": ""}), (("migrate", "status", "--json"), {})],
)
def test_for_people_and_with_json_results_the_output_is_as_ever(
    empty_database_url, tmp_path, arguments, settings
):
    process = start_command(tmp_path, *arguments, DATABASE_URL=empty_database_url, **settings)
    output, _ = process.communicate()
    assert find_other_lines(output) == output.splitlines()


def test_every_line_of_the_monitor_is_json(stack, tmp_path):
    environment = stack.find_process("worker").environ()
    settings = environment | {"SIGNALPOST_ROLE": "monitor", "LOG_FORMAT": "json"}
    process = start_command(tmp_path, "monitor", **settings)
    lines = [process.stdout.readline()]
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert read_messages("".join(lines) + output)[-1] == "stopped"
