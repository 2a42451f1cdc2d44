"""Between arrival and processing: a film is looked at, if films are, and then takes its course."""

from platforms.sandbox.scheduler import run_in_background
from platforms.sandbox.tiktok import audit_warnings, post_lifecycle
from platforms.sandbox.tiktok.posts import SandboxPost
from platforms.sandbox.tiktok.state import TikTokState
from platforms.sandbox.tiktok.upload_buffer import UploadBuffer
from platforms.sandbox.tiktok.video_rules import ProbedVideo


def new_buffer(tiktok: TikTokState, size: int) -> UploadBuffer | None:
    """To keep a film of that many bytes for the look; None if nobody is going to look."""
    return UploadBuffer(size) if tiktok.settings.strict_media else None


def start_inspection(tiktok: TikTokState, post: SandboxPost) -> None:
    """All of it is there. Returns at once; only a film that nobody has seen yet takes longer."""
    probed_video = tiktok.video_probes.get(post.sha256)
    if post.buffer is None:
        post_lifecycle.schedule_processing(tiktok, post)
    elif probed_video:
        apply_inspection(tiktok, post, probed_video)
    else:
        run_in_background(lambda: probe_post(tiktok, post, post.buffer))


def probe_post(tiktok: TikTokState, post: SandboxPost, buffer: UploadBuffer | None) -> None:
    apply_inspection(
        tiktok, post, tiktok.video_probes.probe(post.sha256, buffer) if buffer else None
    )


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
    """Of an upload whose address has ended. Waits for the chunk that is just coming in."""
    if post.upload:
        with post.upload.lock:
            if post.upload.received < post.upload.size:
                drop_buffer(post)
