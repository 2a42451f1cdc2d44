"""Runs a command at a terminal of its own, with a person who types."""

import os
import pty
import re
import select
import signal
import time
from contextlib import contextmanager
from pathlib import Path

TIMEOUT = 60.0  # seconds for one expected text
CONTROL_C = "\x03"
COLOUR = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """The person's side of a terminal: what is on the screen, and the keyboard."""

    def __init__(self, process_id, descriptor):
        self.process_id = process_id
        self.descriptor = descriptor
        self.screen = ""

    def type_keys(self, keys):
        os.write(self.descriptor, keys.encode())

    def wait_for(self, text):
        end = time.monotonic() + TIMEOUT
        while text not in self.screen:
            assert time.monotonic() < end, self.screen
            assert self.read_screen(), self.screen

    def wait_for_end(self):
        """Return the exit status."""
        while self.read_screen():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.process_id, 0)[1])

    def read_screen(self):
        """Add what was written to the screen; False once the command has ended."""
        ready, _, _ = select.select([self.descriptor], [], [], TIMEOUT)
        try:
            data = os.read(self.descriptor, 65536) if ready else b""
        except OSError:  # Linux: nobody has the other side open any more
            data = b""
        self.screen += data.decode(errors="replace")
        return bool(data)

    @property
    def plain_screen(self):
        return COLOUR.sub("", self.screen)


@contextmanager
def open_terminal(command, environ, folder):
    """Start a command at a terminal; whatever is left of it is killed afterwards."""
    process_id, descriptor = pty.fork()
    if process_id == 0:
        os.chdir(folder)
        os.execve(command[0], list(command), environ)  # noqa: S606 - the command under test
    terminal = Terminal(process_id, descriptor)
    try:
        yield terminal
    finally:
        os.close(descriptor)
        if Path(f"/proc/{process_id}").exists():
            os.kill(process_id, signal.SIGKILL)
            os.waitpid(process_id, 0)
