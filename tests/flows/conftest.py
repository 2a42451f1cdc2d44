"""One real house for all who do not ask for another: it is heavy, and opened once per process."""

from tests.flows.houses import guest, house, shared_house
from tests.flows.storms import storm_house

__all__ = ["guest", "house", "shared_house", "storm_house"]
