"""The check of a post before it is requested: what is wrong with it, and when it would go out."""

from typing import Any

from flask import Blueprint

from app.api.post_models import build_post_models
from app.http.context import current_container, current_principal, require_scopes
from app.http.i18n import current_locale
from app.http.messages import find_message
from app.http.validation import MAX_POST_BYTES, success_body, validate_body
from core import publishing
from core.publishing import CheckReport, PostCheck, PostRequest, QuotaForecast

blueprint = Blueprint("post_checks", __name__)


@blueprint.post("/api/posts/check")
@require_scopes("posts:write")
@validate_body(PostRequest, variants=build_post_models(), max_bytes=MAX_POST_BYTES)
def check_post(body: PostRequest) -> dict[str, Any]:
    """Check a post without requesting it, and forecast when it would go out."""
    report = publishing.check_post(
        current_container().database,
        current_container().services,
        body,
        user_id=current_principal().user_id,
    )
    return success_body(
        checks=[serialize_check(check, report) for check in report.checks],
        forecast=[serialize_forecast(each) for each in report.forecast],
    )


def serialize_check(check: PostCheck, report: CheckReport) -> dict[str, Any]:
    """A check; the sentences for people are in the reader's language, if its code has some."""
    target = report.target
    texts = find_message(str(check.details.get("reason")), current_locale()) or find_message(
        check.code, current_locale()
    )
    return {
        "platform": report.platform,
        "account_id": target and target.account.id,
        "destination_id": target and target.destination_id,
        "code": check.code,
        "level": check.level,
        "field": check.name,
        "message": check.message,
        "userMessage": texts and texts.message,
        "suggestion": texts and texts.suggestion,
        "details": dict(check.details),
    }


def serialize_forecast(forecast: QuotaForecast) -> dict[str, Any]:
    return {
        "account_id": forecast.account_id,
        "destination_id": forecast.destination_id,
        "quota": forecast.quota,
        "code": forecast.code,
        "used": forecast.used,
        "limit": forecast.limit,
        "frees_at": forecast.frees_at,
        "goes_at": forecast.goes_at,
    }
