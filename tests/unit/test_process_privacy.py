"""A process hides its environment from other processes of its own user."""

import ctypes
import os
import pwd
import sys
import warnings
from pathlib import Path

import pytest

from core.config.process_privacy import PR_SET_DUMPABLE, hide_process_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux shows environments in /proc")


def is_readable_by_a_child(*, hides):
    """Whether a child of an ordinary user's process can read the process's environment."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        parent = os.fork()
    if parent == 0:
        become_ordinary_user()
        if hides:
            hide_process_memory()
        if os.fork() == 0:
            os.write(writing, b"1" if is_readable(os.getppid()) else b"0")
            os._exit(0)
        os.wait()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        answered = answer.read()
    os.waitpid(parent, 0)
    assert answered in {b"0", b"1"}
    return answered == b"1"


def become_ordinary_user():
    """Give up root, and undo that Linux hides a process that has changed its user."""
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def is_readable(pid):
    try:
        Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return True


def test_a_child_cannot_read_the_environment_of_its_parent():
    assert not is_readable_by_a_child(hides=True)


def test_without_it_a_child_can():
    """The negative control."""
    assert is_readable_by_a_child(hides=False)
