"""The endpoints capability: what app may use of it."""

from core.endpoints.discards import count_discarded, discard_dead, restore_discarded
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
    "count_discarded",
    "count_results",
    "create_endpoint",
    "delete_endpoint",
    "discard_dead",
    "get_endpoint",
    "list_deliveries",
    "list_endpoints",
    "list_secrets",
    "redeliver_dead",
    "redeliver_message",
    "restore_discarded",
    "rotate_secret",
    "send_test_message",
    "update_endpoint",
]
