"""The one door out, held against a server with bad manners."""

import ipaddress
import os
import socket
import ssl
import time
import traceback
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from platforms.errors import RateLimited, TimedOut, Unavailable
from platforms.http import ONCE, SAFE, TOKEN, Http
from platforms.http.deadline import guarded_session
from platforms.http.reply import retry_after
from tests.platforms.hostile import answer, hostile_server

CANARY = "canary-7f3a"
SHORT = (0.2, 0.3)  # seconds


@pytest.fixture
def server():
    with hostile_server() as server:
        yield server


@pytest.fixture
def naps():
    return []


@pytest.fixture
def http(naps):
    door = Http(sleep=naps.append, dice=lambda: 0.5, clock=lambda: 1_000_000_000.0)
    yield door
    door.close()


def call(http, url, *, repeat=ONCE, timeout=SHORT, **rest):
    return http.call("POST", url, endpoint="test", repeat=repeat, timeout=timeout, **rest)


def plays(server, *answers):
    server.script.clear()
    server.script.extend(answers)


def a_port_nobody_listens_on():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def test_an_answer_comes_back_with_its_status_headers_and_json(http, server):
    plays(server, answer(403, b'{"a": 1}', X_Tt_Logid="20261122"))
    reply = call(http, server.url + "/script")
    assert (reply.status, reply.headers["x-tt-logid"], reply.json()) == (403, "20261122", {"a": 1})


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/reset", Unavailable),
        ("/half-close", Unavailable),
        ("/truncated", Unavailable),
        ("/huge", Unavailable),
        ("/silent", TimedOut),
        ("/drip-head", TimedOut),
        ("/drip-body", TimedOut),
        ("/drip-open-end", TimedOut),
    ],
)
def test_bad_manners_after_the_request_leave_open_whether_it_worked(http, server, path, error):
    with pytest.raises(Unavailable) as caught:
        call(http, server.url + path)
    assert type(caught.value) is error
    assert caught.value.reached


@pytest.mark.parametrize("path", ["/reset", "/half-close", "/truncated", "/huge", "/drip-head"])
def test_an_unsafe_call_is_sent_exactly_once(http, server, path):
    with pytest.raises(Unavailable):
        call(http, server.url + path)
    assert len(server.seen) == 1


@pytest.mark.parametrize("path", ["/drip-head", "/drip-body", "/drip-open-end"])
def test_a_drip_cannot_outlast_the_deadline(http, server, path):
    start = time.monotonic()
    with pytest.raises(TimedOut):
        call(http, server.url + path)
    assert time.monotonic() - start < sum(SHORT) + 0.5


@pytest.mark.parametrize("path", ["/html", "/truncated-json"])
def test_an_answer_that_is_not_json_is_told_as_such(http, server, path):
    with pytest.raises(Unavailable) as caught:
        call(http, server.url + path).json()
    assert caught.value.code == "INVALID_RESPONSE"


def test_json_nested_beyond_reason_is_told_as_such(http, server):
    plays(server, answer(200, b"[" * 900_000))
    with pytest.raises(Unavailable):
        call(http, server.url + "/script").json()


def test_a_redirect_is_answered_not_followed(http, server):
    assert call(http, server.url + "/redirect").status == 302
    assert [path for path, _ in server.seen] == ["/redirect"]


def test_a_cookie_is_not_given_back(http, server):
    plays(server, answer(200, Set_Cookie="track=me; Path=/"))
    call(http, server.url + "/first")
    call(http, server.url + "/ok")
    assert "cookie" not in server.heads[-1]


def test_a_proxy_of_the_environment_is_not_used(http, server, monkeypatch):
    monkeypatch.setitem(os.environ, "http_proxy", a_port_nobody_listens_on())
    assert call(http, server.url + "/ok").status == 200


@pytest.mark.parametrize("repeat", [ONCE, TOKEN, SAFE])
def test_a_refused_connection_surely_never_arrived(http, repeat):
    with pytest.raises(Unavailable) as caught:
        call(http, a_port_nobody_listens_on(), repeat=repeat)
    assert not caught.value.reached


def test_an_unknown_name_surely_never_arrived(http, monkeypatch):
    def no_such_name(*_):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    with pytest.raises(Unavailable) as caught:
        call(http, "http://nobody.invalid/")
    assert not caught.value.reached


def test_a_connection_that_does_not_come_about_surely_never_arrived(http):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(9):  # the backlog holds a few more than it promises
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with pytest.raises(TimedOut) as caught:
            call(http, f"http://127.0.0.1:{full.getsockname()[1]}/")
    assert not caught.value.reached


def test_a_safe_call_is_repeated_twice_with_growing_naps(http, server, naps):
    plays(server, answer(503), answer(500), answer(200))
    assert call(http, server.url + "/script", repeat=SAFE).status == 200
    assert naps == pytest.approx([0.2 * 1.15, 0.4 * 1.15])


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_safe_call_gives_the_last_answer_after_three_tries(http, server, status):
    plays(server, answer(status))
    assert call(http, server.url + "/script", repeat=SAFE).status == status
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 416, 501])
def test_other_answers_are_final(http, server, status):
    plays(server, answer(status))
    call(http, server.url + "/script", repeat=SAFE)
    assert len(server.seen) == 1


@pytest.mark.parametrize("path", ["/reset", "/truncated", "/half-close"])
def test_a_safe_call_survives_a_broken_connection_up_to_three_times(http, server, path):
    with pytest.raises(Unavailable):
        call(http, server.url + path, repeat=SAFE)
    assert len(server.seen) == 3


@pytest.mark.parametrize("path", ["/reset", "/silent", "/truncated", "/half-close"])
def test_a_token_call_that_may_have_arrived_is_not_repeated(http, server, path):
    with pytest.raises(Unavailable) as caught:
        call(http, server.url + path, repeat=TOKEN)
    assert caught.value.reached
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_call_is_repeated_after_a_refusal(http, server, status):
    plays(server, answer(status), answer(200))
    assert call(http, server.url + "/script", repeat=TOKEN).status == 200


def test_a_token_call_is_repeated_when_it_surely_did_not_arrive(http, naps):
    with pytest.raises(Unavailable):
        call(http, a_port_nobody_listens_on(), repeat=TOKEN)
    assert naps == pytest.approx([0.1 * 1.15, 0.2 * 1.15])


def test_one_try_that_arrived_is_remembered_when_the_next_ones_cannot(http, server):
    with pytest.raises(Unavailable) as caught:
        call(http, server.url + "/last-words", repeat=TOKEN)
    assert caught.value.reached
    assert len(server.seen) == 1


def test_a_short_retry_after_is_a_floor(http, server, naps):
    plays(server, answer(429, Retry_After=1), answer(200))
    assert call(http, server.url + "/script", repeat=SAFE).status == 200
    assert naps == [1.0]


def test_a_long_retry_after_is_handed_back_at_once(http, server, naps):
    plays(server, answer(429, Retry_After=30))
    fault = call(http, server.url + "/script", repeat=SAFE).fault()
    assert isinstance(fault, RateLimited)
    assert fault.retry_after == timedelta(seconds=30)
    assert (naps, len(server.seen)) == ([], 1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("Sun, 09 Sep 2001 01:47:40 GMT", 60),
        ("Sun, 09 Sep 2001 01:40:00 GMT", 0),
        ("", 0),
        ("-5", 0),
        ("soon", 0),
        ("1e9", 0),
        ("²", 0),
        ("9" * 400, 21_600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 21_600),
    ],
)
def test_a_retry_after_is_read_as_seconds_or_date_and_never_believed_beyond_reason(text, seconds):
    assert retry_after(text, now=1_000_000_000.0) == timedelta(seconds=seconds)


def test_a_body_of_many_megabytes_takes_longer_than_a_connection_may(http, server):
    """A chunk is one write; the time to connect must not bound it."""
    body = bytes(20_000_000)
    assert call(http, server.url + "/ok", data=body, timeout=(0.01, 5.0)).status == 200
    assert len(server.seen[0][1]) == len(body)


def test_a_form_and_its_special_signs_arrive_encoded_once(http, server):
    call(http, server.url + "/ok", form={"code": "abc*v!5236.s1"})
    assert server.seen[0][1] in {b"code=abc%2Av%215236.s1", b"code=abc*v%215236.s1"}


def test_connections_are_used_again(http, server):
    for _ in range(3):
        call(http, server.url + "/ok")
    assert len(server.seen) == 3
    assert http._idle.qsize() == 1


@pytest.mark.parametrize("path", ["/reset", "/drip-head", "/huge"])
def test_no_error_and_no_log_line_quotes_the_url_the_headers_or_the_body(
    http, server, path, caplog
):
    caplog.set_level("DEBUG")
    with structlog.testing.capture_logs() as lines, pytest.raises(Unavailable) as caught:
        call(
            http,
            f"{server.url}{path}?upload_token={CANARY}",
            headers={"Authorization": f"Bearer {CANARY}"},
            json={"token": CANARY},
        )
    said = "".join(traceback.format_exception(caught.value)) + repr(lines) + caplog.text
    assert lines[0]["endpoint"] == "test"
    assert CANARY not in said


def test_a_refused_connection_does_not_quote_the_url_either(http, caplog):
    caplog.set_level("DEBUG")
    with pytest.raises(Unavailable) as caught:
        call(http, f"{a_port_nobody_listens_on()}/?upload_token={CANARY}")
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert caught.value.__context__ is None


def test_every_try_is_counted_with_its_outcome(server):
    counted = []
    http = Http(observe=lambda *one: counted.append(one[:2]), sleep=lambda _: None)
    plays(server, answer(503), answer(200))
    call(http, server.url + "/script", repeat=SAFE)
    http.close()
    assert counted == [("test", "503"), ("test", "200")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody but us trusts, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    day = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day - timedelta(days=1))
        .not_valid_after(day + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(key.private_bytes(pem, form, plain) + signed.public_bytes(pem))
    return file


@pytest.fixture
def tls_server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with hostile_server(context) as server:
        yield server


@pytest.fixture
def trusting(http, certificate):
    session = guarded_session()
    session.verify = str(certificate)
    http._idle.put(session)
    return http


def test_a_call_over_tls_is_like_any_other(trusting, tls_server):
    assert call(trusting, tls_server.url + "/ok", data=bytes(3_000_000), timeout=(1, 5)).json()


@pytest.mark.parametrize("path", ["/drip-head", "/drip-body", "/drip-open-end"])
def test_a_drip_over_tls_cannot_outlast_the_deadline_either(trusting, tls_server, path):
    start = time.monotonic()
    with pytest.raises(TimedOut):
        call(trusting, tls_server.url + path)
    assert time.monotonic() - start < sum(SHORT) + 0.5


def test_a_certificate_nobody_vouches_for_gets_no_request(http, tls_server):
    with pytest.raises(Unavailable) as caught:
        call(http, tls_server.url + "/ok")
    assert not caught.value.reached
    assert tls_server.seen == []
