"""Everything one can do with endpoints, under one name for the edges. Decides nothing itself."""

from core.endpoints.again import Told, page, redeliver, test
from core.endpoints.desk import Made, change, listing, look, make, remove, rotate

__all__ = [
    "Made",
    "Told",
    "change",
    "listing",
    "look",
    "make",
    "page",
    "redeliver",
    "remove",
    "rotate",
    "test",
]
