"""The client for Meta's Graph hosts: version, token, app secret proof, parameters, usage.

Source: Meta, Graph API "Secure Graph API calls" and Instagram Platform overview, read 2026-11-22.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from platforms.base import PlatformApp
from platforms.http import NO_RETRY, SAFE_RETRY, HttpClient, HttpRetryPolicy
from platforms.instagram.responses import unwrap_response
from platforms.instagram.usage import Usage, combine_usages, read_usages
from platforms.secret import Secret
from platforms.usage_reports import report_usage

Flavour = Literal["facebook", "instagram"]
Timeout = tuple[float, float]  # seconds: to connect; to send the request and read the response
UsageObserver = Callable[[str | None, Usage], None]
"""Gets Meta's id of whom a limit belongs to, None for the whole app, and how much is used up."""

GRAPH_BASE_URLS: Mapping[Flavour, str] = {
    "facebook": "meta_graph",
    "instagram": "instagram_graph",
}
"""Which of the app's base URLs has the Graph API of a login."""


@dataclass(frozen=True)
class GraphResponse:
    """The JSON object of a success, and the highest usage that its headers report."""

    body: Mapping[str, Any]
    usage: Usage | None = None


@dataclass(frozen=True)
class GraphClient:
    """Makes calls for the accounts of one app. Errors of every call: PlatformError.

    The token goes into a header, parameters of GET and DELETE into the URL and those of POST into
    the body. On graph.facebook.com each call carries a proof that we have the app's secret.
    """

    app: PlatformApp
    http: HttpClient
    observe_usage: UsageObserver | None = field(default=None, compare=False)

    @property
    def flavour(self) -> Flavour:
        """Which login the app uses; it decides host, fields and permissions."""
        return "instagram" if self.app.extra.get("login") == "instagram" else "facebook"

    def get(
        self,
        path: str,
        token: Secret,
        *,
        endpoint: str,
        params: Mapping[str, Any] | None = None,
    ) -> GraphResponse:
        """Read from this path of the versioned Graph API. Safe: repeated at once if it fails."""
        url = self.graph_url(path)
        return self.call(
            "GET", url, token, endpoint=endpoint, params=params or {}, retry=SAFE_RETRY
        )

    def post(
        self,
        path: str,
        token: Secret,
        *,
        endpoint: str,
        params: Mapping[str, Any] | None = None,
        retry: HttpRetryPolicy = NO_RETRY,
        timeout: Timeout | None = None,
    ) -> GraphResponse:
        """Write to this path. Sent once, unless `retry` says that it may be repeated."""
        return self.call(
            "POST",
            self.graph_url(path),
            token,
            endpoint=endpoint,
            params=params or {},
            retry=retry,
            timeout=timeout,
        )

    def delete(self, path: str, token: Secret, *, endpoint: str) -> GraphResponse:
        """Delete at this path. Repeated if it fails: a second call finds nothing to delete."""
        url = self.graph_url(path)
        return self.call("DELETE", url, token, endpoint=endpoint, params={}, retry=SAFE_RETRY)

    def call(
        self,
        method: Literal["GET", "POST", "DELETE"],
        url: str,
        token: Secret | None,
        *,
        endpoint: str,
        params: Mapping[str, Any],
        retry: HttpRetryPolicy,
        timeout: Timeout | None = None,
    ) -> GraphResponse:
        """Call any URL of Meta; without a token for the endpoints that exchange tokens."""
        encoded = encode_params(params)
        if token is not None and self.flavour == "facebook":
            encoded["appsecret_proof"] = make_secret_proof(self.app.client_secret, token)
        is_form = method == "POST"
        response = self.http.call(
            method,
            f"{url}?{urlencode(encoded)}" if encoded and not is_form else url,
            endpoint=endpoint,
            retry=retry,
            headers={} if token is None else {"Authorization": f"Bearer {token.reveal()}"},
            form=encoded if is_form else None,
            timeout=timeout,
        )
        usages = read_usages(response.headers)
        if self.observe_usage is not None:
            for owner_id, owner_usage in usages.items():
                self.observe_usage(owner_id, owner_usage)
        usage = combine_usages(iter(usages.values()))
        if usage is not None:
            report_usage(usage.percent, usage.regain)
        secrets = [value for value in (token, *params.values()) if isinstance(value, Secret)]
        body = unwrap_response(
            response, endpoint, usage=usage, secrets=[*secrets, self.app.client_secret]
        )
        return GraphResponse(body, usage)

    def graph_url(self, path: str) -> str:
        """Return the URL of a path of the versioned Graph API."""
        return f"{self.base_url(GRAPH_BASE_URLS[self.flavour])}/{self.version}/{path.lstrip('/')}"

    def base_url(self, name: str) -> str:
        """Return one of the app's base URLs, e.g. `meta_auth`, without a slash at its end."""
        return self.app.base_urls[name].rstrip("/")

    @property
    def version(self) -> str:
        """The version of the Graph API, as it stands in URLs."""
        return str(self.app.extra["graph_version"])


def encode_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as texts: lists and objects as JSON, flags as `true` and `false`.

    None is left out.
    """
    return {name: encode_param(value) for name, value in params.items() if value is not None}


def encode_param(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def make_secret_proof(app_secret: Secret, token: Secret) -> str:
    """Return the proof that the sender of this token has the app's secret."""
    return hmac.new(app_secret.reveal().encode(), token.reveal().encode(), "sha256").hexdigest()
