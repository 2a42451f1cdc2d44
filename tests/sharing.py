"""Which test files run in one process, because they share what is heavy: one house that stands, or
one browser. Idle houses, one in each process, would cost the others a core; so each ends when its
process leaves the folder.
"""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]
HEAVY = {
    "brokers": re.compile(r"\brabbit_server\b|^from tests\.flows\.processes ", re.MULTILINE),
    "storm_house": re.compile(r"\bstorm_house\b"),
    "a house of its own": re.compile(r"^def house\(|^    with a_house\(", re.MULTILINE),
    "house, struck": re.compile(r"^from tests\.flows\.(strikes|misfortunes|kinds) ", re.MULTILINE),
    "house": re.compile(r"^def test_\w+\([^)]*\b(house|guest)\b", re.MULTILINE),
}
"""What stands as long as its process is in the folder, and how to tell that a file asks for it."""
APART = "a house of its own"
LONG = ("house, struck", "house", "brokers", "browser", "storm_house")
"""What takes longest, the longest first: begun late, it would be what all others wait for."""


@cache
def neighbourhood(file: str) -> str:
    """The name under which its tests are kept together: its own, or of what it shares."""
    if file.startswith("tests/browser/"):
        return "browser"
    if not file.startswith("tests/flows/"):
        return file
    text = (ROOT / file).read_text(encoding="utf-8")
    found = next((name for name, asked in HEAVY.items() if asked.search(text)), APART)
    return file if found == APART else found


def gather(items):
    """Neighbours one after the other, in the order of whoever shuffled them."""
    places = {}
    for item in items:
        places.setdefault(street(item.nodeid), len(places))
    items.sort(key=lambda item: places[street(item.nodeid)])


def street(nodeid):
    return neighbourhood(nodeid.partition("::")[0])


class Neighbours(LoadFileScheduling):
    def _split_scope(self, nodeid):
        return neighbourhood(super()._split_scope(nodeid))

    def _assign_work_unit(self, node):
        self.workqueue.move_to_end(min(self.workqueue, key=place), last=False)
        super()._assign_work_unit(node)


def place(scope):
    """Among those that wait; the others come by the number of their tests, as xdist has them."""
    return LONG.index(scope) if scope in LONG else len(LONG)


def schedule(config, log):
    """xdist's own groups need marks, which it writes where pytest 9 no longer reads them."""
    return Neighbours(config, log) if config.getvalue("dist") == "loadfile" else None
