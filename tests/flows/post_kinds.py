"""One post of every kind, and what of each is really at the platform in the end.

Each guest wishes once, so that there must be exactly one; drafts, of whose titles the platform
knows nothing, are counted like that too. Two lost starts of one guest nobody could tell apart.
"""

from tests.flows.api_user import DIRECT_FIELDS, FINAL_STATES, PULL_FIELDS
from tests.flows.post_outcomes import find_open_work

FILE_UPLOAD = "FILE_UPLOAD"
PHOTO_FIELDS = {
    "source": "PULL_FROM_URL",
    "media_type": "PHOTO",
    "photo_images": ["https://videos.example.com/one.jpg", "https://videos.example.com/two.jpg"],
}
INBOX_FIELDS = {"mode": "INBOX"}
POST_KINDS = {
    "direct film of ours": ("direct", "FILE_UPLOAD", {"source": "FILE_UPLOAD", **DIRECT_FIELDS}),
    "direct film to be fetched": ("direct", "PULL_FROM_URL", {**PULL_FIELDS, **DIRECT_FIELDS}),
    "direct pictures": ("photo_direct", "PULL_FROM_URL", {**PHOTO_FIELDS, **DIRECT_FIELDS}),
    "draft of a film of ours": ("inbox", "FILE_UPLOAD", {"source": "FILE_UPLOAD", **INBOX_FIELDS}),
    "draft of a film to be fetched": ("inbox", "PULL_FROM_URL", {**PULL_FIELDS, **INBOX_FIELDS}),
    "draft of pictures": ("photo_inbox", "PULL_FROM_URL", {**PHOTO_FIELDS, **INBOX_FIELDS}),
}
"""What the platform calls it, where its bytes come from, and what is wished."""

INBOX_KINDS = {"inbox", "photo_inbox"}
OUTCOME_UNKNOWN = (
    "outcome_unknown"  # honest where nothing came out: the call may or may not have left us
)
DELIVERED_STATUSES = {"SEND_TO_USER_INBOX", "PUBLISH_COMPLETE"}


def create_post_of_kind(api_user, kind):
    """The id of its post, by kind."""
    _, source, fields = POST_KINDS[kind]
    return {
        kind: api_user.wish(
            **fields, **({"media_id": api_user.file()} if source == FILE_UPLOAD else {})
        )
    }


def find_problems(stack, api_user, post_ids):
    """What is not as it should be: nothing, if each was published or delivered just once."""
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
    """A delivered draft is asked after for days: its creator may still post it."""
    post_id, state, _due, upload = row
    return post_id in drafts and state in FINAL_STATES and upload is None


def count_appearances(api_user, kind):
    name, source, _ = POST_KINDS[kind]
    matching = [
        post
        for post in api_user.list_platform_posts()
        if (post["kind"], post["source"]) == (name, source)
    ]
    return sum(max(post["published"], post["status"] in DELIVERED_STATUSES) for post in matching)


def are_settled(api_user, post_ids):
    """Ended, or in a doubt that no news will end, because the platform has nothing to tell of."""
    return all(
        api_user.state(post_id) in FINAL_STATES
        or (api_user.state(post_id) == "UNCONFIRMED" and not count_appearances(api_user, kind))
        for kind, post_id in post_ids.items()
    )


def are_final(api_user, post_ids):
    return all(api_user.state(post_id) in FINAL_STATES for post_id in post_ids.values())
