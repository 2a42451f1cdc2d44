"""Which test files run in one process, because they share what is heavy: one house that stands, or
one browser. Idle houses, one in each process, would cost the others a core; so each ends when its
process leaves the folder.
"""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]
SHARED_RESOURCES = {
    "brokers": re.compile(r"\brabbit_server\b|^from tests\.flows\.celery_harness ", re.MULTILINE),
    "storm_stack": re.compile(r"\bstorm_stack\b"),
    "a stack of its own": re.compile(r"^def stack\(|^    with run_stack\(", re.MULTILINE),
    "stack with faults": re.compile(
        r"^from tests\.flows\.(response_faults|stack_failures|post_kinds) ", re.MULTILINE
    ),
    "house": re.compile(r"^def test_\w+\([^)]*\b(stack|api_user)\b", re.MULTILINE),
}
"""What stands as long as its process is in the folder, and how to tell that a file asks for it."""
OWN_STACK = "a stack of its own"
LONGEST_FIRST = ("stack with faults", "house", "brokers", "browser", "storm_stack")
"""What takes longest, the longest first: begun late, it would be what all others wait for."""


@cache
def scheduling_group(file: str) -> str:
    """The name under which its tests are kept together: its own, or of what it shares."""
    if file.startswith("tests/browser/"):
        return "browser"
    if not file.startswith("tests/flows/"):
        return file
    text = (ROOT / file).read_text(encoding="utf-8")
    found = next(
        (name for name, pattern in SHARED_RESOURCES.items() if pattern.search(text)), OWN_STACK
    )
    return file if found == OWN_STACK else found


def order_by_group(items):
    """Neighbours one after the other, in the order of whoever shuffled them."""
    positions = {}
    for item in items:
        positions.setdefault(group_of_test(item.nodeid), len(positions))
    items.sort(key=lambda item: positions[group_of_test(item.nodeid)])


def group_of_test(nodeid):
    return scheduling_group(nodeid.partition("::")[0])


class GroupScheduling(LoadFileScheduling):
    def _split_scope(self, nodeid):
        return scheduling_group(super()._split_scope(nodeid))

    def _assign_work_unit(self, node):
        self.workqueue.move_to_end(min(self.workqueue, key=group_priority), last=False)
        super()._assign_work_unit(node)


def group_priority(scope):
    """Among those that wait; the others come by the number of their tests, as xdist has them."""
    return LONGEST_FIRST.index(scope) if scope in LONGEST_FIRST else len(LONGEST_FIRST)


def make_scheduler(config, log):
    """xdist's own groups need marks, which it writes where pytest 9 no longer reads them."""
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadfile" else None
