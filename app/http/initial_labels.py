"""The labels that requests are counted by, as far as they are known before any request."""

from collections.abc import Iterator

from app.http.rate_limits import RATE_LIMIT_RULES
from app.http.replica_reads import READ_SOURCES
from app.http.request_log import STORED_STATUS, WEBHOOK_ROUTE
from core.observability import metrics
from core.observability.metrics import CounterLabels

DELIVERY_STATUSES = (str(STORED_STATUS), "401", "500", "503")


def list_request_labels() -> Iterator[CounterLabels]:
    """Deliveries by their statuses, and refusals by each rate limit.

    Of other routes there are hundreds: a series for each would be on every page of metrics.
    """
    for status in DELIVERY_STATUSES:
        yield metrics.HTTP_REQUESTS, (WEBHOOK_ROUTE, "POST", status)
    yield from ((metrics.LIST_READS, (source,)) for source in READ_SOURCES)
    for rule in RATE_LIMIT_RULES:
        yield metrics.RATE_LIMIT_HITS, ("api", rule.name)
        yield metrics.LIMITER_UNAVAILABLE, (rule.name,)
