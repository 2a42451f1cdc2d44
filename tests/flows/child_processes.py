"""Starts processes that are signalled when the test process ends, even if killed. Linux only."""

import signal
import subprocess
from functools import partial

from core.config.parent_death import die_with_parent


def start_process(command, *, parent_death_signal=signal.SIGKILL, **popen_options):
    """Start a process that gets `parent_death_signal` when this one ends.

    Shapes: `popen_options` are those of `subprocess.Popen`.
    """
    set_death_signal = partial(die_with_parent, parent_death_signal)
    return subprocess.Popen(command, preexec_fn=set_death_signal, **popen_options)  # noqa: PLW1509 - one system call, library loaded before the fork
