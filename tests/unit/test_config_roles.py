"""Each role of process reads its own secrets only, and needs no others."""

from itertools import takewhile
from pathlib import Path

import pytest

from core.bootstrap import build_database
from core.config.environment import iter_settings
from core.config.roles import (
    PLATFORM_ROLES,
    ROLES,
    ROLES_BY_SECRET,
    find_secret_roles,
    has_secret,
    list_secret_settings,
    select_variables,
)
from core.config.settings import PlatformSettings, Settings
from core.encryption_keys import generate_key
from core.errors import Misconfigured
from core.observability.telemetry import iter_secrets

ROOT = Path(__file__).parents[2]
STORES = {
    "DATABASE_URL": "postgresql://app:password@127.0.0.1/app",
    "BROKER_URL": "redis://:password@127.0.0.1/0",
}
SECRETS = {
    **STORES,
    "SECRET_KEY": "a-secret-key-of-the-tests-0123456789",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
    "WORKER_SECRET": "the-workers-secret-word",
    "METRICS_TOKEN": "the-token-of-the-metrics",
    "FLOWER_BASIC_AUTH": "flower:a-password-of-flower",
    "JWT_SECRET": "the-secret-of-the-host-application",
    "JWT_ISSUER": "host",
    "JWT_AUDIENCE": "signalpost",
    "TIKTOK_CLIENT_SECRET": "secret-of-the-app",
    "TIKTOK_WEBHOOK_SECRET": "secret-of-the-deliveries",
}
SECRET_NAMES = list_secret_settings(Settings)


def configured_secrets(role):
    settings = Settings.from_env({**SECRETS, "SIGNALPOST_ROLE": role})
    return settings.configured_names & SECRET_NAMES.keys()


def faults_of(environ):
    with pytest.raises(Misconfigured) as caught:
        Settings.from_env(environ)
    return caught.value.details["settings"]


def test_beat_reads_the_broker_alone():
    assert configured_secrets("beat") == {"BROKER_URL"}
    assert Settings.from_env({"BROKER_URL": STORES["BROKER_URL"], "SIGNALPOST_ROLE": "beat"})


def test_flower_reads_the_broker_and_its_password():
    assert configured_secrets("flower") == {"BROKER_URL", "FLOWER_BASIC_AUTH"}


def test_workers_read_no_secret_of_the_way_in():
    for role in ("worker", "uploads"):
        assert configured_secrets(role) == {
            "DATABASE_URL",
            "BROKER_URL",
            "SECRET_KEY",
            "TOKEN_ENCRYPTION_KEY",
            "METRICS_TOKEN",
            "TIKTOK_CLIENT_SECRET",
        }


def test_web_reads_everything_but_the_password_of_flower():
    assert configured_secrets("web") == (SECRETS.keys() & SECRET_NAMES) - {"FLOWER_BASIC_AUTH"}


def test_the_operators_commands_read_everything():
    assert configured_secrets("cli") == SECRETS.keys() & SECRET_NAMES


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_secret_that_a_role_may_not_hold_is_not_even_checked(environment):
    """It may be malformed: beat starts in production without an address and with a bad key."""
    malformed = {"SECRET_KEY": "x", "TOKEN_ENCRYPTION_KEY": "x", "JWT_SECRET": "x"}
    environ = {"BROKER_URL": STORES["BROKER_URL"], "ENVIRONMENT": environment, **malformed}
    assert Settings.from_env({**environ, "SIGNALPOST_ROLE": "beat"}).role == "beat"
    assert {"DATABASE_URL", "TOKEN_ENCRYPTION_KEY"} <= faults_of(
        {**environ, "SIGNALPOST_ROLE": "worker"}
    ).keys()


def test_a_file_of_a_secret_that_a_role_may_not_hold_is_not_opened(tmp_path):
    environ = {"BROKER_URL": STORES["BROKER_URL"], "SECRET_KEY_FILE": str(tmp_path / "absent")}
    assert Settings.from_env({**environ, "SIGNALPOST_ROLE": "beat"}).role == "beat"
    assert "SECRET_KEY_FILE" in faults_of({**environ, "SIGNALPOST_ROLE": "web"})


def test_a_secret_that_was_not_read_cannot_be_used():
    settings = Settings.from_env({**SECRETS, "SIGNALPOST_ROLE": "beat"})
    with pytest.raises(Misconfigured, match="SECRET_KEY"):
        settings.secret_key.reveal()
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        build_database(settings, role="beat")
    assert not list(iter_secrets(settings))


def test_a_role_that_needs_a_secret_says_which_one_is_missing():
    assert faults_of({"SIGNALPOST_ROLE": "worker"}).keys() == {
        "DATABASE_URL",
        "BROKER_URL",
        "SECRET_KEY",
        "TOKEN_ENCRYPTION_KEY",
    }
    assert faults_of({"SIGNALPOST_ROLE": "beat"}).keys() == {"BROKER_URL"}


def test_flower_does_not_start_without_a_password():
    faults = faults_of({"BROKER_URL": STORES["BROKER_URL"], "SIGNALPOST_ROLE": "flower"})
    assert faults.keys() == {"FLOWER_BASIC_AUTH"}
    assert "name:password" in faults["FLOWER_BASIC_AUTH"]


def test_an_environment_is_freed_of_every_spelling_of_a_foreign_secret():
    spellings = {"CRON_SECRET": "x", "WORKER_SECRET_FILE": "x", "CRON_SECRET_FILE": "x"}
    environ = {**SECRETS, **spellings, "PATH": "/bin", "LOG_LEVEL": "INFO"}
    kept = select_variables(Settings, environ, "beat")
    assert kept.keys() == {"BROKER_URL", "PATH", "LOG_LEVEL", "JWT_ISSUER", "JWT_AUDIENCE"}


def test_every_secret_of_our_own_has_its_roles_in_the_table():
    platform_names = {name for name, _ in iter_settings(PlatformSettings)}
    assert SECRET_NAMES.keys() - platform_names == ROLES_BY_SECRET.keys()
    assert {role for roles in ROLES_BY_SECRET.values() for role in roles} < set(ROLES)
    assert not [name for name in ROLES_BY_SECRET if name not in Settings.setting_names()]
    assert {"web", "worker", "uploads"} == PLATFORM_ROLES


def test_the_settings_page_shows_who_holds_which_secret():
    lines = (ROOT / "docs" / "settings.md").read_text().splitlines()
    start = lines.index("| Secret | web | worker, uploads | beat | flower | monitor | migrate |")
    roles = ("web", "worker", "beat", "flower", "monitor", "migrate")
    documented = {}
    for line in takewhile(lambda each: each.startswith("|"), lines[start + 2 :]):
        names, *marks = [cell.strip() for cell in line.strip("|").split("|")]
        holders = {role for role, mark in zip(roles, marks, strict=True) if mark == "yes"}
        documented |= {name.strip(" `"): holders for name in names.split(",")}
    actual = {name: {role for role in roles if has_secret(role, name)} for name in SECRET_NAMES}
    assert documented == actual
    assert all(
        find_secret_roles(name) >= {"uploads"}
        for name in SECRET_NAMES
        if has_secret("worker", name)
    )
