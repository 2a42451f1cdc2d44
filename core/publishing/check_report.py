"""Checks the body of a post without storing it: what is wrong with it, and when it would go out.

The rules are those of `resolve.py`, but all faults are reported and not only the first. No platform
learns of the post.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from core.bootstrap import Services
from core.errors import CoreError, Invalid, NotFound, ServiceUnavailable
from core.publishing.forecast import ForecastPost, QuotaForecast, forecast_post
from core.publishing.picture_conversion import (
    CONVERT_OPTION,
    JPEG,
    PICTURE_PREFIX,
    inspect_files,
    should_convert,
)
from core.publishing.post_checks import (
    CheckedItem,
    build_rule_fields,
    check_items,
    check_request,
    find_kind,
    validate_own_fields,
)
from core.publishing.post_request import PostRequest
from core.publishing.resolve import (
    check_file,
    check_scopes,
    check_settings,
    load_item_file,
    load_media_types,
)
from core.publishing.targets import PostTarget, find_provider, select_target
from db.media.files import Media
from db.session import Database, Session
from platforms.platform import Platform
from platforms.publishing import PostKind
from platforms.registry import PLATFORMS

OK_CODE = "ok"
URL_CODE = "url_not_checked"
JPEG_CONTAINER = "jpeg"


class CheckLevel(StrEnum):
    ACCEPTED = "pass"
    NOTE = "note"  # nothing to do, but it cannot be said yet whether it will be accepted
    MUST_FIX = "must_fix"


@dataclass(frozen=True)
class PostCheck:
    """What was found out about the field `name`. `message` is for developers."""

    code: str
    level: CheckLevel
    name: str | None = None
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckReport:
    """The checks of a request and the forecast of its quotas; none if its account is not known."""

    checks: tuple[PostCheck, ...]
    forecast: tuple[QuotaForecast, ...] = ()
    platform: str | None = None
    target: PostTarget | None = None

    @property
    def is_accepted(self) -> bool:
        return all(check.level is not CheckLevel.MUST_FIX for check in self.checks)


@dataclass(frozen=True)
class CheckContext:
    """What all checks of one request need."""

    session: Session
    services: Services
    request: PostRequest
    platform: Platform
    settings: Any
    user_id: int


def check_post(
    database: Database, services: Services, request: PostRequest, *, user_id: int
) -> CheckReport:
    """Check a request and forecast when it would go out. Faults are in the report, not raised."""
    file_checks = check_inspections(database, services, request, user_id=user_id)
    with database.transaction() as session:
        try:
            provider = find_provider(session, request, user_id=user_id)
        except CoreError as error:
            return CheckReport((*file_checks, *build_field_checks(error, "account_id")))
        settings = services.settings.of_platform(provider)
        platform = PLATFORMS[provider]
        context = CheckContext(session, services, request, platform, settings, user_id)
        target, target_checks = check_target(context)
        kind, field_checks = check_fields(context, target)
    checks = (*file_checks, *target_checks, *field_checks)
    if target is None or kind is None:
        return CheckReport(checks, (), provider, target)
    parts = count_parts(request)
    post = ForecastPost(user_id, target, kind, at=request.publish_at, parts=parts)
    return CheckReport(checks, forecast_post(database, services, post), provider, target)


def check_inspections(
    database: Database, services: Services, request: PostRequest, *, user_id: int
) -> list[PostCheck]:
    """Inspect files that were not inspected yet; a note if that is not possible now."""
    try:
        inspect_files(database, services, request, user_id=user_id)
    except ServiceUnavailable as error:
        return [build_check(error, "media", level=CheckLevel.NOTE)]
    except NotFound:
        return []  # found again below, with its field
    return []


def count_parts(request: PostRequest) -> int:
    """How many parts the platform makes: one for each file, and one for a collection of them."""
    return len(request.media) + (len(request.media) > 1)


def check_target(context: CheckContext) -> tuple[PostTarget | None, list[PostCheck]]:
    request = context.request
    name = "account_id" if request.destination_id is None else "destination_id"
    try:
        target = select_target(
            context.session,
            context.platform.name,
            user_id=context.user_id,
            account_id=request.account_id,
            destination_id=request.destination_id,
        )
    except CoreError as error:
        return None, list(build_field_checks(error, name))
    return target, [PostCheck(OK_CODE, CheckLevel.ACCEPTED, name)]


def check_fields(
    context: CheckContext, target: PostTarget | None
) -> tuple[PostKind | None, list[PostCheck]]:
    """Check the fields against the rules, then permissions, settings and files."""
    request, platform = context.request, context.platform
    media_types = load_media_types(context.session, request, user_id=context.user_id)
    try:
        kind = find_kind(request, platform, media_types)
    except Invalid as error:
        return None, list(build_field_checks(error, "kind"))
    items, _ = check_items(request, platform, kind, media_types)
    checks = [
        *check_rules(context, media_types),
        *check_permissions(context, kind, items, target),
    ]
    for index, item in enumerate(items):
        checks += check_item(context, item, index)
    return kind, checks


def check_rules(context: CheckContext, media_types: Mapping[int, str]) -> list[PostCheck]:
    """Check the fields against each other and against the rules of the platform."""
    try:
        check_request(
            context.request,
            context.platform,
            context.settings,
            now=context.services.now(),
            may_queue=False,
            media_types=media_types,
            problems={},
        )
    except Invalid as error:
        checks = list(build_field_checks(error, "body"))
        if any(check.name == "text" for check in checks):
            return checks
        return [*checks, PostCheck(OK_CODE, CheckLevel.ACCEPTED, "text")]
    return [PostCheck(OK_CODE, CheckLevel.ACCEPTED, "text")]


def check_permissions(
    context: CheckContext,
    kind: PostKind,
    items: tuple[CheckedItem, ...],
    target: PostTarget | None,
) -> Iterator[PostCheck]:
    """Check what the creator has granted and what the settings of this installation forbid."""
    if target is not None:
        try:
            check_scopes(context.services, target.account, kind.capability)
        except CoreError as error:
            yield build_check(error, "account_id")
    request, platform = context.request, context.platform
    options, _ = validate_own_fields(platform.options, request.options, "options")
    try:
        fields = build_rule_fields(request, kind, options, items)
        check_settings(context.services, platform, fields)
    except CoreError as error:
        yield build_check(error, "options")


def check_item(context: CheckContext, item: CheckedItem, index: int) -> Iterator[PostCheck]:
    """Check one media file against the rules of its slot."""
    name = f"media.{index}"
    if item.request.source_count != 1:
        return  # named among the fields
    if item.request.url is not None:
        message = "the platform fetches it: it is checked before the post starts"
        yield PostCheck(URL_CODE, CheckLevel.NOTE, name, message)
        return
    try:
        file = load_item_file(context.session, item, user_id=context.user_id)
        check_file(
            item,
            convert_probe(context.request, item, file),
            context.platform,
            context.settings,
            index=index,
        )
    except CoreError as error:
        yield build_check(error, name)
    else:
        yield PostCheck(OK_CODE, CheckLevel.ACCEPTED, name)


def convert_probe(request: PostRequest, item: CheckedItem, file: Media | None) -> Media | None:
    """Return the file as its conversion to JPEG would leave it, where the request wants one."""
    converts_all = request.options.get(CONVERT_OPTION) is True
    if file is None or not should_convert(item.request, converts_all=converts_all):
        return file
    if file.content_type == JPEG or not file.content_type.startswith(PICTURE_PREFIX):
        return file
    return Media(  # not stored
        size=file.size, probe={**(file.probe or {}), "container": JPEG_CONTAINER}
    )


def build_field_checks(error: CoreError, name: str) -> Iterator[PostCheck]:
    """One check for each field that the error names; without such fields one for `name`."""
    fields = error.details.get("fields") or {name: str(error)}
    check = build_check(error, name)
    for field_name, message in fields.items():
        yield replace(check, name=field_name, message=message)


def build_check(
    error: CoreError, name: str, *, level: CheckLevel = CheckLevel.MUST_FIX
) -> PostCheck:
    details = {key: value for key, value in error.details.items() if key != "fields"}
    return PostCheck(error.code, level, name, str(error), details)
