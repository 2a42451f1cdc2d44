"""Style sheets, scripts and pictures of the pages: cached for a year, compressed.

Their addresses carry the hash of their content (`?v=…`), so a new version has a new address. HTML
is not compressed: it contains CSRF tokens beside what an address can put into it (BREACH).
"""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.security import safe_join

STATIC_PATH_PREFIX = "/static/"
VERSION_PARAMETER = "v"
VERSION_DIGITS = 12
COMPRESSED_TYPES = frozenset({"text/css", "text/javascript", "image/svg+xml"})
MIN_COMPRESSED_BYTES = 500
OK_STATUS, NOT_MODIFIED_STATUS = 200, 304
UNCHANGED_FOR_A_YEAR = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


def init_static_files(app: Flask) -> None:
    app.url_defaults(add_version)
    app.after_request(prepare_file)


def add_version(endpoint: str, values: dict[str, Any]) -> None:
    """Add the hash of its content to the address of a file."""
    folder = static_folder(endpoint)
    path = folder and safe_join(folder, str(values.get("filename")))
    if path and (file := Path(path)).is_file():
        values.setdefault(VERSION_PARAMETER, hash_file(file, file.stat().st_mtime_ns))


def static_folder(endpoint: str) -> str | None:
    """Return the folder whose files an endpoint serves, if it is one for files."""
    blueprint, _, view = endpoint.rpartition(".")
    if view != "static":
        return None
    return (
        current_app.blueprints[blueprint].static_folder if blueprint else current_app.static_folder
    )


@lru_cache(maxsize=256)
def hash_file(file: Path, _changed_at: int) -> str:
    """Hash a file, once for each of its versions."""
    return hash_bytes(file.read_bytes())


def hash_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:VERSION_DIGITS]


def prepare_file(response: Response) -> Response:
    """Let browsers keep a file that is named with its version, and compress it."""
    if not request.path.startswith(STATIC_PATH_PREFIX):
        return response
    if response.status_code not in {OK_STATUS, NOT_MODIFIED_STATUS}:
        return response
    has_version = VERSION_PARAMETER in request.args
    response.headers["Cache-Control"] = UNCHANGED_FOR_A_YEAR if has_version else ASK_AGAIN
    return compress_response(response) if response.status_code == OK_STATUS else response


def compress_response(response: Response) -> Response:
    """Compress a text if the browser accepts it; its ETag is then another one."""
    if response.mimetype not in COMPRESSED_TYPES:
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"] or request.range is not None:
        return response
    response.direct_passthrough = False
    content = response.get_data()
    if len(content) < MIN_COMPRESSED_BYTES:
        return response
    response.set_etag(f"{hash_bytes(content)}-gzip")
    response.set_data(compress_bytes(content))
    response.headers["Content-Encoding"] = "gzip"
    return response.make_conditional(request)  # type: ignore[return-value]  # of the same class


@lru_cache(maxsize=256)
def compress_bytes(content: bytes) -> bytes:
    """Compress a file, once for each of its versions."""
    return gzip.compress(content, compresslevel=9, mtime=0)
