"""The pages and API routes that read lists, counts and quotas of one user, as paths to call."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from db.publishing.post_filter import DISPLAY_STATES

WORDS = {"rare word": "glaze 1777", "word of all": "cla", "no such word": "porcelain"}
PARTS_OF_WORDS = {"rare part": "laze 1777", "part of all": "ay", "no such part": "porcel"}
STATUSES = ("PUBLISH_COMPLETE", "FAILED", "SEND_TO_USER_INBOX", "PROCESSING_UPLOAD", "QUEUED")
STATES = ("PUBLISHED", "FAILED", "CANCELLED", "QUEUED", "SENDING")
EVENT_STATUSES = ("done", "dead", "pending")


@dataclass(frozen=True)
class UserRows:
    """Ids and days of the user's rows, for filters and for places in lists."""

    login_id: int
    other_login_id: int
    destination_id: int
    post_id: int
    middle_id: int
    last_id: int
    first_day: str
    middle_day: str
    group_id: str
    user_id: int


EXAMPLE_ROWS = UserRows(1, 1, 1, 1, 1, 1, "2026-01-01", "2026-01-02", "", 1)


def list_view_paths(rows: UserRows) -> dict[str, str]:
    """Return title → path of each view."""
    return {
        **list_history_paths(rows),
        **list_calendar_paths(rows),
        **list_api_paths(rows),
        **list_own_paths(rows),
        **list_operator_paths(rows),
    }


def list_history_paths(rows: UserRows) -> dict[str, str]:
    filters: dict[str, Mapping[str, str]] = {
        "": {},
        **{f"state {name}": {"state": name} for name in DISPLAY_STATES},
        "platform": {"platform": "instagram"},
        "account": {"account": str(rows.login_id)},
        "destination": {"account": f"{rows.other_login_id}:{rows.destination_id}"},
        "kind": {"kind": "instagram:STORIES"},
        "days": {"from": rows.middle_day, "to": rows.middle_day},
        "days and state": {"from": rows.first_day, "to": rows.middle_day, "state": "FAILED"},
        "by time": {"sort": "publish"},
        **{f"text, {name}": {"q": words} for name, words in WORDS.items()},
        "text and state": {"q": "1777", "state": "FAILED"},
    }
    return {f"history {name}".strip(): with_query("/posts", **f) for name, f in filters.items()}


def list_calendar_paths(rows: UserRows) -> dict[str, str]:
    return {
        f"calendar {view}, {name}": with_query("/calendar", view=view, date=day)
        for view in ("month", "week", "list")
        for name, day in (("now", ""), ("middle", rows.middle_day), ("first", rows.first_day))
    }


def list_api_paths(rows: UserRows) -> dict[str, str]:
    filters: dict[str, Mapping[str, str]] = {
        "": {},
        "middle": {"cursor": str(rows.middle_id)},
        "last page": {"cursor": str(rows.last_id)},
        **{f"state {name}": {"state": name} for name in STATES},
        "platform": {"platform": "instagram"},
        "platform and state": {"platform": "tiktok", "state": "FAILED"},
        "account": {"account_id": str(rows.login_id)},
        "account and state": {"account_id": str(rows.login_id), "state": "SENDING"},
        "group": {"group_id": rows.group_id},
        "from": {"from": f"{rows.middle_day}T00:00:00Z"},
        "to": {"to": f"{rows.middle_day}T00:00:00Z"},
        "first days": {"to": f"{rows.first_day}T00:00:00Z"},
        "days": {"from": f"{rows.middle_day}T00:00:00Z", "to": f"{rows.middle_day}T12:00:00Z"},
        **{f"q, {name}": {"q": part} for name, part in (WORDS | PARTS_OF_WORDS).items()},
        "q and state": {"q": "1777", "state": "FAILED"},
    }
    seed_filters: dict[str, Mapping[str, str]] = {
        "": {},
        "last page": {"cursor": str(rows.last_id)},
        **{f"status {name}": {"status": name} for name in STATUSES},
        "account": {"account_id": str(rows.login_id)},
        "account and status": {"account_id": str(rows.login_id), "status": "FAILED"},
    }
    return {
        **{f"api posts {n}".strip(): with_query("/api/posts", **f) for n, f in filters.items()},
        **{
            f"api tiktok posts {n}".strip(): with_query("/api/tiktok/posts", **f)
            for n, f in seed_filters.items()
        },
        "api tiktok quota": f"/api/tiktok/quota?account_id={rows.login_id}",
        "api instagram quota": f"/api/instagram/quota?destination_id={rows.destination_id}",
        "api drafts": "/api/drafts",
        "api notifications": "/api/notifications",
        "api platforms": "/api/platforms",
        "api calendar": "/calendar/posts",
    }


def list_own_paths(rows: UserRows) -> dict[str, str]:
    return {
        "home": "/",
        "accounts": "/platforms",
        "tiktok page": "/platforms/tiktok",
        "instagram page": "/platforms/instagram",
        "post": f"/posts/{rows.post_id}",
        "composer": "/compose",
        "insights": "/insights",
        "comments": "/comments",
        "comments instagram": "/platforms/instagram/comments",
        "notifications": "/notifications",
        "endpoints": "/settings/endpoints",
        "settings": "/settings",
        "widget": "/widgets/overview",
        "widget tiktok": "/widgets/tiktok",
    }


def list_operator_paths(rows: UserRows) -> dict[str, str]:
    return {
        "events": "/admin/events",
        **{f"events {s}": with_query("/admin/events", status=s) for s in EVENT_STATUSES},
        "events type": with_query("/admin/events", type="video.publish.complete"),
        "events account": with_query("/admin/events", account="open-7"),
        "events publish": with_query("/admin/events", publish="publish-77"),
        "audit": "/admin/audit",
        "audit user": f"/admin/audit?user={rows.user_id}",
        "audit action": with_query("/admin/audit", action="post.cancelled"),
        "people": "/admin/users",
        "people search": "/admin/users?q=person17",
        "person": f"/admin/users/{rows.user_id}",
        "queues": "/admin/queues",
        "queue posts": "/admin/queues/posts",
        "queue webhooks": "/admin/queues/webhooks",
        "platforms": "/admin/platforms",
        "monitoring": "/monitoring",
        "replays": "/admin/events/replays",
        "api events": "/api/admin/webhook-events",
        "api audit": "/api/admin/audit",
        "api users": "/api/admin/users",
        "api queues": "/api/admin/queues",
    }


def with_query(path: str, **parameters: str) -> str:
    given = {name.rstrip("_"): value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(given, quote_via=quote)}" if given else path
