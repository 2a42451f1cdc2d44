"""Prepares the files of a request before they are checked: inspects those whose inspection after
the upload was postponed, and converts pictures to JPEG where the request asks for that.
"""

from core.bootstrap import Services
from core.media.files import convert_picture
from core.media.uploads import get_inspected_file
from core.publishing.post_request import MediaRequest, PostRequest
from db.media.files import MediaFiles
from db.session import Database

JPEG = "image/jpeg"
PICTURE_PREFIX = "image/"
CONVERT_OPTION = "convert_images"
"""Name of the option, on platforms that have it, that asks for the conversion of all pictures."""


def convert_pictures(
    database: Database, services: Services, request: PostRequest, *, user_id: int
) -> PostRequest:
    """Return the request with copies as JPEG in place of other pictures, where it wants them.

    A file that cannot be converted stays: the rules of the platform refuse it. Errors:
    ServiceUnavailable if a file cannot be inspected now; StorageUnavailable, StorageBudgetExceeded,
    TooManyUploads for the copies.
    """
    inspect_files(database, services, request, user_id=user_id)
    converts_all = request.options.get(CONVERT_OPTION) is True
    if not any(should_convert(item, converts_all=converts_all) for item in request.media):
        return request
    media = [
        convert_item(database, services, item, user_id=user_id)
        if should_convert(item, converts_all=converts_all)
        else item
        for item in request.media
    ]
    return request.model_copy(update={"media": media})


def inspect_files(
    database: Database, services: Services, request: PostRequest, *, user_id: int
) -> None:
    """Inspect the files whose inspection was postponed. Errors: ServiceUnavailable."""
    media_ids = [item.media_id for item in request.media if item.media_id is not None]
    if not media_ids:
        return
    with database.transaction() as session:
        uninspected = MediaFiles(session).list_uninspected(media_ids, user_id=user_id)
    for media_id in uninspected:
        get_inspected_file(database, services, media_id, user_id=user_id)


def should_convert(item: MediaRequest, *, converts_all: bool) -> bool:
    return item.media_id is not None and (item.convert or converts_all)


def convert_item(
    database: Database, services: Services, item: MediaRequest, *, user_id: int
) -> MediaRequest:
    with database.transaction() as session:
        media = MediaFiles(session).get_for_user(item.media_id or 0, user_id=user_id)
    is_other_picture = (
        media is not None
        and media.completed_at is not None
        and media.content_type.startswith(PICTURE_PREFIX)
        and media.content_type != JPEG
    )
    if media is None or not is_other_picture:
        return item
    copy = convert_picture(database, services, media, user_id=user_id)
    return item if copy is None else item.model_copy(update={"media_id": copy.id})
