import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.config.formats import Rate
from core.config.settings import Settings
from core.crypto import generate_key
from core.errors import Misconfigured

CANARY = "c4n4ryV4lue"

LEAST = {
    "DATABASE_URL": f"postgresql://app:{CANARY}@127.0.0.1/app",
    "BROKER_URL": f"redis://:{CANARY}@127.0.0.1/0",
    "SECRET_KEY": f"{CANARY}-and-twenty-more-characters",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
}
TIKTOK = {
    "TIKTOK_CLIENT_KEY": "sbawabc",
    "TIKTOK_CLIENT_SECRET": CANARY,
    "TIKTOK_REDIRECT_URI": "https://post.example/api/auth/tiktok/callback",
}
PRODUCTION = {**LEAST, "ENVIRONMENT": "production", "PUBLIC_URL": "https://post.example"}


def settings(**more):
    return Settings.from_env(LEAST | more)


def faults(environ):
    with pytest.raises(Misconfigured) as caught:
        Settings.from_env(environ)
    assert CANARY not in repr(caught.value) + str(caught.value) + str(caught.value.details)
    return caught.value.details["settings"]


def test_everything_that_is_missing_is_named_at_once():
    assert set(faults({})) == {
        "DATABASE_URL",
        "BROKER_URL",
        "SECRET_KEY",
        "TOKEN_ENCRYPTION_KEY",
    }


def test_what_is_malformed_is_named_with_what_is_missing():
    found = faults({"DATABASE_URL": f"mysql://{CANARY}", "TIKTOK_INIT_PER_MINUTE": CANARY})
    assert found["DATABASE_URL"] == "must begin with postgresql://"
    assert "whole number" in found["TIKTOK_INIT_PER_MINUTE"]
    assert found["BROKER_URL"] == "is missing"


@pytest.mark.parametrize("name", Settings.env_names())
def test_no_fault_quotes_the_value(name):
    refusal = refused(LEAST | TIKTOK | {name: f"{CANARY}://[{CANARY}"})
    assert CANARY not in str(refusal) + repr(getattr(refusal, "details", ""))
    assert refusal is None or refusal.__context__ is None or refusal.__suppress_context__


def refused(environ):
    """The refusal of these settings, or None if they are good."""
    try:
        Settings.from_env(environ)
    except Misconfigured as error:
        return error
    return None


def test_nothing_set_is_the_same_as_not_set():
    assert settings(LOG_LEVEL="", MEDIA_URL=" ").log_level == "INFO"


def test_every_name_may_stand_in_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{CANARY}-from-a-file\n")
    found = Settings.from_env(
        {**LEAST, "SECRET_KEY": "", "SECRET_KEY_FILE": str(file)}
    ).secret_key.reveal()
    assert found == f"{CANARY}-from-a-file"


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path):
    found = faults({**LEAST, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / CANARY)})
    assert "SECRET_KEY_FILE" in found


def test_old_names_are_heard_too():
    found = settings(
        **TIKTOK | {"TIKTOK_REDIRECT_URI": ""},
        NEXT_PUBLIC_TIKTOK_REDIRECT_URI="http://localhost/back",
        CRON_SECRET="from the seed",
    )
    assert found.apps["tiktok"].redirect_uri == "http://localhost/back"
    assert found.worker_secret.reveal() == "from the seed"


def test_no_repr_shows_a_value():
    found = settings(**TIKTOK, JWT_SECRET=CANARY, JWT_ISSUER="i", JWT_AUDIENCE="a")
    shown = repr(found) + repr(found.apps) + repr(found.tiktok) + repr(found.jwt) + repr(found.keys)
    assert CANARY not in shown
    assert found.keys[0][1].reveal() not in shown


def test_a_platform_without_its_names_is_off_and_the_house_still_starts():
    found = settings(TIKTOK_CLIENT_KEY="sbawabc")
    assert found.apps == {}
    assert found.missing["tiktok"] == ("TIKTOK_CLIENT_SECRET", "TIKTOK_REDIRECT_URI")


def test_a_complete_platform_is_on():
    app = settings(**TIKTOK).apps["tiktok"]
    assert app.scopes == ("user.info.basic", "video.upload")
    assert app.bases == {
        "auth": "https://www.tiktok.com",
        "api": "https://open.tiktokapis.com",
    }
    assert [key.reveal() for key in app.webhook_secrets] == [CANARY]


def test_webhook_secrets_may_be_several_while_one_is_changed():
    app = settings(**TIKTOK, TIKTOK_WEBHOOK_SECRET="new, old").apps["tiktok"]
    assert [key.reveal() for key in app.webhook_secrets] == ["new", "old"]


def test_instagram_has_no_adapter_yet_however_complete_its_names_are():
    found = settings(
        FACEBOOK_APP_ID="123",
        FACEBOOK_APP_SECRET="abc",
        INSTAGRAM_REDIRECT_URI="https://post.example/cb",
        INSTAGRAM_WEBHOOK_VERIFY_TOKEN="v",
    )
    assert "instagram" not in found.apps
    assert "instagram" not in found.missing


def test_the_login_decides_which_names_instagram_needs():
    assert "INSTAGRAM_APP_ID" in settings(INSTAGRAM_LOGIN="instagram").missing["instagram"]
    assert "FACEBOOK_APP_ID" in settings().missing["instagram"]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_postgres_has_many_names_and_one_driver(scheme):
    found = settings(DATABASE_URL=f"{scheme}://127.0.0.1/app").database_url
    assert found == "postgresql+psycopg2://127.0.0.1/app"


@pytest.mark.parametrize(
    ("url", "mode", "ends"),
    [
        ("postgresql://db.example/app", "", "/app?sslmode=verify-full"),
        ("postgresql://db.example/app?x=1", "", "x=1&sslmode=verify-full"),
        ("postgresql://db.example/app", "require", "/app?sslmode=require"),
        ("postgresql://db.example/app?sslmode=disable", "require", "/app?sslmode=disable"),
        ("postgresql:///app?host=/run/postgresql", "", "host=/run/postgresql"),
        ("postgresql:///app?host=db.example", "", "host=db.example&sslmode=verify-full"),
        ("postgresql://localhost/app", "", "localhost/app"),
    ],
)
def test_a_database_elsewhere_has_to_prove_who_it_is(url, mode, ends):
    assert settings(DATABASE_URL=url, PGSSLMODE=mode).database_url.endswith(ends)


def test_a_broker_that_is_redis_serves_for_limits():
    assert settings().redis_url == LEAST["BROKER_URL"]
    assert settings(REDIS_URL="rediss://else/1").redis_url == "rediss://else/1"


def test_rabbitmq_alone_is_not_enough():
    assert "REDIS_URL" in faults({**LEAST, "BROKER_URL": "amqp://127.0.0.1"})
    settings(BROKER_URL="amqps://127.0.0.1", REDIS_URL="redis://127.0.0.1")


def test_production_wants_https_and_guessable_nothing():
    assert "https" in faults(PRODUCTION | {"PUBLIC_URL": "http://post.example"})["PUBLIC_URL"]
    assert "PUBLIC_URL" in faults(PRODUCTION | {"PUBLIC_URL": ""})
    assert "32" in faults(PRODUCTION | {"SECRET_KEY": "short"})["SECRET_KEY"]
    plain = TIKTOK | {"TIKTOK_REDIRECT_URI": "http://post.example/cb"}
    assert "https" in faults(PRODUCTION | plain)["TIKTOK_REDIRECT_URI"]
    assert Settings.from_env(PRODUCTION).is_production


@pytest.mark.parametrize(
    "name", [name for name in Settings.env_names() if name.endswith("_BASE_URL")]
)
def test_production_speaks_to_the_vendors_hosts_alone(name):
    assert name in faults(PRODUCTION | {name: "https://open.tiktokapis.com.evil.example"})
    settings(**{name: "http://127.0.0.1:9"})


def test_production_sends_no_stranger_into_private_networks():
    assert settings(ENDPOINT_PRIVATE_HOSTS="on").endpoint_private_hosts
    assert "ENDPOINT_PRIVATE_HOSTS" in faults(PRODUCTION | {"ENDPOINT_PRIVATE_HOSTS": "on"})
    assert Settings.from_env(PRODUCTION | {"ENDPOINT_PRIVATE_HOSTS": "off"}).is_production


@pytest.mark.parametrize(
    "back",
    [
        "https://a.example/cb?x=1",
        "https://a.example/cb?",
        "https://a.example/cb#",
        "https://a.example/*",
        "https://user@a.example/cb",
        "http://a.example/cb",
        "http://localhost.evil.example/cb",
        "/api/auth/tiktok/callback",
        "ftp://a",
        f"https://a/{'x' * 512}",
    ],
)
def test_a_redirect_address_is_static(back):
    assert "TIKTOK_REDIRECT_URI" in faults(LEAST | TIKTOK | {"TIKTOK_REDIRECT_URI": back})


def test_a_redirect_address_is_kept_byte_by_byte():
    back = "https://a.example/cb/"
    found = settings(**TIKTOK | {"TIKTOK_REDIRECT_URI": back})
    assert found.apps["tiktok"].redirect_uri == back


@pytest.mark.parametrize(
    "back",
    [
        "https://post.example/api/auth/tiktok/callback/",
        "https://post.example/oauth/tiktok",
        "https://elsewhere.example/api/auth/tiktok/callback",
    ],
)
def test_in_production_users_come_back_where_we_hear_them(back):
    assert "PUBLIC_URL" in faults(PRODUCTION | {"TIKTOK_REDIRECT_URI": back})["TIKTOK_REDIRECT_URI"]
    own = {"TIKTOK_REDIRECT_URI": "https://post.example/api/auth/tiktok/callback"}
    assert Settings.from_env(PRODUCTION | own).is_production


def test_files_go_to_a_folder_and_not_yet_to_s3():
    assert settings(MEDIA_URL="file:///srv/media").media_url == "file:///srv/media"
    assert "not supported yet" in faults(LEAST | {"MEDIA_URL": "s3://bucket"})["MEDIA_URL"]
    assert "MEDIA_URL" in faults(LEAST | {"MEDIA_URL": "file://relative"})


def test_figures_have_the_contracts_defaults_and_units():
    limits = settings(INLINE_BUDGET_SECONDS="3", MEDIA_URL_HOURS="2d").limits
    assert limits.tiktok_init_per_minute == 6
    assert limits.inline_budget == timedelta(seconds=3)
    assert limits.media_url_lifetime == timedelta(days=2)
    assert limits.webhook_slow_delays[0] == timedelta(minutes=5)
    assert settings(WEBHOOK_SLOW_DELAYS="1m,2h").limits.webhook_slow_delays == (
        timedelta(minutes=1),
        timedelta(hours=2),
    )
    two = settings(RATE_LIMIT_USER="10/1s, 20/1h").limits.rate_user
    assert two == (Rate(10, timedelta(seconds=1)), Rate(20, timedelta(hours=1)))


def test_notices_are_kept_longer_than_any_platform_repeats_them():
    assert settings().limits.webhook_kept == timedelta(days=30)
    assert settings(WEBHOOK_KEPT_DAYS="14").limits.webhook_kept == timedelta(days=14)
    for short in ("13", "300h", "0"):
        assert (
            "at least 14 days" in faults(LEAST | {"WEBHOOK_KEPT_DAYS": short})["WEBHOOK_KEPT_DAYS"]
        )


def test_a_ring_of_keys_begins_with_the_current_one():
    new, old = generate_key(), generate_key()
    environ = LEAST | {"TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": f"b:{new}, a:{old}"}
    assert [name for name, _ in Settings.from_env(environ).keys] == ["b", "a"]


def test_a_key_says_what_is_wrong_with_it():
    def fault(key):
        return faults(LEAST | {"TOKEN_ENCRYPTION_KEY": key})["TOKEN_ENCRYPTION_KEY"]

    assert "hex" in fault("ab" * 32)
    assert "32 bytes, not of 3" in fault("YWJj")
    assert "base64" in fault("!!!")


@pytest.mark.parametrize("ring", ["x", "a.b:YWJj", ":", "a:YWJj"])
def test_a_ring_that_is_none_is_refused(ring):
    one_only = {"TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": ring}
    assert "TOKEN_ENCRYPTION_KEYS" in faults(LEAST | one_only)


def test_an_id_stands_for_one_key():
    twice = {"TOKEN_ENCRYPTION_KEYS": f"a:{generate_key()},a:{generate_key()}"}
    found = faults(LEAST | {"TOKEN_ENCRYPTION_KEY": ""} | twice)
    assert found["TOKEN_ENCRYPTION_KEYS"] == "names an id twice"


def test_one_key_and_a_ring_exclude_each_other():
    assert "TOKEN_ENCRYPTION_KEY" in faults(
        LEAST | {"TOKEN_ENCRYPTION_KEYS": f"a:{generate_key()}"}
    )


HOST = {"JWT_ISSUER": "https://host.example", "JWT_AUDIENCE": "signalpost"}


def test_a_host_application_is_off_until_it_has_a_key():
    assert settings(**HOST).jwt is None
    assert settings(**HOST, JWT_SECRET="s").jwt.algorithm == "HS256"
    assert settings(**HOST, JWT_JWKS_URL="https://host.example/keys").jwt.algorithm == "RS256"


def test_a_host_application_that_anybody_could_pretend_to_be_is_refused():
    assert {"JWT_ISSUER", "JWT_AUDIENCE"} <= set(faults(LEAST | {"JWT_SECRET": "s"}))
    both = HOST | {"JWT_SECRET": "s", "JWT_JWKS_URL": "https://host.example/keys"}
    assert "JWT_JWKS_URL" in faults(LEAST | both)
    confused = HOST | {"JWT_JWKS_URL": "https://host.example/keys", "JWT_ALGORITHM": "HS256"}
    assert "JWT_ALGORITHM" in faults(LEAST | confused)


ROOT = Path(__file__).parents[2]
REFERENCE = re.findall(
    r"^([A-Z][A-Z_]+)=(.*)$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE
)
TEMPLATE = re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_the_reference_names_everything_that_is_read_once():
    assert sorted(name for name, _ in REFERENCE) == list(Settings.env_names())


def test_the_reference_repeats_the_defaults():
    written = {name: value for name, value in REFERENCE if value}
    assert replace(settings(**written), given=frozenset()) == replace(settings(), given=frozenset())


def test_the_template_holds_no_name_that_nobody_reads():
    of_compose = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD"}
    assert {name for name, _ in TEMPLATE} <= {*Settings.env_names(), *of_compose}


def test_no_file_of_ours_holds_a_secret():
    for name, value in [*REFERENCE, *TEMPLATE]:
        if re.search(r"_(SECRET|KEYS?|TOKEN|PASSWORD|AUTH)$", name):
            assert value.partition("#")[0].strip() in {"", "<change-me>"}
