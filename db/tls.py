"""How a connection to Postgres is protected. Must not open one."""

from sqlalchemy.engine import make_url

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def tls(url: str) -> dict[str, str]:
    """What libpq is told: certificate and name are verified unless the server is local.

    Whoever writes `sslmode` into the URL has decided otherwise, e.g. inside a private network.
    """
    place = make_url(url)
    host = place.host or ""
    if not host or host in LOCAL or host.startswith("/") or "sslmode" in place.query:
        return {}
    roots = {} if "sslrootcert" in place.query else {"sslrootcert": "system"}
    return {"sslmode": "verify-full", **roots}
