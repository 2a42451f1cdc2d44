"""One post of every kind, and what of each is really at the platform in the end.

Each guest wishes once, so that there must be exactly one; drafts, of whose titles the platform
knows nothing, are counted like that too. Two lost starts of one guest nobody could tell apart.
"""

from tests.flows.fates import left
from tests.flows.guests import DIRECT, FINAL, PULL

OURS = "FILE_UPLOAD"
PHOTOS = {
    "source": "PULL_FROM_URL",
    "media_type": "PHOTO",
    "photo_images": ["https://videos.example.com/one.jpg", "https://videos.example.com/two.jpg"],
}
DRAFT = {"mode": "INBOX"}
KINDS = {
    "direct film of ours": ("direct", "FILE_UPLOAD", {"source": "FILE_UPLOAD", **DIRECT}),
    "direct film to be fetched": ("direct", "PULL_FROM_URL", {**PULL, **DIRECT}),
    "direct pictures": ("photo_direct", "PULL_FROM_URL", {**PHOTOS, **DIRECT}),
    "draft of a film of ours": ("inbox", "FILE_UPLOAD", {"source": "FILE_UPLOAD", **DRAFT}),
    "draft of a film to be fetched": ("inbox", "PULL_FROM_URL", {**PULL, **DRAFT}),
    "draft of pictures": ("photo_inbox", "PULL_FROM_URL", {**PHOTOS, **DRAFT}),
}
"""What the platform calls it, where its bytes come from, and what is wished."""

DRAFTS = {"inbox", "photo_inbox"}
UNKNOWN = "outcome_unknown"  # honest where nothing came out: the call may or may not have left us
THERE = {"SEND_TO_USER_INBOX", "PUBLISH_COMPLETE"}


def wish_for(guest, kind):
    """The id of its post, by kind."""
    _, source, wish = KINDS[kind]
    return {kind: guest.wish(**wish, **({"media_id": guest.file()} if source == OURS else {}))}


def complaints(house, guest, wanted):
    """What is not as it should be: nothing, if each was published or delivered just once."""
    told = []
    for kind, post_id in wanted.items():
        state, code = house.rows("SELECT state, error_code FROM posts WHERE id = %s", post_id)[0]
        times = appeared(guest, kind)
        if (state, times) != ("PUBLISHED", 1) and (code, times) != (UNKNOWN, 0):
            told.append(f"{kind}: {state} {code or ''}, {times} times at the platform")
    drafts = {wanted[kind] for kind in wanted if KINDS[kind][0] in DRAFTS}
    return told + [f"left: {row}" for row in left(house, guest) if not rests(row, drafts)]


def rests(row, drafts):
    """A delivered draft is asked after for days: its creator may still post it."""
    post_id, state, _due, upload = row
    return post_id in drafts and state in FINAL and upload is None


def appeared(guest, kind):
    name, source, _ = KINDS[kind]
    mine = [
        post for post in guest.platform_posts() if (post["kind"], post["source"]) == (name, source)
    ]
    return sum(max(post["published"], post["status"] in THERE) for post in mine)


def all_rest(guest, wanted):
    """Ended, or in a doubt that no news will end, because the platform has nothing to tell of."""
    return all(
        guest.state(post_id) in FINAL
        or (guest.state(post_id) == "UNCONFIRMED" and not appeared(guest, kind))
        for kind, post_id in wanted.items()
    )


def all_ended(guest, wanted):
    return all(guest.state(post_id) in FINAL for post_id in wanted.values())
