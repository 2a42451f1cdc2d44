"""Bytes on their way: some chunks per claim, so that a kill costs one chunk and no more.

The saved offset is a lower bound. After any try that did not come back, `check` asks the platform
first and the next chunk starts where it says. The last chunk is unsafe: unanswered → UNCONFIRMED.
It has a claim of its own, so that the row tells when nothing but it is missing (`cancel`).
"""

import time
from dataclasses import dataclass, replace

from core.crypto import Context, upload_context
from core.errors import Failed, NotFound
from core.ledger.book import Book
from core.ledger.endings import DRAFT_POLL, move
from core.ledger.memo import ASKED, DEAD, STAMP, without
from core.ledger.settle import FINAL, QUICK, State
from core.outcomes import NOW, Again, Later
from core.posts.quota import BUSY
from core.posts.start import ASK_SOON
from core.wiring import World
from db.media import Medias
from db.posts import Post
from db.session import Session
from db.slots import Slots
from db.uploads import UploadSessions
from platforms.base import Chunk, Phase, Sent
from platforms.chunks import Plan, chunk
from platforms.errors import Rejected, Unavailable
from platforms.secret import Secret

CHANGED = "source_changed"
STINT = 3.0  # seconds in which a claim begins further chunks: writing down each one took as long
# as sending it
AT_ONCE = 3  # uploads of one account: a crowd of its films must not take all workers


@dataclass(frozen=True)
class Job:
    provider: str
    sealed_url: str
    url_context: Context
    path: str
    content_type: str
    plan: Plan
    chunk: Chunk
    total: int
    stamp: str | None  # of the file; None before its first bytes

    @property
    def is_last(self) -> bool:
        return self.chunk.last == self.total - 1


@dataclass(frozen=True)
class Moved:
    """The platform's word on a chunk, and the stamp of the file that it came from."""

    sent: Sent
    stamp: str


@dataclass(frozen=True)
class Lost:
    """The last chunk may have arrived: the platform must be asked before anything else."""

    code: str


@dataclass(frozen=True)
class Dead:
    """The upload address no longer works; what that means, the platform's status tells."""

    code: str


Outcome = Moved | Lost | Dead


def brief(session: Session, post: Post) -> Job:
    take_turns(session, post)
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
        plan,
        chunk(plan, upload.size, upload.next_offset),
        upload.size,
        post.memo.get(STAMP),
    )


def take_turns(session: Session, post: Post) -> None:
    """Errors: Later while enough of the same account's uploads are in workers' hands."""
    if not Slots(session).lock(post.oauth_account_id or 0, wait=False):
        raise Later(BUSY, "somebody else is counting uploads")
    if UploadSessions(session).others(post) >= AT_ONCE:
        raise Later(BUSY, "other uploads of the account are under way")


def perform(job: Job, world: World) -> Outcome:
    """A stint of chunks; what stops it after the first of them is met again by the next claim."""
    end, url = time.monotonic() + STINT, world.keys.open(job.sealed_url, job.url_context)
    outcome = sent(job, url, world)
    while isinstance(outcome, Moved) and not outcome.sent.done and time.monotonic() < end:
        rest = chunk(job.plan, job.total, outcome.sent.offset)
        job = replace(job, chunk=rest, stamp=outcome.stamp)
        if job.is_last:
            break
        try:
            outcome = sent(job, url, world)
        except Unavailable:
            break  # the door has logged it
    return outcome


def sent(job: Job, url: Secret, world: World) -> Outcome:
    data, stamp = read(job, world)
    try:
        told = world.platform(job.provider).publisher.send(
            url, data, chunk=job.chunk, total=job.total, content_type=job.content_type
        )
        return Moved(told, stamp)
    except Rejected as error:
        if error.code in {"upload_url_expired", "upload_unknown"}:
            return Dead(error.code)
        raise
    except Unavailable as error:
        if job.is_last and error.reached:
            return Lost(error.code)
        raise


def read(job: Job, world: World) -> tuple[memoryview, str]:
    """The bytes, and the file's stamp. Errors: Failed if it is gone, or no longer what it was."""
    try:
        data = world.media.read(job.path, job.chunk.first, job.chunk.last)
        stamp = world.media.stamp(job.path)
    except NotFound as error:
        raise Failed(str(error), code=CHANGED) from error
    if job.stamp not in {None, stamp} or stamp.partition(":")[0] != str(job.total):
        raise Failed("the file changed while it was being sent", code=CHANGED)
    return data, stamp


def record(book: Book, post: Post, outcome: Outcome) -> Again:
    if post.state in FINAL:  # the webhook was faster than this answer
        return Again(DRAFT_POLL if post.step == Phase.DELIVERED else None)
    if isinstance(outcome, Dead):
        post.memo = {**post.memo, DEAD: outcome.code}
        return Again(ASK_SOON)
    if isinstance(outcome, Lost):
        move(book, post, State.UNCONFIRMED, note=f"last chunk: {outcome.code}")
        return Again(ASK_SOON)
    UploadSessions(book.session).reached(post.id, outcome.sent.offset)
    post.bytes_sent = outcome.sent.offset
    post.memo = {**post.memo, STAMP: outcome.stamp}
    if not outcome.sent.done:
        return Again(NOW)
    post.step = Phase.PROCESSING
    move(book, post, State.PROCESSING, note="all bytes sent")
    return Again(QUICK[0])
