"""BROKER_URL and REDIS_URL: every documented form has one meaning, or is refused in words."""

from pathlib import Path

import certifi
import pytest

from core.config.broker_urls import (
    find_passwords,
    is_same_server,
    parse_broker_addresses,
    parse_broker_url,
    parse_redis_address,
    parse_redis_url,
    with_ca_file,
)
from core.config.settings import Settings
from core.encryption_keys import generate_key
from core.errors import Misconfigured

CA_FILE = certifi.where()
SECRET = "c4n4ry"

REDIS_MEANINGS = {
    "redis://host": ("host", 6379, "", "", 0),
    "redis://host:6380/3": ("host", 6380, "", "", 3),
    "redis://host/3/": None,
    "redis://host?db=3": ("host", 6379, "", "", 3),
    "redis://host/3?db=3": ("host", 6379, "", "", 3),
    "redis://host/0?db=3": None,
    "redis://host/production": None,
    "redis://host/-1": None,
    "redis://:pw@host/1": ("host", 6379, "", "pw", 1),
    "redis://app:pw@host": ("host", 6379, "app", "pw", 0),
    "redis://:p%40s%2Fs%23@host": ("host", 6379, "", "p@s/s#", 0),
    "redis://app:pa:ss@host": ("host", 6379, "app", "pa:ss", 0),
    "redis://:@host": ("host", 6379, "", "", 0),
    "redis://app@host": None,
    "redis://[::1]:6380/2": ("::1", 6380, "", "", 2),
    "redis://::1:6380/2": None,
    "redis://[nonsense]/2": None,
    "valkey://host/1": ("host", 6379, "", "", 1),
    "REDIS://Host/1": ("host", 6379, "", "", 1),
    '"redis://host/1"': ("host", 6379, "", "", 1),
    "'redis://host/1'\n": ("host", 6379, "", "", 1),
    "redis://host/1\n": ("host", 6379, "", "", 1),
    "redis://ho st/1": None,
    "redis://host:port": None,
    "redis://host:0": None,
    "redis://host:65536": None,
    "redis://": None,
    "redis:///1": None,
    "redis:host": None,
    "host:6379": None,
    "": None,
    "redis://host?socket_timeout=5": None,
    "redis://host?ssl_cert_reqs=required": None,
    "redis://host?ssl=true": None,
    "redis://a;redis://b": None,
    "redis://a,b": None,
    "redis-cluster://host": None,
    "redis+cluster://host": None,
    "redis-sentinel://host": None,
    "http://host": None,
}


@pytest.mark.parametrize(("text", "meaning"), REDIS_MEANINGS.items(), ids=repr)
@pytest.mark.parametrize(
    "parse", [parse_redis_address, lambda text: parse_broker_addresses(text)[0]]
)
def test_a_redis_url_has_one_meaning_or_is_refused(parse, text, meaning):
    if meaning is None:
        with pytest.raises(ValueError, match=r"^(must|has|names|says) "):
            parse(text)
        return
    address = parse(text)
    assert (
        address.host,
        address.port,
        address.user,
        address.password,
        address.database,
    ) == meaning
    assert parse(address.url) == address


@pytest.mark.parametrize("character", "@/#?;%[]")
@pytest.mark.parametrize("form", ["redis://:{}@host/0", "redis://u:{}@host", "amqp://u:{}@host//"])
def test_a_password_that_was_not_encoded_is_named_as_the_fault(form, character):
    with pytest.raises(ValueError, match="percent-encoded") as refused:
        parse_broker_url(form.format(f"{SECRET}{character}{SECRET}"))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "path", "database"),
    [
        ("unix:///run/redis.sock", "/run/redis.sock", 0),
        ("unix:///run/redis.sock?db=2", "/run/redis.sock", 2),
        ("redis+socket:///run/redis.sock?virtual_host=2", "/run/redis.sock", 2),
        ("unix://:pw@/run/a%20b.sock", "/run/a b.sock", 0),
    ],
)
def test_a_socket_is_named_as_either_library_does(text, path, database):
    address = parse_redis_address(text)
    assert (address.socket_path, address.database) == (path, database)
    assert parse_redis_address(address.url) == address


@pytest.mark.parametrize("text", ["unix:///s?db=2", "unix://app:pw@/s", "unix://host/s", "unix://"])
def test_a_socket_that_flower_would_read_differently_is_no_broker(text):
    with pytest.raises(ValueError):
        parse_broker_url(text)


@pytest.mark.parametrize(
    ("text", "vhost"),
    [
        ("amqp://host", "/"),
        ("amqp://host/", "/"),
        ("amqp://host//", "/"),
        ("amqp://host/%2F", "/"),
        ("amqp://host/%2f", "/"),
        ("amqp://host/app", "app"),
        ("amqp://host/%2Fapp", "/app"),
        ("amqp://host//app", "/app"),
        ("pyamqp://host/a%20b", "a b"),
    ],
)
def test_a_vhost_has_one_meaning(text, vhost):
    (address,) = parse_broker_addresses(text)
    assert (address.vhost, address.port) == (vhost, 5672)
    assert (address.user, address.password) == ("guest", "guest")
    assert parse_broker_addresses(address.url) == (address,)
    assert parse_broker_addresses(address.login_url) == (address,)


def test_a_cluster_of_rabbitmq_may_have_several_addresses():
    addresses = parse_broker_addresses("amqps://u:p@a/v;amqps://u:p@b:5673/v")
    assert [(address.host, address.port) for address in addresses] == [("a", 5671), ("b", 5673)]


@pytest.mark.parametrize(
    "text",
    [
        "amqp://a;amqps://b",
        "amqp://a;redis://b",
        "redis://a;amqp://b",
        "sentinel://a;redis://b",
        "amqp://a?heartbeat=5",
        "amqp://a?db=1",
        "amqp://u:@a",
        "librabbitmq://a",
        "sqs://",
    ],
)
def test_addresses_that_no_client_could_use_together_are_refused(text):
    with pytest.raises(ValueError):
        parse_broker_url(text)


def test_rabbitmq_is_no_redis():
    with pytest.raises(ValueError, match="redis://"):
        parse_redis_url("amqp://host")


@pytest.mark.parametrize(
    "text",
    [
        "sentinel://:pw@a:26379,b:26380/2?master_name=main",
        "sentinel://:pw@a/2;sentinel://b:26380/2?master_name=main",
        "sentinel://:pw@a;sentinel://:pw@b:26380/2?service_name=main",
    ],
)
def test_sentinels_are_named_in_one_url_or_in_several(text):
    (address,) = parse_broker_addresses(text)
    assert address.sentinels == (("a", 26379), ("b", 26380))
    assert (address.master_name, address.database, address.password) == ("main", 2, "pw")
    assert parse_redis_address(address.url) == address


def test_sentinels_without_the_name_of_their_server_are_refused():
    with pytest.raises(ValueError, match="master_name"):
        parse_redis_url("sentinel://a:26379/0")


@pytest.mark.parametrize(
    ("parameters", "is_verified"),
    [
        ("", True),
        ("ssl_cert_reqs=required", True),
        ("ssl_cert_reqs=CERT_REQUIRED", True),
        ("ssl_cert_reqs=CERT_OPTIONAL", True),
        ("verify=verify_peer", True),
        (f"ssl_ca_certs={CA_FILE}", True),
        (f"cacertfile={CA_FILE}", True),
        ("ssl_check_hostname=True", True),
        ("ssl_cert_reqs=none", False),
        ("ssl_cert_reqs=CERT_NONE", False),
        ("verify=verify_none", False),
        ("ssl_check_hostname=false", False),
    ],
)
@pytest.mark.parametrize("scheme", ["rediss", "valkeys", "amqps"])
def test_tls_is_verified_unless_the_url_says_otherwise(scheme, parameters, is_verified):
    (address,) = parse_broker_addresses(f"{scheme}://host?{parameters}")
    assert address.tls is not None
    assert address.tls.is_verified == is_verified
    assert parse_broker_addresses(address.url) == (address,)


@pytest.mark.parametrize(
    "parameters",
    [
        "ssl_cert_reqs=maybe",
        "ssl_ca_certs=/nowhere.pem",
        f"ssl_ca_certs={__file__}",
        "ssl_keyfile=/nowhere.pem",
        f"ssl_certfile={CA_FILE}",
        "ssl_cert_reqs=none&cert_reqs=required",
        "ssl_version=TLSv1",
    ],
)
def test_parameters_of_tls_that_cannot_work_are_refused_at_the_start(parameters):
    with pytest.raises(ValueError):
        parse_redis_url(f"rediss://host?{parameters}")


def test_a_file_of_authorities_is_added_where_the_url_names_none():
    text = with_ca_file(parse_broker_url("amqps://a;amqps://b"), CA_FILE)
    assert {address.tls.ca_file for address in parse_broker_addresses(text)} == {CA_FILE}
    assert with_ca_file("redis://a/0", CA_FILE) == "redis://a/0"


def test_an_address_shows_no_password():
    (address,) = parse_broker_addresses(
        f"sentinel://:{SECRET}@a?master_name=m&sentinel_password={SECRET}"
    )
    assert SECRET not in repr(address)
    assert Path(CA_FILE).exists()


PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://127.0.0.1/app",
    "PUBLIC_URL": "https://post.example",
    "SECRET_KEY": "a-secret-key-of-the-tests-that-is-long",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
}


def broker_faults(**settings):
    """The faults of the addresses of brokers in production."""
    try:
        Settings.from_env({**PRODUCTION, "BROKER_URL": "redis://127.0.0.1/0", **settings})
    except Misconfigured as error:
        faults = error.details["settings"]
        return {name: faults[name] for name in faults if name in {"BROKER_URL", "REDIS_URL"}}
    return {}


@pytest.mark.parametrize("name", ["BROKER_URL", "REDIS_URL"])
@pytest.mark.parametrize(
    "text",
    [
        "redis://:pw@cache.example/0",
        "redis://10.0.0.7/0",
        "rediss://:pw@cache.example/0?ssl_cert_reqs=none",
        "rediss://:pw@cache.example/0?ssl_check_hostname=false",
        "sentinel://:pw@cache.example/0?master_name=main",
        "redis://localhost.evil.example/0",
    ],
)
def test_in_production_traffic_that_others_can_read_needs_an_explicit_word(name, text):
    assert "BROKER_ALLOW_PLAINTEXT" in broker_faults(**{name: text})[name]
    assert broker_faults(**{name: text}, BROKER_ALLOW_PLAINTEXT="on") == {}
    assert broker_faults(**{name: text}, ENVIRONMENT="development") == {}


@pytest.mark.parametrize(
    "text",
    ["redis://localhost", "redis://127.0.0.2", "redis://[::1]", "unix:///s", "rediss://:pw@a/0"],
)
def test_in_production_this_machine_and_verified_tls_need_no_word(text):
    assert broker_faults(BROKER_URL=text) == {}


def test_in_production_a_rabbitmq_elsewhere_needs_tls_too():
    redis_url = "redis://127.0.0.1/0"
    assert broker_faults(BROKER_URL="amqp://u:p@rabbit.example/v", REDIS_URL=redis_url)
    assert broker_faults(BROKER_URL="amqps://u:p@rabbit.example/v", REDIS_URL=redis_url) == {}


def test_rabbitmq_under_every_scheme_needs_a_redis_beside_it():
    for scheme in ("amqp", "amqps", "pyamqp"):
        assert "REDIS_URL" in broker_faults(BROKER_URL=f"{scheme}://127.0.0.1")


def test_the_file_of_authorities_is_a_setting():
    settings = Settings.from_env(
        {
            **PRODUCTION,
            "BROKER_URL": "amqps://u:p@rabbit.example/v",
            "REDIS_URL": "rediss://cache.example",
            "BROKER_CA_FILE": CA_FILE,
        }
    )
    assert parse_broker_addresses(settings.broker_url)[0].tls.ca_file == CA_FILE
    assert parse_redis_address(settings.redis_url).tls.ca_file == CA_FILE
    faults = {}
    try:
        Settings.from_env({**PRODUCTION, "BROKER_URL": "redis://", "BROKER_CA_FILE": "/nowhere"})
    except Misconfigured as error:
        faults = error.details["settings"]
    assert "BROKER_CA_FILE" in faults


def test_every_password_of_an_address_is_known_to_the_redaction_of_logs():
    assert find_passwords("amqp://u:one%2F@a;amqp://u:two@b") == ["one/", "two"]
    assert find_passwords("sentinel://:one@a?master_name=m&sentinel_password=two") == ["one", "two"]
    assert find_passwords("") == []


def test_two_addresses_of_one_server_are_recognised():
    assert is_same_server("redis://:pw@host/0", "redis://host:6379/3")
    assert not is_same_server("redis://host:6380/0", "redis://host/0")
    sentinels = "sentinel://a:26379,b:26380/0?master_name=m"
    assert is_same_server(sentinels, sentinels)
    assert not is_same_server(sentinels, "amqp://a;amqp://b")


@pytest.mark.parametrize(
    ("url", "is_accepted"), [("redis://127.0.0.1/0", False), ("amqp://guest:guest@127.0.0.1", True)]
)
def test_quorum_queues_need_rabbitmq(url, is_accepted):
    settings = {"BROKER_URL": url, "REDIS_URL": "redis://127.0.0.1/0"}
    environment = {**PRODUCTION, **settings, "BROKER_QUEUE_TYPE": "quorum"}
    if is_accepted:
        assert Settings.from_env(environment).broker_queue_type == "quorum"
    else:
        with pytest.raises(Misconfigured, match="BROKER_QUEUE_TYPE quorum needs RabbitMQ"):
            Settings.from_env(environment)
