"""Calls to platforms pass through a circuit per platform and class, known to all processes.

While one is open the call is not made and `PlatformAway` postpones the work. Without Redis each
process judges by itself.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from threading import Lock
from typing import TypeVar

from core.errors import Away
from core.outcomes import Later
from core.resilience.breaker import FAILURES, Circuit, State, admit, answered, failed
from core.resilience.shared import Shared, SharedAway
from platforms.errors import PlatformError, Unavailable

CLASSES = ("oauth", "upload", "publish", "read")
NEEDED = {"instagram": 2}  # answers that close a half-open circuit; one elsewhere
TRIES = FAILURES  # to write what others write as well: one of them gets through each time
KEPT = 7 * 86_400  # seconds a circuit is remembered after its last call
SEEN = 0.1  # seconds in which calls still pass through a circuit that somebody else has opened,
# and in which good answers through a whole one are counted together

# KEYS: the circuit. ARGV: what it was, what it becomes, which total to raise ('' for none), and by
# how much. Answers what it is now if that is not what it was, and nothing otherwise.
SWAP = f"""
if ARGV[3] ~= '' then redis.call('HINCRBY', KEYS[1], ARGV[3], ARGV[4]) end
local now = redis.call('HGET', KEYS[1], 'circuit') or ''
local same = now == ARGV[1]
if same and now ~= ARGV[2] then redis.call('HSET', KEYS[1], 'circuit', ARGV[2]) end
redis.call('EXPIRE', KEYS[1], {KEPT})
return not same and now
"""
READ = "return redis.call('HMGET', KEYS[1], 'circuit', 'failures', 'successes')"

T = TypeVar("T")
Step = Callable[[Circuit], tuple[Circuit, float]]  # the circuit afterwards, and seconds to wait


class PlatformAway(Later, Away):
    """The platform is not answering at the moment. We go on as soon as it does."""

    def __init__(self, wait: timedelta) -> None:
        Away.__init__(self, "circuit open", retry_after=wait)
        self.wait = wait


@dataclass(frozen=True)
class Sight:
    """A circuit as this process last saw it: its text in Redis, and when by the process's clock."""

    text: str
    circuit: Circuit
    at: float

    def passes(self) -> bool:
        return self.circuit.state is State.CLOSED and time.monotonic() - self.at < SEEN

    def is_whole(self) -> bool:
        """A good answer changes nothing in it."""
        return self.passes() and not self.circuit.failures


@dataclass(frozen=True)
class Figures:
    """One circuit as a person sees it."""

    platform: str
    kind: str
    circuit: Circuit
    failures: int  # in all, since anybody remembers
    successes: int


class Circuits:
    def __init__(
        self, shared: Shared, *, clock: Callable[[], float], dice: Callable[[], float]
    ) -> None:
        """`clock` gives seconds since 1970."""
        self._swap, self._read = shared.script(SWAP), shared.script(READ)
        self._clock, self._dice = clock, dice
        self._lock, self._alone = Lock(), dict[str, Circuit]()
        self._seen: dict[str, Sight] = {}
        self._owed: dict[str, int] = {}  # good answers that Redis was not told of
        self._told_at: dict[str, float] = {}

    def call(self, platform: str, kind: str, act: Callable[[], T]) -> T:
        """Do it and note how it went. Errors: PlatformAway if the circuit is open; `act`'s own."""
        key = f"circuit:{platform}:{kind}"
        needed = NEEDED.get(platform, 1)
        self._enter(key)
        try:
            result = act()
        except PlatformError as error:
            self._leave(key, away=counts(error), needed=needed)
            raise
        self._leave(key, away=False, needed=needed)
        return result

    def figures(self, platforms: Iterable[str]) -> list[Figures]:
        """How all circuits of these platforms stand."""
        return [
            Figures(platform, kind, *self._told(f"circuit:{platform}:{kind}"))
            for platform in platforms
            for kind in CLASSES
        ]

    def _enter(self, key: str) -> None:
        if (seen := self._seen.get(key)) and seen.passes():
            return  # whoever leaves looks again
        self._seen.pop(key, None)
        wait = self._change(key, lambda circuit: admit(circuit, self._clock()), total="")
        if wait:
            raise PlatformAway(timedelta(seconds=wait) * (1 + self._dice() / 4))

    def _leave(self, key: str, *, away: bool, needed: int) -> None:
        def step(circuit: Circuit) -> tuple[Circuit, float]:
            now = self._clock()
            return failed(circuit, now) if away else answered(circuit, now, needed=needed), 0.0

        if away:
            self._change(key, step, total="failures")
        elif good := self._to_tell(key):
            self._change(key, step, total="successes", by=good)

    def _to_tell(self, key: str) -> int:
        """How many good answers are to be counted now, this one among them; 0 for later."""
        now = time.monotonic()
        with self._lock:
            seen, good = self._seen.get(key), self._owed.get(key, 0) + 1
            is_early = now - self._told_at.get(key, -SEEN) < SEEN
            if is_early and seen is not None and seen.is_whole():
                self._owed[key] = good
                return 0
            self._owed[key], self._told_at[key] = 0, now
            return good

    def _change(self, key: str, step: Step, *, total: str, by: int = 1) -> float:
        """Decide by what was seen last, write unless somebody wrote in between: then anew."""
        try:
            seen = self._seen.get(key) or self._look(key)
            for _ in range(TRIES):
                after, wait = step(seen.circuit)
                if not total and after == seen.circuit:
                    break
                text = seen.text if after == seen.circuit else written(after)
                other: str | None = self._swap([key], [seen.text, text, total, by])
                if other is None:
                    self._seen[key] = Sight(text, after, time.monotonic())
                    break
                seen, total = self._saw(key, other), ""
        except SharedAway:
            self._seen.pop(key, None)
            return self._change_alone(key, step)
        return wait

    def _change_alone(self, key: str, step: Step) -> float:
        with self._lock:
            self._alone[key], wait = step(self._alone.get(key, Circuit()))
            return wait

    def _look(self, key: str) -> Sight:
        """Errors: SharedAway."""
        return self._saw(key, self._read([key], [])[0] or "")

    def _saw(self, key: str, text: str) -> Sight:
        self._seen[key] = Sight(text, read(text), time.monotonic())
        return self._seen[key]

    def _told(self, key: str) -> tuple[Circuit, int, int]:
        """As Redis has it; without Redis, as we have it ourselves."""
        try:
            text, failures, successes = self._read([key], [])
        except SharedAway:
            return self._alone.get(key, Circuit()), 0, 0
        return read(text), int(failures or 0), int(successes or 0)


def counts(error: PlatformError) -> bool:
    """5xx, time-outs and broken connections; an answer we cannot read is an answer."""
    return isinstance(error, Unavailable) and error.code != "INVALID_RESPONSE"


def read(text: str | None) -> Circuit:
    if not text:
        return Circuit()
    found = json.loads(text)
    return Circuit(**found | {"state": State(found["state"]), "failures": tuple(found["failures"])})


def written(circuit: Circuit) -> str:
    return json.dumps(asdict(circuit))
