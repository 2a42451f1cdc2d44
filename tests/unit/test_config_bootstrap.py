"""Building the services from settings, and reading settings from the environment and `.env`."""

from datetime import UTC

import pytest
from structlog.testing import capture_logs

from core.bootstrap import build_database, build_services
from core.config.settings import Settings, load_database_settings, load_settings
from core.encryption_keys import generate_key
from core.errors import Misconfigured

REQUIRED_SETTINGS = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/app",
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "c4n4ry",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
}
TIKTOK_SETTINGS = {
    "TIKTOK_CLIENT_KEY": "sbaw",
    "TIKTOK_CLIENT_SECRET": "c4n4ry",
    "TIKTOK_REDIRECT_URI": "http://localhost/cb",
}


def build_test_services(**more):
    return build_services(Settings.from_env(REQUIRED_SETTINGS | more), wake=print)


def test_services_are_built_without_any_connection(tmp_path):
    built = build_test_services(**TIKTOK_SETTINGS, MEDIA_URL=f"file://{tmp_path}")
    assert built.get_adapter("tiktok").name == "tiktok"
    assert built.media.size(built.media.create_file()) == 0
    assert built.key_ring.is_usable()
    assert built.now().tzinfo is UTC
    assert 0 <= built.jitter() < 1
    assert "c4n4ry" not in repr(built)


def test_a_platform_that_is_off_names_the_settings_it_lacks():
    with pytest.raises(Misconfigured, match="TIKTOK_CLIENT_SECRET") as caught:
        build_test_services(TIKTOK_CLIENT_KEY="sbaw").get_adapter("tiktok")
    assert caught.value.code == "CONFIG_MISSING"
    assert caught.value.details["missing"] == ["TIKTOK_CLIENT_SECRET", "TIKTOK_REDIRECT_URI"]


def test_a_platform_without_an_adapter_is_not_supported():
    with pytest.raises(Misconfigured, match="not supported"):
        build_test_services().get_adapter("myspace")


def test_without_a_media_store_only_files_fail():
    with pytest.raises(Misconfigured, match="MEDIA_URL"):
        _ = build_test_services().media


@pytest.mark.parametrize(("role", "size"), [("web", 34), ("worker", 2), ("cli", 2)])
def test_each_role_has_its_share_of_connections(role, size):
    database = build_database(Settings.from_env(REQUIRED_SETTINGS), role=role)
    assert database._engine.pool.size() == size


@pytest.fixture
def env_file_folder(tmp_path, monkeypatch):
    """A directory with a .env, and an environment without settings of ours."""
    for name in Settings.setting_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    written = REQUIRED_SETTINGS | {"SECRET_KEY": "a$HOME-b", "LOG_LEVEL": "DEBUG"}
    lines = "".join(f"{name}='{value}'\n" for name, value in written.items())
    (tmp_path / ".env").write_text(lines)
    load_settings.cache_clear()
    yield monkeypatch
    load_settings.cache_clear()


def test_outside_production_the_env_file_is_read(env_file_folder):
    env_file_folder.setenv("LOG_LEVEL", "ERROR")
    assert load_settings().secret_key.reveal() == "a$HOME-b"
    assert load_settings().log_level == "ERROR"  # the environment has precedence
    assert load_settings() is load_settings()


def test_in_production_the_env_file_is_not_read(env_file_folder):
    env_file_folder.setenv("ENVIRONMENT", "production")
    with pytest.raises(Misconfigured, match="DATABASE_URL is missing"):
        load_settings()


def test_migrating_needs_the_database_url_alone(env_file_folder, tmp_path):
    (tmp_path / ".env").unlink()
    env_file_folder.setenv("DATABASE_URL", "postgresql://db.example/app")
    assert load_database_settings().migration_url.startswith(
        "postgresql://db.example:5432/app?sslmode=verify-full"
    )
    env_file_folder.delenv("DATABASE_URL")
    with pytest.raises(Misconfigured, match="DATABASE_URL is missing"):
        load_database_settings()


PRODUCTION_SETTINGS = {
    **TIKTOK_SETTINGS,
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example.org",
    "TIKTOK_REDIRECT_URI": "https://post.example.org/api/auth/tiktok/callback",
    "SECRET_KEY": "s" * 32,
}


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ({**PRODUCTION_SETTINGS, "TIKTOK_WEBHOOK_COMPAT": "on"}, True),
        (PRODUCTION_SETTINGS, False),
        ({**TIKTOK_SETTINGS, "TIKTOK_WEBHOOK_COMPAT": "on"}, False),
    ],
)
def test_legacy_webhooks_in_production_are_warned_of(more, warned):
    with capture_logs() as lines:
        build_test_services(**more)
    assert ("webhooks.legacy_format_enabled" in {line["event"] for line in lines}) is warned
