"""Posts of every Instagram kind, and a check of what the platform really has of each in the end."""

from collections import defaultdict
from dataclasses import dataclass

from tests.flows.api_user import FINAL_STATES
from tests.flows.brokers import wait_until
from tests.flows.instagram_user import IMAGE_URL, VIDEO_URL
from tests.flows.post_outcomes import PostOutcome, find_open_work

OUTCOME_UNKNOWN = "outcome_unknown"  # allowed only if nothing was published
PASS_TIME = """
UPDATE posts SET due_at = now(),
    memo = CASE WHEN memo ? 'absent_since'
        THEN memo || jsonb_build_object('absent_since', now() - interval '6 minutes',
                                        'repeat_after', now() - interval '1 minute')
        ELSE memo END
WHERE provider = 'instagram' AND due_at > now() AND leased_until IS NULL
"""
"""Polls, and the three absences within five minutes, at once instead of after minutes."""

PASS_DAY = """
UPDATE posts SET due_at = now(),
    memo = memo || jsonb_build_object('unsafe_at', now() - interval '25 hours')
WHERE provider = 'instagram' AND state = 'UNCONFIRMED' AND memo ? 'unsafe_at'
"""


@dataclass(frozen=True)
class SampleKind:
    """`product` is the platform's; `uses_upload`: bytes are sent, in the queue of uploads."""

    name: str
    product: str
    uses_upload: bool = False


SAMPLE_KINDS = {
    kind.name: kind
    for kind in (
        SampleKind("image", "FEED"),
        SampleKind("image at a URL", "FEED"),
        SampleKind("reel", "REELS", uses_upload=True),
        SampleKind("reel at a URL", "REELS"),
        SampleKind("story", "STORY"),
        SampleKind("carousel", "FEED", uses_upload=True),
    )
}


def media_fields(user, kind):
    """Return kind and media of a request; files are uploaded to us first."""
    match kind:
        case "image":
            return {"kind": "IMAGE", "media": [{"media_id": user.upload_image()}]}
        case "image at a URL":
            return {"kind": "IMAGE", "media": [{"url": IMAGE_URL}]}
        case "reel":
            return {"kind": "REELS", "media": [{"media_id": user.upload_video()}]}
        case "reel at a URL":
            return {"kind": "REELS", "media": [{"url": VIDEO_URL}]}
        case "story":
            return {"kind": "STORIES", "text": "", "media": [{"media_id": user.upload_image()}]}
        case "carousel":
            media = [
                {"media_id": user.upload_image(), "alt_text": "a picture"},
                {"media_id": user.upload_video()},
                {"url": IMAGE_URL},
            ]
            return {"kind": "CAROUSEL", "media": media}


def create_sample(user, kind, **fields):
    return user.create_post(**media_fields(user, kind), **fields)


def pass_time(stack):
    """Let all waiting steps be due now."""
    stack.query(PASS_TIME)
    return True


def wait_until_final(stack, user, post_id, *, within=60.0):
    wait_until(
        lambda: pass_time(stack) and user.get_state(post_id) in FINAL_STATES,
        within=within,
        what=f"a final state of post {post_id}",
    )
    return user.get_post(post_id)


def wait_until_described(stack, user, post_id):
    """Wait until nothing is left to do about a published post, its address included."""
    wait_until(
        lambda: pass_time(stack) and find_open_work(stack, user) == [], what="the end of all work"
    )
    return user.get_post(post_id)


def load_outcome(stack, user, post_id):
    """Return the outcome of a post of a user who has only this one: stories have no caption."""
    state, code = stack.query("SELECT state, error_code FROM posts WHERE id = %s", post_id)[0]
    return PostOutcome(state, code, user.count_publications())


def find_problems(stack, posts):
    """Describe each post that was not published exactly once, and all open work.

    Shapes: `posts` has user and post id, and each user one post only.
    """
    platform_ids = defaultdict(list)
    for published in stack.sandbox.control("instagram/media")["media"]:
        platform_ids[published["account_id"]].append(published["id"])
    rows = stack.query("SELECT id, state, error_code, platform_post_id FROM posts")
    by_id = {row[0]: row[1:] for row in rows}
    problems = []
    for user, post_id in posts:
        (state, code, platform_id), ids = by_id[post_id], platform_ids[user.ig_id]
        is_right = state == "PUBLISHED" and ids == [platform_id]
        if not is_right and (code, ids) != (OUTCOME_UNKNOWN, []):
            problems.append(f"post {post_id}: {state} {code or ''}, at the platform: {ids}")
        problems += [f"left: {row}" for row in find_open_work(stack, user)]
    return problems
