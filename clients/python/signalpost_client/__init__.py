"""Client of the signalpost HTTP API. Begin with `Client(url, api_key)`."""

from signalpost_client import data_types, errors
from signalpost_client.client import Client
from signalpost_client.errors import ApiError, ClientError, ConnectionLost, FollowTimeout
from signalpost_client.insights import MetricRange
from signalpost_client.pages import ListPage, PagedList
from signalpost_client.posts import FINAL_STATES
from signalpost_client.repeats import RepeatPolicy
from signalpost_client.uploads import FileUpload
from signalpost_client.webhook_signatures import SignatureRefused, verify_webhook

__all__ = [
    "FINAL_STATES",
    "ApiError",
    "Client",
    "ClientError",
    "ConnectionLost",
    "FileUpload",
    "FollowTimeout",
    "ListPage",
    "MetricRange",
    "PagedList",
    "RepeatPolicy",
    "SignatureRefused",
    "data_types",
    "errors",
    "verify_webhook",
]
