"""Receives the bytes of uploads (tus PATCH) on the event loop and passes them to Flask in parts.

A PATCH of any length is stored as if the client had sent several shorter ones: Flask gets a
request for each part that has arrived, and a thread only while it stores one. So an upload may be
as slow as its line, and stays where it is if the line breaks (decision 0034).
"""

import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from app.http import request_log
from app.http.body_receipt import (
    KIB,
    MIB,
    UPLOAD_RULE,
    BodyProgress,
    BodyReceiver,
    CollectedResponse,
    Receive,
    Scope,
    Send,
    raise_if_disconnected,
    replay_body,
)
from core.errors import CoreError, RateLimitExceeded, ServiceUnavailable, TooLarge

UPLOAD_PATH_PATTERN = re.compile(r"/api/media/\d+", re.ASCII)
OFFSET_HEADER, LENGTH_HEADER = b"upload-offset", b"upload-length"
BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding", b"expect", OFFSET_HEADER})

PART_BYTES = MIB
SMALL_PART_BYTES = 64 * KIB  # is stored while many uploads wait for more
MAX_UPLOADS = 512
MAX_UPLOADS_PER_USER = 64
RETRY_DELAY = timedelta(seconds=10)
STORED_STATUS = 204

CallFlask = Callable[[Scope, Receive, Send], Awaitable[None]]


class UploadPart(NamedTuple):
    """Some bytes of a PATCH; `error` says why there are no more, if that is not its end."""

    data: bytes
    is_last: bool
    error: Exception | None = None


class UploadReceiver:
    """Receives the uploads of one process, all on one event loop."""

    def __init__(self, bodies: BodyReceiver, call_flask: CallFlask) -> None:
        self._bodies, self._call_flask = bodies, call_flask
        self._open_uploads: Counter[int] = Counter()  # by user id

    async def receive_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a PATCH. It is refused, if it must be, before its body is read."""
        upload = Upload(self._call_flask, scope)
        response = await upload.store_part(UploadPart(b"", is_last=has_no_body(scope)))
        if has_no_body(scope):
            await response.send_whole(send)
            return
        refusal = self._find_refusal(upload, response) if response.status == STORED_STATUS else None
        if refusal is not None:
            response = await upload.build_refusal(refusal)
        if response.status != STORED_STATUS:
            await response.refuse_rest(receive, send)
            return
        with self._count_upload(upload.user_id):
            parts = self._iterate_parts(receive, count_missing_bytes(response))
            await self._store_parts(upload, parts, receive, send)

    async def _store_parts(
        self, upload: "Upload", parts: AsyncIterator[UploadPart], receive: Receive, send: Send
    ) -> None:
        async for part in parts:
            try:
                response = await upload.store_part(part)
            finally:
                self._bodies.release_bytes(len(part.data))
            if part.error and response.status == STORED_STATUS:
                response = await upload.build_refusal(part.error)
            if isinstance(part.error, ClientDisconnected):
                await response.send_whole(send)  # it may have closed only its own half
                return
            if part.is_last and not part.error:
                await response.send_whole(send)
            elif response.status != STORED_STATUS:
                await response.refuse_rest(receive, send)
                return

    async def _iterate_parts(
        self, receive: Receive, missing_bytes: int
    ) -> AsyncIterator[UploadPart]:
        """Yield parts; the last one may be empty. Their bytes are held until they are released.

        The part that would complete the file is held back until the body ends: a body without a
        stated length may go on, and then it is not the file that was announced.
        """
        is_last = False
        error: Exception | None = None
        while not is_last:
            chunks: list[bytes] = []
            try:
                is_last = await self._receive_part(receive, chunks, missing_bytes)
            except (ClientDisconnected, RequestTimeout) as reason:
                is_last, error = True, reason
            data = b"".join(chunks)
            if len(data) > missing_bytes:
                self._bodies.release_bytes(len(data))
                data, is_last, error = b"", True, body_too_long(missing_bytes)
            missing_bytes -= len(data)
            yield UploadPart(data, is_last, error)

    async def _receive_part(
        self, receive: Receive, chunks: list[bytes], missing_bytes: int
    ) -> bool:
        """Append what arrives to `chunks`; return whether the body has ended.

        It ends early with more than `missing_bytes`. Errors: ClientDisconnected, RequestTimeout.
        """
        size = 0
        with BodyProgress(self._bodies, UPLOAD_RULE) as progress:
            while True:
                message = raise_if_disconnected(await receive())
                chunk = message.get("body", b"")
                chunks.append(chunk)
                size += len(chunk)
                progress.add_bytes(len(chunk))
                if not message.get("more_body", False):
                    return True
                is_enough = size >= (SMALL_PART_BYTES if self._bodies.is_crowded else PART_BYTES)
                if size > missing_bytes or (is_enough and size < missing_bytes):
                    return False

    def _find_refusal(self, upload: "Upload", response: CollectedResponse) -> CoreError | None:
        missing_bytes = count_missing_bytes(response)
        if upload.announced_bytes > missing_bytes:
            return TooLarge(
                f"the request has {upload.announced_bytes} bytes, and {missing_bytes} of the"
                " announced size of the file are missing: nothing of it was stored",
                details={"missing": missing_bytes},
            )
        if self._open_uploads[upload.user_id] >= MAX_UPLOADS_PER_USER:
            return RateLimitExceeded(
                f"{MAX_UPLOADS_PER_USER} uploads of this user are being received, which is the most"
                f" at a time: go on in {RETRY_DELAY.seconds} seconds",
                code="RATE_LIMIT_EXCEEDED",
                retry_after=RETRY_DELAY,
            )
        if self._open_uploads.total() >= MAX_UPLOADS:
            return ServiceUnavailable(
                f"{MAX_UPLOADS} uploads are being received, which is the most at a time: go on in"
                f" {RETRY_DELAY.seconds} seconds",
                retry_after=RETRY_DELAY,
            )
        return None

    @contextmanager
    def _count_upload(self, user_id: int) -> Iterator[None]:
        self._open_uploads[user_id] += 1
        try:
            yield
        finally:
            self._open_uploads[user_id] -= 1
            if not self._open_uploads[user_id]:
                del self._open_uploads[user_id]


class Upload:
    """One PATCH of a client, as the shorter ones that Flask gets for it."""

    def __init__(self, call_flask: CallFlask, scope: Scope) -> None:
        headers = dict(scope["headers"])
        self._call_flask, self._scope = call_flask, scope
        self._offset = headers.get(OFFSET_HEADER, b"")
        self.announced_bytes = int(headers.get(b"content-length", b"0"))  # 0 of a body in chunks
        self._headers = [item for item in scope["headers"] if item[0] not in BODY_HEADERS]
        self._started_at = time.perf_counter()
        self._request_id = request_log.find_scope_request_id(scope)
        self.user_id = 0

    async def store_part(self, part: UploadPart) -> CollectedResponse:
        handover = request_log.RequestHandover(
            self._started_at, self._request_id, is_partial=not part.is_last
        )
        response = await self._make_request(part.data, handover)
        if response.status == STORED_STATUS:
            self._offset = response.headers[OFFSET_HEADER]
        return response

    async def build_refusal(self, error: Exception) -> CollectedResponse:
        handover = request_log.RequestHandover(self._started_at, self._request_id, refusal=error)
        return await self._make_request(b"", handover)

    async def _make_request(
        self, data: bytes, handover: request_log.RequestHandover
    ) -> CollectedResponse:
        headers = [
            *self._headers,
            *([(OFFSET_HEADER, self._offset)] if self._offset else []),
            (b"content-length", str(len(data)).encode()),
        ]
        scope = {**self._scope, "headers": headers, request_log.HANDOVER_KEY: handover}
        response = CollectedResponse()
        await self._call_flask(scope, replay_body(data), response.collect)
        self.user_id = scope.get(request_log.USER_ID_KEY, self.user_id)
        return response


def count_missing_bytes(response: CollectedResponse) -> int:
    return int(response.headers[LENGTH_HEADER]) - int(response.headers[OFFSET_HEADER])


def body_too_long(missing_bytes: int) -> TooLarge:
    return TooLarge(
        f"the request has more bytes than the {missing_bytes} that were missing of the announced"
        " size of the file: none of them was stored",
        details={"missing": missing_bytes},
    )


def is_upload_request(method: str, path: str) -> bool:
    return method == "PATCH" and UPLOAD_PATH_PATTERN.fullmatch(path) is not None


def has_no_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
