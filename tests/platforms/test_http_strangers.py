"""The door to hosts that somebody named to us: public addresses, the checked one, and no other."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from platforms.errors import TimedOut, Unavailable
from platforms.http import Http, stranger_session, strangers
from tests.platforms.hostile import a_port_nobody_listens_on, answer, call, hostile_server, plays

PUBLIC = "93.184.215.14"


@pytest.fixture
def door():
    made = Http(session=stranger_session, excerpt=100)
    yield made
    made.close()


@pytest.fixture
def names(monkeypatch):
    """What names mean; `asked` are those that were looked up, each time anew."""
    known, asked, real = {}, [], socket.getaddrinfo

    def look(host, port, *more, **rest):
        if ":" in host or host.replace(".", "").isdigit():
            return real(host, port, *more, **rest)  # a number means itself
        asked.append(host)
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(2, 1, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    return known, asked


@pytest.fixture
def as_if_public(monkeypatch):
    """Loopback stands for the internet."""
    before = strangers.is_public
    monkeypatch.setattr(strangers, "is_public", lambda one: one == "127.0.0.1" or before(one))


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
    ],
)
def test_these_addresses_are_not_for_strangers(address):
    assert not strangers.is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_these_are_anybodys(address):
    assert strangers.is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_called_for_strangers(door, server, host):
    with pytest.raises(Unavailable) as caught:
        call(door, server.url.replace("127.0.0.1", host) + "/ok")
    assert (caught.value.code, caught.value.reached) == ("PRIVATE_HOST", False)
    assert server.seen == []


def test_a_name_with_one_private_address_is_not_called_at_all(door, server, names):
    known, _ = names
    known["films.example.com"] = [PUBLIC, "127.0.0.1"]
    with pytest.raises(Unavailable) as caught:
        call(door, server.url.replace("127.0.0.1", "films.example.com") + "/ok")
    assert caught.value.code == "PRIVATE_HOST"
    assert server.seen == []


def test_a_name_is_asked_for_once_and_the_address_that_was_checked_is_used(
    door, server, names, as_if_public
):
    known, asked = names
    known["films.example.com"] = ["127.0.0.1"]
    plays(server, answer(200))
    call(door, server.url.replace("127.0.0.1", "films.example.com") + "/script", timeout=(5, 10))
    assert asked == ["films.example.com"]
    assert server.heads[0]["host"].startswith("films.example.com:")


def test_the_next_address_is_tried_where_nobody_listens_at_the_first(
    door, server, names, as_if_public, monkeypatch
):
    known, _ = names
    known["films.example.com"] = ["::1", "127.0.0.1"]
    monkeypatch.setattr(strangers, "is_public", lambda one: one in {"::1", "127.0.0.1"})
    url = server.url.replace("127.0.0.1", "films.example.com") + "/script"
    assert call(door, url, timeout=(5, 10)).status == 200


def test_a_name_that_nobody_knows_surely_never_arrived(door, server, names):
    with pytest.raises(Unavailable) as caught:
        call(door, server.url.replace("127.0.0.1", "films.example.com") + "/ok")
    assert (caught.value.code, caught.value.reached) == ("NETWORK_ERROR", False)


def test_a_name_that_takes_too_long_is_given_up(door, server, monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(strangers, "PATIENCE", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])
    with pytest.raises(Unavailable) as caught:
        call(door, server.url.replace("127.0.0.1", "slow.example.com") + "/ok")
    assert not answered.is_set()
    assert not caught.value.reached
    answered.set()


def test_where_nobody_listens_it_surely_never_arrived(door, as_if_public):
    with pytest.raises(Unavailable) as caught:
        call(door, a_port_nobody_listens_on(), timeout=(5, 5))
    assert not caught.value.reached


def test_of_a_huge_answer_only_the_first_bytes_are_read(door, server, as_if_public):
    reply = call(door, server.url + "/huge", timeout=(5, 10))
    assert (reply.status, len(reply.body)) == (200, 100)


def test_a_redirect_to_within_is_an_answer_and_not_a_call(door, server, as_if_public):
    assert call(door, server.url + "/redirect", timeout=(5, 10)).status == 302
    assert len(server.seen) == 1


def test_a_drip_ends_with_the_deadline(door, server, as_if_public):
    with pytest.raises(TimedOut):
        call(door, server.url + "/drip-head")


def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(
    door, names, as_if_public, tls
):
    known, _ = names
    known["films.example.com"] = ["127.0.0.1"]
    with hostile_server(tls) as server, pytest.raises(Unavailable) as caught:
        call(door, server.url.replace("127.0.0.1", "films.example.com") + "/ok", timeout=(5, 10))
    assert not caught.value.reached
    assert server.seen == []


@pytest.fixture
def tls(tmp_path):
    """Of somebody whom nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "films.example.com")])
    day = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day - timedelta(days=1))
        .not_valid_after(day + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    file = tmp_path / "certificate.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(key.private_bytes(pem, form, plain) + signed.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
