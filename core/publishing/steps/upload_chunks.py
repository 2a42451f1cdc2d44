"""Step `upload_chunks`: send a few chunks of the media file per claim, so that a killed worker
loses little of an upload.

The stored offset is a lower bound. After an attempt without a result, `poll` asks the platform
first, and the next chunk starts where it reports. The last chunk is unsafe: without a response the
post becomes UNCONFIRMED. It is claimed separately, so that the row shows when only the last chunk
is missing; `cancel_post` needs that.
"""

import time
from dataclasses import dataclass, replace

from core.bootstrap import Services
from core.crypto import EncryptionContext, upload_url_context
from core.errors import NotFound, OperationFailed
from core.outcomes import IMMEDIATELY, Reschedule, Snooze
from core.post_state.changes import ChangeSet
from core.post_state.settle import FINAL_STATES, FIRST_POLL_DELAYS, PostState
from core.post_state.step_state import FILE_STAMP, OFFSET_CONFIRMED, UPLOAD_URL_ERROR, without_key
from core.post_state.transitions import DRAFT_POLL_INTERVAL, move_post
from core.publishing.quota import LOCK_RETRY_AFTER
from core.publishing.step import Step
from core.publishing.steps.start import UNCONFIRMED_POLL_DELAY
from db.media.files import MediaFiles
from db.posts.posts import Post
from db.posts.quota_slots import QuotaSlots
from db.posts.upload_sessions import UploadSessions
from db.session import Session
from platforms.base import Chunk, ChunkResult, Phase
from platforms.chunks import ChunkPlan, next_chunk
from platforms.errors import Rejected, Unavailable
from platforms.secret import Secret

SOURCE_CHANGED_CODE = "source_changed"
CHUNK_TIME_BUDGET_SECONDS = 3.0
"""For how long one claim begins further chunks. One claim per chunk would take twice as long:
recording a chunk takes as long as sending it.
"""

MAX_UPLOADS_PER_ACCOUNT = 3
"""Parallel uploads of one account, so that it cannot occupy all workers."""


@dataclass(frozen=True)
class UploadChunksJob:
    provider: str
    encrypted_url: str
    url_context: EncryptionContext
    path: str
    content_type: str
    plan: ChunkPlan
    chunk: Chunk
    total_bytes: int
    file_stamp: str | None  # version of the file at the first chunk; None before that

    @property
    def is_last(self) -> bool:
        return self.chunk.last == self.total_bytes - 1


@dataclass(frozen=True)
class ChunkSent:
    """The platform's response to a chunk, and the version stamp of the file that was read."""

    sent: ChunkResult
    file_stamp: str


@dataclass(frozen=True)
class LastChunkUnanswered:
    """The last chunk may have arrived: the status has to be polled before anything else."""

    code: str


@dataclass(frozen=True)
class UploadUrlInvalid:
    """The upload URL no longer works; a poll decides what follows."""

    code: str


UploadOutcome = ChunkSent | LastChunkUnanswered | UploadUrlInvalid


class UploadChunksStep(Step[UploadChunksJob, UploadOutcome]):
    """Send the next chunks of the media file."""

    def prepare(self, session: Session, post: Post) -> UploadChunksJob:
        limit_parallel_uploads(session, post)
        upload = UploadSessions(session).get_by_post(post.id)
        media = MediaFiles(session).get(post.media_id)
        if upload is None or upload.upload_url_encrypted is None:
            raise OperationFailed("the post has no upload session", code="upload_failed")
        if media is None or media.size != upload.size or media.sha256 != upload.sha256:
            raise source_changed_error()
        plan = ChunkPlan(upload.chunk_size, upload.total_chunk_count)
        post.step_state = without_key(post.step_state, OFFSET_CONFIRMED)
        return UploadChunksJob(
            provider=post.provider,
            encrypted_url=upload.upload_url_encrypted,
            url_context=upload_url_context(post.provider, post.id, post.user_id),
            path=media.path,
            content_type=media.content_type,
            plan=plan,
            chunk=next_chunk(plan, upload.size, upload.next_offset),
            total_bytes=upload.size,
            file_stamp=post.step_state.get(FILE_STAMP),
        )

    def execute(self, job: UploadChunksJob, services: Services) -> UploadOutcome:
        """Send chunks until the time budget ends, or a chunk after the first one is not accepted.

        That failure is not reported here: the next claim sends the same chunk and reports it.
        """
        deadline = time.monotonic() + CHUNK_TIME_BUDGET_SECONDS
        url = services.key_ring.decrypt(job.encrypted_url, job.url_context)
        outcome = send_chunk(job, url, services)
        while (
            isinstance(outcome, ChunkSent)
            and not outcome.sent.is_complete
            and time.monotonic() < deadline
        ):
            following_chunk = next_chunk(job.plan, job.total_bytes, outcome.sent.next_offset)
            job = replace(job, chunk=following_chunk, file_stamp=outcome.file_stamp)
            if job.is_last:
                break
            try:
                outcome = send_chunk(job, url, services)
            except Unavailable:
                break  # the HTTP client has logged it
        return outcome

    def record(self, changes: ChangeSet, post: Post, outcome: UploadOutcome) -> Reschedule:
        if post.state in FINAL_STATES:  # a webhook came before this response
            return Reschedule(DRAFT_POLL_INTERVAL if post.step == Phase.DELIVERED else None)
        if isinstance(outcome, UploadUrlInvalid):
            post.step_state = {**post.step_state, UPLOAD_URL_ERROR: outcome.code}
            return Reschedule(UNCONFIRMED_POLL_DELAY)
        if isinstance(outcome, LastChunkUnanswered):
            move_post(changes, post, PostState.UNCONFIRMED, note=f"last chunk: {outcome.code}")
            return Reschedule(UNCONFIRMED_POLL_DELAY)
        UploadSessions(changes.session).set_offset(post.id, outcome.sent.next_offset)
        post.bytes_sent = outcome.sent.next_offset
        post.step_state = {**post.step_state, FILE_STAMP: outcome.file_stamp}
        if not outcome.sent.is_complete:
            return Reschedule(IMMEDIATELY)
        post.step = Phase.PROCESSING
        move_post(changes, post, PostState.PROCESSING, note="all bytes sent")
        return Reschedule(FIRST_POLL_DELAYS[0])


def limit_parallel_uploads(session: Session, post: Post) -> None:
    """Errors: Snooze while MAX_UPLOADS_PER_ACCOUNT uploads of the account are leased."""
    if not QuotaSlots(session).lock_account(post.oauth_account_id or 0, wait=False):
        raise Snooze(LOCK_RETRY_AFTER, "another transaction is counting the account's uploads")
    if UploadSessions(session).count_other_uploads(post) >= MAX_UPLOADS_PER_ACCOUNT:
        raise Snooze(LOCK_RETRY_AFTER, "the account's other uploads have to end first")


def send_chunk(job: UploadChunksJob, url: Secret, services: Services) -> UploadOutcome:
    data, file_stamp = read_chunk(job, services)
    try:
        sent = services.get_adapter(job.provider).publisher.send_chunk(
            url, data, chunk=job.chunk, total_size=job.total_bytes, content_type=job.content_type
        )
        return ChunkSent(sent, file_stamp)
    except Rejected as error:
        if error.code in {"upload_url_expired", "upload_unknown"}:
            return UploadUrlInvalid(error.code)
        raise
    except Unavailable as error:
        if job.is_last and error.may_have_arrived:
            return LastChunkUnanswered(error.code)
        raise


def read_chunk(job: UploadChunksJob, services: Services) -> tuple[memoryview, str]:
    """The chunk's bytes, and the file's version stamp.

    Errors: OperationFailed `source_changed` if the file is gone or has changed.
    """
    try:
        data = services.media.read(job.path, job.chunk.first, job.chunk.last)
        file_stamp = services.media.version_stamp(job.path)
    except NotFound as error:
        raise OperationFailed(str(error), code=SOURCE_CHANGED_CODE) from error
    size_at_read = file_stamp.partition(":")[0]
    if job.file_stamp not in {None, file_stamp} or size_at_read != str(job.total_bytes):
        raise source_changed_error()
    return data, file_stamp


def source_changed_error() -> OperationFailed:
    return OperationFailed(
        "the media file changed while it was being sent", code=SOURCE_CHANGED_CODE
    )
