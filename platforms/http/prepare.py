"""Prepares requests as `requests` does, without parsing the same address for each call again."""

from functools import lru_cache

import requests

MAX_KNOWN_URLS = 256


def prepare_request(request: requests.Request) -> requests.PreparedRequest:
    """Return the request as it is sent. Errors: requests.RequestException.

    Beside `Request.prepare` it leaves out cookies and hooks, which our sessions do not have.
    """
    url = request.url or ""
    prepared = requests.PreparedRequest()
    prepared.prepare_method(request.method)
    # a query can hold a token, and credentials in an address are one: neither is kept in memory
    is_plain = "?" not in url and "@" not in url
    prepared.url = find_prepared_url(url) if is_plain else prepare_url(url)
    prepared.prepare_headers(request.headers)
    prepared.prepare_body(request.data, None, request.json)
    if not is_plain:
        prepared.prepare_auth(None, url)
    return prepared


def prepare_url(url: str) -> str | None:
    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, None)
    return prepared.url


@lru_cache(maxsize=MAX_KNOWN_URLS)
def find_prepared_url(url: str) -> str | None:
    """`prepare_url`, remembered."""
    return prepare_url(url)
