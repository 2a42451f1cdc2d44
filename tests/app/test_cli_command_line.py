"""How the command line as a whole behaves: help, wrong usage, interruptions, closed pipes."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from app.cli.command import CommandGroup, DocumentedCommand
from db import migrations, schema
from local.commands import cli
from tests.app.cli_runner import CLI_COMMAND, ROOT
from tests.app.terminal import CONTROL_C, open_terminal
from tests.servers import owner_url

WAITING_SQL = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
MAX_PURPOSE_LENGTH = 62  # characters that a list of commands shows at 80 columns


def walk_commands(command=cli, path=("signalpost",)):
    yield " ".join(path), command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from walk_commands(child, (*path, name))


ALL_COMMANDS = dict(walk_commands())
LEAF_COMMANDS = {
    path: command
    for path, command in ALL_COMMANDS.items()
    if not isinstance(command, click.Group) or command.invoke_without_command
}


@pytest.fixture
def cli_environ(app_factory):
    process = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return {**process, **app_factory.environ, "SIGNALPOST_ROLE": "cli"}


@pytest.fixture
def run_at_terminal(cli_environ, tmp_path):
    return lambda *arguments: open_terminal([*CLI_COMMAND, *arguments], cli_environ, tmp_path)


def run_without_settings(*arguments):
    result = CliRunner().invoke(cli, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("path", ALL_COMMANDS)
def test_help_says_what_a_command_is_for_in_one_short_sentence(path):
    command = ALL_COMMANDS[path]
    assert isinstance(command, DocumentedCommand | CommandGroup)
    purpose = command.help.split("\n\n")[0]
    assert purpose.endswith(".")
    assert len(" ".join(purpose.split())) <= MAX_PURPOSE_LENGTH or path == "signalpost"


@pytest.mark.parametrize("path", LEAF_COMMANDS)
def test_help_ends_with_examples_and_the_exit_status(path):
    status, text, _ = run_without_settings(*path.split()[1:], "--help")
    assert status == 0
    examples, _, statuses = text.partition("Examples:\n")[2].partition("Exit status:\n")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    assert all(path in line for line in lines)
    assert [line.split()[0] for line in statuses.splitlines() if line[:3].strip()] == list("012")


@pytest.mark.parametrize("path", LEAF_COMMANDS)
def test_every_option_is_explained(path):
    for parameter in LEAF_COMMANDS[path].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, parameter.name


@pytest.mark.parametrize("group", ["signalpost", "signalpost posts"])
def test_a_group_without_a_command_prints_its_help(group):
    path = group.split()[1:]
    status, stdout, stderr = run_without_settings(*path)
    assert (status, stdout) == (2, "")
    assert stderr.strip() == run_without_settings(*path, "--help")[1].strip()


def test_the_version_is_that_of_the_package():
    assert run_without_settings("--version") == (0, f"signalpost {version('signalpost')}\n", "")


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["pots"], "'posts'"),
        (["posts", "retri"], "'retry'"),
        (["doctor", "--prob"], "'--probe'"),
        (["migrate", "upp"], "'up'"),
        (["up", "--port", "99999"], "0<=x<=65535"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest(arguments, suggestion):
    status, stdout, stderr = run_without_settings(*arguments)
    assert (status, stdout) == (2, "")
    assert stderr.startswith("USAGE: ")
    assert suggestion in stderr
    assert "What to do: see `signalpost" in stderr


def test_wrong_usage_is_one_line_of_json_with_the_json_option():
    status, stdout, stderr = run_without_settings("posts", "retry", "seven", "--json")
    answer = json.loads(stdout)
    assert (status, answer["ok"], answer["error"]["code"]) == (2, False, "USAGE")
    assert "seven" in answer["error"]["message"]
    assert "signalpost posts retry --help" in answer["error"]["advice"]
    assert stderr


def test_an_error_says_code_cause_and_remedy(run_cli):
    refused = run_cli("posts", "retry", 7)
    assert refused.returncode == 1
    assert refused.stderr.startswith("NOT_FOUND: there is no post 7\n")
    missing = run_cli("user", "list", SECRET_KEY="")
    assert missing.stderr.splitlines()[0].startswith("CONFIG_MISSING: SECRET_KEY")
    assert "`signalpost doctor`" in missing.stderr.splitlines()[1]


def test_a_folder_that_cannot_be_made_is_an_error_and_no_traceback():
    status, _, stderr = run_without_settings("up", "--data-dir", "/proc/nowhere", "--port", "0")
    assert (status, stderr) == (1, "FILE_ERROR: /proc/nowhere: No such file or directory\n")


def test_nothing_but_json_is_printed_on_stdout_with_the_json_option(run_cli):
    for arguments in (["users", "list"], ["posts", "retry", "7"], ["tokens", "rotate-keys"]):
        lines = run_cli(*arguments, "--json").stdout.splitlines()
        assert lines
        assert all("ok" in json.loads(line) for line in lines)


def test_older_names_of_commands_still_work_and_are_in_no_help(run_cli):
    assert run_cli("user", "list").returncode == run_cli("key", "list").returncode == 0
    assert json.loads(run_cli("webhooks", "replay", "--dead", "--json").stdout)["replayed"] == 0
    text = run_without_settings("--help")[1]
    assert "\n  users " in text
    assert "\n  user " not in text


def test_a_reader_who_stops_ends_the_command_in_silence(cli_environ, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [*CLI_COMMAND, "keygen"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=cli_environ,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, b"")


def test_control_c_ends_with_130_and_no_traceback(run_at_terminal):
    with run_at_terminal("users", "add", "eve@example.org") as terminal:
        terminal.wait_for("Password")
        terminal.type_keys(CONTROL_C)
        assert terminal.wait_for_end() == 130
    assert "Interrupted." in terminal.screen
    assert "Traceback" not in terminal.screen


def test_control_c_is_silent_while_the_program_is_still_loaded(cli_environ, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "local.cli", "doctor"],
        stderr=subprocess.PIPE,
        text=True,
        env=cli_environ,
        cwd=tmp_path,
    )
    next(line for line in process.stderr if "click.core" in line)
    process.send_signal(signal.SIGINT)
    later_lines = process.stderr.read()
    assert process.wait(60) == 130
    assert "Traceback" not in later_lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_runs_until_it_is_stopped_ends_with_0(cli_environ, tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-m", "local.cli", "webhooks", "--interval", "60000", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=cli_environ,
        cwd=tmp_path,
    )
    assert json.loads(process.stdout.readline())["processed"] == 0
    process.send_signal(number)
    assert (process.wait(30), process.stdout.read(), process.stderr.read()) == (0, "", "")


def test_control_c_ends_a_migration_that_waits_for_another(database_url, tmp_path):
    owner = owner_url(database_url)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": owner}
    with migrations.migration_lock(owner), schema.open_connection(owner) as observer:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.cli", "migrate"],
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=tmp_path,
        )
        end = time.monotonic() + 60
        while not observer.exec_driver_sql(WAITING_SQL).scalar():
            assert time.monotonic() < end, "the migration does not wait"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130  # long before the other migration is done
    assert process.stderr.read() == "Interrupted.\n"


@pytest.mark.parametrize(("answer", "status"), [("\n", 1), ("y\n", 0)])
def test_a_destructive_command_asks_at_a_terminal(run_at_terminal, make_user, answer, status):
    alice = make_user()
    with run_at_terminal("users", "erase", alice.email) as terminal:
        terminal.wait_for("with all their data? [y/N]")
        terminal.type_keys(answer)
        assert terminal.wait_for_end() == status
    assert ("nothing was done" in terminal.screen) == bool(status)


@pytest.mark.parametrize(
    "arguments", [["users", "erase", "1"], ["events", "discard", "1"], ["endpoints", "remove", "1"]]
)
def test_a_destructive_command_without_a_terminal_needs_yes(run_cli, make_user, arguments):
    url, private = "http://127.0.0.1/hook", {"ENDPOINT_PRIVATE_HOSTS": "on"}
    run_cli("endpoints", "add", url, "--user", make_user().email, **private)
    refused = run_cli(*arguments, stdin="y\n")
    assert refused.returncode == 1
    assert refused.stderr.startswith("NOT_CONFIRMED: nothing was done")
    assert "--yes" in refused.stderr


def test_the_list_of_commands_says_what_the_help_of_each_says():
    for name, command in cli.commands.items():
        assert cli.sources.purpose(name) == command.get_short_help_str(MAX_PURPOSE_LENGTH)


def test_the_list_of_commands_loads_no_command():
    script = (
        "import sys; from local.commands import cli; cli(['--help'], standalone_mode=False);"
        "assert not {'sqlalchemy', 'flask', 'pydantic'} & set(sys.modules);"
        "cli(['doctor', '--help'], standalone_mode=False); assert 'sqlalchemy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
