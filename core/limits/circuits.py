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

from core.errors import ServiceUnavailable
from core.limits.breaker import (
    FAILURE_THRESHOLD,
    Circuit,
    CircuitState,
    admit_call,
    circuit_after_answer,
    circuit_after_failure,
)
from core.limits.redis_client import RedisClient, RedisUnavailable
from core.outcomes import Snooze
from platforms.errors import PlatformError, Unavailable

CALL_CLASSES = ("oauth", "upload", "publish", "read")
REQUIRED_SUCCESSES = {"instagram": 2}  # answers that close a half-open circuit; one elsewhere
MAX_SWAP_ATTEMPTS = (
    FAILURE_THRESHOLD  # to write what others write as well: one of them gets through each time
)
CIRCUIT_TTL_SECONDS = 7 * 86_400  # seconds a circuit is remembered after its last call
CACHE_SECONDS = (
    0.1  # seconds in which calls still pass through a circuit that somebody else has opened,
)
# and in which good answers through a whole one are counted together

# KEYS: the circuit. ARGV: what it was, what it becomes, which total to raise ('' for none), and by
# how much. Answers what it is now if that is not what it was, and nothing otherwise.
SWAP_SCRIPT = f"""
if ARGV[3] ~= '' then redis.call('HINCRBY', KEYS[1], ARGV[3], ARGV[4]) end
local now = redis.call('HGET', KEYS[1], 'circuit') or ''
local same = now == ARGV[1]
if same and now ~= ARGV[2] then redis.call('HSET', KEYS[1], 'circuit', ARGV[2]) end
redis.call('EXPIRE', KEYS[1], {CIRCUIT_TTL_SECONDS})
return not same and now
"""
READ_SCRIPT = "return redis.call('HMGET', KEYS[1], 'circuit', 'failures', 'successes')"

T = TypeVar("T")
CircuitUpdate = Callable[
    [Circuit], tuple[Circuit, float]
]  # the circuit afterwards, and seconds to wait


class CircuitOpen(Snooze, ServiceUnavailable):
    """The platform is not answering at the moment. We go on as soon as it does."""

    def __init__(self, delay: timedelta) -> None:
        ServiceUnavailable.__init__(self, "circuit open", retry_after=delay)
        self.delay = delay


@dataclass(frozen=True)
class CachedCircuit:
    """A circuit as this process last saw it: its text in Redis, and when by the process's clock."""

    serialized: str
    circuit: Circuit
    read_at: float

    def can_pass(self) -> bool:
        return (
            self.circuit.state is CircuitState.CLOSED
            and time.monotonic() - self.read_at < CACHE_SECONDS
        )

    def is_healthy(self) -> bool:
        """A good answer changes nothing in it."""
        return self.can_pass() and not self.circuit.failures


@dataclass(frozen=True)
class CircuitView:
    """One circuit as a person sees it."""

    platform: str
    call_class: str
    circuit: Circuit
    failures: int  # in all, since anybody remembers
    successes: int


class Circuits:
    def __init__(
        self, redis_client: RedisClient, *, clock: Callable[[], float], jitter: Callable[[], float]
    ) -> None:
        """`clock` gives seconds since 1970."""
        self._swap, self._read = (
            redis_client.register_script(SWAP_SCRIPT),
            redis_client.register_script(READ_SCRIPT),
        )
        self._clock, self._jitter = clock, jitter
        self._lock, self._local_circuits = Lock(), dict[str, Circuit]()
        self._cached: dict[str, CachedCircuit] = {}
        self._unreported_successes: dict[str, int] = {}  # good answers that Redis was not told of
        self._reported_at: dict[str, float] = {}

    def call(self, platform: str, call_class: str, operation: Callable[[], T]) -> T:
        """Do it and note how it went. Errors: PlatformAway if the circuit is open; `act`'s own."""
        key = f"circuit:{platform}:{call_class}"
        required_successes = REQUIRED_SUCCESSES.get(platform, 1)
        self._before_call(key)
        try:
            result = operation()
        except PlatformError as error:
            self._after_call(
                key, is_unavailable=is_outage(error), required_successes=required_successes
            )
            raise
        self._after_call(key, is_unavailable=False, required_successes=required_successes)
        return result

    def list_circuits(self, platforms: Iterable[str]) -> list[CircuitView]:
        """How all circuits of these platforms stand."""
        return [
            CircuitView(
                platform, call_class, *self._load_with_totals(f"circuit:{platform}:{call_class}")
            )
            for platform in platforms
            for call_class in CALL_CLASSES
        ]

    def _before_call(self, key: str) -> None:
        if (cached := self._cached.get(key)) and cached.can_pass():
            return  # whoever leaves looks again
        self._cached.pop(key, None)
        wait = self._update(key, lambda circuit: admit_call(circuit, self._clock()), counter="")
        if wait:
            raise CircuitOpen(timedelta(seconds=wait) * (1 + self._jitter() / 4))

    def _after_call(self, key: str, *, is_unavailable: bool, required_successes: int) -> None:
        def update(circuit: Circuit) -> tuple[Circuit, float]:
            now = self._clock()
            return circuit_after_failure(circuit, now) if is_unavailable else circuit_after_answer(
                circuit, now, required_successes=required_successes
            ), 0.0

        if is_unavailable:
            self._update(key, update, counter="failures")
        elif successes := self._successes_to_report(key):
            self._update(key, update, counter="successes", amount=successes)

    def _successes_to_report(self, key: str) -> int:
        """How many good answers are to be counted now, this one among them; 0 for later."""
        now = time.monotonic()
        with self._lock:
            cached, successes = self._cached.get(key), self._unreported_successes.get(key, 0) + 1
            is_early = now - self._reported_at.get(key, -CACHE_SECONDS) < CACHE_SECONDS
            if is_early and cached is not None and cached.is_healthy():
                self._unreported_successes[key] = successes
                return 0
            self._unreported_successes[key], self._reported_at[key] = 0, now
            return successes

    def _update(self, key: str, update: CircuitUpdate, *, counter: str, amount: int = 1) -> float:
        """Decide by what was seen last, write unless somebody wrote in between: then anew."""
        try:
            cached = self._cached.get(key) or self._fetch(key)
            for _ in range(MAX_SWAP_ATTEMPTS):
                updated, wait = update(cached.circuit)
                if not counter and updated == cached.circuit:
                    break
                serialized = (
                    cached.serialized if updated == cached.circuit else serialize_circuit(updated)
                )
                current: str | None = self._swap(
                    [key], [cached.serialized, serialized, counter, amount]
                )
                if current is None:
                    self._cached[key] = CachedCircuit(serialized, updated, time.monotonic())
                    break
                cached, counter = self._remember(key, current), ""
        except RedisUnavailable:
            self._cached.pop(key, None)
            return self._update_local(key, update)
        return wait

    def _update_local(self, key: str, update: CircuitUpdate) -> float:
        with self._lock:
            self._local_circuits[key], wait = update(self._local_circuits.get(key, Circuit()))
            return wait

    def _fetch(self, key: str) -> CachedCircuit:
        """Errors: SharedAway."""
        return self._remember(key, self._read([key], [])[0] or "")

    def _remember(self, key: str, text: str) -> CachedCircuit:
        self._cached[key] = CachedCircuit(text, parse_circuit(text), time.monotonic())
        return self._cached[key]

    def _load_with_totals(self, key: str) -> tuple[Circuit, int, int]:
        """As Redis has it; without Redis, as we have it ourselves."""
        try:
            text, failures, successes = self._read([key], [])
        except RedisUnavailable:
            return self._local_circuits.get(key, Circuit()), 0, 0
        return parse_circuit(text), int(failures or 0), int(successes or 0)


def is_outage(error: PlatformError) -> bool:
    """5xx, time-outs and broken connections; an answer we cannot read is an answer."""
    return isinstance(error, Unavailable) and error.code != "INVALID_RESPONSE"


def parse_circuit(text: str | None) -> Circuit:
    if not text:
        return Circuit()
    found = json.loads(text)
    return Circuit(
        **found | {"state": CircuitState(found["state"]), "failures": tuple(found["failures"])}
    )


def serialize_circuit(circuit: Circuit) -> str:
    return json.dumps(asdict(circuit))
