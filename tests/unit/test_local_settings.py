import json
import stat

import pytest

from local import stack_settings
from local.stack_settings import GivenSettings, load_or_create_secrets


def explicit_settings(outside=None, written=None):
    return GivenSettings(outside or {}, written or {})


def test_what_nobody_gave_is_ours():
    assert explicit_settings().merge_over({"SECRET_KEY": "ours"}, {}) == {"SECRET_KEY": "ours"}


def test_the_environment_outranks_everything():
    told = explicit_settings({"TIKTOK_CLIENT_KEY": "outside"}, {"TIKTOK_CLIENT_KEY": "written"})
    every = told.merge_over({"TIKTOK_CLIENT_KEY": "ours"}, {"TIKTOK_CLIENT_KEY": "sandbox"})
    assert every["TIKTOK_CLIENT_KEY"] == "outside"


def test_a_sandbox_never_gets_the_credentials_of_the_platform():
    told = explicit_settings(written={"TIKTOK_CLIENT_KEY": "real"})
    assert told.merge_over({}, {"TIKTOK_CLIENT_KEY": "sandbox"})["TIKTOK_CLIENT_KEY"] == "sandbox"


@pytest.mark.parametrize("name", ["TOKEN_ENCRYPTION_KEY_FILE", "TOKEN_ENCRYPTION_KEYS"])
def test_a_secret_given_under_another_name_is_not_given_twice(name):
    assert "TOKEN_ENCRYPTION_KEY" not in explicit_settings({name: "x"}).merge_over(
        {"TOKEN_ENCRYPTION_KEY": "y"}, {}
    )


def test_a_folder_keeps_its_secrets_and_learns_new_names(tmp_path):
    first = load_or_create_secrets(tmp_path, {"SECRET_KEY": lambda: "made once"})
    both = load_or_create_secrets(
        tmp_path, {"SECRET_KEY": lambda: "made twice", "OTHER": lambda: "new"}
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


def test_what_is_made_is_a_configuration(tmp_path):
    from core.config.settings import Settings

    url = "http://127.0.0.1:8000"
    made = load_or_create_secrets(
        tmp_path, stack_settings.SECRET_FACTORIES | stack_settings.SANDBOX_CREDENTIAL_FACTORIES
    )
    stores = {"DATABASE_URL": "postgresql://app@127.0.0.1/x", "BROKER_URL": "redis://127.0.0.1/0"}
    known = Settings.from_env({**made, **stores, **stack_settings.sandbox_settings(url, url, made)})
    assert "tiktok" in known.apps
