"""The publishing form of any platform, made from its kinds of posts and its `PublishForm`.

The limits here only help people fill in the form: the API checks the request.
"""

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import current_locale, translate_text
from app.http.messages import find_message
from app.http.validation import row_id_from_query
from app.pages.account_view import account_fields, account_name
from app.pages.brands import platform_title
from app.pages.publish_pages import find_publish_page, list_publish_pages
from app.pages.quota_view import load_quota_fields
from core import accounts
from core.accounts import AccountView
from core.errors import NotFound
from core.publishing.post_checks import find_text_limit
from db.accounts.destinations import DestinationStatus
from platforms.platform import FormField, Platform, PublishForm
from platforms.publishing import MediaSlot, PostKind
from platforms.registry import PLATFORMS

blueprint = Blueprint("publish_pages", __name__)

REFRESH_SECONDS = 30
ALT_TEXT = "alt_text"  # a field of every media file, on all platforms


@blueprint.get("/publish")
@require_login("posts:write", "media:write")
def choose_platform() -> str | Response:
    """List the platforms to post to, of those that are set up; a single one is opened at once."""
    adapters = current_container().services.adapters
    pages = [page for page in list_publish_pages() if page["code"] in adapters]
    if len(pages) == 1:
        return redirect(pages[0]["url"])
    return render_template("choose_publish_page.html", pages=pages)


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/publish")
@require_login("posts:write", "media:write")
def show_publish_form(platform: str) -> str | Response:
    """Show the form that publishes on a platform."""
    form = find_form(platform)
    if form.page is not None:
        return redirect(url_for("upload_pages.show_upload_form", platform=platform))
    views = load_account_views(platform)
    targets = list_targets(views)
    return render_template(
        "publish.html",
        **form_fields(PLATFORMS[platform], form),
        platform=platform,
        platform_name=platform_title(platform),
        reasons=refusal_texts(PLATFORMS[platform]),
        css_class=PLATFORMS[platform].brand.css_class,
        targets=targets,
        accounts_to_reconnect=[account_fields(view) for view in views if view.needs_reconnect],
        needs_choice=any(view.needs_choice for view in views),
        quota=load_quota_fields(platform, **targets[0]["query"]) if targets else None,
        refresh_seconds=REFRESH_SECONDS,
    )


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/publish/quota")
@require_login("posts:read")
def show_quota(platform: str) -> str:
    """Show what is left of an account's limits, for the script that refreshes it."""
    quota = load_quota_fields(
        platform,
        account_id=row_id_from_query("account_id"),
        destination_id=row_id_from_query("destination_id"),
    )
    return render_template("_quota.html", quota=quota, refresh_seconds=REFRESH_SECONDS)


def find_form(platform: str) -> PublishForm:
    """Errors: NotFound if the platform takes no posts from a form."""
    form = PLATFORMS[platform].form
    if form is None or find_publish_page(platform) is None:
        raise NotFound(f"nothing is published on {platform} from a page")
    return form


def load_account_views(platform: str) -> tuple[AccountView, ...]:
    with current_container().database.transaction() as session:
        return accounts.list_account_views(
            session,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
        )


def list_targets(views: tuple[AccountView, ...]) -> list[dict[str, Any]]:
    """What can be posted to: chosen accounts behind logins, or the logins themselves.

    `query` is what names one in a request.
    """
    logins = [
        {"id": view.id, "name": account_name(view), "query": {"account_id": view.id}}
        for view in views
        if view.destinations is None and view.is_active
    ]
    destinations = [
        {
            "id": item.id,
            "name": f"@{item.handle}" if item.handle else item.name,
            "query": {"destination_id": item.id},
        }
        for view in views
        for item in view.destinations or ()
        if view.is_active and item.is_selected and item.status == DestinationStatus.ACTIVE
    ]
    return logins + destinations


def form_fields(platform: Platform, form: PublishForm) -> dict[str, Any]:
    """The parts of the form: kinds of posts, fields of each media file, fields of the post."""
    item_names = {
        ALT_TEXT,
        *(platform.media_options.model_fields if platform.media_options else ()),
    }
    fields = [(field, field.name in item_names) for field in form.fields]
    return {
        "kinds": [
            kind_fields(platform, kind, form.kind_labels.get(kind.name, kind.name))
            for kind in platform.kinds.values()
        ],
        "item_fields": [input_fields(field, "item") for field, is_item in fields if is_item],
        "post_fields": [input_fields(field, "post") for field, is_item in fields if not is_item],
    }


def kind_fields(platform: Platform, kind: PostKind, label: str) -> dict[str, Any]:
    """What the script has to know of a kind. The first slot is for the items, others for extras."""
    settings = current_container().services.settings.of_platform(platform.name)
    main, text = kind.slots[0], kind.text
    return {
        "name": kind.name,
        "label": translate_text(label),
        "role": main.role,
        "min": main.min_count,
        "max": main.max_count,
        "accept": accepted_types(platform, main),
        "extraRoles": [slot.role for slot in kind.slots[1:]],
        "maxText": text.max_length if text.is_allowed else 0,
        "textUnit": text.unit,
        "maxHashtags": find_text_limit(text, "max_hashtags", settings),
        "maxMentions": find_text_limit(text, "max_mentions", settings),
    }


def accepted_types(platform: Platform, slot: MediaSlot) -> str:
    """Return the `accept` of a file input: any image may be converted, any video is inspected."""
    has_video = {platform.media_rules[name].is_video for name in slot.rules}
    return ",".join(["image/*"] * (False in has_video) + ["video/*"] * (True in has_video))


def refusal_texts(platform: Platform) -> dict[str, str]:
    """Return what to say of a file that the platform's rules refuse, by the code of the reason."""
    codes = {code for rule in platform.media_rules.values() for code in rule.codes.values()}
    messages = {code: find_message(code, current_locale()) for code in sorted(codes)}
    return {code: f"{text.message} {text.suggestion}" for code, text in messages.items() if text}


def input_fields(field: FormField, level: str) -> dict[str, Any]:
    """One field of the form, in the reader's language; `kinds` are those that it is shown for."""
    return {
        "name": field.name,
        "level": level,
        "input": field.input,
        "kinds": " ".join(field.kinds),
        "role": field.role,
        "label": translate_text(field.label),
        "help": translate_text(field.help) if field.help else None,
        "choices": [(choice.value, translate_text(choice.label)) for choice in field.choices],
        "max_length": field.max_length,
        "default": field.default,
        "is_for_urls": field.is_for_urls,
    }
