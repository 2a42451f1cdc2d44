"""The benchmark's load sender against a small scripted server: its report must be correct."""

import socket
import threading
import time

import pytest

from bench.load_generator import LoadSender
from bench.load_order import LoadOrder

OK_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSING_RESPONSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
BUSY_RESPONSE = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


class ScriptedHttpServer:
    """Answers requests by their number in order of arrival; the response b"" closes the connection.

    Shapes: `responses` maps numbers to raw responses, `delays` to seconds.
    """

    def __init__(self, responses, delays):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.requests = []
        self.health_checks = self.connections = 0
        self._responses, self._delays = responses, delays
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/webhooks"

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            while request := connection.recv(65536):
                if request.startswith(b"GET /healthz "):
                    self.health_checks += 1
                    connection.sendall(OK_RESPONSE)
                    continue
                self.requests.append(request)
                number = len(self.requests)
                time.sleep(self._delays.get(number, 0))
                response = self._responses.get(number, OK_RESPONSE)
                for part in (response[:20], response[20:]):
                    connection.sendall(part)
                if response in (b"", CLOSING_RESPONSE):
                    return


@pytest.fixture
def make_server():
    servers = []

    def make(responses=None, delays=None):
        servers.append(ScriptedHttpServer(responses or {}, delays or {}))
        return servers[-1]

    yield make
    for server in servers:
        server.listener.close()


def send_all(server, *, max_deliveries, connections=4, rate=None):
    order = LoadOrder(
        server.url, "few-", max_deliveries, 5.0, connections, "bench", "not-a-real-one", rate
    )
    sender = LoadSender(order)
    if rate is None:
        sender.open_connections()
    sender.run()
    return sender


def test_connections_are_open_before_the_first_delivery_and_health_checks_do_not_count(make_server):
    server = make_server()
    sender = send_all(server, max_deliveries=1)
    assert (server.connections, server.health_checks) == (4, 4)
    assert [answer.number for answer in sender.responses] == [1]


def test_every_delivery_is_sent_once_over_persistent_connections(make_server):
    server = make_server()
    sender = send_all(server, max_deliveries=200)
    assert sorted(answer.number for answer in sender.responses) == list(range(1, 201))
    assert all(answer.is_acknowledged for answer in sender.responses)
    assert len(set(server.requests)) == 200
    assert server.connections == 4


def test_a_delivery_whose_connection_is_cut_is_sent_again(make_server):
    server = make_server({3: b""})
    sender = send_all(server, max_deliveries=10, connections=1)
    assert sender.resent_count == 1
    assert [answer.status for answer in sender.responses] == [200] * 10
    assert server.requests[2] == server.requests[3]


def test_a_delivery_that_is_cut_off_twice_is_not_acknowledged(make_server):
    sender = send_all(make_server({1: b"", 2: b""}), max_deliveries=2, connections=1)
    assert [answer.status for answer in sender.responses] == [0, 200]


def test_a_server_that_closes_after_an_answer_loses_nothing(make_server):
    server = make_server({2: CLOSING_RESPONSE, 4: CLOSING_RESPONSE})
    sender = send_all(server, max_deliveries=6, connections=1)
    assert (sender.resent_count, server.connections) == (0, 3)
    assert all(answer.is_acknowledged for answer in sender.responses)


def test_a_refusal_is_reported_as_one(make_server):
    sender = send_all(make_server({2: BUSY_RESPONSE}), max_deliveries=3, connections=1)
    assert [answer.status for answer in sender.responses] == [200, 503, 200]


def test_at_a_rate_a_stall_counts_for_all_that_were_due_meanwhile(make_server):
    sender = send_all(make_server(delays={1: 0.3}), max_deliveries=10, connections=1, rate=100.0)
    delays = {answer.number: answer.answered_at - answer.due_at for answer in sender.responses}
    assert delays[1] >= 0.3
    assert delays[10] >= 0.2
    due_times = [answer.due_at for answer in sender.responses]
    assert max(due_times) - min(due_times) == pytest.approx(0.09, abs=0.001)
