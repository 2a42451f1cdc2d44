"""A database that is read-only for a while: deliveries are refused, and accepted again at once."""

from urllib.parse import urlsplit

import pytest
import requests

from tests.flows.brokers import wait_until
from tests.flows.hostile_deliveries import envelope_body, signed_request
from tests.flows.raw_http import send_raw

pytestmark = pytest.mark.xdist_group("webhook_stack")

HEALING_TIME = 5.0  # seconds within which deliveries are stored again
TERMINATE_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def deliver(stack, name):
    return send_raw(stack.info["web"], signed_request(envelope_body(name))).status


def is_serving(stack):
    return requests.get(f"{stack.info['web']}/readyz", timeout=30).status_code == 200


def test_a_read_only_database_is_left_as_soon_as_it_accepts_writes(burst_stack):
    name = urlsplit(burst_stack.info["database"]).path.lstrip("/")
    pid = burst_stack.find_process("web").pid
    assert deliver(burst_stack, "before") == 200
    burst_stack.query(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        burst_stack.query(TERMINATE_OTHERS)
        wait_until(lambda: not is_serving(burst_stack), what="readiness that tells the truth")
        assert deliver(burst_stack, "refused") == 503
        report = requests.get(f"{burst_stack.info['web']}/readyz", timeout=30).json()
        assert "the database is read-only" in report["reasons"]
    finally:
        burst_stack.query(
            f"SET TRANSACTION READ WRITE;ALTER DATABASE {name} RESET default_transaction_read_only"
        )
    wait_until(
        lambda: deliver(burst_stack, "refused") == 200,
        within=HEALING_TIME,
        what="a stored delivery",
    )
    wait_until(lambda: is_serving(burst_stack), within=HEALING_TIME, what="readiness")
    assert burst_stack.find_process("web").pid == pid
