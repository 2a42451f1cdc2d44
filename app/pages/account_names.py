"""The accounts of a user by name: choices of a filter, and whose post a row is."""

from collections.abc import Iterable
from typing import NamedTuple

from app.pages.account_view import account_name, load_platforms
from app.pages.avatars import avatar_url, destination_avatar_url
from app.pages.brands import platform_title
from core.accounts import AccountView
from db.posts.posts import Post
from platforms.registry import PLATFORMS


class AccountLabel(NamedTuple):
    """An account that is posted to. `key`: the id of the login and, behind it, of the account."""

    key: str
    name: str
    platform: str
    platform_name: str
    css_class: str
    avatar: str | None


def list_account_labels(views: Iterable[AccountView] | None = None) -> list[AccountLabel]:
    """List the logins that are posted to, and the chosen accounts behind logins."""
    if views is None:
        views = [view for platform in load_platforms() for view in platform.accounts]
    return [label for view in views for label in label_account(view)]


def label_account(view: AccountView) -> list[AccountLabel]:
    shared = (
        view.provider,
        platform_title(view.provider),
        PLATFORMS[view.provider].brand.css_class,
    )
    if view.destinations is None:
        avatar = avatar_url(view.id, None, view.picture_digest)
        return [AccountLabel(str(view.id), account_name(view), *shared, avatar)]
    return [
        AccountLabel(
            f"{view.id}:{item.id}", item.handle or item.name, *shared, destination_avatar_url(item)
        )
        for item in view.destinations
        if item.is_selected
    ]


def post_account_key(post: Post) -> str:
    """Return the key of the account of a post."""
    if post.destination_id is None:
        return str(post.oauth_account_id)
    return f"{post.oauth_account_id}:{post.destination_id}"
