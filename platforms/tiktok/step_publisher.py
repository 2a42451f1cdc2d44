"""Publishes to TikTok in steps: what each step calls, and what follows from the answers."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from platforms.base import Chunk, Phase, PublishProgress, PublishRequest
from platforms.chunks import next_chunk, plan_chunks
from platforms.errors import Rejected, Unavailable
from platforms.publishing import (
    RECONCILE_STEP,
    MediaItem,
    Part,
    PartCreated,
    PartDiscarded,
    PartFailed,
    PartReported,
    PartSent,
    PostVisible,
    ProgressReported,
    Publication,
    QuotaReading,
    Safety,
    StepResult,
    StepRule,
    StepTools,
    WaitFor,
)
from platforms.secret import Secret
from platforms.tiktok.creator_checks import check_creator
from platforms.tiktok.match import find_named_handle, find_video
from platforms.tiktok.post_rules import is_direct, is_photo, read_settings
from platforms.tiktok.publish import TikTokPublisher
from platforms.tiktok.steps import (
    CHECK,
    DRAFT_CHECK_INTERVAL,
    MAX_DRAFT_AGE,
    MIN_VISIBLE_AGE,
    SEND,
    SEND_LAST,
    START,
    STEPS,
    URL_INVALID,
    find_age,
    find_file,
    find_next_chunk,
    find_next_step,
    find_step_safety,
    is_fetched,
    is_last_chunk,
    is_url_expired,
)

CHUNK_TIME_BUDGET_SECONDS = 3.0
"""For how long one claim begins further chunks. One claim per chunk would take twice as long:
recording a chunk takes as long as sending it.
"""

DEFAULT_URL_LIFETIME = timedelta(hours=1)  # of an upload URL without a lifetime from the platform
VISIBILITY_WAIT = timedelta(seconds=3)
INVALID_URL_WAIT = timedelta(seconds=2)
INVALID_URL_CODES = frozenset({"upload_url_expired", "upload_unknown"})
UNKNOWN_ID_CODE, URL_EXPIRED_CODE = "invalid_publish_id", "upload_url_expired"


@dataclass(frozen=True)
class TikTokStepPublisher:
    """Errors of every call: PlatformError."""

    calls: TikTokPublisher

    @property
    def steps(self) -> Mapping[str, StepRule]:
        return STEPS

    def next_step(self, publication: Publication) -> str:
        return find_next_step(publication)

    def step_safety(self, step: str, publication: Publication) -> Safety:
        return find_step_safety(step, publication)

    def check_before(self, publication: Publication, tools: StepTools) -> None:
        """Check what the creator allows. Drafts are not checked: the creator edits them."""
        if is_direct(publication.kind.name):
            check_creator(publication, self.calls.fetch_posting_options(tools.token))

    def run_step(
        self, step: str, publication: Publication, tools: StepTools
    ) -> Sequence[StepResult]:
        return STEP_RUNNERS[step](self, publication, tools)

    def fetch_quotas(
        self, destination_id: str, token: Secret, fallback_token: Secret | None = None
    ) -> tuple[QuotaReading, ...]:
        """TikTok reports none of its limits."""
        del destination_id, token, fallback_token
        return ()

    def cancel_post(self, publication: Publication, token: Secret) -> None:
        """Cancel a post while TikTok fetches its files. Errors: Rejected."""
        self.calls.cancel(token, find_handle(publication))

    def start_post(self, publication: Publication, tools: StepTools) -> list[StepResult]:
        """Announce the post. With URLs, TikTok fetches and publishes them from then on."""
        started = self.calls.start(tools.token, build_request(publication))
        lifetime = started.upload_lifetime or DEFAULT_URL_LIFETIME
        item = find_file(publication)
        return [
            PartCreated(
                position=0,
                role=item.role if item else "video",
                handle=started.publish_id,
                lifetime=lifetime if started.upload_url else None,
                upload_url=started.upload_url,
            ),
            *([] if item is not None and item.is_ours else [WaitFor()]),
        ]

    def send_bytes(self, publication: Publication, tools: StepTools) -> list[StepResult]:
        """Send chunks until the time budget ends, or a chunk after the first is not accepted.

        That failure is not reported here: the next claim sends the same chunk and reports it. The
        last chunk is sent in a claim of its own, because it may publish the post.
        """
        chunk, item, part = (
            find_next_chunk(publication),
            find_file(publication),
            get_part(publication),
        )
        if chunk is None or item is None or part.upload_url is None:
            return [WaitFor()]
        is_last, deadline = (
            is_last_chunk(publication, chunk),
            time.monotonic() + CHUNK_TIME_BUDGET_SECONDS,
        )
        results: list[StepResult] = []
        while chunk is not None:
            try:
                sent = self._send_chunk(chunk, item, part.upload_url, tools)
            except Rejected as error:
                if error.code not in INVALID_URL_CODES:
                    raise
                return [
                    *results,
                    PartReported(0, URL_INVALID, error.code),
                    WaitFor(INVALID_URL_WAIT),
                ]
            except Unavailable:
                if not results:
                    raise
                return results  # the HTTP client has logged it
            results.append(sent)
            is_over = sent.is_complete or is_last or time.monotonic() >= deadline
            chunk = None if is_over else find_following_chunk(item, sent.next_offset)
        return [*results, *([WaitFor()] if sent.is_complete else [])]

    def _send_chunk(
        self, chunk: Chunk, item: MediaItem, upload_url: Secret, tools: StepTools
    ) -> PartSent:
        sent = self.calls.send_chunk(
            upload_url,
            tools.read_bytes(item, chunk.first, chunk.last),
            chunk=chunk,
            total_size=item.size or 0,
            content_type=item.content_type or "",
        )
        return PartSent(0, sent.next_offset, sent.is_complete)

    def check_status(self, publication: Publication, tools: StepTools) -> list[StepResult]:
        """Fetch the status of the publication and decide what follows."""
        try:
            progress = self.calls.fetch_status(tools.token, find_handle(publication))
        except Rejected as error:
            if error.code != UNKNOWN_ID_CODE:
                raise
            return results_of_unknown_id(publication)
        return [ProgressReported(progress), *results_of_progress(publication, progress)]

    def find_outcome(self, publication: Publication, tools: StepTools) -> list[StepResult]:
        """Find out what became of a start or a last chunk that was not answered. Sends nothing."""
        part = publication.get_part(0)
        if part is not None and part.handle is not None:
            return self.check_status(publication, tools)
        handle = find_named_handle(publication)
        if handle is not None:
            return [PartCreated(position=0, role="video", handle=handle)]
        video = find_video(publication)
        return [WaitFor()] if video is None else [PostVisible(video.id, video.url)]


StepRunner = Callable[[TikTokStepPublisher, Publication, StepTools], list[StepResult]]
STEP_RUNNERS: Mapping[str, StepRunner] = {
    START: TikTokStepPublisher.start_post,
    SEND: TikTokStepPublisher.send_bytes,
    SEND_LAST: TikTokStepPublisher.send_bytes,
    CHECK: TikTokStepPublisher.check_status,
    RECONCILE_STEP: TikTokStepPublisher.find_outcome,
}


def build_request(publication: Publication) -> PublishRequest:
    kind, item = publication.kind.name, find_file(publication)
    urls = tuple(each.url for each in publication.media if each.url is not None)
    return PublishRequest(
        kind=kind,
        source="PULL_FROM_URL" if is_fetched(publication) else "FILE_UPLOAD",
        size=item.size if item else None,
        video_url=None if is_photo(kind) or not urls else urls[0],
        image_urls=urls if is_photo(kind) else (),
        cover_index=publication.options.get("photo_cover_index") or 0,
        settings={**read_settings(publication), "title": publication.text},
    )


def get_part(publication: Publication) -> Part:
    """Errors: Rejected if the post was not started."""
    part = publication.get_part(0)
    if part is None:
        raise Rejected("the post was not started", code="upload_unknown")
    return part


def find_handle(publication: Publication) -> str:
    return str(get_part(publication).handle)


def find_following_chunk(item: MediaItem, offset: int) -> Chunk | None:
    """Return the chunk at this offset; None if it is the last one, which has its own claim."""
    size = item.size or 0
    chunk = next_chunk(plan_chunks(size), size, offset)
    return None if chunk.last == size - 1 else chunk


def results_of_unknown_id(publication: Publication) -> list[StepResult]:
    """TikTok does not know the publish_id: restart the upload, unless the id is too young."""
    item, part = find_file(publication), get_part(publication)
    is_receiving = publication.phase in {None, Phase.RECEIVING}
    if publication.phase in {Phase.DELIVERED, Phase.PUBLISHED}:
        return []
    if find_age(publication) < MIN_VISIBLE_AGE:
        return [WaitFor(VISIBILITY_WAIT, "the publication may not be visible yet")]
    if item is not None and item.is_ours and (is_receiving or publication.is_unconfirmed):
        return [PartDiscarded(0, UNKNOWN_ID_CODE)]
    if item is not None and not item.is_ours and is_receiving and is_url_expired(part, publication):
        return [PartFailed(0, URL_EXPIRED_CODE)]
    return [WaitFor()]


def results_of_progress(publication: Publication, progress: PublishProgress) -> list[StepResult]:
    if progress.phase is Phase.DELIVERED and find_age(publication) < MAX_DRAFT_AGE:
        return [WaitFor(DRAFT_CHECK_INTERVAL, "the creator may still post the draft")]
    if progress.phase is Phase.RECEIVING and not has_all_bytes(publication, progress):
        return results_of_waiting(publication, progress)
    return [WaitFor()] if progress.phase in {Phase.RECEIVING, Phase.PROCESSING} else []


def has_all_bytes(publication: Publication, progress: PublishProgress) -> bool:
    item = find_file(publication)
    is_complete = item is not None and item.size is not None and progress.bytes_done == item.size
    return is_complete or publication.phase is Phase.PROCESSING


def results_of_waiting(publication: Publication, progress: PublishProgress) -> list[StepResult]:
    """TikTok waits for bytes: continue our upload at its offset, or wait for the client's."""
    item, part = find_file(publication), get_part(publication)
    is_expired = is_url_expired(part, publication)
    if item is None or not item.is_ours:
        return [PartFailed(0, URL_EXPIRED_CODE)] if is_expired else [WaitFor()]
    if is_expired or part.status == URL_INVALID or part.upload_url is None:
        # an upload of which bytes are missing is never published
        has_no_bytes = progress.bytes_done == 0
        return [
            PartDiscarded(0, URL_EXPIRED_CODE) if has_no_bytes else PartFailed(0, URL_EXPIRED_CODE)
        ]
    offset = part.next_offset if progress.bytes_done is None else progress.bytes_done
    return [PartSent(0, offset)]
