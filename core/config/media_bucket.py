"""Settings of media files in a bucket of S3 (MEDIA_URL=s3://bucket/prefix)."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.config.store_parameters import parse_ca_file
from platforms.setting_types import Flag, SecretText, WebUrl, from_text

REGION_PATTERN = re.compile(r"[A-Za-z0-9-]{1,64}")
BUCKET_PATTERN = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX_PATTERN = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")


def parse_region(value: str) -> str:
    if not REGION_PATTERN.fullmatch(value):
        raise ValueError("must be the name of a region, such as eu-central-1")
    return value


class BucketSettings(BaseModel):
    """Where the bucket is and with which key. Without a key that of the machine's role is used."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    endpoint_url: WebUrl | None = Field(default=None, validation_alias="MEDIA_BUCKET_ENDPOINT_URL")
    region: Annotated[str, from_text(parse_region)] = Field(
        default="us-east-1", validation_alias="MEDIA_BUCKET_REGION"
    )
    path_style: Flag = Field(default=False, validation_alias="MEDIA_BUCKET_PATH_STYLE")
    ca_file: Annotated[str, from_text(parse_ca_file)] | None = Field(
        default=None, validation_alias="MEDIA_BUCKET_CA_FILE"
    )
    access_key_id: SecretText | None = Field(
        default=None, validation_alias="MEDIA_BUCKET_ACCESS_KEY_ID"
    )
    secret_access_key: SecretText | None = Field(
        default=None, validation_alias="MEDIA_BUCKET_SECRET_ACCESS_KEY"
    )


def parse_bucket_url(netloc: str, path: str) -> tuple[str, str]:
    """Return bucket and prefix, which ends with a slash unless it is empty. Errors: ValueError."""
    if not BUCKET_PATTERN.fullmatch(netloc) or not PREFIX_PATTERN.fullmatch(path):
        raise ValueError("must be s3://bucket or s3://bucket/a/prefix")
    prefix = path.strip("/")
    return netloc, f"{prefix}/" if prefix else ""
