"""TLS to Redis and RabbitMQ: verified by chain and by host name, for every client of ours."""

import socket
import ssl
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import redis
from celery import Celery
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.config.broker_urls import parse_redis_address, with_ca_file
from core.limits.redis_client import CONNECTION_OPTIONS, RedisClient, RedisUnavailable
from core.limits.redis_connections import build_redis
from core.limits.store_faults import describe_redis_fault
from tasks.settings import build_configuration
from tests.flows.brokers import wait_until
from tests.flows.celery_harness import CeleryHarness
from tests.flows.redis_servers import redis_servers
from tests.support.certificate_authority import CertificateAuthority

__all__ = ["redis_servers"]  # the fixture

PASSWORD = "c4n4ry-password"
KINDS = ["untrusted", "wrong name", "expired"]


@pytest.fixture
def authority(tmp_path):
    return CertificateAuthority(tmp_path / "certificates")


@pytest.fixture
def certificates(authority, tmp_path):
    """Kind of certificate → certificate; all but `trusted` must be refused."""
    other = CertificateAuthority(tmp_path / "other", "other")
    return {
        "trusted": authority.issue("127.0.0.1", "localhost"),
        "untrusted": other.issue("127.0.0.1", "localhost"),
        "wrong name": authority.issue("other.example"),
        "expired": authority.issue("127.0.0.1", "localhost", has_expired=True),
    }


def build_celery(url, role):
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(url, role))
    return app


def connect_celery(url, role="web"):
    """Connect as the processes of this role do. Raises what the transport raises."""
    with build_celery(url, role).connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0)
        connection.default_channel  # noqa: B018 - opens it, with Redis the first real connection


class RecordingServer:
    """A TLS server that completes the handshake and keeps what a client then says."""

    def __init__(self, certificate):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connection_count = 0
        self.received = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connection_count += 1
            try:
                with self._context.wrap_socket(connection, server_side=True) as tls:
                    tls.settimeout(2)
                    self.received += tls.recv(4096)
            except OSError:
                connection.close()

    def close(self):
        self._listener.close()


@contextmanager
def recording_server(certificate):
    server = RecordingServer(certificate)
    try:
        yield server
    finally:
        server.close()


CLIENTS = {
    "limits": lambda port, ca: RedisClient(
        with_ca_file(f"rediss://:{PASSWORD}@127.0.0.1:{port}/0", ca)
    ).ping(),
    "celery web redis": lambda port, ca: connect_celery(
        with_ca_file(f"rediss://:{PASSWORD}@127.0.0.1:{port}/0", ca)
    ),
    "celery worker redis": lambda port, ca: connect_celery(
        with_ca_file(f"rediss://:{PASSWORD}@127.0.0.1:{port}/0", ca), "worker"
    ),
    "celery web rabbit": lambda port, ca: connect_celery(
        with_ca_file(f"amqps://app:{PASSWORD}@127.0.0.1:{port}//", ca)
    ),
    "celery worker rabbit": lambda port, ca: connect_celery(
        with_ca_file(f"amqps://app:{PASSWORD}@127.0.0.1:{port}//", ca), "worker"
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", CLIENTS)
def test_no_password_reaches_a_server_whose_certificate_is(certificates, authority, client, kind):
    with recording_server(certificates[kind]) as server:
        with pytest.raises(Exception):  # noqa: B017 - each client has errors of its own
            CLIENTS[client](server.port, str(authority.ca_file))
        assert server.connection_count
        assert server.received == b""


@pytest.mark.parametrize("client", CLIENTS)
def test_the_recording_server_sees_what_a_client_sends_to_a_trusted_one(
    certificates, authority, client
):
    """The control: to a trusted server every client speaks."""
    with recording_server(certificates["trusted"]) as server:
        with pytest.raises(Exception):  # noqa: B017 - it gets no sensible reply
            CLIENTS[client](server.port, str(authority.ca_file))
        assert server.received


def test_every_client_uses_a_redis_whose_certificate_is_trusted(
    redis_servers, certificates, authority
):
    server = redis_servers.start(certificate=certificates["trusted"], requirepass=PASSWORD)
    url = with_ca_file(f"rediss://:{PASSWORD}@127.0.0.1:{server.port}/0", str(authority.ca_file))
    RedisClient(url).ping()
    for role in ("web", "worker", "beat", "flower"):
        connect_celery(url, role)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("untrusted", "authority that is not trusted"),
        ("wrong name", "certificate of another name"),
        ("expired", "expired"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(
    redis_servers, certificates, authority, kind, sentence
):
    server = redis_servers.start(certificate=certificates[kind])
    url = with_ca_file(server.url, str(authority.ca_file))
    assert sentence in describe_failure(url)
    with pytest.raises(RedisUnavailable):
        RedisClient(url).ping()


def test_the_system_s_authorities_count_where_no_file_is_named(redis_servers, certificates):
    server = redis_servers.start(certificate=certificates["trusted"])
    assert "not trusted" in describe_failure(server.url)


def test_no_fresh_connection_over_tls_fails_without_a_password(
    redis_servers, certificates, authority
):
    """A third of them did, and do in an ordinary client: see `ServingOnly`."""
    server = redis_servers.start(certificate=certificates["trusted"])
    url = with_ca_file(server.url, str(authority.ca_file))
    for _ in range(30):
        client = build_redis(parse_redis_address(url), CONNECTION_OPTIONS)
        assert client.ping()
        client.close()
    for _ in range(5):
        connect_celery(url, "worker")
    assert any(is_unread_data_in_the_way(url, authority) for _ in range(60))


def is_unread_data_in_the_way(url, authority):
    """The control: whether a fresh connection without a first exchange fails."""
    options = {"protocol": 2, "driver_info": None, "ssl_ca_certs": str(authority.ca_file)}
    with redis.Redis.from_url(url.partition("?")[0], **options) as client:
        client.set_retry(Retry(NoBackoff(), 0))
        try:
            return not client.ping()
        except redis.ConnectionError as error:
            return "Connection not ready" in str(error)


def describe_failure(url):
    """What is said about a Redis that cannot be reached."""
    client = build_redis(parse_redis_address(url), CONNECTION_OPTIONS)
    with pytest.raises(redis.RedisError) as refused:
        client.ping()
    return describe_redis_fault(refused.value)


def test_without_tls_at_the_port_the_scheme_is_named_as_the_fault(redis_servers, certificates):
    plain = redis_servers.start()
    assert "whether it speaks TLS" in describe_failure(f"rediss://127.0.0.1:{plain.port}/0")
    encrypted = redis_servers.start(certificate=certificates["trusted"])
    assert "expects TLS" in describe_failure(f"redis://127.0.0.1:{encrypted.port}/0")


def test_a_redis_that_asks_for_our_certificate_gets_it(redis_servers, certificates, authority):
    server = redis_servers.start(
        certificate=certificates["trusted"],
        tls_auth_clients="yes",
        tls_ca_cert_file=str(authority.ca_file),
    )
    url = f"rediss://127.0.0.1:{server.port}/0?ssl_ca_certs={authority.ca_file}"
    assert "asks for a certificate of ours" in describe_failure(url)
    ours = authority.issue("signalpost.example")
    url += f"&ssl_certfile={ours.certificate_file}&ssl_keyfile={ours.key_file}"
    RedisClient(url).ping()
    for role in ("web", "worker"):
        connect_celery(url, role)


def test_a_certificate_is_left_unchecked_only_where_the_url_says_so(redis_servers, certificates):
    server = redis_servers.start(certificate=certificates["untrusted"], requirepass=PASSWORD)
    url = f"rediss://:{PASSWORD}@127.0.0.1:{server.port}/0"
    assert "not trusted" in describe_failure(url)
    for unchecked in (f"{url}?ssl_cert_reqs=none", f"{url}?ssl_cert_reqs=CERT_NONE"):
        RedisClient(unchecked).ping()
        connect_celery(unchecked)


def rabbit_tls_url(server, host):
    return f"amqps://guest:guest@{host}:{server.tls_port}/%2F"


def test_every_client_uses_a_rabbitmq_whose_certificate_is_trusted(rabbit_server):
    url = with_ca_file(rabbit_tls_url(rabbit_server, "localhost"), rabbit_server.ca_file)
    for role in ("web", "worker", "beat", "flower"):
        connect_celery(url, role)


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_rabbitmq_of_another_name_or_authority_is_refused(rabbit_server, role):
    other_name = with_ca_file(rabbit_tls_url(rabbit_server, "127.0.0.1"), rabbit_server.ca_file)
    with pytest.raises(Exception, match="IP address mismatch"):
        connect_celery(other_name, role)
    with pytest.raises(Exception, match=r"self-signed|local issuer"):
        connect_celery(rabbit_tls_url(rabbit_server, "localhost"), role)


def test_each_server_of_a_cluster_is_verified_by_its_own_name(rabbit_server):
    """The first address is refused, and the second is expected to have a name of its own."""
    addresses = ";".join(rabbit_tls_url(rabbit_server, host) for host in ("127.0.0.1", "localhost"))
    app = build_celery(with_ca_file(addresses, rabbit_server.ca_file), "worker")
    with app.connection_for_read() as connection:
        connection.ensure_connection(max_retries=3, interval_start=0)
        assert connection.connected


def check_processes_work(url, folder):
    """Whether wake-ups of beat reach a worker, in processes started as in production."""
    harness = CeleryHarness(SimpleNamespace(url=url), folder)
    try:
        harness.start_worker()
        harness.start("beat")
        wait_until(lambda: harness.count_effects("accounts") > 1, what="wake-ups of beat")
    finally:
        harness.stop()


def test_worker_and_beat_work_over_tls_with_redis(redis_servers, certificates, authority, tmp_path):
    server = redis_servers.start(certificate=certificates["trusted"], requirepass=PASSWORD)
    url = f"rediss://:{PASSWORD}@localhost:{server.port}/1?ssl_ca_certs={authority.ca_file}"
    check_processes_work(url, tmp_path)


def test_worker_and_beat_work_over_tls_with_rabbitmq(rabbit_server, tmp_path):
    url = f"{rabbit_tls_url(rabbit_server, 'localhost')}?cacertfile={rabbit_server.ca_file}"
    check_processes_work(url, tmp_path)
