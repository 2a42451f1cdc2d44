"""What becomes of a post: processed, delivered, published, seen, withdrawn, failed.

Must not know how it was asked for. Each step checks where the post stands, since a creator may
have left meanwhile.
Source: TikTok, get-video-status, read 2026-11-22; transitions partly inferred.
"""

from platforms.sandbox.tiktok import events, films
from platforms.sandbox.tiktok.posts import DIRECTS, Post, Status, snowflake
from platforms.sandbox.tiktok.settings import PUBLIC
from platforms.sandbox.tiktok.state import TikTok

DEVELOPER, USER = 5, 1  # reasons of authorization.removed
BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"})  # MP4 and MOV begin so
WEBM, JPEG = bytes.fromhex("1a45dfa3"), bytes.fromhex("ffd8ff")


def process(tiktok: TikTok, post: Post) -> None:
    """All bytes are there: from now on it is TikTok's work."""
    seconds = tiktok.settings.processing_seconds
    tiktok.house.agenda.after(seconds, lambda: finish(tiktok, post))


def finish(tiktok: TikTok, post: Post) -> None:
    with tiktok.lock:
        if not post.is_open or tiktok.settings.stuck:
            return
        reason = verdict(tiktok, post)
        if reason:
            fail(tiktok, post, reason)
        elif post.kind in DIRECTS:
            post.public = post.info.get("privacy_level") == PUBLIC
            publish(tiktok, post)
        else:
            post.status = Status.IN_INBOX
            events.about(tiktok, events.DELIVERED, post)


def verdict(tiktok: TikTok, post: Post) -> str:
    """Why it fails; empty if it does not."""
    creator = tiktok.creator(post)
    told = creator.fail_reason or tiktok.settings.fail_reason
    is_fine = is_picture if post.is_photo else is_video
    if told or not all(map(is_fine, post.heads)):
        return told or films.BAD_FORMAT
    longest = creator.max_video_post_duration_sec
    return films.fault(post.film, longest=longest) if post.is_seen else ""


def is_video(head: bytes) -> bool:
    return head[4:8] in BOXES or head.startswith(WEBM)


def is_picture(head: bytes) -> bool:
    """JPEG or WebP; PNG is rejected."""
    return head.startswith(JPEG) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def publish(tiktok: TikTok, post: Post) -> None:
    """It appears. A draft may be posted several times, and tells `complete` each time."""
    post.status = Status.COMPLETE
    post.published += 1
    post.published_at = tiktok.time
    events.about(tiktok, events.COMPLETE, post)
    if post.public:
        seconds = tiktok.settings.moderation_seconds
        tiktok.house.agenda.after(seconds, lambda: appear(tiktok, post))


def appear(tiktok: TikTok, post: Post) -> None:
    """Moderation is over. Only public posts ever get an id."""
    with tiktok.lock:
        if post.status is not Status.COMPLETE or not post.public:
            return
        post_id = snowflake(tiktok.time)
        post.post_ids.append(post_id)
        events.about(tiktok, events.AVAILABLE, post, post_id=str(post_id))


def withdraw(tiktok: TikTok, post: Post) -> None:
    """The creator deletes it or makes it private."""
    post.public = False
    for post_id in post.post_ids:
        events.about(tiktok, events.WITHDRAWN, post, post_id=str(post_id))
    post.post_ids.clear()


def fail(tiktok: TikTok, post: Post, reason: str) -> None:
    post.status, post.fail_reason, post.is_downloading = Status.FAILED, reason, False
    events.about(tiktok, events.FAILED, post, reason=reason)


def disconnect(tiktok: TikTok, open_id: str, *, reason: int) -> None:
    """The grant ends: tokens die, what is being processed fails, and the app is told."""
    tiktok.tokens.end(open_id)
    for post in tiktok.posts.of(open_id):
        if post.is_open:
            fail(tiktok, post, "auth_removed")
    events.tell(tiktok, events.REMOVED, open_id, {"reason": reason})
