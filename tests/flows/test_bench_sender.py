"""The bench's sender against a small server of its own: what it tells must be what happened."""

import socket
import threading
import time

import pytest

from bench.orders import Order
from bench.sender import Sender

YES = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


class Server:
    """Answers each letter as `answers` says by its number in order of arrival; b"" hangs up."""

    def __init__(self, answers, stall):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.heard = []
        self.greeted = self.lines = 0
        self._answers, self._stall = answers, stall
        threading.Thread(target=self._welcome, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/webhooks"

    def _welcome(self):
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.lines += 1
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line):
        with line:
            while letter := line.recv(65536):
                if letter.startswith(b"GET /healthz "):
                    self.greeted += 1
                    line.sendall(YES)
                    continue
                self.heard.append(letter)
                number = len(self.heard)
                time.sleep(self._stall.get(number, 0))
                answer = self._answers.get(number, YES)
                for piece in (answer[:20], answer[20:]):
                    line.sendall(piece)
                if answer in (b"", LAST):
                    return


@pytest.fixture
def server():
    opened = []

    def of(answers=None, stall=None):
        opened.append(Server(answers or {}, stall or {}))
        return opened[-1]

    yield of
    for each in opened:
        each.listener.close()


def sent(server, *, most, connections=4, rate=None):
    order = Order(server.url, "few-", most, 5.0, connections, "bench", "not-a-real-one", rate)
    sender = Sender(order)
    if rate is None:
        sender.greet()
    sender.run()
    return sender


def test_lines_are_open_before_the_first_letter_and_greetings_are_no_letters(server):
    there = server()
    sender = sent(there, most=1)
    assert (there.lines, there.greeted) == (4, 4)
    assert [answer.number for answer in sender.answers] == [1]


def test_every_letter_goes_out_once_over_kept_lines(server):
    there = server()
    sender = sent(there, most=200)
    assert sorted(answer.number for answer in sender.answers) == list(range(1, 201))
    assert all(answer.acknowledged for answer in sender.answers)
    assert len(set(there.heard)) == 200
    assert there.lines == 4


def test_a_line_that_is_cut_under_a_letter_lets_it_go_out_again(server):
    there = server({3: b""})
    sender = sent(there, most=10, connections=1)
    assert sender.again == 1
    assert [answer.status for answer in sender.answers] == [200] * 10
    assert there.heard[2] == there.heard[3]


def test_a_letter_that_is_cut_off_twice_is_not_acknowledged(server):
    sender = sent(server({1: b"", 2: b""}), most=2, connections=1)
    assert [answer.status for answer in sender.answers] == [0, 200]


def test_a_server_that_closes_after_an_answer_loses_nothing(server):
    there = server({2: LAST, 4: LAST})
    sender = sent(there, most=6, connections=1)
    assert (sender.again, there.lines) == (0, 3)
    assert all(answer.acknowledged for answer in sender.answers)


def test_a_refusal_is_told_as_one(server):
    sender = sent(server({2: BUSY}), most=3, connections=1)
    assert [answer.status for answer in sender.answers] == [200, 503, 200]


def test_at_a_rate_a_stall_counts_for_all_that_were_due_meanwhile(server):
    sender = sent(server(stall={1: 0.3}), most=10, connections=1, rate=100.0)
    waits = {answer.number: answer.at - answer.due for answer in sender.answers}
    assert waits[1] >= 0.3
    assert waits[10] >= 0.2
    dues = [answer.due for answer in sender.answers]
    assert max(dues) - min(dues) == pytest.approx(0.09, abs=0.001)
