"""The client of S3, and what its errors mean. Nothing but the bucket store imports it.

Source: docs.aws.amazon.com, Amazon S3 API Reference, "Error responses" and "Conditional writes",
read 2026-11-30; the codes of other servers from their sources.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.session import Session

from core.config.media_bucket import BucketSettings
from core.errors import CoreError, NotFound, ServiceUnavailable, StorageUnavailable
from core.media_store.store import BROKEN_REASON, FULL_REASON, READ_ONLY_REASON, RETRY_AFTER

CONNECT_SECONDS, READ_SECONDS = 3, 10  # without a byte
ATTEMPTS = 2  # of a request, with a pause; a hung store must not hold threads for minutes
MAX_CONNECTIONS = 40  # of a process: as many as a web process has threads, and some
BUSY_RETRY_AFTER = timedelta(seconds=5)

ABSENT_CODES = frozenset({"NoSuchKey", "NotFound", "404", "InvalidRange", "416"})
FULL_CODES = frozenset(
    {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"}
)
FORBIDDEN_STATUSES = frozenset({401, 403})
FULL_STATUS, BUSY_STATUS, FIRST_FAULT_STATUS = 507, 429, 500
EXISTS_CODES = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
NO_UPLOAD_CODE = "NoSuchUpload"

# At DEBUG it writes the headers of each request, with the id of our key and the signature.
logging.getLogger("botocore").setLevel(logging.INFO)


def create_client(settings: BucketSettings) -> Any:
    """Build a client; it connects with its first request. Safe for threads, not across forks."""
    key_id, key = settings.access_key_id, settings.secret_access_key
    config = Config(
        s3={
            "addressing_style": "path" if settings.path_style else "auto",
            "payload_signing_enabled": True,  # every server checks this digest of the body
        },
        # The newer checksums are not known to every server.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=MAX_CONNECTIONS,
        ignore_configured_endpoint_urls=True,
    )
    return Session().create_client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        verify=settings.ca_file,
        aws_access_key_id=key_id.reveal() if key_id else None,
        aws_secret_access_key=key.reveal() if key else None,
        config=config,
    )


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def name_bucket_faults() -> Iterator[None]:
    """Say in words what is wrong with the store.

    Errors: NotFound, StorageUnavailable, ServiceUnavailable.
    """
    try:
        yield
    except ClientError as error:
        raise describe_refusal(error) from None  # its text may have the id of our key
    except NoCredentialsError:
        raise StorageUnavailable(
            "the media store needs a key: set MEDIA_BUCKET_ACCESS_KEY_ID and"
            " MEDIA_BUCKET_SECRET_ACCESS_KEY, or give this machine a role",
            details={"reason": READ_ONLY_REASON},
            retry_after=RETRY_AFTER,
        ) from None
    except BotoCoreError as error:
        raise ServiceUnavailable(
            f"the media store does not answer ({type(error).__name__}): check"
            " MEDIA_BUCKET_ENDPOINT_URL and the network",
            retry_after=BUSY_RETRY_AFTER,
        ) from error


def describe_refusal(error: ClientError) -> CoreError:
    """Return our error for an answer of the store."""
    code = error_code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in ABSENT_CODES:
        return NotFound("the media file does not exist, or is shorter than expected")
    if code in FULL_CODES or status == FULL_STATUS:
        reason, text = FULL_REASON, "the media store is full: give its bucket more room"
    elif code == "NoSuchBucket":
        reason, text = BROKEN_REASON, "the bucket of MEDIA_URL does not exist: create it"
    elif status in FORBIDDEN_STATUSES:
        reason = READ_ONLY_REASON
        text = (
            f"the media store refuses our key ({code}): check MEDIA_BUCKET_ACCESS_KEY_ID,"
            " MEDIA_BUCKET_SECRET_ACCESS_KEY and the policy of the bucket"
        )
    elif status == BUSY_STATUS or status >= FIRST_FAULT_STATUS:
        return ServiceUnavailable(
            f"the media store is busy or has a fault ({code})", retry_after=BUSY_RETRY_AFTER
        )
    else:
        reason, text = BROKEN_REASON, f"the media store refused a request ({code})"
    return StorageUnavailable(text, details={"reason": reason}, retry_after=RETRY_AFTER)
