"""Measures pages and routes for a user with a million posts, one view at a time.

The time is that of the server, from the header `X-Duration-Ms`.
"""

from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psycopg2

from app.http.cookies import SESSION_COOKIE
from bench import large_user, large_user_views
from bench.load_results import nearest_rank
from bench.shared_servers import SharedServers
from bench.stacks import open_signalpost
from core.health.housekeeping import merge_post_counts
from core.identity.sign_in import BrowserContext, start_session
from db.identity.users import User
from db.session import Database

HISTORY_DAYS = 1000
VIEWS_PER_PAGE = 20  # after one that is not counted
REQUEST_TIMEOUT = 60.0  # seconds
SESSION_LENGTH = timedelta(days=1)
MEDIAN_SHARE, P95_SHARE = 0.5, 0.95
STACK_SETTINGS = {
    "INSTAGRAM_APP_ID": "1234567890123456",
    "INSTAGRAM_APP_SECRET": "0" * 32,
    "RATE_LIMIT_USER": "1000000/1m",
    "RATE_LIMIT_PAGES": "1000000/1m",
}


@dataclass(frozen=True)
class ViewTimes:
    """The times of one page or route. Units: milliseconds."""

    title: str
    p50: float
    p95: float
    max: float
    failed: int


def time_views(servers: SharedServers, *, posts: int) -> list[ViewTimes]:
    """Measure all views; the slowest first."""
    with open_signalpost(servers, workers=1, more_settings=STACK_SETTINGS) as stack:
        database = Database(stack.require_database().dsn)
        user_id, cookie = create_signed_in_user(database)
        connection = psycopg2.connect(stack.require_database().dsn)
        large_user.insert_large_user_fast(
            connection, user_id=user_id, posts=posts, days=HISTORY_DAYS
        )
        merge_post_counts(database)
        database.dispose()
        large_user.analyze_tables(connection)
        paths = large_user_views.list_view_paths(large_user.find_user_rows(connection, user_id))
        connection.close()
        client = HTTPConnection(urlsplit(stack.webhook_url).netloc, timeout=REQUEST_TIMEOUT)
        times = [time_view(client, title, path, cookie) for title, path in paths.items()]
        client.close()
    return sorted(times, key=lambda view: view.p95, reverse=True)


def create_signed_in_user(database: Database) -> tuple[int, str]:
    """Create a user who may see every page. Returns the id, and the header `Cookie`."""
    with database.transaction() as session:
        user = User(email="large@example.org", is_admin=True)
        session.add(user)
        session.flush()
        new_session = start_session(session, user, BrowserContext(SESSION_LENGTH))
        return user.id, f"{SESSION_COOKIE}={new_session.cookie.reveal()}"


def time_view(client: HTTPConnection, title: str, path: str, cookie: str) -> ViewTimes:
    answers = [request_view(client, path, cookie) for _ in range(1 + VIEWS_PER_PAGE)][1:]
    ordered = sorted(milliseconds for _, milliseconds in answers)
    return ViewTimes(
        title,
        nearest_rank(ordered, MEDIAN_SHARE),
        nearest_rank(ordered, P95_SHARE),
        ordered[-1],
        sum(status != 200 for status, _ in answers),  # noqa: PLR2004 - HTTP's own "OK"
    )


def request_view(client: HTTPConnection, path: str, cookie: str) -> tuple[int, float]:
    """Return the status, and the milliseconds that the server took."""
    client.request("GET", path, headers={"Cookie": cookie})
    response = client.getresponse()
    response.read()
    return response.status, float(response.getheader("X-Duration-Ms", "0"))
