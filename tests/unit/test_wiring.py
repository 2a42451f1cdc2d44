from datetime import UTC

import pytest
from structlog.testing import capture_logs

from core.config.settings import Settings, database_alone, load
from core.crypto import generate_key
from core.errors import Misconfigured
from core.wiring import build_database, build_world

LEAST = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/app",
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "c4n4ry",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
}
TIKTOK = {
    "TIKTOK_CLIENT_KEY": "sbaw",
    "TIKTOK_CLIENT_SECRET": "c4n4ry",
    "TIKTOK_REDIRECT_URI": "http://localhost/cb",
}


def world(**more):
    return build_world(Settings.from_env(LEAST | more), ring=print)


def test_a_world_is_built_without_talking_to_anybody(tmp_path):
    built = world(**TIKTOK, MEDIA_URL=f"file://{tmp_path}")
    assert built.platform("tiktok").name == "tiktok"
    assert built.media.size(built.media.new_path()) == 0
    assert built.keys.validate()
    assert built.now().tzinfo is UTC
    assert 0 <= built.dice() < 1
    assert "c4n4ry" not in repr(built)


def test_a_platform_that_is_off_says_which_names_it_waits_for():
    with pytest.raises(Misconfigured, match="TIKTOK_CLIENT_SECRET") as caught:
        world(TIKTOK_CLIENT_KEY="sbaw").platform("tiktok")
    assert caught.value.code == "CONFIG_MISSING"
    assert caught.value.details["missing"] == ["TIKTOK_CLIENT_SECRET", "TIKTOK_REDIRECT_URI"]


def test_a_platform_without_an_adapter_is_not_there():
    with pytest.raises(Misconfigured, match="not supported"):
        world().platform("myspace")


def test_without_a_place_for_files_only_files_fail():
    with pytest.raises(Misconfigured, match="MEDIA_URL"):
        _ = world().media


@pytest.mark.parametrize(("role", "size"), [("web", 34), ("worker", 2), ("cli", 2)])
def test_each_role_has_its_share_of_connections(role, size):
    database = build_database(Settings.from_env(LEAST), role=role)
    assert database._engine.pool.size() == size


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder with a .env, and an environment without a word for us."""
    for name in Settings.env_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    written = LEAST | {"SECRET_KEY": "a$HOME-b", "LOG_LEVEL": "DEBUG"}
    lines = "".join(f"{name}='{value}'\n" for name, value in written.items())
    (tmp_path / ".env").write_text(lines)
    load.cache_clear()
    yield monkeypatch
    load.cache_clear()


def test_a_development_machine_reads_its_file(elsewhere):
    elsewhere.setenv("LOG_LEVEL", "ERROR")
    assert load().secret_key.reveal() == "a$HOME-b"
    assert load().log_level == "ERROR"  # what is set for this process wins
    assert load() is load()


def test_production_does_not(elsewhere):
    elsewhere.setenv("ENVIRONMENT", "production")
    with pytest.raises(Misconfigured, match="DATABASE_URL is missing"):
        load()


def test_whoever_migrates_needs_the_database_alone(elsewhere, tmp_path):
    (tmp_path / ".env").unlink()
    elsewhere.setenv("DATABASE_URL", "postgresql://db.example/app")
    assert database_alone() == "postgresql+psycopg2://db.example/app?sslmode=verify-full"
    elsewhere.delenv("DATABASE_URL")
    with pytest.raises(Misconfigured, match="DATABASE_URL is missing"):
        database_alone()


IN_PRODUCTION = {
    **TIKTOK,
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example.org",
    "TIKTOK_REDIRECT_URI": "https://post.example.org/api/auth/tiktok/callback",
    "SECRET_KEY": "s" * 32,
}


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ({**IN_PRODUCTION, "TIKTOK_WEBHOOK_COMPAT": "on"}, True),
        (IN_PRODUCTION, False),
        ({**TIKTOK, "TIKTOK_WEBHOOK_COMPAT": "on"}, False),
    ],
)
def test_the_format_of_the_first_documents_is_warned_of_in_production(more, warned):
    with capture_logs() as lines:
        world(**more)
    assert ("tiktok.compat" in {line["event"] for line in lines}) is warned
