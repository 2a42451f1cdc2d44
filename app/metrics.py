"""What the web process counts, for Prometheus. Must not ask the database."""

from prometheus_client import Counter, Histogram

REQUESTS = Histogram(
    "signalpost_http_request_seconds",
    "Requests by route and status",
    ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0),
)
UNTHROTTLED = Counter(
    "signalpost_unthrottled_total",
    "Requests nobody could count, Redis being away",
    ("rule", "fate"),
)
