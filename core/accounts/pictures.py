"""Fetches the pictures of connected accounts once a day, so that pages show them from our host.

The addresses that platforms give end after hours, and a browser that loads one tells the platform
who looks at which page. A picture that cannot be fetched any more keeps its last copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import structlog

from core.backoff import RetryPolicy, minutes, with_jitter
from core.bootstrap import MAX_PICTURE_BYTES, Services
from core.jobs.job_type import JobType
from core.media.inspection import convert_to_avatar
from core.outcomes import DONE, Failure, Reschedule
from db.accounts.accounts import Account, Accounts
from db.accounts.destinations import StoredDestination
from db.accounts.pictures import PICTURE_QUEUE, AccountPicture, AccountPictures
from db.session import Session, database_now
from platforms.errors import PlatformError
from platforms.http import SAFE_RETRY

HTTP_OK = 200
HTTPS_PREFIX, HTTP_PREFIX = "https://", "http://"
DIGEST_CHARS = 16
PICTURE_INTERVAL = timedelta(days=1)
PICTURE_RETRY_POLICY = RetryPolicy(minutes(1, 10, 60))

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PictureJob:
    """`url` of None: the account is disconnected, so that its picture is not fetched again."""

    url: str | None


@dataclass(frozen=True)
class FetchedPicture:
    """A picture, or the code of why there is none; `delay`: how long until the next one."""

    image: bytes | None
    code: str | None
    delay: timedelta | None


class PictureJobType(JobType[AccountPicture, PictureJob, FetchedPicture]):
    """Fetches the picture of one account."""

    kind = "pictures"
    queue = PICTURE_QUEUE
    retry_policy = PICTURE_RETRY_POLICY
    lease = timedelta(minutes=5)
    batch_size = 4
    pool_size = 2
    log_attempts = False  # a missing picture is no reason to look into the attempts

    def prepare(self, session: Session, picture: AccountPicture) -> PictureJob:
        account = Accounts(session).get(picture.oauth_account_id)
        is_connected = account is not None and account.disconnected_at is None
        return PictureJob(picture.url if is_connected else None)

    def execute(self, job: PictureJob, services: Services) -> FetchedPicture:
        """Fetch and shrink the picture. Whatever the platform answers is a result, no error."""
        if job.url is None:
            return FetchedPicture(None, None, None)
        delay = with_jitter(PICTURE_INTERVAL, jitter=services.jitter())
        try:
            content = download_picture(job.url, services)
        except PlatformError as error:
            return FetchedPicture(None, error.code, delay)
        if isinstance(content, str):
            return FetchedPicture(None, content, delay)
        image = convert_to_avatar(content)
        return FetchedPicture(image, None if image else "not_a_picture", delay)

    def record(
        self, session: Session, picture: AccountPicture, fetched: FetchedPicture
    ) -> Reschedule | Failure:
        picture.problem = fetched.code
        if fetched.delay is None:
            return DONE
        if fetched.image is not None:
            picture.image = fetched.image
            picture.digest = sha256(fetched.image).hexdigest()[:DIGEST_CHARS]
            picture.fetched_at = database_now(session)
        elif fetched.code is not None:
            log.info("pictures.not_fetched", account=picture.oauth_account_id, code=fetched.code)
        return Reschedule(fetched.delay)

    def on_exhausted(self, session: Session, picture: AccountPicture, failure: Failure) -> None:
        """Try again the next day all the same: an account without a picture shows its initial."""
        log.warning("pictures.failed", account=picture.oauth_account_id, code=failure.code)
        picture.due_at = database_now(session) + PICTURE_INTERVAL


PICTURE_JOB_TYPE = PictureJobType()


def download_picture(url: str, services: Services) -> bytes | str:
    """Return the bytes, or a code of why there are none. Errors: PlatformError."""
    if not url.startswith(allowed_schemes(services)):
        return "not_https"
    response = services.picture_http.call("GET", url, endpoint="picture", retry=SAFE_RETRY)
    if response.status != HTTP_OK:
        return f"http_{response.status}"
    return response.body if len(response.body) <= MAX_PICTURE_BYTES else "too_large"


def allowed_schemes(services: Services) -> tuple[str, ...]:
    is_private_allowed = services.settings.endpoint_private_hosts
    return (HTTPS_PREFIX, HTTP_PREFIX) if is_private_allowed else (HTTPS_PREFIX,)


def request_pictures(
    session: Session, login: Account, destinations: Sequence[StoredDestination]
) -> None:
    """Let the pictures of a login and of what it opens be fetched now."""
    pictures = AccountPictures(session)
    login_url = login.details.get("avatar_url")
    if login_url:
        pictures.request(login.id, None, login_url)
    for destination in destinations:
        if destination.avatar_url:
            pictures.request(login.id, destination.id, destination.avatar_url)
