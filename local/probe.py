"""Whether something of ours answers over HTTP. Speaks to loopback alone."""

import http.client
from contextlib import closing
from urllib.parse import urlsplit

PATIENCE = 3.0  # seconds; a check of readiness asks Postgres and the broker


def says_ok(url: str) -> bool:
    """True if the answer is 200."""
    at = urlsplit(url)
    try:
        with closing(http.client.HTTPConnection(at.netloc, timeout=PATIENCE)) as connection:
            connection.request("GET", at.path or "/")
            return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
