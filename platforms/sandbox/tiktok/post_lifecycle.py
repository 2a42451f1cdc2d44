"""What becomes of a post: processed, delivered, published, seen, withdrawn, failed.

Must not know how it was asked for. Each step checks where the post stands, since a creator may
have left meanwhile.
Source: TikTok, get-video-status, read 2026-11-22; transitions partly inferred.
"""

from platforms.sandbox.tiktok import events, video_rules
from platforms.sandbox.tiktok.posts import (
    DIRECT_KINDS,
    SandboxPost,
    SandboxPostStatus,
    new_snowflake_id,
)
from platforms.sandbox.tiktok.settings import PUBLIC_TO_EVERYONE
from platforms.sandbox.tiktok.state import TikTokState

REASON_DEVELOPER, REASON_USER = 5, 1  # reasons of authorization.removed
MP4_BOXES = frozenset(
    {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}
)  # MP4 and MOV begin so
WEBM_MAGIC, JPEG_MAGIC = bytes.fromhex("1a45dfa3"), bytes.fromhex("ffd8ff")


def schedule_processing(tiktok: TikTokState, post: SandboxPost) -> None:
    """All bytes are there: from now on it is TikTok's work."""
    seconds = tiktok.settings.processing_seconds
    tiktok.sandbox.scheduler.call_later(seconds, lambda: finish_processing(tiktok, post))


def finish_processing(tiktok: TikTokState, post: SandboxPost) -> None:
    with tiktok.lock:
        if not post.is_open or tiktok.settings.stuck:
            return
        reason = find_fail_reason(tiktok, post)
        if reason:
            fail_post(tiktok, post, reason)
        elif post.kind in DIRECT_KINDS:
            post.public = post.info.get("privacy_level") == PUBLIC_TO_EVERYONE
            publish_post(tiktok, post)
        else:
            post.status = SandboxPostStatus.IN_INBOX
            events.send_post_event(tiktok, events.INBOX_DELIVERED, post)


def find_fail_reason(tiktok: TikTokState, post: SandboxPost) -> str:
    """Why it fails; empty if it does not."""
    creator = tiktok.creator(post)
    forced_reason = creator.fail_reason or tiktok.settings.fail_reason
    is_readable = is_picture if post.is_photo else is_video
    if forced_reason or not all(map(is_readable, post.file_heads)):
        return forced_reason or video_rules.BAD_FORMAT_REASON
    max_seconds = creator.max_video_post_duration_sec
    return (
        video_rules.find_fail_reason(post.probed_video, max_seconds=max_seconds)
        if post.is_inspected
        else ""
    )


def is_video(head: bytes) -> bool:
    return head[4:8] in MP4_BOXES or head.startswith(WEBM_MAGIC)


def is_picture(head: bytes) -> bool:
    """JPEG or WebP; PNG is rejected."""
    return head.startswith(JPEG_MAGIC) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def publish_post(tiktok: TikTokState, post: SandboxPost) -> None:
    """It appears. A draft may be posted several times, and tells `complete` each time."""
    post.status = SandboxPostStatus.COMPLETE
    post.published += 1
    post.published_at = tiktok.time
    events.send_post_event(tiktok, events.PUBLISH_COMPLETE, post)
    if post.public:
        seconds = tiktok.settings.moderation_seconds
        tiktok.sandbox.scheduler.call_later(seconds, lambda: finish_moderation(tiktok, post))


def finish_moderation(tiktok: TikTokState, post: SandboxPost) -> None:
    """Moderation is over. Only public posts ever get an id."""
    with tiktok.lock:
        if post.status is not SandboxPostStatus.COMPLETE or not post.public:
            return
        post_id = new_snowflake_id(tiktok.time)
        post.post_ids.append(post_id)
        events.send_post_event(tiktok, events.PUBLICLY_AVAILABLE, post, post_id=str(post_id))


def withdraw_post(tiktok: TikTokState, post: SandboxPost) -> None:
    """The creator deletes it or makes it private."""
    post.public = False
    for post_id in post.post_ids:
        events.send_post_event(tiktok, events.NO_LONGER_AVAILABLE, post, post_id=str(post_id))
    post.post_ids.clear()


def fail_post(tiktok: TikTokState, post: SandboxPost, reason: str) -> None:
    post.status, post.fail_reason, post.is_downloading = SandboxPostStatus.FAILED, reason, False
    events.send_post_event(tiktok, events.PUBLISH_FAILED, post, reason=reason)


def disconnect_creator(tiktok: TikTokState, open_id: str, *, reason: int) -> None:
    """The grant ends: tokens die, what is being processed fails, and the app is told."""
    tiktok.tokens.revoke_all(open_id)
    for post in tiktok.posts.of_creator(open_id):
        if post.is_open:
            fail_post(tiktok, post, "auth_removed")
    events.send_event(tiktok, events.AUTHORIZATION_REMOVED, open_id, {"reason": reason})
