"""The checks of `signalpost doctor` that concern the broker and Redis."""

from collections.abc import Iterator

from core.bootstrap import Services
from core.health.doctor_check import DoctorCheck
from core.health.readiness import ReadinessReport
from core.limits.redis_client import RedisUnavailable


def check_brokers(report: ReadinessReport, services: Services) -> Iterator[DoctorCheck]:
    """Whether the broker and Redis can be used."""
    advice = "" if report.broker else "check BROKER_URL and that the broker runs"
    message = "answers" if report.broker else "does not answer"
    yield DoctorCheck("broker", report.broker, message, advice)
    yield check_redis(services)


def check_redis(services: Services) -> DoctorCheck:
    try:
        services.redis.ping()
    except RedisUnavailable:
        advice = "check REDIS_URL: signing in and API limits need Redis"
        return DoctorCheck("redis", ok=False, message="does not answer", advice=advice)
    return DoctorCheck("redis", ok=True, message="answers")
