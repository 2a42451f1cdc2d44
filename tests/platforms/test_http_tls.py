"""The HTTP client over TLS: the same deadline, and no request to an untrusted server."""

import ipaddress
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from platforms.errors import TimedOut, Unavailable
from platforms.http.deadline import create_session
from tests.platforms.hostile_server import CUT_OFF_WITHIN, call_endpoint, hostile_server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private_key = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    file.write_bytes(private_key + certificate.public_bytes(pem))
    return file


@pytest.fixture
def tls_server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with hostile_server(context) as server:
        yield server


@pytest.fixture
def trusting_http(http, certificate):
    session = create_session()
    session.verify = str(certificate)
    http._idle_sessions.append(session)
    return http


def test_a_call_over_tls_is_like_any_other(trusting_http, tls_server):
    assert call_endpoint(
        trusting_http, tls_server.url + "/ok", data=bytes(3_000_000), timeout=(1, 5)
    ).json()


@pytest.mark.parametrize("path", ["/drip-head", "/drip-body", "/drip-open-end"])
def test_a_drip_over_tls_cannot_outlast_the_deadline_either(trusting_http, tls_server, path):
    start = time.monotonic()
    with pytest.raises(TimedOut):
        call_endpoint(trusting_http, tls_server.url + path)
    assert time.monotonic() - start < CUT_OFF_WITHIN


def test_an_untrusted_certificate_gets_no_request(http, tls_server):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(http, tls_server.url + "/ok")
    assert not caught.value.may_have_arrived
    assert tls_server.requests == []
