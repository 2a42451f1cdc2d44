import errno
import os
import socket

import pytest

from local.ports import LOOPBACK_HOST, find_free_port, find_port_fault


@pytest.fixture
def bound_socket(socket_enabled):
    with socket.socket() as sock:
        sock.bind((LOOPBACK_HOST, 0))
        yield sock


def test_a_port_on_which_nobody_listens_has_no_fault():
    assert find_port_fault(find_free_port()) is None


def test_a_port_on_which_somebody_listens_is_in_use(bound_socket):
    bound_socket.listen()
    assert find_port_fault(bound_socket.getsockname()[1]) == "is in use"


def test_a_port_that_the_system_refuses_has_the_reason_of_the_system(bound_socket):
    """Here another socket has it and does not listen; without root it is every port below 1024."""
    fault = find_port_fault(bound_socket.getsockname()[1])
    assert fault == f"cannot be used ({os.strerror(errno.EADDRINUSE)})"
