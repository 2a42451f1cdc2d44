"""The accounts that the composer offers, the unusable ones with their reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for

from app.http.context import current_container, current_principal
from app.http.i18n import translate_text
from app.pages.account_view import account_name
from app.pages.avatars import avatar_url, destination_avatar_url
from app.pages.brands import platform_title
from core import accounts
from core.accounts import AccountView, DestinationView
from db.accounts.destinations import DestinationStatus
from platforms.platform import Platform
from platforms.registry import PLATFORMS


@dataclass(frozen=True)
class ComposerTarget:
    """An account to post to. `query` is what names it in a request; `key` in the form.

    `reason`: why nothing can be posted to it now, in the reader's language.
    """

    key: str
    platform: str
    name: str
    login_id: int
    query: dict[str, int]
    avatar: str | None = None
    reason: str | None = None

    @property
    def rules(self) -> Platform:
        return PLATFORMS[self.platform]

    @property
    def platform_name(self) -> str:
        return platform_title(self.platform)

    @property
    def css_class(self) -> str:
        return self.rules.brand.css_class

    @property
    def fix_url(self) -> str:
        """The page on which the account can be mended."""
        return url_for("account_pages.show_platform", platform=self.platform)


def load_targets(platform: str | None = None) -> list[ComposerTarget]:
    """Load the user's accounts on all platforms that take posts from a form, or on one."""
    with current_container().database.transaction() as session:
        views = accounts.list_platform_views(
            session, current_container().services, user_id=current_principal().user_id
        )
    return [
        target
        for view in views
        if platform in {None, view.platform} and has_form(view.platform) and view.is_configured
        for account in view.accounts
        for target in list_account_targets(account)
    ]


def has_form(platform: str) -> bool:
    return PLATFORMS[platform].form is not None and bool(PLATFORMS[platform].kinds)


def list_account_targets(view: AccountView) -> list[ComposerTarget]:
    reason = None if view.is_active else translate_text("Reconnect needed")
    if view.destinations is None:
        key = f"{view.provider}-a{view.id}"
        query = {"account_id": view.id}
        name, avatar = account_name(view), avatar_url(view.id, None, view.picture_digest)
        return [ComposerTarget(key, view.provider, name, view.id, query, avatar, reason)]
    return [
        build_destination_target(view, item, reason)
        for item in view.destinations
        if item.is_selected
    ]


def build_destination_target(
    view: AccountView, item: DestinationView, reason: str | None
) -> ComposerTarget:
    if item.status != DestinationStatus.ACTIVE:
        reason = reason or translate_text("Not available at the moment")
    return ComposerTarget(
        key=f"{view.provider}-d{item.id}",
        platform=view.provider,
        name=item.handle or item.name,
        login_id=view.id,
        query={"destination_id": item.id},
        avatar=destination_avatar_url(item),
        reason=reason,
    )


def pick_targets(targets: Sequence[ComposerTarget], keys: Sequence[str]) -> list[ComposerTarget]:
    """Return the chosen accounts of those that can be posted to, in the order of the page."""
    return [target for target in targets if target.key in keys and target.reason is None]


def describe_platforms(targets: Sequence[ComposerTarget]) -> list[dict[str, Any]]:
    """The platforms of these accounts, each once."""
    names = dict.fromkeys(target.platform for target in targets)
    return [
        {"code": name, "name": platform_title(name), "css_class": PLATFORMS[name].brand.css_class}
        for name in names
    ]
