"""How often Python's garbage collector runs while a process starts, and afterwards."""

import gc

START_THRESHOLD = 50_000  # objects more than at the last collection
USUAL_THRESHOLD = 700  # Python's own


def collect_rarely() -> None:
    """Let the collector run seldom, until `exclude_loaded_objects` is called.

    Imports make half a million objects and hardly any garbage: looking through them again and again
    is a sixth of a process's start. Call it before they begin.
    """
    gc.set_threshold(START_THRESHOLD, *gc.get_threshold()[1:])


def exclude_loaded_objects() -> None:
    """Never look through what has been loaded so far, and from now on collect as usual.

    A process that forks afterwards shares these objects with its children for longer, because the
    collector writes into each object it looks at.
    """
    gc.freeze()
    gc.set_threshold(USUAL_THRESHOLD, *gc.get_threshold()[1:])
