"""docs/settings.md and .env.example agree with the settings that are read."""

import re
from pathlib import Path

from core.config.settings import Settings
from core.encryption_keys import generate_key

REQUIRED_SETTINGS = {
    "DATABASE_URL": "postgresql://127.0.0.1/app",
    "BROKER_URL": "redis://127.0.0.1/0",
    "SECRET_KEY": "a-secret-key-of-the-tests",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
}
ROOT = Path(__file__).parents[2]
DOCUMENTED_SETTINGS = re.findall(
    r"^([A-Z][A-Z_]+)=(.*)$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE
)
TEMPLATE_SETTINGS = re.findall(
    r"^#?([A-Z][A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE
)


def test_the_settings_page_names_every_setting_once():
    assert sorted(name for name, _ in DOCUMENTED_SETTINGS) == list(Settings.setting_names())


def test_the_settings_page_has_the_right_defaults():
    values = {name: value for name, value in DOCUMENTED_SETTINGS if value}
    documented = Settings.from_env(REQUIRED_SETTINGS | values).model_copy(
        update={"configured_names": frozenset()}
    )
    defaults = Settings.from_env(REQUIRED_SETTINGS).model_copy(
        update={"configured_names": frozenset()}
    )
    assert documented == defaults


def test_the_template_has_no_unknown_setting():
    roles = {"POSTGRES_PASSWORD", "POSTGRES_OWNER_PASSWORD", "POSTGRES_APP_PASSWORD"}
    compose_settings = {*roles, "REDIS_PASSWORD", "GRAFANA_PASSWORD"}
    assert {name for name, _ in TEMPLATE_SETTINGS} <= {*Settings.setting_names(), *compose_settings}


def test_no_documented_value_is_a_secret():
    for name, value in [*DOCUMENTED_SETTINGS, *TEMPLATE_SETTINGS]:
        if re.search(r"_(SECRET|KEYS?|TOKEN|PASSWORD|AUTH)$", name):
            assert value.partition("#")[0].strip() in {"", "<change-me>"}
