"""The client: one object for each server and key, with the API's resources as its attributes."""

import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, Self

import requests

from signalpost_client.accounts import AccountsApi
from signalpost_client.comments import CommentsApi
from signalpost_client.drafts import DraftsApi
from signalpost_client.endpoints import EndpointsApi
from signalpost_client.identity import IdentityApi, KeysApi
from signalpost_client.insights import InsightsApi
from signalpost_client.media import MediaApi
from signalpost_client.notifications import NotificationsApi
from signalpost_client.operators import OperatorApi, WorkersApi
from signalpost_client.posts import GroupsApi, PostsApi
from signalpost_client.repeats import RepeatPolicy
from signalpost_client.transport import KeyAuthentication, Transport, parse_object

DISTRIBUTION = "signalpost-client"
DEFAULT_POLICY = RepeatPolicy()


class Client:
    """Calls the API of one server.

    `api_key` may be a host application's token too; without one, `identity.sign_in` comes first.
    `language` is that of the texts for people, such as `fr`. `sleep` waits before repetitions and
    between polls. Units: seconds. Errors of all calls: the classes in `signalpost_client.errors`.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        language: str | None = None,
        repeats: RepeatPolicy = DEFAULT_POLICY,
        sleep: Callable[[float], None] = time.sleep,
        session: requests.Session | None = None,
    ) -> None:
        """Errors: ValueError for a URL that is not http or https."""
        self.transport = Transport(
            url, KeyAuthentication(api_key), repeats, sleep, session or requests.Session()
        )
        headers = self.transport.session.headers
        headers["User-Agent"] = f"{DISTRIBUTION}/{find_version()}"
        if language is not None:
            headers["Accept-Language"] = language
        self.posts = PostsApi(self.transport)
        self.groups = GroupsApi(self.posts)
        self.drafts = DraftsApi(self.transport)
        self.media = MediaApi(self.transport)
        self.accounts = AccountsApi(self.transport)
        self.comments = CommentsApi(self.transport)
        self.insights = InsightsApi(self.transport)
        self.notifications = NotificationsApi(self.transport)
        self.endpoints = EndpointsApi(self.transport)
        self.keys = KeysApi(self.transport)
        self.identity = IdentityApi(self.transport)
        self.operator = OperatorApi(self.transport)
        self.workers = WorkersApi(self.transport)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call what has no method of its own, and return the whole JSON object of its answer."""
        template = path.replace("{", "{{").replace("}", "}}")
        response = self.transport.call(method, template, query=query, body=body, headers=headers)
        return parse_object(response)

    def close(self) -> None:
        self.transport.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def find_version() -> str:
    """Return the version of this distribution; "source" if it runs out of a source tree."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "source"
