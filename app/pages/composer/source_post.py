"""An earlier post as the content of the form, to be written again."""

from uuid import uuid4

from werkzeug.datastructures import MultiDict

from app.http.context import current_container, current_principal
from app.pages.composer.blocks import fill_general_values
from app.pages.composer.form import Composition, parse_form
from app.pages.composer.targets import ComposerTarget, load_targets
from core import publishing
from core.publishing import PostView
from core.publishing.resolve import read_stored_fields
from db.posts.posts import Post
from platforms.registry import PLATFORMS


def copy_post(post_id: int) -> Composition:
    """Return a new composition with the account, text, files and settings of a post.

    Errors: NotFound, also for a post of another user.
    """
    view = publishing.get_post(
        current_container().database, post_id, user_id=current_principal().user_id
    )
    post = view.post
    fields: MultiDict[str, str] = MultiDict([("text", post.title)])
    target = find_target(post)
    if target is not None:
        fields.add("account", target.key)
        stored = read_stored_fields(post)
        form = target.rules.form
        fill = form.block.fill_values if form and form.block else None
        options = stored["options"]
        values = (
            fill(post.kind, options)
            if fill
            else fill_general_values(target.rules, post.kind, options)
        )
        for name, value in values.items():
            fields.add(f"set.{target.key}.{name}", value)
    add_media(fields, view)
    return parse_form(fields, uuid4())


def find_target(post: Post) -> ComposerTarget | None:
    """Return the account of the post, if it is still there."""
    for target in load_targets(post.provider):
        query = target.query
        if post.destination_id is None and query.get("account_id") == post.oauth_account_id:
            return target
        if post.destination_id is not None and query.get("destination_id") == post.destination_id:
            return target
    return None


def add_media(fields: MultiDict[str, str], view: PostView) -> None:
    post, list_urls = view.post, PLATFORMS[view.post.provider].list_stored_urls
    kind = PLATFORMS[post.provider].kinds.get(post.kind)
    extra_roles = {slot.role for slot in kind.slots[1:]} if kind else set()
    sources = [
        (part.media_id, part.url, part.alt_text)
        for part in view.parts
        if part.role not in extra_roles
    ]
    if not sources and list_urls is not None:
        sources = [(post.media_id, None, None)] if post.media_id else []
        sources += [(None, url, None) for url in list_urls(post.payload_json)]
    for number, (media_id, url, alt_text) in enumerate(sources):
        if media_id is None and not url:
            continue
        key = f"copy{number}"
        fields.add("media_key", key)
        fields[f"media_id.{key}"] = str(media_id or "")
        fields[f"media_url.{key}"] = url or ""
        fields[f"alt_text.{key}"] = alt_text or ""
