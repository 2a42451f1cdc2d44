"""A Postgres that hangs instead of dying: each statement ends in time, on our side."""

import os
import signal
import socket
import sys
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import psutil
import pytest
from sqlalchemy import text

from db.deadlines import DEADLINE_WATCH, DeadlineWatch, statement_deadline
from db.session import Database, DatabaseUnavailable
from local.postgres import Postgres
from tests.flows.brokers import wait_until

LIMIT = timedelta(seconds=0.5)
MARGIN = 5.0  # seconds for which a busy machine may be late


@pytest.fixture(scope="module")
def own_server(tmp_path_factory):
    """A server that tests stop and continue, and never kill."""
    server = Postgres(tmp_path_factory.mktemp("hanging") / "postgres", fast=True).start()
    yield server
    server.stop()


@pytest.fixture
def own_database(own_server):
    database = Database(own_server.dsn())
    yield database
    database.dispose()


@contextmanager
def hang(server):
    """Stop all processes of the server: its sockets stay open, and nothing is answered."""
    main = psutil.Process(server.pid)
    pids = [main.pid, *(child.pid for child in main.children(recursive=True))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def ends_in_time():
    started_at = time.monotonic()
    yield
    assert time.monotonic() - started_at < LIMIT.total_seconds() + MARGIN


def test_a_statement_ends_in_time_and_the_next_works(own_server, own_database):
    with pytest.raises(DatabaseUnavailable, match="answer in time"), statement_deadline(LIMIT):
        run_on_hanging_server(own_server, own_database)
    own_database.ping()


def run_on_hanging_server(server, database):
    with database.transaction() as session, hang(server), ends_in_time():
        session.execute(text("SELECT 1"))


def test_a_commit_ends_in_time(own_server, own_database):
    with (
        ExitStack() as until_the_end,
        pytest.raises(DatabaseUnavailable),
        statement_deadline(LIMIT),
        ends_in_time(),
    ):
        hang_before_commit(own_server, own_database, until_the_end)
    own_database.ping()


def hang_before_commit(server, database, until_the_end):
    with database.transaction() as session:
        session.execute(text("CREATE TABLE x ()"))
        until_the_end.enter_context(hang(server))


def test_the_dedicated_connection_ends_in_time(own_server, own_database):
    dedicated = own_database.dedicated_connection()
    dedicated.run(lambda connection: connection.execute(text("SELECT 1")))
    with hang(own_server), statement_deadline(LIMIT), pytest.raises(DatabaseUnavailable):
        dedicated.run(lambda connection: connection.execute(text("SELECT 1")))
    dedicated.run(lambda connection: connection.execute(text("SELECT 1")))
    dedicated.close()


def test_a_deadline_that_is_over_leaves_later_statements_alone(own_database):
    with statement_deadline(timedelta(seconds=0.05)):
        own_database.ping()
    with own_database.transaction() as session:
        session.execute(text("SELECT pg_sleep(0.3)"))


def test_a_statement_that_is_too_slow_is_ended(own_database):
    """The negative control of the test above: the server answers, but too late."""
    with (
        pytest.raises(DatabaseUnavailable),
        statement_deadline(timedelta(seconds=0.1)),
        own_database.transaction() as session,
    ):
        session.execute(text("SELECT pg_sleep(5)"))


def test_a_forked_process_has_a_watch_of_its_own(own_database):
    """Threads end with a fork, and what another thread had locked would stay locked."""
    own_database.ping()
    with DEADLINE_WATCH._lock:
        pid = os.fork()
        if pid == 0:
            os._exit(run_forked(own_database))
    assert os.waitpid(pid, 0)[1] == 0


def run_forked(database):
    """Return the exit status of the child: 0 if a slow statement ended in time."""
    try:
        database.dispose(close=False)
        with statement_deadline(LIMIT), database.transaction() as session:
            session.execute(text("SELECT pg_sleep(20)"))
    except DatabaseUnavailable:
        return 0
    except BaseException:  # noqa: BLE001 - the child reports by its exit status
        return 1
    return 2


class WatchedSocket:
    """A connection of which the watch sees its socket and sets that it is overdue."""

    def __init__(self, sock=None):
        self.is_overdue = False
        self.fileno = sock.fileno if sock else None


@pytest.fixture
def frequent_thread_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_thread_switches")
def test_statements_that_begin_while_the_watch_looks_do_not_end_it():
    watch = DeadlineWatch()
    many = [WatchedSocket() for _ in range(10_000)]  # it looks at them for a while
    for connection in many:
        watch.add(connection, limit_seconds=3600)
    ends_at = time.monotonic() + 0.5
    while time.monotonic() < ends_at:
        connection = WatchedSocket()
        watch.add(connection, limit_seconds=3600)
        watch.remove(connection)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        overdue = WatchedSocket(ours)
        watch.add(overdue, limit_seconds=0)
        wait_until(lambda: overdue.is_overdue, within=10, what="the end of an overdue statement")
    for connection in many:
        watch.remove(connection)
