"""Makes a child process receive a signal when its parent dies. Linux only; a no-op elsewhere."""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1

# Loaded at import: after the change of user, a child may not be able to read the library.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(signal_number: signal.Signals = signal.SIGKILL) -> None:
    """Ask Linux to send `signal_number` to this process when the thread that forked it ends."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal_number)
