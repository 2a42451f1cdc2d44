"""The rules of a circuit breaker as pure functions of a circuit and the time."""

from dataclasses import dataclass, replace
from enum import StrEnum

FAILURE_THRESHOLD = 5  # so many failures within the window, and no success between them, open it
FAILURE_WINDOW_SECONDS = 120.0
OPEN_SECONDS = 60.0  # until a single call may probe the platform
PROBE_SECONDS = 5.0  # for which all other calls wait while one probes


class CircuitState(StrEnum):
    CLOSED = "CLOSED"  # calls pass
    OPEN = "OPEN"  # no call passes
    HALF_OPEN = "HALF_OPEN"  # one call at a time probes the platform


@dataclass(frozen=True)
class Circuit:
    """The state of one class of calls to one platform. Units: times in seconds since 1970."""

    state: CircuitState = CircuitState.CLOSED
    failures: tuple[float, ...] = ()  # their times, at most FAILURE_THRESHOLD, oldest first
    successes: int = 0  # since it became half open
    free_at: float = 0.0  # no call may pass before this time
    last_failure: float | None = None
    changed: float | None = None  # when `state` last changed


def admit_call(circuit: Circuit, now: float) -> tuple[Circuit, float]:
    """Return the circuit after a call requested to pass, and the seconds to wait (0: it passes).

    The first call after the waiting time of an open circuit becomes the probe.
    """
    if circuit.state is CircuitState.CLOSED:
        return circuit, 0.0
    if now < circuit.free_at:
        return circuit, circuit.free_at - now
    probing = replace(circuit, free_at=now + PROBE_SECONDS)
    return circuit_in_state(probing, CircuitState.HALF_OPEN, now), 0.0


def circuit_after_failure(circuit: Circuit, now: float) -> Circuit:
    """Return the circuit after a call that the platform did not answer."""
    recent = [at for at in circuit.failures if now - at < FAILURE_WINDOW_SECONDS]
    failures = (*recent, now)[-FAILURE_THRESHOLD:]
    updated = replace(circuit, failures=failures, last_failure=now, successes=0)
    if circuit.state is CircuitState.OPEN:
        return updated  # this call had begun before the circuit opened
    if circuit.state is CircuitState.CLOSED and len(failures) < FAILURE_THRESHOLD:
        return updated
    return circuit_in_state(replace(updated, free_at=now + OPEN_SECONDS), CircuitState.OPEN, now)


def circuit_after_answer(circuit: Circuit, now: float, *, required_successes: int) -> Circuit:
    """Return the circuit after a call that the platform answered, whatever the answer says.

    `required_successes`: so many answers in a row close a half-open circuit.
    """
    if circuit.state is CircuitState.CLOSED:
        return replace(circuit, failures=())
    if circuit.state is CircuitState.OPEN:
        return circuit
    if circuit.successes + 1 < required_successes:
        return replace(circuit, successes=circuit.successes + 1, free_at=now)
    return circuit_in_state(Circuit(last_failure=circuit.last_failure), CircuitState.CLOSED, now)


def circuit_in_state(circuit: Circuit, state: CircuitState, now: float) -> Circuit:
    is_unchanged = state is circuit.state and circuit.changed is not None
    return replace(circuit, state=state, changed=circuit.changed if is_unchanged else now)
