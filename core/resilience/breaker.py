"""When to stop asking a platform that does not answer, and when to try again. Pure: values only.

Must not know how a circuit is kept, nor what was asked.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES, WITHIN = 5, 120.0  # so many within these seconds, and no answer in between
OPEN_FOR = 60.0  # seconds until somebody may try again
PROBE = 5.0  # seconds others wait while one tries


class State(StrEnum):
    CLOSED = "CLOSED"  # calls pass
    OPEN = "OPEN"  # nobody calls
    HALF_OPEN = "HALF_OPEN"  # one at a time tries


@dataclass(frozen=True)
class Circuit:
    """What is known of one class of calls. Times in seconds since 1970."""

    state: State = State.CLOSED
    failures: tuple[float, ...] = ()
    successes: int = 0  # since it is half open
    free_at: float = 0.0  # until then nobody may call
    last_failure: float | None = None
    changed: float | None = None


def admit(circuit: Circuit, now: float) -> tuple[Circuit, float]:
    """Whether a call may be made: the seconds to wait, 0 for go, and the circuit afterwards.

    Whoever finds it open and its time over is the one who tries.
    """
    if circuit.state is State.CLOSED:
        return circuit, 0.0
    if now < circuit.free_at:
        return circuit, circuit.free_at - now
    trying = replace(circuit, free_at=now + PROBE)
    return moved(trying, State.HALF_OPEN, now), 0.0


def failed(circuit: Circuit, now: float) -> Circuit:
    """The platform did not answer."""
    recent = (*(at for at in circuit.failures if now - at < WITHIN), now)[-FAILURES:]
    noted = replace(circuit, failures=recent, last_failure=now, successes=0)
    if circuit.state is State.OPEN:
        return noted  # a call that had begun before it opened
    if circuit.state is State.CLOSED and len(recent) < FAILURES:
        return noted
    return moved(replace(noted, free_at=now + OPEN_FOR), State.OPEN, now)


def answered(circuit: Circuit, now: float, *, needed: int) -> Circuit:
    """The platform answered, whatever it said; `needed` answers close a half-open circuit."""
    if circuit.state is State.CLOSED:
        return replace(circuit, failures=())
    if circuit.state is State.OPEN:
        return circuit
    if circuit.successes + 1 < needed:
        return replace(circuit, successes=circuit.successes + 1, free_at=now)
    return moved(Circuit(last_failure=circuit.last_failure), State.CLOSED, now)


def moved(circuit: Circuit, state: State, now: float) -> Circuit:
    changed = circuit.changed if state is circuit.state and circuit.changed else now
    return replace(circuit, state=state, changed=changed)
