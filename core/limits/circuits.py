"""Circuit breakers for calls to platforms, one per platform and class of calls.

Their state is in Redis, shared by all processes. While a circuit is open, calls are not made and
`CircuitOpen` snoozes the work. Without Redis each process keeps separate circuits.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from threading import Lock
from typing import TypeVar, get_args

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
from platforms.platform import CircuitName
from platforms.registry import PLATFORMS

CIRCUIT_NAMES: tuple[CircuitName, ...] = get_args(CircuitName)

# Each round of competing writers lets one through, and at most FAILURE_THRESHOLD failures matter.
MAX_SWAP_ATTEMPTS = FAILURE_THRESHOLD
CIRCUIT_TTL_SECONDS = 7 * 86_400  # how long Redis keeps a circuit after its last call
# How long calls pass a circuit as this process last read it, though another process may have opened
# it; and for how long successes through a healthy circuit are counted here before Redis gets them.
CACHE_SECONDS = 0.1

# Compare and swap. KEYS: the circuit. ARGV: its expected text, its new text, the total to raise
# ('' for none), by how much. Returns the present text if it is not the expected one, else nil.
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
CircuitUpdate = Callable[[Circuit], tuple[Circuit, float]]
"""Circuit before → circuit after, and the seconds that the call has to wait."""


class CircuitOpen(Snooze, ServiceUnavailable):
    """The platform is not answering at the moment. We go on as soon as it does."""

    def __init__(self, delay: timedelta) -> None:
        ServiceUnavailable.__init__(self, "circuit open", retry_after=delay)
        self.delay = delay


@dataclass(frozen=True)
class CachedCircuit:
    """A circuit as this process last read it, with its text in Redis.

    Units: `read_at` in seconds of the monotonic clock.
    """

    serialized: str
    circuit: Circuit
    read_at: float

    def can_pass(self) -> bool:
        is_fresh = time.monotonic() - self.read_at < CACHE_SECONDS
        return is_fresh and self.circuit.state is CircuitState.CLOSED

    def is_healthy(self) -> bool:
        """Whether another success would change nothing."""
        return self.can_pass() and not self.circuit.failures


def find_required_successes(platform: str) -> int:
    """Return how many answers close a half-open circuit of this platform."""
    return PLATFORMS[platform].closing_answers if platform in PLATFORMS else 1


@dataclass(frozen=True)
class CircuitView:
    """One circuit for the admin API. The totals count since Redis last lost the circuit."""

    platform: str
    name: CircuitName
    circuit: Circuit
    failures: int
    successes: int


class Circuits:
    """Every circuit as this process sees it. Thread-safe."""

    def __init__(
        self, redis_client: RedisClient, *, clock: Callable[[], float], jitter: Callable[[], float]
    ) -> None:
        """`clock` returns seconds since 1970, `jitter` a number from 0 to 1."""
        self._swap = redis_client.register_script(SWAP_SCRIPT)
        self._read = redis_client.register_script(READ_SCRIPT)
        self._clock, self._jitter = clock, jitter
        self._lock = Lock()
        self._cached: dict[str, CachedCircuit] = {}
        self._local_circuits: dict[str, Circuit] = {}  # used while Redis is unavailable
        self._reading = set[str]()  # the keys that a thread is reading again
        self._unreported_successes: dict[str, int] = {}
        self._reported_at: dict[str, float] = {}

    def call(self, platform: str, circuit_name: CircuitName, operation: Callable[[], T]) -> T:
        """Run `operation` if its circuit lets it pass, and record whether the platform answered.

        Errors: CircuitOpen; those of `operation`.
        """
        key = circuit_key(platform, circuit_name)
        required_successes = find_required_successes(platform)
        self._admit(key)
        try:
            result = operation()
        except PlatformError as error:
            if is_outage(error):
                self._record_failure(key)
            else:
                self._record_answer(key, required_successes=required_successes)
            raise
        self._record_answer(key, required_successes=required_successes)
        return result

    def list_circuits(self, platforms: Iterable[str]) -> list[CircuitView]:
        """Return all circuits of these platforms."""
        return [
            CircuitView(
                platform, circuit_name, *self._load_with_totals(circuit_key(platform, circuit_name))
            )
            for platform in platforms
            for circuit_name in CIRCUIT_NAMES
        ]

    def _admit(self, key: str) -> None:
        """Errors: CircuitOpen."""
        cached = self._cached.get(key)
        if cached is not None and cached.can_pass():
            return  # if it is out of date, recording the answer will notice
        if not self._begin_reading(key, cached):
            return
        try:
            wait = self._update(
                key,
                lambda circuit: admit_call(circuit, self._clock()),
                counter="",
                reads_again=True,
            )
        finally:
            self._reading.discard(key)
        if wait:
            raise CircuitOpen(timedelta(seconds=wait) * (1 + self._jitter() / 4))

    def _begin_reading(self, key: str, cached: CachedCircuit | None) -> bool:
        """Whether this thread has to read the circuit; False if another one is reading it.

        Until that has ended, calls pass a closed circuit as it was read before. Otherwise all
        threads of a worker would read it, ten times a second each.
        """
        with self._lock:
            is_closed = cached is not None and cached.circuit.state is CircuitState.CLOSED
            if key in self._reading and is_closed:
                return False
            self._reading.add(key)
            return True

    def _record_failure(self, key: str) -> None:
        self._update(
            key,
            lambda circuit: (circuit_after_failure(circuit, self._clock()), 0.0),
            counter="failures",
        )

    def _record_answer(self, key: str, *, required_successes: int) -> None:
        successes = self._successes_to_report(key)
        if successes == 0:
            return

        def update(circuit: Circuit) -> tuple[Circuit, float]:
            now = self._clock()
            return circuit_after_answer(circuit, now, required_successes=required_successes), 0.0

        self._update(key, update, counter="successes", amount=successes)

    def _successes_to_report(self, key: str) -> int:
        """Count this success. Return how many to report to Redis now; 0 means later."""
        now = time.monotonic()
        with self._lock:
            cached = self._cached.get(key)
            successes = self._unreported_successes.get(key, 0) + 1
            is_early = now - self._reported_at.get(key, -CACHE_SECONDS) < CACHE_SECONDS
            if is_early and cached is not None and cached.is_healthy():
                self._unreported_successes[key] = successes
                return 0
            self._unreported_successes[key] = 0
            self._reported_at[key] = now
            return successes

    def _update(
        self,
        key: str,
        update: CircuitUpdate,
        *,
        counter: str,
        amount: int = 1,
        reads_again: bool = False,
    ) -> float:
        """Apply `update` to the circuit as last read, again if another process has changed it.

        `counter` is the total that the script raises by `amount`, empty for none. Return the
        seconds that the call has to wait.
        """
        try:
            cached = None if reads_again else self._cached.get(key)
            cached = cached or self._fetch(key)
            for _ in range(MAX_SWAP_ATTEMPTS):
                updated, wait = update(cached.circuit)
                is_unchanged = updated == cached.circuit
                if is_unchanged and not counter:
                    break
                serialized = cached.serialized if is_unchanged else serialize_circuit(updated)
                arguments = [cached.serialized, serialized, counter, amount]
                current: str | None = self._swap([key], arguments)
                if current is None:
                    self._cached[key] = CachedCircuit(serialized, updated, time.monotonic())
                    break
                cached = self._remember(key, current)
                counter = ""  # the script has raised the total already
        except RedisUnavailable:
            self._cached.pop(key, None)
            return self._update_local(key, update)
        return wait

    def _update_local(self, key: str, update: CircuitUpdate) -> float:
        with self._lock:
            self._local_circuits[key], wait = update(self._local_circuits.get(key, Circuit()))
            return wait

    def _fetch(self, key: str) -> CachedCircuit:
        """Errors: RedisUnavailable."""
        return self._remember(key, self._read([key], [])[0] or "")

    def _remember(self, key: str, text: str) -> CachedCircuit:
        self._cached[key] = CachedCircuit(text, parse_circuit(text), time.monotonic())
        return self._cached[key]

    def _load_with_totals(self, key: str) -> tuple[Circuit, int, int]:
        """The circuit with its failures and successes; without Redis, that of this process."""
        try:
            text, failures, successes = self._read([key], [])
        except RedisUnavailable:
            return self._local_circuits.get(key, Circuit()), 0, 0
        return parse_circuit(text), int(failures or 0), int(successes or 0)


def circuit_key(platform: str, circuit_name: CircuitName) -> str:
    return f"circuit:{platform}:{circuit_name}"


def is_outage(error: PlatformError) -> bool:
    """5xx, timeouts and broken connections are outages; an unreadable response is an answer."""
    return isinstance(error, Unavailable) and error.code != "INVALID_RESPONSE"


def parse_circuit(text: str | None) -> Circuit:
    if not text:
        return Circuit()
    fields = json.loads(text)
    state, failures = CircuitState(fields["state"]), tuple(fields["failures"])
    return Circuit(**fields | {"state": state, "failures": failures})


def serialize_circuit(circuit: Circuit) -> str:
    return json.dumps(asdict(circuit))
