"""Secrets in production: long enough, random, each for one purpose, and sent over https only."""

from base64 import b64encode

import pytest

from core.config.settings import Settings
from core.encryption_keys import generate_key
from tests.unit.test_config import PRODUCTION_SETTINGS, TIKTOK_SETTINGS, setting_faults

LONG = "a-secret-of-more-than-thirty-two-characters"
HOST_JWT = {"JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}
KEY = generate_key()


@pytest.mark.parametrize(
    ("name", "short", "long"),
    [
        ("SECRET_KEY", "x" * 31, LONG),
        ("WORKER_SECRET", "x" * 15, LONG),
        ("METRICS_TOKEN", "x" * 15, LONG),
        ("TIKTOK_WEBHOOK_SECRET", "x", LONG),
        ("TIKTOK_WEBHOOK_SECRET", f"{LONG},x", f"{LONG},{LONG}-2"),
        ("INSTAGRAM_WEBHOOK_SECRET", "x" * 15, LONG),
        ("INSTAGRAM_WEBHOOK_VERIFY_TOKEN", "x" * 11, "x" * 12),
        ("FLOWER_BASIC_AUTH", "a:b", "operator:more than twelve"),
        ("FLOWER_BASIC_AUTH", "no colon but long enough", "operator:more than twelve"),
        ("FLOWER_BASIC_AUTH", ":without any name at all", "operator:more than twelve"),
        (
            "FLOWER_BASIC_AUTH",
            "a:long enough for it,b:c",
            "a:long enough for it,b:also long enough",
        ),
    ],
)
def test_a_short_secret_is_refused_in_production_only(name, short, long):
    assert "must" in setting_faults(PRODUCTION_SETTINGS | {name: short})[name]
    assert Settings.from_env(PRODUCTION_SETTINGS | {name: long}).is_production
    assert Settings.from_env(PRODUCTION_SETTINGS | {"ENVIRONMENT": "development", name: short})


def test_a_short_secret_of_the_host_is_refused():
    faults = setting_faults(PRODUCTION_SETTINGS | HOST_JWT | {"JWT_SECRET": "x" * 31})
    assert "32 characters" in faults["JWT_SECRET"]


@pytest.mark.parametrize(
    "twice",
    [
        {"JWT_SECRET": PRODUCTION_SETTINGS["SECRET_KEY"], **HOST_JWT},
        {"WORKER_SECRET": PRODUCTION_SETTINGS["SECRET_KEY"]},
        {"WORKER_SECRET": LONG, "METRICS_TOKEN": LONG},
        {"METRICS_TOKEN": PRODUCTION_SETTINGS["TOKEN_ENCRYPTION_KEY"]},
        {"SECRET_KEY": KEY, "TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": f"a:{KEY}"},
        {"WORKER_SECRET": LONG, "FLOWER_BASIC_AUTH": f"operator:{LONG}"},
    ],
    ids="+".join,
)
def test_a_secret_that_serves_two_purposes_is_refused_in_production(twice):
    faults = setting_faults(PRODUCTION_SETTINGS | twice)
    assert any("must differ from" in fault for fault in faults.values())
    assert not any(secret in str(faults) for secret in twice.values() if len(secret) > 1)


def test_tiktoks_webhook_secret_may_be_the_client_secret():
    secret = {"TIKTOK_CLIENT_SECRET": "x" * 40, "TIKTOK_WEBHOOK_SECRET": "x" * 40}
    assert Settings.from_env(PRODUCTION_SETTINGS | TIKTOK_SETTINGS | secret).is_production


@pytest.mark.parametrize(
    "key", [bytes(32), b"\xff" * 32, b"ab" * 16, bytes(range(15)) + bytes(17)], ids=range(4)
)
def test_an_encryption_key_that_is_not_random_is_refused_in_production(key):
    text = b64encode(key).decode()
    faults = setting_faults(PRODUCTION_SETTINGS | {"TOKEN_ENCRYPTION_KEY": text})
    assert "not random" in faults["TOKEN_ENCRYPTION_KEY"]
    listed = {"TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": f"new:{KEY},old:{text}"}
    assert "not random" in setting_faults(PRODUCTION_SETTINGS | listed)["TOKEN_ENCRYPTION_KEYS"]


def test_one_key_under_two_ids_is_refused():
    twice = {"TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": f"new:{KEY},old:{KEY}"}
    assert "two ids" in setting_faults(PRODUCTION_SETTINGS | twice)["TOKEN_ENCRYPTION_KEYS"]


URL_SETTINGS = [
    name
    for name in Settings.setting_names()
    if name.endswith(("_URL", "_URI")) and name not in {"DATABASE_URL", "MIGRATION_DATABASE_URL"}
]


@pytest.mark.parametrize("name", URL_SETTINGS)
@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_in_production_no_address_is_without_tls(name, scheme):
    environ = PRODUCTION_SETTINGS | HOST_JWT | {name: f"{scheme}://host.example.org/x"}
    assert "must be" in setting_faults(environ)[name]


def test_outside_production_the_keys_of_the_host_may_come_without_tls():
    environ = {**PRODUCTION_SETTINGS, **HOST_JWT, "ENVIRONMENT": "development"}
    assert Settings.from_env(environ | {"JWT_JWKS_URL": "http://127.0.0.1:9/keys"}).jwt.jwks_url
