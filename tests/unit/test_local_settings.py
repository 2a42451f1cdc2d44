import json
import stat

import pytest

from local import stack_settings
from local.stack_settings import GivenSettings, load_or_create_secrets


def operator_settings(environment=None, dotenv=None):
    return GivenSettings(environment or {}, dotenv or {})


def test_a_setting_that_is_not_given_gets_its_generated_value():
    settings = operator_settings().merge_over({"SECRET_KEY": "generated"}, {})
    assert settings == {"SECRET_KEY": "generated"}


def test_the_environment_outranks_everything():
    given = operator_settings({"TIKTOK_CLIENT_KEY": "environment"}, {"TIKTOK_CLIENT_KEY": "dotenv"})
    settings = given.merge_over(
        {"TIKTOK_CLIENT_KEY": "generated"}, {"TIKTOK_CLIENT_KEY": "sandbox"}
    )
    assert settings["TIKTOK_CLIENT_KEY"] == "environment"


def test_a_sandbox_never_gets_the_credentials_of_the_platform():
    given = operator_settings(dotenv={"TIKTOK_CLIENT_KEY": "real"})
    settings = given.merge_over({}, {"TIKTOK_CLIENT_KEY": "sandbox"})
    assert settings["TIKTOK_CLIENT_KEY"] == "sandbox"


@pytest.mark.parametrize("name", ["TOKEN_ENCRYPTION_KEY_FILE", "TOKEN_ENCRYPTION_KEYS"])
def test_a_secret_given_under_another_name_is_not_generated(name):
    settings = operator_settings({name: "x"}).merge_over({"TOKEN_ENCRYPTION_KEY": "y"}, {})
    assert "TOKEN_ENCRYPTION_KEY" not in settings


def test_a_folder_keeps_its_secrets_and_gets_missing_ones(tmp_path):
    first = load_or_create_secrets(tmp_path, {"SECRET_KEY": lambda: "first value"})
    both = load_or_create_secrets(
        tmp_path, {"SECRET_KEY": lambda: "second value", "OTHER": lambda: "new"}
    )
    assert both == {**first, "OTHER": "new"}
    assert json.loads((tmp_path / stack_settings.SECRETS_FILE).read_text()) == both


def test_secrets_are_readable_by_their_owner_alone(tmp_path):
    load_or_create_secrets(tmp_path, stack_settings.SECRET_FACTORIES)
    assert stat.S_IMODE((tmp_path / stack_settings.SECRETS_FILE).stat().st_mode) == 0o600


def test_no_two_folders_share_a_secret(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert not set(load_or_create_secrets(one, stack_settings.SECRET_FACTORIES).values()) & set(
        load_or_create_secrets(other, stack_settings.SECRET_FACTORIES).values()
    )


def test_the_generated_settings_are_a_valid_configuration(tmp_path):
    from core.config.settings import Settings

    url = "http://127.0.0.1:8000"
    generated = load_or_create_secrets(
        tmp_path, stack_settings.SECRET_FACTORIES | stack_settings.SANDBOX_CREDENTIAL_FACTORIES
    )
    stores = {"DATABASE_URL": "postgresql://app@127.0.0.1/x", "BROKER_URL": "redis://127.0.0.1/0"}
    sandbox = stack_settings.sandbox_settings(url, url, generated)
    settings = Settings.from_env({**generated, **stores, **sandbox})
    assert "tiktok" in settings.apps
