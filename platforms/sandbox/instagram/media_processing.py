"""Fetches and inspects the files of a container; images at once, videos in the background.

Source: Meta, content publishing, text of 2026-09-11: an id does not mean success; images are
checked while the container is created, as observed.
"""

import logging
from collections.abc import Callable

from platforms.sandbox.instagram import media_fetch
from platforms.sandbox.instagram.containers import CAROUSEL, STORIES, SandboxContainer
from platforms.sandbox.instagram.graph_errors import GraphError
from platforms.sandbox.instagram.image_rules import MAX_IMAGE_BYTES, check_image
from platforms.sandbox.instagram.media_fetch import FetchedMedia, FetchRules
from platforms.sandbox.instagram.publishing_errors import (
    DOWNLOAD_FAILED,
    DOWNLOAD_TIMED_OUT,
    HOST_UNSUITABLE,
    IMAGE_TOO_LARGE,
    PROCESSING_FAILED,
    THUMB_OFFSET,
    TRIAL_NOT_AVAILABLE,
    VIDEO_FORMAT,
    publishing_error,
)
from platforms.sandbox.instagram.state import InstagramState
from platforms.sandbox.instagram.video_rules import (
    LIMITS_BY_MEDIA_TYPE,
    find_video_objection,
    has_index_first,
)
from platforms.sandbox.scheduler import run_in_background
from platforms.sandbox.upload_buffer import UploadBuffer

log = logging.getLogger(__name__)

NOTHING_FETCHED = FetchedMedia(0, "")
FILE_TYPE_BOX = b"ftyp"  # bytes 4 to 8 of an MP4 or MOV file


def fetch_image(state: InstagramState, url: str, *, is_feed: bool) -> FetchedMedia:
    """Fetch and check an image. Do not hold the state's lock. Errors: GraphError."""
    settings, parts = state.settings, list[bytes]()
    rules = FetchRules("image/", settings.fetch_timeout, MAX_IMAGE_BYTES, needs_range=False)
    try:
        if not media_fetch.is_on_this_machine(url):
            return simulate_fetch(state)
        image = media_fetch.fetch_media(url, rules, lambda _size, _at, part: parts.append(part))
    except media_fetch.MediaTooLarge:
        raise publishing_error(IMAGE_TOO_LARGE) from None
    except media_fetch.MediaFetchTimeout:
        raise publishing_error(DOWNLOAD_TIMED_OUT) from None
    except media_fetch.MediaFetchFailed:
        raise publishing_error(DOWNLOAD_FAILED) from None
    check_image(b"".join(parts), is_feed=is_feed, is_lenient=settings.lenient_images)
    return image


def simulate_fetch(state: InstagramState) -> FetchedMedia:
    """Count a file of another host as fetched, or not. Errors: MediaFetchFailed."""
    if not state.settings.simulate_remote_media:
        raise media_fetch.MediaFetchFailed("the sandbox reads from loopback only")
    return NOTHING_FETCHED


def start_processing(state: InstagramState, container: SandboxContainer) -> None:
    """Begin with a container whose image has been checked, or whose video has to be fetched."""
    request = container.request
    if request.is_resumable:
        return  # the upload begins it
    if request.is_video:
        run_in_background(lambda: run_processing(container, lambda: fetch_video(state, container)))
    else:
        finish_container(state, container, state.settings.image_seconds)


def run_processing(container: SandboxContainer, action: Callable[[], None]) -> None:
    """Run a step of processing; a fault of the sandbox itself ends the container too."""
    try:
        action()
    except Exception:
        log.exception("the container %s could not be processed", container.id)
        container.fail(PROCESSING_FAILED)


def fetch_video(state: InstagramState, container: SandboxContainer, url: str = "") -> None:
    """Fetch the video of `video_url`, or of another URL, and inspect it."""
    url = url or container.request.video_url
    limits = LIMITS_BY_MEDIA_TYPE[container.request.media_type]
    rules = FetchRules(
        "video/", state.settings.fetch_timeout, limits.max_bytes, state.settings.needs_range
    )
    buffers: list[UploadBuffer] = []

    def store_part(size: int, at: int, part: bytes) -> None:
        if not buffers:
            buffers.append(UploadBuffer(size))
        buffers[0].write(at, part)

    try:
        if media_fetch.is_on_this_machine(url):
            video = media_fetch.fetch_media(url, rules, store_part)
        else:
            video = simulate_fetch(state)
    except media_fetch.MediaFetchFailed as error:
        fail_container(state, container, fetch_subcode(error))
    else:
        inspect_video(state, container, video, buffers[0] if buffers else None)
    finally:
        for buffer in buffers:
            buffer.close()


def fetch_subcode(error: media_fetch.MediaFetchFailed) -> int:
    """Return the subcode that the container's `status` names."""
    if isinstance(error, media_fetch.MediaFetchTimeout):
        return DOWNLOAD_TIMED_OUT
    if isinstance(error, media_fetch.MediaHostUnsuitable):
        return HOST_UNSUITABLE
    return VIDEO_FORMAT if isinstance(error, media_fetch.MediaTooLarge) else DOWNLOAD_FAILED


def inspect_video(
    state: InstagramState,
    container: SandboxContainer,
    video: FetchedMedia,
    buffer: UploadBuffer | None,
) -> None:
    """Inspect a video whose bytes have arrived, and the cover; without a buffer it is simulated."""
    container.size, container.digest = video.size, video.digest
    subcode = find_video_subcode(state, container, buffer) if buffer else 0
    subcode = subcode or find_cover_subcode(state, container)
    account = state.accounts[container.account_id]
    if not subcode and container.request.graduation_strategy and not account.has_trial_reels:
        subcode = TRIAL_NOT_AVAILABLE
    if subcode:
        fail_container(state, container, subcode)
    else:
        finish_container(state, container, state.settings.video_seconds)


def find_video_subcode(
    state: InstagramState, container: SandboxContainer, buffer: UploadBuffer
) -> int:
    """Return the subcode of what is wrong with the video; 0 if nothing is."""
    request = container.request
    if not state.settings.strict_media:
        return 0 if buffer.rewind().read(8)[4:] == FILE_TYPE_BOX else VIDEO_FORMAT
    video = state.publishing.video_probes.probe(container.digest, buffer)
    objection = find_video_objection(video, request.media_type)
    if not objection and state.settings.strict_index and not has_index_first(buffer.rewind()):
        objection = "index"
    container.probed_video, container.objection = video, objection
    if objection:
        return VIDEO_FORMAT
    milliseconds = (video.seconds or 0.0) * 1000 if video else 0.0
    is_outside = bool(milliseconds) and request.thumb_offset >= milliseconds
    return THUMB_OFFSET if is_outside and not request.cover_url else 0


def find_cover_subcode(state: InstagramState, container: SandboxContainer) -> int:
    if not container.request.cover_url:
        return 0
    try:
        fetch_image(state, container.request.cover_url, is_feed=False)
    except GraphError as error:
        return error.subcode or PROCESSING_FAILED
    return 0


def fail_container(state: InstagramState, container: SandboxContainer, subcode: int) -> None:
    with state.lock:
        container.fail(subcode)


def finish_container(state: InstagramState, container: SandboxContainer, seconds: float) -> None:
    with state.lock:
        container.finish_at = state.now + seconds


def needs_feed_ratio(container_type: str) -> bool:
    """Return whether the image's ratio is limited: in the feed, not in stories."""
    return container_type not in {STORIES, CAROUSEL}
