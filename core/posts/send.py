"""Bytes on their way: one chunk per claim, so that a kill costs one chunk and no more.

The saved offset is a lower bound. After any try that did not come back, `check` asks the platform
first and the next chunk starts where it says. The last chunk is unsafe: unanswered → UNCONFIRMED.
"""

from dataclasses import dataclass

from core.crypto import Context, upload_context
from core.errors import Failed, NotFound
from core.ledger.endings import DRAFT_POLL
from core.ledger.memo import ASKED, DEAD, without
from core.ledger.news import to
from core.ledger.settle import FINAL, QUICK, State
from core.outcomes import Again
from core.posts.begun import NOW
from core.posts.start import ASK_SOON
from core.wiring import World
from db.media import Medias
from db.posts import Post
from db.session import Session
from db.uploads import UploadSessions
from platforms.base import Chunk, Phase, Sent
from platforms.chunks import Plan, chunk
from platforms.errors import Rejected, Unavailable

CHANGED = "invalid_file_upload"


@dataclass(frozen=True)
class Job:
    provider: str
    sealed_url: str
    url_context: Context
    path: str
    content_type: str
    chunk: Chunk
    total: int

    @property
    def is_last(self) -> bool:
        return self.chunk.last == self.total - 1


@dataclass(frozen=True)
class Lost:
    """The last chunk may have arrived: the platform must be asked before anything else."""

    code: str


@dataclass(frozen=True)
class Dead:
    """The upload address no longer works; what that means, the platform's status tells."""

    code: str


Outcome = Sent | Lost | Dead


def brief(session: Session, post: Post) -> Job:
    upload = UploadSessions(session).of(post.id)
    media = Medias(session).get(post.media_id)
    if upload is None or upload.upload_url_encrypted is None:
        raise Failed("no upload session", code="upload_failed")
    if media is None or media.size != upload.size or media.sha256 != upload.sha256:
        raise Failed("the file changed while it was being sent", code=CHANGED)
    plan = Plan(upload.chunk_size, upload.total_chunk_count)
    post.memo = without(post.memo, ASKED)
    return Job(
        post.provider,
        upload.upload_url_encrypted,
        upload_context(post.provider, post.id, post.user_id),
        media.path,
        media.content_type,
        chunk(plan, upload.size, upload.next_offset),
        upload.size,
    )


def perform(job: Job, world: World) -> Outcome:
    data = read(job, world)
    url = world.keys.open(job.sealed_url, job.url_context)
    try:
        return world.platform(job.provider).publisher.send(
            url, data, chunk=job.chunk, total=job.total, content_type=job.content_type
        )
    except Rejected as error:
        if error.code in {"upload_url_expired", "upload_unknown"}:
            return Dead(error.code)
        raise
    except Unavailable as error:
        if job.is_last and error.reached:
            return Lost(error.code)
        raise


def read(job: Job, world: World) -> bytes:
    """Errors: Failed if the file is gone or shorter than it was."""
    try:
        return world.media.read(job.path, job.chunk.first, job.chunk.last)
    except NotFound as error:
        raise Failed(str(error), code=CHANGED) from error


def record(session: Session, post: Post, outcome: Outcome) -> Again:
    if post.state in FINAL:  # the webhook was faster than this answer
        return Again(DRAFT_POLL if post.step == Phase.DELIVERED else None)
    if isinstance(outcome, Dead):
        post.memo = {**post.memo, DEAD: outcome.code}
        return Again(ASK_SOON)
    if isinstance(outcome, Lost):
        to(session, post, State.UNCONFIRMED, note=f"last chunk: {outcome.code}")
        return Again(ASK_SOON)
    UploadSessions(session).reached(post.id, outcome.offset)
    post.bytes_sent = outcome.offset
    if not outcome.done:
        return Again(NOW)
    post.step = Phase.PROCESSING
    to(session, post, State.PROCESSING, note="all bytes sent")
    return Again(QUICK[0])
