"""Publishing pages that platforms have of their own, and their two parts that depend on the chosen
account: quota and what the account allows.

Templates, scripts and values are the platform's (`PublishForm.page`).
"""

from typing import Any

from flask import Blueprint, render_template
from jinja2 import BaseLoader, FileSystemLoader, PrefixLoader

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.errors import describe_error
from app.http.validation import row_id_from_query
from app.pages.account_view import account_fields
from app.pages.brands import platform_title
from app.pages.quota_view import load_quota_fields
from core import accounts, publishing
from core.errors import CoreError, NotFound
from platforms.errors import PlatformError
from platforms.platform import OwnPage
from platforms.registry import PLATFORMS

blueprint = Blueprint("upload_pages", __name__)

REFRESH_SECONDS = 30


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/upload")
@require_login("posts:write", "media:write")
def show_upload_form(platform: str) -> str:
    """Show the form that uploads media, as the platform wants it."""
    page, services = find_own_page(platform), current_container().services
    with current_container().database.transaction() as session:
        views = accounts.list_account_views(
            session, services, user_id=current_principal().user_id, provider=platform
        )
    active_accounts = [account_fields(view) for view in views if view.is_active]
    return render_template(
        f"{platform}/{page.template}",
        **page.build_values(services.settings.of_platform(platform)),
        platform=platform,
        platform_name=platform_title(platform),
        css_class=PLATFORMS[platform].brand.css_class,
        accounts=active_accounts,
        accounts_to_reconnect=[account_fields(view) for view in views if view.needs_reconnect],
        quota=load_quota_fields(platform, account_id=active_accounts[0]["id"])
        if active_accounts
        else None,
        refresh_seconds=REFRESH_SECONDS,
    )


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/upload/quota")
@require_login("posts:read")
def show_quota(platform: str) -> str:
    """Show an account's remaining quota, for the script that refreshes it."""
    find_own_page(platform)
    return render_template(
        "_quota.html",
        quota=load_quota_fields(platform, account_id=row_id_from_query("account_id")),
        refresh_seconds=REFRESH_SECONDS,
    )


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/upload/direct")
@require_login("posts:write")
def show_direct_options(platform: str) -> str:
    """Show the options that the creator's account allows now; they are queried for each form."""
    page = find_own_page(platform)
    return render_template(
        f"{platform}/{page.choices_template}",
        **creator_fields(platform, row_id_from_query("account_id")),
    )


def find_own_page(platform: str) -> OwnPage:
    """Errors: NotFound if the platform has the general form, or none."""
    form = PLATFORMS[platform].form
    if form is None or form.page is None:
        raise NotFound(f"{platform} has no publishing page of its own")
    return form.page


def creator_fields(platform: str, account_id: int | None) -> dict[str, Any]:
    """Load what the creator's account allows, or the error message if it cannot post now."""
    try:
        creator = publishing.get_posting_choices(
            current_container().database,
            current_container().services,
            platform,
            user_id=current_principal().user_id,
            account_id=account_id,
        )
    except (CoreError, PlatformError) as error:
        return {"blocked": describe_error(error), "creator": None}
    return {"blocked": None, "creator": creator}


def build_template_loader() -> BaseLoader:
    """Load the templates of platforms under their names: `<platform>/<template>`."""
    pages = list_own_pages()
    return PrefixLoader({name: FileSystemLoader(page.folder) for name, page in pages.items()})


def build_static_blueprints() -> list[Blueprint]:
    """Serve the scripts of platforms at `/static/platforms/<platform>/`."""
    return [
        Blueprint(
            f"{name}_files",
            __name__,
            static_folder=page.folder / "static",
            static_url_path=f"/static/platforms/{name}",
        )
        for name, page in list_own_pages().items()
    ]


def list_own_pages() -> dict[str, OwnPage]:
    return {
        name: platform.form.page
        for name, platform in PLATFORMS.items()
        if platform.form is not None and platform.form.page is not None
    }
