"""What became of a request, as a value; also when it is asked a second time.

The upload address is opened here and nowhere else, for the caller who has to send the bytes.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.crypto import upload_context
from core.errors import CoreError, Failed, Limited
from core.ledger.memo import REFUSED, WAIT
from core.ledger.settle import State
from core.posts.quota import Quota, limits, quota
from core.wiring import World
from db.posts import Post, SentBy
from db.records import Records, TikTokPost
from db.session import Session
from db.uploads import UploadSessions
from platforms.chunks import plan
from platforms.secret import Secret

LIMITS = frozenset(
    {
        "rate_limit_exceeded",
        "spam_risk_too_many_pending_share",
        "spam_risk_too_many_posts",
        "reached_active_user_cap",
    }
)
"""Refusals that time alone lifts, and that leave nothing behind."""


CAPS = frozenset({"reached_active_user_cap"})
"""Those of the whole application: an account can do nothing about them, so its post waits."""


@dataclass(frozen=True)
class Answer:
    post: Post
    record: TikTokPost | None
    quota: Quota
    upload_url: Secret | None = None
    replayed: bool = False

    @property
    def chunks(self) -> tuple[int, int] | None:
        """Size and count for a caller who sends the bytes."""
        if self.upload_url is None:
            return None
        cut = plan(self.post.bytes_total or 0)
        return cut.chunk_size, cut.count


def answer(session: Session, world: World, post: Post, *, replayed: bool = False) -> Answer:
    session.flush()
    session.refresh(post)
    mode = post.kind.partition("_")[0]
    limit = limits(world.settings.limits)[mode]
    return Answer(
        post=post,
        record=Records(session).of(post.id),
        quota=quota(session, post.oauth_account_id or 0, mode, limit=limit),
        upload_url=address(session, world, post),
        replayed=replayed,
    )


def address(session: Session, world: World, post: Post) -> Secret | None:
    if post.sent_by != SentBy.CALLER or post.state != State.SENDING:
        return None
    upload = UploadSessions(session).of(post.id)
    if upload is None or upload.upload_url_encrypted is None:
        return None
    context = upload_context(post.provider, post.id, post.user_id)
    return world.keys.open(upload.upload_url_encrypted, context)


def refusal(post: Post, *, replayed: bool = False) -> CoreError:
    """The error that a post ended with, as the answer to its request."""
    code = str(post.error_code)
    wait = timedelta(seconds=float(post.memo.get(WAIT, 0)))
    kind = Limited if code in LIMITS else Failed
    details = {"id": post.id, "replayed": True} if replayed else {"id": post.id}
    message = post.error_message or "the platform refused it"
    return kind(message, code=code, details=details, retry_after=wait or None)


def again(session: Session, world: World, post: Post) -> Answer | CoreError:
    """The answer of a post that was asked for before."""
    if REFUSED in post.memo:
        return refusal(post, replayed=True)
    return answer(session, world, post, replayed=True)
