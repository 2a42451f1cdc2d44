"""The objects of a bucket, as the bucket store needs them: a thin layer over the S3 client.

Errors of every method: those of `name_bucket_faults`.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from core.config.media_bucket import BucketSettings
from core.errors import StorageUnavailable
from core.media_store.s3_client import (
    EXISTS_CODES,
    NO_UPLOAD_CODE,
    create_client,
    error_code,
    name_bucket_faults,
)
from core.media_store.store import BROKEN_REASON

MAX_DELETED_KEYS = 1000  # of one request


@dataclass(frozen=True)
class StoredObject:
    """An object as a list shows it. Units: bytes."""

    key: str
    size: int
    changed_at: datetime


@dataclass(frozen=True)
class StoredPart:
    number: int
    etag: str
    size: int


@dataclass(frozen=True)
class BegunUpload:
    """A multipart upload that was neither completed nor aborted."""

    key: str
    upload_id: str
    begun_at: datetime


class BucketObjects:
    """Objects of one bucket, by their keys."""

    def __init__(self, bucket: str, settings: BucketSettings) -> None:
        self.bucket, self._settings = bucket, settings
        self._clients: dict[int, Any] = {}  # by process: a fork must not share its connections
        self._lock = Lock()

    @property
    def _client(self) -> Any:
        process_id = os.getpid()
        with self._lock:
            if process_id not in self._clients:
                with name_bucket_faults():
                    self._clients = {process_id: create_client(self._settings)}
            return self._clients[process_id]

    def write(self, key: str, data: bytes) -> None:
        with name_bucket_faults():
            self._client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def put_new(self, key: str, data: bytes) -> bool:
        """Store an object unless there is one under this key; return whether it was stored."""
        with name_bucket_faults():
            try:
                self._client.put_object(Bucket=self.bucket, Key=key, Body=data, IfNoneMatch="*")
            except ClientError as error:
                if error_code(error) in EXISTS_CODES:
                    return False
                raise
        return True

    def get(self, key: str, first: int | None = None, last: int | None = None) -> bytes:
        """Return an object, or its bytes from `first` to `last` inclusive. Errors: NotFound."""
        bounds = {} if first is None else {"Range": f"bytes={first}-{last}"}
        with name_bucket_faults():
            response = self._client.get_object(Bucket=self.bucket, Key=key, **bounds)
            content: bytes = response["Body"].read()
        return content

    def head(self, key: str) -> tuple[int, str]:
        """Return size and ETag. Errors: NotFound."""
        with name_bucket_faults():
            response = self._client.head_object(Bucket=self.bucket, Key=key)
        return int(response["ContentLength"]), str(response["ETag"]).strip('"')

    def list_objects(self, prefix: str) -> list[StoredObject]:
        """Return all objects whose keys begin so, in the order of their keys."""
        with name_bucket_faults():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            return [
                StoredObject(each["Key"], int(each["Size"]), each["LastModified"])
                for page in pages
                for each in page.get("Contents", ())
            ]

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that do not exist are no fault."""
        rest = list(keys)
        while rest:
            batch, rest = rest[:MAX_DELETED_KEYS], rest[MAX_DELETED_KEYS:]
            objects = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
            with name_bucket_faults():
                response = self._client.delete_objects(Bucket=self.bucket, Delete=objects)
            for fault in response.get("Errors", ()):
                raise StorageUnavailable(
                    f"the media store did not delete an object ({fault.get('Code')})",
                    details={"reason": BROKEN_REASON},
                )

    def begin_upload(self, key: str) -> str:
        """Begin a multipart upload and return its id."""
        with name_bucket_faults():
            response = self._client.create_multipart_upload(Bucket=self.bucket, Key=key)
        return str(response["UploadId"])

    def put_part(self, key: str, upload_id: str, number: int, data: bytes) -> StoredPart:
        with name_bucket_faults():
            response = self._client.upload_part(
                Bucket=self.bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=data
            )
        return StoredPart(number, str(response["ETag"]), len(data))

    def list_parts(self, key: str, upload_id: str) -> list[StoredPart] | None:
        """Return the parts in the order of their numbers; None if there is no such upload."""
        with name_bucket_faults():
            pages = self._client.get_paginator("list_parts").paginate(
                Bucket=self.bucket, Key=key, UploadId=upload_id
            )
            try:
                parts = [describe_part(each) for page in pages for each in page.get("Parts", ())]
            except ClientError as error:
                if error_code(error) == NO_UPLOAD_CODE:
                    return None
                raise
        return sorted(parts, key=lambda part: part.number)

    def complete_upload(self, key: str, upload_id: str, parts: Iterable[StoredPart]) -> bool:
        """Make one object of the parts; return whether there was such an upload."""
        listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        with name_bucket_faults():
            try:
                self._client.complete_multipart_upload(
                    Bucket=self.bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": listed},
                )
            except ClientError as error:
                if error_code(error) == NO_UPLOAD_CODE:
                    return False
                raise
        return True

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Remove the parts of an upload; one that does not exist is no fault."""
        with name_bucket_faults():
            try:
                self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if error_code(error) != NO_UPLOAD_CODE:
                    raise

    def iter_uploads(self, prefix: str) -> Iterator[BegunUpload]:
        """Yield the multipart uploads of keys that begin so."""
        with name_bucket_faults():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            for page in pages:
                for each in page.get("Uploads", ()):
                    yield BegunUpload(each["Key"], each["UploadId"], each["Initiated"])


def describe_part(entry: Mapping[str, Any]) -> StoredPart:
    return StoredPart(int(entry["PartNumber"]), str(entry["ETag"]), int(entry["Size"]))
