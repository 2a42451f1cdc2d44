"""What each process does not load: a module costs memory in each of them, and CPU at each start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.config.garbage_collection import START_THRESHOLD
from platforms.registry import PLATFORMS
from platforms.setting_models import SETTING_MODELS
from tasks.celery import SENDER_MODULES, WORKER_MODULES

ROOT = Path(__file__).parents[2]

LOADED_SCRIPT = """
import sys
for name in sys.argv[1:]:
    __import__(name)
print(*sys.modules)
"""
BEAT = (*SENDER_MODULES["beat"], "tasks.program", "celery.bin.beat", "celery.apps.beat")
WORKER = (*WORKER_MODULES, "tasks.program", "celery.bin.worker", "celery.apps.worker")

TRACING = "opentelemetry.exporter core.observability.span_export"
"""Of OpenTelemetry; the client of Redis loads the rest by itself, where that is installed."""

ABSENT = {
    "reading settings": (
        ("core.config.settings", "core.observability.telemetry"),
        "sqlalchemy psycopg2 db requests cryptography flask celery redis",
    ),
    "supervisor": (
        ("local.cli", "local.up"),
        "sqlalchemy db alembic requests flask celery redis structlog jinja2 core.bootstrap",
    ),
    "setup of the database": (
        ("local.database_setup",),
        "requests flask celery redis structlog core.bootstrap platforms.registry rich",
    ),
    "list of commands": (
        ("local.cli", "local.commands"),
        "sqlalchemy pydantic structlog redis rich local.up local.demo core.config.settings",
    ),
    "beat": (
        BEAT,
        f"{TRACING} sqlalchemy psycopg2 db requests flask alembic flower prompt_toolkit PIL av",
    ),
    "worker": (WORKER, f"{TRACING} flask jinja2 app alembic flower prompt_toolkit tornado.web"),
    "web": (
        ("app.asgi",),
        f"{TRACING} celery.worker.consumer celery.bin celery.apps tasks.work flower alembic local",
    ),
}


def run_script(script, *arguments):
    """What the script prints in a process of its own."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def list_loaded(*modules):
    """Names of all modules and packages that a new process has after these imports."""
    return set(run_script(LOADED_SCRIPT, *modules).split())


@pytest.mark.parametrize("process", ABSENT)
def test_a_process_does_not_load_what_it_does_not_use(process):
    modules, absent = ABSENT[process]
    loaded = list_loaded(*modules)
    assert set(modules) <= loaded
    assert loaded & set(absent.split()) == set()


def test_the_list_of_loaded_modules_shows_what_is_loaded():
    assert {"sqlalchemy", "db", "requests", "cryptography"} <= list_loaded(*WORKER)


def test_settings_are_listed_for_exactly_the_platforms_of_the_registry():
    assert list(SETTING_MODELS) == list(PLATFORMS)
    for name, platform in PLATFORMS.items():
        assert platform.settings is SETTING_MODELS[name]


COLLECTION_SCRIPT = """
import gc
from core.config.garbage_collection import collect_rarely, exclude_loaded_objects
print(gc.get_threshold())
collect_rarely()
print(gc.get_threshold())
exclude_loaded_objects()
print(gc.get_threshold(), gc.get_freeze_count() > 0)
"""


def test_garbage_is_collected_as_usual_once_a_process_has_started():
    usual, at_start, afterwards = run_script(COLLECTION_SCRIPT).splitlines()
    assert str(START_THRESHOLD) in at_start
    assert afterwards == f"{usual} True"


UNUSED_SCRIPT = """
import importlib, sys, warnings
from local.private_program import UNUSED_LIBRARIES, hide_unused_libraries
hide_unused_libraries(sys.argv[1])
warnings.simplefilter("error", append=True)  # after the filter of the program itself
for name in ("celery.bin.base", "kombu.serialization", "requests", "structlog"):
    importlib.import_module(name)
print(*(name for name in UNUSED_LIBRARIES if sys.modules.get(name)))
"""


@pytest.mark.parametrize(
    ("program", "loaded"),
    [("tasks.program", ""), ("granian", "pygments"), ("local.cli", "rich pygments")],
)
def test_libraries_that_others_would_load_are_loaded_where_they_are_used(program, loaded):
    assert run_script(UNUSED_SCRIPT, program) == f"{loaded}\n"


def test_a_text_without_a_declared_encoding_is_read_without_the_library_that_guesses_it(tmp_path):
    probe = (
        "import requests\n"
        "response = requests.Response()\n"
        "response._content = 'é'.encode()\n"
        "print(ascii(response.text))"
    )
    (tmp_path / "probe.py").write_text(probe)
    assert run_program("probe", folder=tmp_path) == "'\\xe9'\n"


def test_servers_load_no_library_for_coloured_logs_and_commands_have_it(tmp_path):
    probe = "import structlog, sys; print(sys.modules.get('rich'))"
    (tmp_path / "probe.py").write_text(probe)
    assert run_program("probe", folder=tmp_path) == "None\n"
    assert "<module 'rich'" in run_script(probe)
    assert "--destination" in run_program("local.cli", "upload", "--help", folder=tmp_path)


@pytest.mark.parametrize(
    ("settings", "loads_it"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT_FILE": "/run/endpoint"}, True),
    ],
)
def test_the_client_of_redis_loads_opentelemetry_only_where_traces_are_wanted(
    tmp_path, settings, loads_it
):
    probe = "import redis, sys; print(bool(sys.modules.get('opentelemetry')))"
    (tmp_path / "probe.py").write_text(probe)
    assert run_program("probe", folder=tmp_path, **settings) == f"{loads_it}\n"


def run_program(*arguments, folder, **settings):
    """What a program prints that is run as a process of an installation is."""
    command = [sys.executable, "-m", "local.private_program", *arguments]
    environment = {"PYTHONPATH": f"{ROOT}:{folder}", "PATH": os.environ["PATH"], **settings}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout
