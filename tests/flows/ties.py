"""What a test starts ends with the process of that test, however that ends. Linux only."""

import signal
import subprocess
from functools import partial

from local.orphans import die_with_parent


def begun(command, *, farewell=signal.SIGKILL, **how):
    """A process that hears `farewell` when ours is no more; `how` as for `subprocess.Popen`."""
    tie = partial(die_with_parent, farewell)
    return subprocess.Popen(command, preexec_fn=tie, **how)  # noqa: PLW1509 - one call, loaded beforehand
