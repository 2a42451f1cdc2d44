"""The client's address: every form that proxies write it in, and what requests are counted by."""

import pytest
from flask import request

from app.http.client_addresses import client_network, parse_address

FORMS = {
    "203.0.113.7": "203.0.113.7",
    "203.0.113.7:50312": "203.0.113.7",
    "2001:db8::7": "2001:db8::7",
    "[2001:db8::7]": "2001:db8::7",
    "[2001:db8::7]:50312": "2001:db8::7",
    "2001:db8:0:0:0:0:0:7:50312": "2001:db8::7",
    "fe80::7%eth0": "fe80::7",
    "::ffff:203.0.113.7": "203.0.113.7",
    "[::ffff:203.0.113.7]:443": "203.0.113.7",
    "unknown": None,
    "_hidden": None,
    "": None,
    "203.0.113.7.8": None,
    "203.0.113.7; DROP TABLE": None,
}
UNLIKE_ADDRESSES = [
    *("::ffff:203.0.113.7", "::ffff:203.0.113.8"),
    *("64:ff9b::203.0.113.17", "64:ff9b::203.0.113.18"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:4136:e378:8000:63bf:3fff:fdd3"),
    *("fe80::1", "fe80::2", "2001:db8::1", "2001:db8:0:1::1", "203.0.113.5"),
]
LOGIN = {"email": "unknown@example.org", "password": "x"}


@pytest.fixture
def proxied_app(app_factory):
    return app_factory.create_app(TRUSTED_PROXY_COUNT="1", RATE_LIMIT_ANONYMOUS="2/1m")


def call_with(app, address, path="/api/auth/me"):
    return app.test_client().get(path, headers={"X-Forwarded-For": address})


@pytest.mark.parametrize("text", FORMS)
def test_an_address_is_read_in_every_form_that_proxies_write(text):
    address = parse_address(text)
    assert (address and str(address)) == FORMS[text]


@pytest.mark.parametrize("form", ["{}:50312", "[2001:db8:{}::1]:443", "[2001:db8:{}::1]", '"{}"'])
def test_clients_behind_a_proxy_that_sends_ports_have_limits_of_their_own(proxied_app, form):
    values = [str(number) for number in range(1, 6)]
    if "db8" not in form:
        values = [f"203.0.113.{value}" for value in values]
    statuses = {call_with(proxied_app, form.format(value)).status_code for value in values}
    assert statuses == {401}
    repeated = [call_with(proxied_app, form.format(values[0])).status_code for _ in range(2)]
    assert repeated == [401, 429]


@pytest.mark.parametrize("text", ["unknown", "_hidden", "garbage"])
def test_clients_that_a_proxy_does_not_tell_apart_are_not_locked_out_by_each_other(
    proxied_app, text
):
    statuses = [call_with(proxied_app, text).status_code for _ in range(20)]
    assert statuses == [401] * 20
    assert call_with(proxied_app, "203.0.113.7").status_code == 401


def test_addresses_that_embed_another_one_are_counted_by_it(app_factory):
    app, networks = app_factory.create_app(), set()
    for address in UNLIKE_ADDRESSES:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            networks.add(client_network())
    assert len(networks) == len(UNLIKE_ADDRESSES)
    with app.test_request_context(environ_base={"REMOTE_ADDR": "2001:db8::ffff"}):
        assert client_network() in networks  # the same /64 network as 2001:db8::1


def test_only_addresses_get_into_the_audit_log(app_factory, run_sql, container):
    app = app_factory.create_extensible_app(TRUSTED_PROXY_COUNT="1")

    @app.get("/address")
    def show_address():
        return str(request.remote_addr)

    for text, expected in FORMS.items():
        if text:
            assert call_with(app, text, "/address").text == str(expected)


def test_a_request_that_passed_fewer_proxies_is_counted_by_what_the_last_one_saw(app_factory):
    app = app_factory.create_app(TRUSTED_PROXY_COUNT="2", RATE_LIMIT_ANONYMOUS="2/1m")
    statuses = [call_with(app, f"203.0.113.{number}").status_code for number in range(5)]
    assert statuses == [401] * 5


def test_the_header_forwarded_is_not_read(app_factory):
    """It would be a second source of the address, which a client can send past most proxies."""
    app = app_factory.create_app(TRUSTED_PROXY_COUNT="1", RATE_LIMIT_ANONYMOUS="2/1m")
    statuses = [
        app.test_client()
        .get(
            "/api/auth/me",
            headers={
                "X-Forwarded-For": "203.0.113.7",
                "Forwarded": f"for=198.51.100.{number};proto=https",
            },
        )
        .status_code
        for number in range(3)
    ]
    assert statuses == [401, 401, 429]


def test_every_form_of_the_scheme_is_understood(app_factory):
    app = app_factory.create_app(
        ENVIRONMENT="production",
        PUBLIC_URL="https://post.example.org",
        TIKTOK_REDIRECT_URI="https://post.example.org/api/auth/tiktok/callback",
        TRUSTED_PROXY_COUNT="1",
    )
    client = app.test_client()
    statuses = {
        scheme: client.get(
            "/login",
            base_url="http://post.example.org",
            headers={"X-Forwarded-Proto": scheme},
        ).status_code
        for scheme in ("https", "HTTPS", " https ", "http", "wss", "")
    }
    assert statuses == {
        "https": 200,
        "HTTPS": 200,
        " https ": 200,
        "http": 308,
        "wss": 308,
        "": 308,
    }
