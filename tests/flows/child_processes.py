"""What a test starts ends with the process of that test, however that ends. Linux only."""

import signal
import subprocess
from functools import partial

from local.parent_death import die_with_parent


def start_process(command, *, parent_death_signal=signal.SIGKILL, **popen_options):
    """A process that hears `farewell` when ours is no more; `how` as for `subprocess.Popen`."""
    set_death_signal = partial(die_with_parent, parent_death_signal)
    return subprocess.Popen(command, preexec_fn=set_death_signal, **popen_options)
