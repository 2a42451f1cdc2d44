"""Keeps the environment and memory of this process from other processes of the same user.

Linux shows both under /proc/<pid> to whoever runs as the same user, and so does the process that
inspects uploaded files (`core.media`).
"""

import ctypes
import sys

PR_SET_DUMPABLE = 4


def hide_process_memory() -> None:
    """Let only root read this process's environment and memory; it writes no core dumps either.

    Forked children inherit this, executed programs do not. Linux only; a no-op elsewhere.
    Source: prctl(2), PR_SET_DUMPABLE, and proc(5), /proc/pid/environ; read 2026-11-29.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
