"""The bench's sender against a small server of its own: what it tells must be what happened."""

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
    """Answers each letter as `answers` says by its number in order of arrival; b"" hangs up."""

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
    opened = []

    def make(responses=None, delays=None):
        opened.append(ScriptedHttpServer(responses or {}, delays or {}))
        return opened[-1]

    yield make
    for each in opened:
        each.listener.close()


def send_all(target, *, max_deliveries, connections=4, rate=None):
    order = LoadOrder(
        target.url, "few-", max_deliveries, 5.0, connections, "bench", "not-a-real-one", rate
    )
    sender = LoadSender(order)
    if rate is None:
        sender.open_connections()
    sender.run()
    return sender


def test_connections_are_open_before_the_first_delivery_and_health_checks_do_not_count(make_server):
    server = make_server()
    sender = send_all(server, max_deliveries=1)
    assert (server.lines, server.greeted) == (4, 4)
    assert [answer.number for answer in sender.responses] == [1]


def test_every_delivery_is_sent_once_over_persistent_connections(make_server):
    server = make_server()
    sender = send_all(server, max_deliveries=200)
    assert sorted(answer.number for answer in sender.responses) == list(range(1, 201))
    assert all(answer.is_acknowledged for answer in sender.responses)
    assert len(set(server.heard)) == 200
    assert server.lines == 4


def test_a_delivery_whose_connection_is_cut_is_sent_again(make_server):
    server = make_server({3: b""})
    sender = send_all(server, max_deliveries=10, connections=1)
    assert sender.resent_count == 1
    assert [answer.status for answer in sender.responses] == [200] * 10
    assert server.heard[2] == server.heard[3]


def test_a_delivery_that_is_cut_off_twice_is_not_acknowledged(make_server):
    sender = send_all(make_server({1: b"", 2: b""}), max_deliveries=2, connections=1)
    assert [answer.status for answer in sender.responses] == [0, 200]


def test_a_server_that_closes_after_an_answer_loses_nothing(make_server):
    server = make_server({2: CLOSING_RESPONSE, 4: CLOSING_RESPONSE})
    sender = send_all(server, max_deliveries=6, connections=1)
    assert (sender.resent_count, server.lines) == (0, 3)
    assert all(answer.is_acknowledged for answer in sender.responses)


def test_a_refusal_is_reported_as_one(make_server):
    sender = send_all(make_server({2: BUSY_RESPONSE}), max_deliveries=3, connections=1)
    assert [answer.status for answer in sender.responses] == [200, 503, 200]


def test_at_a_rate_a_stall_counts_for_all_that_were_due_meanwhile(make_server):
    sender = send_all(make_server(stall={1: 0.3}), max_deliveries=10, connections=1, rate=100.0)
    waits = {answer.number: answer.answered_at - answer.due_at for answer in sender.responses}
    assert waits[1] >= 0.3
    assert waits[10] >= 0.2
    dues = [answer.due_at for answer in sender.responses]
    assert max(dues) - min(dues) == pytest.approx(0.09, abs=0.001)
