"""Groups test files that share something heavy (a running stack, a browser) in one xdist worker.

An idle stack in each worker would cost the others a core, so a stack stops when its worker leaves
the folder.
"""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]
OWN_STACK = "own stack"
SHARED_RESOURCES = {
    "brokers": re.compile(
        r"\brabbit_server\b|\brabbitmq[,)]|^from tests\.flows\.celery_harness ", re.MULTILINE
    ),
    "S3 server": re.compile(r"\bs3_server\b"),
    "burst stack": re.compile(r"\bburst_stack\b"),
    "shared stack with faults": re.compile(
        r"^from tests\.flows\.(response_faults|stack_failures|post_kinds) "
        r".*^def test_\w+\([^)]*\b(stack|api_user)\b",
        re.MULTILINE | re.DOTALL,
    ),
    OWN_STACK: re.compile(r"^def stack\(|^    with run_stack\(", re.MULTILINE),
    "web server": re.compile(r"^def test_\w+\([^)]*\bweb_server\b", re.MULTILINE),
    "shared stack": re.compile(r"^def test_\w+\([^)]*\b(stack|api_user)\b", re.MULTILINE),
}
"""Groups of files in tests/flows, and the pattern that shows that a file belongs to one.

The first match counts.
"""
LONGEST_FIRST = (
    "browser a-h",
    "browser i-z",
    "brokers",
    "shared stack with faults",
    "shared stack",
)
"""The groups that take longest, in that order: started late, they would end last, alone.

The other files with real processes follow. What is short and busy comes last and fills all cores.
"""


@cache
def scheduling_group(file: str) -> str:
    """Return the group whose files run in one worker: the file itself, or a shared resource."""
    if file.startswith("tests/browser/"):
        return "browser a-h" if Path(file).name < "test_i" else "browser i-z"
    if not file.startswith("tests/flows/"):
        return file
    text = (ROOT / file).read_text(encoding="utf-8")
    group = next(
        (name for name, pattern in SHARED_RESOURCES.items() if pattern.search(text)), OWN_STACK
    )
    return file if group == OWN_STACK else group


def order_by_group(items):
    """Sort the tests so that groups stay together, in the (shuffled) order of their first tests."""
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
    """Return the rank among waiting groups; equal ranks keep xdist's order, by number of tests."""
    if scope in LONGEST_FIRST:
        return LONGEST_FIRST.index(scope)
    has_processes = scope.startswith("tests/flows/") or scope in SHARED_RESOURCES
    return len(LONGEST_FIRST) + (not has_processes)


def make_scheduler(config, log):
    """Return the scheduler for `--dist loadfile`.

    xdist's own `loadgroup` needs marks, which it writes where pytest 9 no longer reads them.
    """
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadfile" else None
