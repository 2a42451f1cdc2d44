"""TikTok's calls in the form of steps, as core makes them: start, send, check, reconcile."""

from dataclasses import dataclass
from typing import Any

from platforms.base import Phase, PublishRequest
from platforms.chunks import ChunkPlan, next_chunk
from platforms.publishing import (
    NO_STEP,
    RECONCILE_STEP,
    PartCreated,
    PartSent,
    ProgressReported,
    Safety,
    StepRule,
    WaitFor,
)

START, SEND, CHECK = "start", "send", "check"
END_PHASES = {Phase.DELIVERED, Phase.PUBLISHED, Phase.FAILED, Phase.CANCELLED}
RULES = (
    StepRule(START, "publish"),
    StepRule(SEND, "upload", is_upload=True),
    StepRule(CHECK, "read"),
    StepRule(RECONCILE_STEP, "read"),
)


@dataclass(frozen=True)
class TikTokSteps:
    """Implements `StepPublisher` over the adapter's publisher."""

    publisher: Any

    @property
    def steps(self):
        return {rule.name: rule for rule in RULES}

    def next_step(self, publication):
        part = publication.get_part(0)
        if publication.phase in END_PHASES:
            return NO_STEP
        if publication.is_unconfirmed:
            return RECONCILE_STEP
        if part is None or part.handle is None:
            return START
        is_sent = part.upload_url is None or publication.phase is Phase.PROCESSING
        return CHECK if is_sent or part.next_offset >= publication.media[0].size else SEND

    def step_safety(self, step, publication):
        """The start of a pull may publish; that of an upload has no effect without its bytes."""
        is_pull = not publication.media[0].is_ours
        if step == START:
            return Safety.UNSAFE if is_pull else Safety.REPLACEABLE
        return Safety.SAFE

    def check_before(self, publication, tools):
        del publication
        self.publisher.fetch_posting_options(tools.token)
        return ()

    def run_step(self, step, publication, tools):
        runners = {START: self.start, SEND: self.send, CHECK: self.check}
        return runners.get(step, self.reconcile)(publication, tools)

    def start(self, publication, tools):
        started = self.publisher.start(tools.token, make_request(publication))
        return [PartCreated(0, "video", started.publish_id, upload_url=started.upload_url)]

    def send(self, publication, tools):
        """Ask how much has arrived, and send the rest."""
        part, item = publication.get_part(0), publication.media[0]
        progress = self.publisher.fetch_status(tools.token, part.handle)
        if progress.phase is not Phase.RECEIVING:
            return [ProgressReported(progress)]
        if progress.bytes_done == item.size:
            return [PartSent(0, item.size, is_complete=True)]
        # the plan of a file that is smaller than a chunk
        chunk = next_chunk(ChunkPlan(item.size, 1), item.size, progress.bytes_done or 0)
        result = self.publisher.send_chunk(
            part.upload_url,
            tools.read_bytes(item, chunk.first, chunk.last),
            chunk=chunk,
            total_size=item.size,
            content_type="video/mp4",
        )
        return [PartSent(0, result.next_offset, result.is_complete)]

    def check(self, publication, tools):
        progress = self.publisher.fetch_status(tools.token, publication.get_part(0).handle)
        waits = [] if progress.phase in END_PHASES else [WaitFor()]
        return [ProgressReported(progress), *waits]

    def reconcile(self, publication, _tools):
        """A webhook may have named the publication; nothing else can."""
        handles = publication.evidence.named_handles
        return [PartCreated(0, "video", handles[0])] if len(handles) == 1 else [WaitFor()]

    def cancel_post(self, publication, token):
        self.publisher.cancel(token, publication.get_part(0).handle)


def make_request(publication):
    (item,) = publication.media
    is_photo = "PHOTO" in publication.kind.name
    return PublishRequest(
        publication.kind.name,
        "FILE_UPLOAD" if item.is_ours else "PULL_FROM_URL",
        size=item.size if item.is_ours else None,
        video_url=None if item.is_ours or is_photo else item.url,
        image_urls=(item.url,) if is_photo else (),
        settings={**publication.options, "title": publication.text},
    )
