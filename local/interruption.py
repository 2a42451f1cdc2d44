"""Lets Ctrl-C end a command even while a library waits for a server's answer.

Python raises KeyboardInterrupt once the main thread is back from C code. libpq comes back when
Postgres answers: a migration that waits for a lock could not be stopped for minutes.
"""

import os
import signal
import socket
import sys
import time
from threading import Thread

INTERRUPTED_STATUS = 130  # 128 + SIGINT, as shells report it
GRACE_SECONDS = 1.0  # for the main thread to end the process itself
DISPLAY_CURSOR = "\x1b[?25h"  # progress bars hide it


def watch_interruption() -> None:
    """Watch for Ctrl-C in a thread of its own, until the process ends. For the main thread."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    Thread(target=end_stuck_process, args=(reader,), name="interruption", daemon=True).start()


def end_stuck_process(reader: socket.socket) -> None:
    """Read the numbers of signals; end the process after SIGINT if nothing else does.

    A command that has a handler of its own stops in its own time.
    """
    while number := reader.recv(1):
        is_unhandled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if number[0] == signal.SIGINT and is_unhandled:
            time.sleep(GRACE_SECONDS)
            cursor = DISPLAY_CURSOR if sys.stderr.isatty() else ""
            print(f"{cursor}Interrupted.", file=sys.stderr, flush=True)
            os._exit(INTERRUPTED_STATUS)
