"""Everything one can do with accounts, under one name for the edges. Decides nothing itself."""

from core.accounts.connect import Arrival, Departure, begin, complete
from core.accounts.disconnect import Parting, disconnect
from core.accounts.faults import BEHIND, said
from core.accounts.health import Health
from core.accounts.refresh import WORK
from core.accounts.standing import Standing, State, platforms, standing
from core.accounts.sweep import Swept, sweep
from core.accounts.tokens import Access, fresh

__all__ = [
    "BEHIND",
    "WORK",
    "Access",
    "Arrival",
    "Departure",
    "Health",
    "Parting",
    "Standing",
    "State",
    "Swept",
    "begin",
    "complete",
    "disconnect",
    "fresh",
    "platforms",
    "said",
    "standing",
    "sweep",
]
