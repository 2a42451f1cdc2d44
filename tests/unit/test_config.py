"""Settings: every fault is named together with the others, and none quotes a value."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from core.config.settings import Settings
from core.encryption_keys import generate_key
from core.errors import Misconfigured
from platforms.setting_types import Rate

CANARY_VALUE = "c4n4ryV4lue"

REQUIRED_SETTINGS = {
    "DATABASE_URL": f"postgresql://app:{CANARY_VALUE}@127.0.0.1/app",
    "BROKER_URL": f"redis://:{CANARY_VALUE}@127.0.0.1/0",
    "SECRET_KEY": f"{CANARY_VALUE}-and-twenty-more-characters",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
}
TIKTOK_SETTINGS = {
    "TIKTOK_CLIENT_KEY": "sbawabc",
    "TIKTOK_CLIENT_SECRET": CANARY_VALUE,
    "TIKTOK_REDIRECT_URI": "https://post.example/api/auth/tiktok/callback",
}
PRODUCTION_SETTINGS = {
    **REQUIRED_SETTINGS,
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example",
}


def make_settings(**more):
    return Settings.from_env(REQUIRED_SETTINGS | more)


def setting_faults(environ):
    with pytest.raises(Misconfigured) as caught:
        Settings.from_env(environ)
    assert CANARY_VALUE not in repr(caught.value) + str(caught.value) + str(caught.value.details)
    return caught.value.details["settings"]


def test_all_missing_settings_are_named_at_once():
    assert set(setting_faults({})) == {
        "DATABASE_URL",
        "BROKER_URL",
        "SECRET_KEY",
        "TOKEN_ENCRYPTION_KEY",
    }


def test_malformed_settings_are_named_with_the_missing_ones():
    faults = setting_faults(
        {"DATABASE_URL": f"mysql://{CANARY_VALUE}", "TIKTOK_INIT_PER_MINUTE": CANARY_VALUE}
    )
    assert faults["DATABASE_URL"] == "must begin with postgresql://"
    assert "whole number" in faults["TIKTOK_INIT_PER_MINUTE"]
    assert faults["BROKER_URL"] == "is missing"


def test_rules_between_settings_are_checked_although_others_are_malformed():
    faults = setting_faults(
        PRODUCTION_SETTINGS
        | {"SECRET_KEY": "short", "LOG_LEVEL": "loud", "JWT_SECRET": CANARY_VALUE, "PUBLIC_URL": ""}
    )
    assert faults.keys() == {
        "SECRET_KEY",
        "LOG_LEVEL",
        "JWT_SECRET",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "PUBLIC_URL",
    }


def test_settings_cannot_be_changed():
    settings = make_settings()
    for section in (
        settings,
        settings.limits,
        settings.platforms.tiktok,
        settings.platforms.instagram,
    ):
        with pytest.raises(ValidationError, match="frozen"):
            section.environment = "production"


@pytest.mark.parametrize("name", Settings.setting_names())
def test_no_fault_quotes_the_value(name):
    error = settings_error(
        REQUIRED_SETTINGS | TIKTOK_SETTINGS | {name: f"{CANARY_VALUE}://[{CANARY_VALUE}"}
    )
    assert CANARY_VALUE not in str(error) + repr(getattr(error, "details", ""))
    assert error is None or error.__context__ is None or error.__suppress_context__


def settings_error(environ):
    """The error of these settings, or None if they are valid."""
    try:
        Settings.from_env(environ)
    except Misconfigured as error:
        return error
    return None


def test_an_empty_value_counts_as_not_set():
    assert make_settings(LOG_LEVEL="", MEDIA_URL=" ").log_level == "INFO"


def test_older_names_are_read_too():
    settings = make_settings(
        **TIKTOK_SETTINGS | {"TIKTOK_REDIRECT_URI": ""},
        NEXT_PUBLIC_TIKTOK_REDIRECT_URI="http://localhost/back",
        CRON_SECRET="an older name",
    )
    assert settings.apps["tiktok"].redirect_uri == "http://localhost/back"
    assert settings.worker_secret.reveal() == "an older name"


def test_no_repr_shows_a_value():
    settings = make_settings(
        **TIKTOK_SETTINGS, JWT_SECRET=CANARY_VALUE, JWT_ISSUER="i", JWT_AUDIENCE="a"
    )
    texts = (
        repr(settings)
        + repr(settings.apps)
        + repr(settings.platforms.tiktok)
        + repr(settings.jwt)
        + repr(settings.encryption_keys)
    )
    assert CANARY_VALUE not in texts
    assert settings.encryption_keys[0][1].reveal() not in texts


def test_a_platform_without_its_settings_is_off_and_the_application_still_starts():
    settings = make_settings(TIKTOK_CLIENT_KEY="sbawabc")
    assert settings.apps == {}
    assert settings.missing_names["tiktok"] == ("TIKTOK_CLIENT_SECRET", "TIKTOK_REDIRECT_URI")


def test_a_complete_platform_is_on():
    app = make_settings(**TIKTOK_SETTINGS).apps["tiktok"]
    assert app.scopes == ("user.info.basic", "video.upload")
    assert app.base_urls == {
        "auth": "https://www.tiktok.com",
        "api": "https://open.tiktokapis.com",
    }
    assert [key.reveal() for key in app.webhook_secrets] == [CANARY_VALUE]


def test_webhook_secrets_may_be_several_while_one_is_changed():
    app = make_settings(**TIKTOK_SETTINGS, TIKTOK_WEBHOOK_SECRET="new, old").apps["tiktok"]
    assert [key.reveal() for key in app.webhook_secrets] == ["new", "old"]


def test_a_platform_is_on_once_its_settings_are_complete():
    settings = make_settings(
        FACEBOOK_APP_ID="123",
        FACEBOOK_APP_SECRET="abc",
        INSTAGRAM_REDIRECT_URI="https://post.example/cb",
        INSTAGRAM_WEBHOOK_VERIFY_TOKEN="v",
    )
    assert settings.apps["instagram"].client_key == "123"
    assert "instagram" not in settings.missing_names


def test_the_login_decides_which_settings_instagram_needs():
    assert (
        "INSTAGRAM_APP_ID" in make_settings(INSTAGRAM_LOGIN="instagram").missing_names["instagram"]
    )
    assert "FACEBOOK_APP_ID" in make_settings().missing_names["instagram"]


def test_a_redis_broker_is_used_for_rate_limits():
    assert make_settings().redis_url == REQUIRED_SETTINGS["BROKER_URL"]
    assert make_settings(REDIS_URL="rediss://else/1").redis_url == "rediss://else/1"


def test_rabbitmq_needs_a_redis_besides():
    assert "REDIS_URL" in setting_faults({**REQUIRED_SETTINGS, "BROKER_URL": "amqp://127.0.0.1"})
    make_settings(BROKER_URL="amqps://127.0.0.1", REDIS_URL="redis://127.0.0.1")


def test_production_needs_https_and_long_secrets():
    assert (
        "https"
        in setting_faults(PRODUCTION_SETTINGS | {"PUBLIC_URL": "http://post.example"})["PUBLIC_URL"]
    )
    assert "PUBLIC_URL" in setting_faults(PRODUCTION_SETTINGS | {"PUBLIC_URL": ""})
    assert "32" in setting_faults(PRODUCTION_SETTINGS | {"SECRET_KEY": "short"})["SECRET_KEY"]
    without_tls = TIKTOK_SETTINGS | {"TIKTOK_REDIRECT_URI": "http://post.example/cb"}
    assert "https" in setting_faults(PRODUCTION_SETTINGS | without_tls)["TIKTOK_REDIRECT_URI"]
    assert Settings.from_env(PRODUCTION_SETTINGS).is_production


@pytest.mark.parametrize(
    "name", [name for name in Settings.setting_names() if name.endswith("_BASE_URL")]
)
def test_production_accepts_only_the_platforms_own_base_urls(name):
    assert name in setting_faults(
        PRODUCTION_SETTINGS | {name: "https://open.tiktokapis.com.evil.example"}
    )
    make_settings(**{name: "http://127.0.0.1:9"})


def test_production_allows_no_requests_into_private_networks():
    assert make_settings(ENDPOINT_PRIVATE_HOSTS="on").endpoint_private_hosts
    assert "ENDPOINT_PRIVATE_HOSTS" in setting_faults(
        PRODUCTION_SETTINGS | {"ENDPOINT_PRIVATE_HOSTS": "on"}
    )
    assert Settings.from_env(PRODUCTION_SETTINGS | {"ENDPOINT_PRIVATE_HOSTS": "off"}).is_production


@pytest.mark.parametrize(
    "redirect_uri",
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
def test_a_malformed_redirect_uri_is_refused(redirect_uri):
    assert "TIKTOK_REDIRECT_URI" in setting_faults(
        REQUIRED_SETTINGS | TIKTOK_SETTINGS | {"TIKTOK_REDIRECT_URI": redirect_uri}
    )


def test_a_redirect_uri_is_kept_unchanged():
    redirect_uri = "https://a.example/cb/"
    settings = make_settings(**TIKTOK_SETTINGS | {"TIKTOK_REDIRECT_URI": redirect_uri})
    assert settings.apps["tiktok"].redirect_uri == redirect_uri


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://post.example/api/auth/tiktok/callback/",
        "https://post.example/oauth/tiktok",
        "https://elsewhere.example/api/auth/tiktok/callback",
    ],
)
def test_in_production_the_redirect_uri_must_be_our_callback(redirect_uri):
    assert (
        "PUBLIC_URL"
        in setting_faults(PRODUCTION_SETTINGS | {"TIKTOK_REDIRECT_URI": redirect_uri})[
            "TIKTOK_REDIRECT_URI"
        ]
    )
    our_callback = {"TIKTOK_REDIRECT_URI": "https://post.example/api/auth/tiktok/callback"}
    assert Settings.from_env(PRODUCTION_SETTINGS | our_callback).is_production


@pytest.mark.parametrize(
    "url",
    ["file:///srv/media", "s3://bucket", "s3://bucket/", "s3://a-bucket.of.ours/a/long_prefix"],
)
def test_media_are_stored_in_a_directory_or_in_a_bucket(url):
    assert make_settings(MEDIA_URL=url).media_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("file://relative", "s3:///prefix", "s3://B", "s3://key:secret@bucket", "s3://bucket:9"),
        *("s3://bucket/a//b", "s3://bucket/../a", "s3://bucket?region=x", "gs://bucket"),
    ],
)
def test_other_media_urls_are_refused_without_a_quote(url):
    fault = setting_faults(REQUIRED_SETTINGS | {"MEDIA_URL": url})["MEDIA_URL"]
    assert fault.startswith("must be ")
    assert url not in fault


def test_the_key_of_a_bucket_has_two_halves():
    half = {"MEDIA_BUCKET_REGION": "eu-central-1", "MEDIA_BUCKET_SECRET_ACCESS_KEY": "canary"}
    assert "is missing" in setting_faults(REQUIRED_SETTINGS | half)["MEDIA_BUCKET_ACCESS_KEY_ID"]
    whole = make_settings(**half, MEDIA_BUCKET_ACCESS_KEY_ID="id")
    bucket = whole.media_bucket
    assert (bucket.region, bucket.secret_access_key.reveal()) == ("eu-central-1", "canary")
    assert "canary" not in repr(whole)
    assert "canary" not in repr(bucket)


def test_limits_have_defaults_and_units():
    settings = make_settings(INLINE_BUDGET_SECONDS="3", MEDIA_URL_HOURS="2d")
    limits = settings.limits
    assert settings.platforms.tiktok.init_per_minute == 6
    assert limits.inline_time_budget == timedelta(seconds=3)
    assert limits.media_url_lifetime == timedelta(days=2)
    assert limits.webhook_slow_delays[0] == timedelta(minutes=5)
    assert make_settings(WEBHOOK_SLOW_DELAYS="1m,2h").limits.webhook_slow_delays == (
        timedelta(minutes=1),
        timedelta(hours=2),
    )
    rates = make_settings(RATE_LIMIT_USER="10/1s, 20/1h").limits.user_rates
    assert rates == (Rate(10, timedelta(seconds=1)), Rate(20, timedelta(hours=1)))


def test_events_are_kept_at_least_14_days():
    assert make_settings().limits.webhook_retention == timedelta(days=30)
    assert make_settings(WEBHOOK_KEPT_DAYS="14").limits.webhook_retention == timedelta(days=14)
    for short in ("13", "300h", "0"):
        assert (
            "at least 14 days"
            in setting_faults(REQUIRED_SETTINGS | {"WEBHOOK_KEPT_DAYS": short})["WEBHOOK_KEPT_DAYS"]
        )


def test_a_key_ring_begins_with_the_current_key():
    new, old = generate_key(), generate_key()
    environ = REQUIRED_SETTINGS | {
        "TOKEN_ENCRYPTION_KEY": "",
        "TOKEN_ENCRYPTION_KEYS": f"b:{new}, a:{old}",
    }
    assert [name for name, _ in Settings.from_env(environ).encryption_keys] == ["b", "a"]


def test_the_fault_of_a_key_names_the_right_form():
    def fault(key):
        return setting_faults(REQUIRED_SETTINGS | {"TOKEN_ENCRYPTION_KEY": key})[
            "TOKEN_ENCRYPTION_KEY"
        ]

    assert "hex" in fault("ab" * 32)
    assert "32 bytes, not of 3" in fault("YWJj")
    assert "base64" in fault("!!!")


@pytest.mark.parametrize("key_list", ["x", "a.b:YWJj", ":", "a:YWJj"])
def test_an_invalid_key_list_is_refused(key_list):
    keys = {"TOKEN_ENCRYPTION_KEY": "", "TOKEN_ENCRYPTION_KEYS": key_list}
    assert "TOKEN_ENCRYPTION_KEYS" in setting_faults(REQUIRED_SETTINGS | keys)


def test_a_key_id_may_occur_once():
    twice = {"TOKEN_ENCRYPTION_KEYS": f"a:{generate_key()},a:{generate_key()}"}
    faults = setting_faults(REQUIRED_SETTINGS | {"TOKEN_ENCRYPTION_KEY": ""} | twice)
    assert faults["TOKEN_ENCRYPTION_KEYS"] == "names an id twice"


def test_one_key_and_a_key_ring_exclude_each_other():
    assert "TOKEN_ENCRYPTION_KEY" in setting_faults(
        REQUIRED_SETTINGS | {"TOKEN_ENCRYPTION_KEYS": f"a:{generate_key()}"}
    )


HOST_JWT_SETTINGS = {"JWT_ISSUER": "https://host.example", "JWT_AUDIENCE": "signalpost"}


def test_a_host_application_is_off_until_it_has_a_key():
    assert make_settings(**HOST_JWT_SETTINGS).jwt is None
    assert make_settings(**HOST_JWT_SETTINGS, JWT_SECRET="s").jwt.algorithm == "HS256"
    assert (
        make_settings(**HOST_JWT_SETTINGS, JWT_JWKS_URL="https://host.example/keys").jwt.algorithm
        == "RS256"
    )


def test_jwt_settings_that_would_accept_foreign_tokens_are_refused():
    assert {"JWT_ISSUER", "JWT_AUDIENCE"} <= set(
        setting_faults(REQUIRED_SETTINGS | {"JWT_SECRET": "s"})
    )
    both = HOST_JWT_SETTINGS | {"JWT_SECRET": "s", "JWT_JWKS_URL": "https://host.example/keys"}
    assert "JWT_JWKS_URL" in setting_faults(REQUIRED_SETTINGS | both)
    confused = HOST_JWT_SETTINGS | {
        "JWT_JWKS_URL": "https://host.example/keys",
        "JWT_ALGORITHM": "HS256",
    }
    assert "JWT_ALGORITHM" in setting_faults(REQUIRED_SETTINGS | confused)


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://Post.Example/", "https://post.example"),
        ("https://post.example:8443/Tools/", "https://post.example:8443/Tools"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://my_host.lan", "http://my_host.lan"),
    ],
)
def test_the_public_url_is_stored_as_browsers_write_it(url, stored):
    assert make_settings(PUBLIC_URL=url).public_url == stored


@pytest.mark.parametrize("host", ["ex ample.org", "exämple.org", "a/b@c", "host,other"])
def test_a_url_names_a_host_in_ascii(host):
    assert "PUBLIC_URL" in setting_faults(REQUIRED_SETTINGS | {"PUBLIC_URL": f"https://{host}"})
