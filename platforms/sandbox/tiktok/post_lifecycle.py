"""The steps of a post after its bytes have arrived, from processing to publication or failure.

Each step checks the post's status first, since the creator may have disconnected meanwhile.
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
# the first box of an MP4 or MOV file
MP4_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"})
WEBM_MAGIC, JPEG_MAGIC = bytes.fromhex("1a45dfa3"), bytes.fromhex("ffd8ff")


def schedule_processing(tiktok: TikTokState, post: SandboxPost) -> None:
    """Process the post, all of whose bytes have arrived, after `processing_seconds`."""
    seconds = tiktok.settings.processing_seconds
    tiktok.sandbox.scheduler.call_later(seconds, lambda: finish_processing(tiktok, post))


def finish_processing(tiktok: TikTokState, post: SandboxPost) -> None:
    """Fail the post, publish it, or deliver it to the creator's inbox."""
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
    """Return the fail_reason of the post; empty if it does not fail."""
    creator = tiktok.creator(post)
    forced_reason = creator.fail_reason or tiktok.settings.fail_reason
    if forced_reason:
        return forced_reason
    has_valid_head = is_picture if post.is_photo else is_video
    if not all(map(has_valid_head, post.file_heads)):
        return video_rules.BAD_FORMAT_REASON
    if not post.is_inspected:
        return ""
    return video_rules.find_fail_reason(
        post.probed_video, max_seconds=creator.max_video_post_duration_sec
    )


def is_video(head: bytes) -> bool:
    return head[4:8] in MP4_BOXES or head.startswith(WEBM_MAGIC)


def is_picture(head: bytes) -> bool:
    """Return whether the file is JPEG or WebP; TikTok rejects PNG."""
    return head.startswith(JPEG_MAGIC) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def publish_post(tiktok: TikTokState, post: SandboxPost) -> None:
    """Publish the post. A draft may be posted several times, each time with its own event."""
    post.status = SandboxPostStatus.COMPLETE
    post.published += 1
    post.published_at = tiktok.time
    events.send_post_event(tiktok, events.PUBLISH_COMPLETE, post)
    if post.public:
        seconds = tiktok.settings.moderation_seconds
        tiktok.sandbox.scheduler.call_later(seconds, lambda: finish_moderation(tiktok, post))


def finish_moderation(tiktok: TikTokState, post: SandboxPost) -> None:
    """Give the post its id. Only public posts get one, and only after moderation."""
    with tiktok.lock:
        if post.status is not SandboxPostStatus.COMPLETE or not post.public:
            return
        post_id = new_snowflake_id(tiktok.time)
        post.post_ids.append(post_id)
        events.send_post_event(tiktok, events.PUBLICLY_AVAILABLE, post, post_id=str(post_id))


def withdraw_post(tiktok: TikTokState, post: SandboxPost) -> None:
    """Take the post out of public view, as when its creator deletes it or makes it private."""
    post.public = False
    for post_id in post.post_ids:
        events.send_post_event(tiktok, events.NO_LONGER_AVAILABLE, post, post_id=str(post_id))
    post.post_ids.clear()


def fail_post(tiktok: TikTokState, post: SandboxPost, reason: str) -> None:
    post.status = SandboxPostStatus.FAILED
    post.fail_reason = reason
    post.is_downloading = False
    events.send_post_event(tiktok, events.PUBLISH_FAILED, post, reason=reason)


def disconnect_creator(tiktok: TikTokState, open_id: str, *, reason: int) -> None:
    """End the grant: its tokens end, posts in processing fail, and an event is sent."""
    tiktok.tokens.revoke_all(open_id)
    for post in tiktok.posts.of_creator(open_id):
        if post.is_open:
            fail_post(tiktok, post, "auth_removed")
    events.send_event(tiktok, events.AUTHORIZATION_REMOVED, open_id, {"reason": reason})
