"""The checks of `signalpost doctor` that concern the broker and Redis."""

from collections.abc import Callable, Iterator

from core.bootstrap import Services
from core.config.broker_urls import parse_broker_addresses
from core.health.doctor_check import DoctorCheck
from core.limits.redis_client import CONNECTION_OPTIONS
from core.limits.redis_connections import build_redis
from core.limits.redis_trials import find_memory_fault


def check_brokers(
    services: Services, find_broker_fault: Callable[[], str | None]
) -> Iterator[DoctorCheck]:
    """Whether the broker and Redis do what we need of them, and if not, why.

    `find_broker_fault` returns a sentence that continues "the broker" and names the remedy.
    """
    fault = find_broker_fault()
    yield store_check("broker", fault, "takes and returns messages", "check BROKER_URL")
    yield from check_memory(services.settings.broker_url)
    fault = services.redis.find_refusal()
    yield store_check("redis", fault, "takes writes", "check REDIS_URL: sign-in and limits need it")


def check_memory(broker_url: str) -> Iterator[DoctorCheck]:
    """Whether a Redis that is the broker drops messages, or soon refuses them."""
    address = parse_broker_addresses(broker_url)[0]
    if address.kind != "redis":
        return
    client = build_redis(address, CONNECTION_OPTIONS)
    try:
        fault = find_memory_fault(client)
    finally:
        client.close()
    if fault is not None:
        yield store_check("broker memory", fault, "", "")


def store_check(name: str, fault: str | None, success: str, advice: str) -> DoctorCheck:
    if fault is None:
        return DoctorCheck(name, ok=True, message=success)
    message, _, remedy = fault.partition(": ")
    return DoctorCheck(name, ok=False, message=message, advice=remedy or advice)
