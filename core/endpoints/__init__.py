"""The endpoints capability: what app may use of it."""

from core.endpoints.endpoints import (
    CreatedEndpoint,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_endpoints,
    list_secrets,
    rotate_secret,
    update_endpoint,
)
from core.endpoints.redelivery import (
    MAX_REDELIVERIES,
    DeliveryDetails,
    count_dead_deliveries,
    count_results,
    list_deliveries,
    redeliver_dead,
    redeliver_message,
    send_test_message,
)

__all__ = [
    "MAX_REDELIVERIES",
    "CreatedEndpoint",
    "DeliveryDetails",
    "count_dead_deliveries",
    "count_results",
    "create_endpoint",
    "delete_endpoint",
    "get_endpoint",
    "list_deliveries",
    "list_endpoints",
    "list_secrets",
    "redeliver_dead",
    "redeliver_message",
    "rotate_secret",
    "send_test_message",
    "update_endpoint",
]
