"""What platforms add to their publishing forms: templates, scripts, and what an account
allows now.
"""

from typing import Any

from flask import Blueprint
from jinja2 import BaseLoader, FileSystemLoader, PrefixLoader

from app.http.context import current_container, current_principal
from app.http.errors import describe_error
from core import publishing
from core.errors import CoreError
from platforms.errors import PlatformError
from platforms.platform import OwnPage
from platforms.registry import PLATFORMS


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
