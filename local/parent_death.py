"""Nobody of the house outlives whoever started them. Linux only: elsewhere nothing is done."""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1

# Loaded here: after the change of account a child may not be able to read the library.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(signal_number: signal.Signals = signal.SIGKILL) -> None:
    """`end` comes when the thread that forked this process is no more."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal_number)
