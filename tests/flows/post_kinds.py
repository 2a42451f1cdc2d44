"""Posts of every kind, and a check of what the platform really has of each in the end.

Each API user requests one post, so the platform must have exactly one: that also counts drafts,
whose titles the platform does not know, and nothing would distinguish two lost starts of one user.
"""

from typing import Any

from tests.flows.api_user import DIRECT_FIELDS, FINAL_STATES, PULL_FIELDS
from tests.flows.post_outcomes import find_open_work

FILE_UPLOAD = "FILE_UPLOAD"
PHOTO_FIELDS = {
    "source": "PULL_FROM_URL",
    "media_type": "PHOTO",
    "photo_images": ["https://videos.example.com/one.jpg", "https://videos.example.com/two.jpg"],
}
INBOX_FIELDS = {"mode": "INBOX"}
POST_KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "direct upload": ("direct", "FILE_UPLOAD", {"source": "FILE_UPLOAD", **DIRECT_FIELDS}),
    "direct pull": ("direct", "PULL_FROM_URL", {**PULL_FIELDS, **DIRECT_FIELDS}),
    "direct photos": ("photo_direct", "PULL_FROM_URL", {**PHOTO_FIELDS, **DIRECT_FIELDS}),
    "draft upload": ("inbox", "FILE_UPLOAD", {"source": "FILE_UPLOAD", **INBOX_FIELDS}),
    "draft pull": ("inbox", "PULL_FROM_URL", {**PULL_FIELDS, **INBOX_FIELDS}),
    "draft photos": ("photo_inbox", "PULL_FROM_URL", {**PHOTO_FIELDS, **INBOX_FIELDS}),
}
"""By name: the sandbox's kind of post, its source, and the fields of the request."""

INBOX_KINDS = {"inbox", "photo_inbox"}
OUTCOME_UNKNOWN = "outcome_unknown"  # allowed if nothing was published: the call may have been lost
DELIVERED_STATUSES = {"SEND_TO_USER_INBOX", "PUBLISH_COMPLETE"}


def create_post_of_kind(api_user, kind):
    """Request a post of that kind and return its id, by kind."""
    _, source, fields = POST_KINDS[kind]
    media_fields = {"media_id": api_user.upload_file()} if source == FILE_UPLOAD else {}
    return {kind: api_user.create_post(**fields, **media_fields)}


def find_problems(stack, api_user, post_ids):
    """Describe each post that was not published or delivered exactly once, and all open work."""
    problems = []
    for kind, post_id in post_ids.items():
        state, code = stack.query("SELECT state, error_code FROM posts WHERE id = %s", post_id)[0]
        appearances = count_appearances(api_user, kind)
        if (state, appearances) != ("PUBLISHED", 1) and (code, appearances) != (OUTCOME_UNKNOWN, 0):
            problems.append(f"{kind}: {state} {code or ''}, {appearances} times at the platform")
    drafts = {post_ids[kind] for kind in post_ids if POST_KINDS[kind][0] in INBOX_KINDS}
    return problems + [
        f"left: {row}" for row in find_open_work(stack, api_user) if not is_open_draft(row, drafts)
    ]


def is_open_draft(row, drafts):
    """Return whether the row is a delivered draft: polled for days, as its creator may post it."""
    post_id, state, _due, upload = row
    return post_id in drafts and state in FINAL_STATES and upload is None


def count_appearances(api_user, kind):
    """Return how often the platform published a post of this kind, or delivered it as a draft."""
    name, source, _ = POST_KINDS[kind]
    matching = [
        post
        for post in api_user.list_platform_posts()
        if (post["kind"], post["source"]) == (name, source)
    ]
    return sum(
        max(post["published"], 1 if post["status"] in DELIVERED_STATUSES else 0)
        for post in matching
    )


def are_settled(api_user, post_ids):
    """Return whether all are final, or unconfirmed because the platform knows nothing of them."""
    return all(
        api_user.get_state(post_id) in FINAL_STATES
        or (api_user.get_state(post_id) == "UNCONFIRMED" and not count_appearances(api_user, kind))
        for kind, post_id in post_ids.items()
    )


def are_final(api_user, post_ids):
    return all(api_user.get_state(post_id) in FINAL_STATES for post_id in post_ids.values())
