"""What one phase of load has shown, once every acknowledged id was looked up. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.figures import Delays
from bench.memory import Applied
from bench.orders import Answer, Order, Told


@dataclass(frozen=True)
class Burden:
    """Milliseconds of CPU per acknowledged event by role; MiB of the web process and its children;
    and the share of the machine that others used meanwhile.
    """

    cost: Mapping[str, float]
    web_mib: float
    others: float

    @property
    def cost_of_all(self) -> float:
        """Without the generator's."""
        return round(sum(cost for role, cost in self.cost.items() if role != "generator"), 3)


@dataclass(frozen=True)
class Load:
    """One phase. Rates are per second."""

    offered_per_second: float | None
    acknowledged: int
    refused: int
    again: int
    accepted_per_second: float
    applied_per_second: float | None
    answer: Delays | None
    applied: Delays | None
    burden: Burden
    lost: int
    doubled: int


def judged(
    order: Order,
    told: Told,
    found: Mapping[str, Applied] | None,
    burden: Burden,
) -> Load:
    """`found` are the publications that were applied; None where nothing is stored."""
    good = [answer for answer in told.answers if answer.acknowledged]
    kept = of_these(order.prefix, good, found or {})
    began = min((answer.due for answer in told.answers), default=0.0)
    return Load(
        offered_per_second=order.rate and round(order.rate, 1),
        acknowledged=len(good),
        refused=len(told.answers) - len(good),
        again=told.again,
        accepted_per_second=rate_of([answer.at for answer in good], began) or 0.0,
        applied_per_second=rate_of([one.at for _, one in kept], began),
        answer=Delays.of(answer.at - answer.due for answer in good),
        applied=Delays.of(max(0.0, one.at - answer.at) for answer, one in kept),
        burden=burden,
        lost=len(good) - len(kept) if found is not None else 0,
        doubled=sum(one.rows > 1 for _, one in kept),
    )


def of_these(
    prefix: str, good: list[Answer], found: Mapping[str, Applied]
) -> list[tuple[Answer, Applied]]:
    """Acknowledged and applied."""
    names = {answer: f"{prefix}{answer.number}" for answer in good}
    return [(answer, found[name]) for answer, name in names.items() if name in found]


def rate_of(moments: list[float], began: float) -> float | None:
    """Per second, from the first letter to the last of these."""
    return round(len(moments) / (max(moments) - began), 1) if moments else None
