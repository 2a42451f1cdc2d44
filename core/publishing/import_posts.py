"""Stores many scheduled posts in one transaction: all of them, or none."""

from collections.abc import Sequence
from uuid import UUID

from core.bootstrap import Services
from core.errors import CoreError, Invalid
from core.publishing.create import insert_post
from core.publishing.picture_conversion import convert_pictures
from core.publishing.post_request import PostRequest
from core.publishing.post_results import RequestOptions, find_earlier_post, request_digest
from core.publishing.resolve import resolve_request
from db.session import Database, Session

MAX_IMPORTED_POSTS = 200


class ImportRefused(Invalid):
    """A post of the import cannot be stored, so none is; `index` counts from 0."""

    def __init__(self, index: int, error: CoreError) -> None:
        super().__init__(str(error), code=error.code, details=error.details)
        self.index, self.error = index, error


def import_posts(
    database: Database,
    services: Services,
    requests: Sequence[PostRequest],
    *,
    user_id: int,
    import_id: UUID,
) -> int:
    """Store scheduled posts; return how many are new. An import that is repeated stores none again.

    Errors: ImportRefused, and nothing is stored.
    """
    converted = [
        convert_pictures(database, services, request, user_id=user_id) for request in requests
    ]
    with database.transaction() as session:
        count = 0
        for index, (original, request) in enumerate(zip(requests, converted, strict=True)):
            options = RequestOptions(
                digest=request_digest(original.content),
                received_at=services.now(),
                idempotency_key=f"import:{import_id}:{index}",
                may_queue=True,
            )
            try:
                count += store_imported(session, services, request, options, user_id=user_id)
            except CoreError as error:
                raise ImportRefused(index, error) from error
    services.wake("posts")
    return count


def store_imported(
    session: Session,
    services: Services,
    request: PostRequest,
    options: RequestOptions,
    *,
    user_id: int,
) -> bool:
    """Store one post. False if an earlier import with the same id has stored it.

    Errors: as `resolve_request`; Invalid if it has no time; Conflict for other content.
    """
    if request.publish_at is None:
        raise Invalid("publish_at is required", details={"fields": {"publish_at": "is required"}})
    key, digest = options.idempotency_key, options.digest
    if find_earlier_post(session, key, digest, user_id=user_id) is not None:
        return False
    new_post = resolve_request(
        session,
        services,
        request,
        user_id=user_id,
        now=options.received_at,
        may_queue=True,
        problems={},
    )
    return insert_post(session, services, new_post, options) is not None
