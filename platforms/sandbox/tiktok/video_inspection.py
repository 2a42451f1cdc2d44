"""Inspects a video after it has arrived, if `strict_media` is on, and then processes its post."""

from platforms.sandbox.scheduler import run_in_background
from platforms.sandbox.tiktok import audit_warnings, post_lifecycle
from platforms.sandbox.tiktok.posts import SandboxPost
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.upload_buffer import UploadBuffer
from platforms.sandbox.video_inspector import ProbedVideo


def new_buffer(tiktok: TikTokState, size: int) -> UploadBuffer | None:
    """Return a buffer for a video of `size` bytes; None if videos are not inspected."""
    return UploadBuffer(size) if tiktok.settings.strict_media else None


def start_inspection(tiktok: TikTokState, post: SandboxPost) -> None:
    """Inspect the video, whose bytes have all arrived, and process its post.

    Returns at once: a video that was not inspected before is inspected in the background.
    """
    probed_video = tiktok.video_probes.get(post.sha256)
    if post.buffer is None:
        post_lifecycle.schedule_processing(tiktok, post)
    elif probed_video:
        apply_inspection(tiktok, post, probed_video)
    else:
        run_in_background(lambda: probe_post(tiktok, post, post.buffer))


def probe_post(tiktok: TikTokState, post: SandboxPost, buffer: UploadBuffer | None) -> None:
    video = tiktok.video_probes.probe(post.sha256, buffer) if buffer else None
    apply_inspection(tiktok, post, video)


def apply_inspection(tiktok: TikTokState, post: SandboxPost, video: ProbedVideo | None) -> None:
    drop_buffer(post)
    with tiktok.lock:
        post.probed_video, post.is_inspected = video, True
        audit_warnings.audit_duration(tiktok, tiktok.creator(post), video)
        post_lifecycle.schedule_processing(tiktok, post)


def drop_buffer(post: SandboxPost) -> None:
    if post.buffer:
        post.buffer.close()
    post.buffer = None


def drop_unfinished_buffer(post: SandboxPost) -> None:
    """Drop the buffer of an upload whose URL has expired; waits for a chunk that is arriving."""
    if post.upload:
        with post.upload.lock:
            if post.upload.received < post.upload.size:
                drop_buffer(post)
