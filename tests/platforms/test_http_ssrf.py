"""URLs supplied by users: only public addresses are called, and only the checked ones."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from platforms.errors import TimedOut, Unavailable
from platforms.http import HttpClient, create_public_session, ssrf
from tests.platforms.hostile_server import (
    call_endpoint,
    closed_port_url,
    hostile_server,
    http_response,
    set_responses,
)

PUBLIC_ADDRESS = "93.184.215.14"


@pytest.fixture
def public_http():
    client = HttpClient(session_factory=create_public_session, body_limit=100)
    yield client
    client.close()


@pytest.fixture
def dns(monkeypatch):
    """The addresses of host names, to be filled in, and the list of names that were looked up."""
    addresses_by_name, looked_up, system_lookup = {}, [], socket.getaddrinfo

    def look_up(host, port, *args, **options):
        if ":" in host or host.replace(".", "").isdigit():
            return system_lookup(host, port, *args, **options)  # it is an address already
        looked_up.append(host)
        if host not in addresses_by_name:
            raise socket.gaierror(-2, "Name or service not known")
        return [(2, 1, 6, "", (address, port)) for address in addresses_by_name[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return addresses_by_name, looked_up


@pytest.fixture
def loopback_is_public(monkeypatch):
    """Treat loopback as a public address, so that a test server can be called."""
    original = ssrf.is_public
    monkeypatch.setattr(
        ssrf, "is_public", lambda address: address == "127.0.0.1" or original(address)
    )


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:0a00:1::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "64:ff9b::c000:c0",  # 192.0.0.192 through NAT64
        "192.0.0.192",
        "192.0.0.8",
        "168.63.129.16",
        "100.100.100.200",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.175.48.1",
        "198.19.255.255",
        "203.0.113.1",
        "239.255.255.250",
        "3fff::1",
        "3fff:fff:ffff::1",
        "3ffe::1",
        "5f00::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
        "2001:1::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2002:808:808::1",  # 6to4 to a public address is still a tunnel
        "2620:4f:8000::1",
        "2606:4700::5efe:7f00:1",  # ISATAP
        "2606:4700::200:5efe:808:808",
        "fd00:ec2::254",
    ],
)
def test_these_addresses_are_not_public(address):
    assert not ssrf.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC_ADDRESS,
        "8.8.8.8",
        "168.63.129.17",
        "192.88.98.1",
        "192.0.1.1",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "64:ff9b::808:808",
    ],
)
def test_these_addresses_are_public(address):
    assert ssrf.is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_never_called(public_http, server, host):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(public_http, server.url.replace("127.0.0.1", host) + "/ok")
    assert (caught.value.code, caught.value.may_have_arrived) == ("PRIVATE_HOST", False)
    assert server.requests == []


def test_a_name_with_one_private_address_is_not_called_at_all(public_http, server, dns):
    addresses, _ = dns
    addresses["videos.example.com"] = [PUBLIC_ADDRESS, "127.0.0.1"]
    with pytest.raises(Unavailable) as caught:
        call_endpoint(public_http, server.url.replace("127.0.0.1", "videos.example.com") + "/ok")
    assert caught.value.code == "PRIVATE_HOST"
    assert server.requests == []


@pytest.mark.parametrize(
    ("host", "is_called"),
    [
        ("videos.example.com", True),
        ("a.media.example.com", True),
        ("A.MEDIA.example.com", True),
        ("media.example.com", False),  # `.media.example.com` is what lies below it
        ("xvideos.example.com", False),
        ("videos.example.com.evil.test", False),
    ],
)
def test_with_a_list_of_hosts_no_other_is_called_or_looked_up(server, dns, host, is_called):
    addresses, looked_up = dns
    addresses[host.lower()] = ["127.0.0.1"]
    client = HttpClient(allowed_hosts=("videos.example.com", ".media.example.com"))
    set_responses(server, http_response(200))
    url = server.url.replace("127.0.0.1", host) + "/script"
    if is_called:
        assert call_endpoint(client, url, timeout=(5, 10)).status == 200
        return
    with pytest.raises(Unavailable) as caught:
        call_endpoint(client, url)
    assert (caught.value.code, caught.value.may_have_arrived) == ("HOST_NOT_ALLOWED", False)
    assert looked_up == server.requests == []


def test_a_name_is_resolved_once_and_the_checked_address_is_used(
    public_http, server, dns, loopback_is_public
):
    addresses, looked_up = dns
    addresses["videos.example.com"] = ["127.0.0.1"]
    set_responses(server, http_response(200))
    call_endpoint(
        public_http,
        server.url.replace("127.0.0.1", "videos.example.com") + "/script",
        timeout=(5, 10),
    )
    assert looked_up == ["videos.example.com"]
    assert server.request_headers[0]["host"].startswith("videos.example.com:")


def test_the_next_address_is_tried_if_the_first_refuses_the_connection(
    public_http, server, dns, loopback_is_public, monkeypatch
):
    addresses, _ = dns
    addresses["videos.example.com"] = ["::1", "127.0.0.1"]
    monkeypatch.setattr(ssrf, "is_public", lambda address: address in {"::1", "127.0.0.1"})
    url = server.url.replace("127.0.0.1", "videos.example.com") + "/script"
    assert call_endpoint(public_http, url, timeout=(5, 10)).status == 200


def test_an_unknown_name_never_arrived(public_http, server, dns):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(public_http, server.url.replace("127.0.0.1", "videos.example.com") + "/ok")
    assert (caught.value.code, caught.value.may_have_arrived) == ("NETWORK_ERROR", False)


def test_a_name_that_resolves_too_slowly_is_abandoned(public_http, server, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(ssrf, "RESOLVE_TIMEOUT", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])
    with pytest.raises(Unavailable) as caught:
        call_endpoint(public_http, server.url.replace("127.0.0.1", "slow.example.com") + "/ok")
    assert not answered.is_set()
    assert not caught.value.may_have_arrived
    answered.set()


def test_a_refused_connection_never_arrived(public_http, loopback_is_public):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(public_http, closed_port_url(), timeout=(5, 5))
    assert not caught.value.may_have_arrived


def test_of_a_huge_response_only_the_first_bytes_are_read(public_http, server, loopback_is_public):
    response = call_endpoint(public_http, server.url + "/huge", timeout=(5, 10))
    assert (response.status, len(response.body)) == (200, 100)


def test_a_redirect_to_a_private_host_is_not_followed(public_http, server, loopback_is_public):
    assert call_endpoint(public_http, server.url + "/redirect", timeout=(5, 10)).status == 302
    assert len(server.requests) == 1


def test_a_drip_ends_with_the_deadline(public_http, server, loopback_is_public):
    with pytest.raises(TimedOut):
        call_endpoint(public_http, server.url + "/drip-head")


def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(
    public_http, dns, loopback_is_public, self_signed_tls
):
    addresses, _ = dns
    addresses["videos.example.com"] = ["127.0.0.1"]
    with hostile_server(self_signed_tls) as server, pytest.raises(Unavailable) as caught:
        call_endpoint(
            public_http,
            server.url.replace("127.0.0.1", "videos.example.com") + "/ok",
            timeout=(5, 10),
        )
    assert not caught.value.may_have_arrived
    assert server.requests == []


@pytest.fixture
def self_signed_tls(tmp_path):
    """A TLS context with a certificate that no authority has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "videos.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private_key = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(private_key + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
