"""The uploaded files that a composition names, as they are stored now."""

from collections.abc import Sequence
from dataclasses import replace

from app.http.context import current_container, current_principal
from app.pages.composer.form import ComposedItem, Composition
from db.media.files import Media, MediaFiles
from db.session import Session

MAX_RECENT_FILES = 6


def load_files(composition: Composition) -> Composition:
    """Return the composition with what is known of its files."""
    if not any(item.media_id is not None for item in composition.items):
        return composition
    with current_container().database.transaction() as session:
        items = [load_file(session, item) for item in composition.items]
    return replace(composition, items=tuple(items))


def load_file(session: Session, item: ComposedItem) -> ComposedItem:
    """A file of another user counts as gone."""
    if item.media_id is None:
        return item
    user_id = current_principal().user_id
    row = MediaFiles(session).get_for_user(item.media_id, user_id=user_id)
    if row is None or row.completed_at is None:
        return replace(item, is_missing=True)
    return replace(
        item,
        name=row.filename,
        content_type=row.content_type,
        probe=row.probe or {},
        size=row.size,
    )


def load_recent_files(composition: Composition) -> Sequence[Media]:
    """Return the user's newest files that are not in the composition."""
    chosen = {item.media_id for item in composition.items}
    with current_container().database.transaction() as session:
        rows = MediaFiles(session).list_recent(
            current_principal().user_id, limit=MAX_RECENT_FILES + len(chosen)
        )
    return [row for row in rows if row.id not in chosen][:MAX_RECENT_FILES]
