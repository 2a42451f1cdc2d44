"""The endpoints capability: what app may use of it."""

from core.endpoints.endpoints import (
    CreatedEndpoint,
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_endpoints,
    rotate_secret,
    update_endpoint,
)
from core.endpoints.redelivery import (
    DeliveryDetails,
    list_deliveries,
    redeliver_message,
    send_test_message,
)

__all__ = [
    "CreatedEndpoint",
    "DeliveryDetails",
    "create_endpoint",
    "delete_endpoint",
    "get_endpoint",
    "list_deliveries",
    "list_endpoints",
    "redeliver_message",
    "rotate_secret",
    "send_test_message",
    "update_endpoint",
]
