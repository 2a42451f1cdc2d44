"""When to stop asking a platform that does not answer, and when to try again. Pure: values only.

Must not know how a circuit is kept, nor what was asked.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

FAILURE_THRESHOLD, FAILURE_WINDOW_SECONDS = (
    5,
    120.0,
)  # so many within these seconds, and no answer in between
OPEN_SECONDS = 60.0  # seconds until somebody may try again
PROBE_SECONDS = 5.0  # seconds others wait while one tries


class CircuitState(StrEnum):
    CLOSED = "CLOSED"  # calls pass
    OPEN = "OPEN"  # nobody calls
    HALF_OPEN = "HALF_OPEN"  # one at a time tries


@dataclass(frozen=True)
class Circuit:
    """What is known of one class of calls. Times in seconds since 1970."""

    state: CircuitState = CircuitState.CLOSED
    failures: tuple[float, ...] = ()
    successes: int = 0  # since it is half open
    free_at: float = 0.0  # until then nobody may call
    last_failure: float | None = None
    changed: float | None = None


def admit_call(circuit: Circuit, now: float) -> tuple[Circuit, float]:
    """Whether a call may be made: the seconds to wait, 0 for go, and the circuit afterwards.

    Whoever finds it open and its time over is the one who tries.
    """
    if circuit.state is CircuitState.CLOSED:
        return circuit, 0.0
    if now < circuit.free_at:
        return circuit, circuit.free_at - now
    probing = replace(circuit, free_at=now + PROBE_SECONDS)
    return circuit_in_state(probing, CircuitState.HALF_OPEN, now), 0.0


def circuit_after_failure(circuit: Circuit, now: float) -> Circuit:
    """The platform did not answer."""
    recent_failures = (*(at for at in circuit.failures if now - at < FAILURE_WINDOW_SECONDS), now)[
        -FAILURE_THRESHOLD:
    ]
    updated = replace(circuit, failures=recent_failures, last_failure=now, successes=0)
    if circuit.state is CircuitState.OPEN:
        return updated  # a call that had begun before it opened
    if circuit.state is CircuitState.CLOSED and len(recent_failures) < FAILURE_THRESHOLD:
        return updated
    return circuit_in_state(replace(updated, free_at=now + OPEN_SECONDS), CircuitState.OPEN, now)


def circuit_after_answer(circuit: Circuit, now: float, *, required_successes: int) -> Circuit:
    """The platform answered, whatever it said; `needed` answers close a half-open circuit."""
    if circuit.state is CircuitState.CLOSED:
        return replace(circuit, failures=())
    if circuit.state is CircuitState.OPEN:
        return circuit
    if circuit.successes + 1 < required_successes:
        return replace(circuit, successes=circuit.successes + 1, free_at=now)
    return circuit_in_state(Circuit(last_failure=circuit.last_failure), CircuitState.CLOSED, now)


def circuit_in_state(circuit: Circuit, state: CircuitState, now: float) -> Circuit:
    changed_at = circuit.changed if state is circuit.state and circuit.changed else now
    return replace(circuit, state=state, changed=changed_at)
