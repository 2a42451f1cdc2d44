"""Moves a post of the calendar to another time: a page, and the same for the calendar's script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.errors import describe_error
from app.http.i18n import gettext_noop, translate_text
from app.http.time_zones import current_zone
from app.pages.brands import find_form, platform_title
from app.pages.calendar import load_account_names
from app.pages.calendar_chips import AccountNames, find_calendar_time, name_account, shorten_title
from app.pages.calendar_times import (
    format_clock,
    format_date_of,
    format_moment,
    format_offset,
)
from core.errors import CoreError, Invalid, NotFound
from core.publishing.edit import is_editable
from core.publishing.forecast import QuotaForecast
from core.publishing.local_times import (
    LocalMoment,
    TimeNotOnClock,
    convert_to_local,
    resolve_local_time,
)
from core.publishing.move import (
    MovablePost,
    forecast_move,
    list_posts_to_move,
    move_posts,
)
from core.publishing.post_checks import is_schedulable
from core.publishing.post_request import MAX_SCHEDULE_AHEAD
from db.posts.posts import Post
from platforms.registry import PLATFORMS
from platforms.request_types import parse_rfc3339

blueprint = Blueprint("calendar_moves", __name__)

PROMPT_START = timedelta(minutes=1)
"""A post that goes out within this time of what was chosen counts as in time."""


TOO_LATE_TEXT = gettext_noop("It is already being sent, or has ended.")


class MoveState(StrEnum):
    MOVED = "moved"
    POSSIBLE = "possible"
    FULL = "full"  # there is no free place at that time: its owner decides
    REFUSED = "refused"  # it cannot be moved at all
    INVALID = "invalid"  # the time cannot be used


@dataclass(frozen=True)
class MoveAnswer:
    """What became of a move, in words. `undo_at`: the former time, if it can be restored."""

    state: MoveState
    text: str
    undo_at: datetime | None = None


@blueprint.get("/calendar/move/<int:post_id>")
@require_login("posts:read", "posts:write", "accounts:read")
def show_move(post_id: int) -> str:
    """Show the form that moves a post; with `part` only the form, for the script."""
    movable = load_movable(post_id)
    template = "_calendar_move.html" if request.args.get("part") else "calendar_move.html"
    return render_template(template, **describe_form(movable))


@blueprint.post("/calendar/move/<int:post_id>")
@require_login("posts:read", "posts:write", "accounts:read")
def submit_move(post_id: int) -> Response | str:
    """Move a post to the time in the form, or to the instant in `at`."""
    movable = load_movable(post_id)
    answer = try_to_move(movable)
    if request.accept_mimetypes.best == "application/json":
        return jsonify(
            state=answer.state, text=answer.text, undo=answer.undo_at and answer.undo_at.isoformat()
        )
    if answer.state is MoveState.MOVED:
        flash(answer.text, "good")
        return redirect(url_for("calendar_pages.show_calendar", day=read_form_day()))
    return render_template("calendar_move.html", **describe_form(movable, answer))


@blueprint.get("/calendar/move/<int:post_id>/forecast")
@require_login("posts:read", "posts:write", "accounts:read")
def show_move_forecast(post_id: int) -> Response:
    """Say what would become of a move to the time in the address, and move nothing."""
    answer = try_to_move(load_movable(post_id), is_saved=False)
    return jsonify(state=answer.state, text=answer.text)


def load_movable(post_id: int) -> tuple[MovablePost, ...]:
    """Errors: NotFound."""
    return list_posts_to_move(
        current_container().database, post_id, user_id=current_principal().user_id
    )


def try_to_move(movable: Sequence[MovablePost], *, is_saved: bool = True) -> MoveAnswer:
    """Move the posts, or only say what would be. A time without room is not saved."""
    now = current_container().services.now()
    if not all(is_editable(item.post, now) for item in movable):
        return MoveAnswer(
            MoveState.REFUSED, translate_text("It is already being sent, or has ended.")
        )
    try:
        return move_to_chosen_time(movable, now, is_saved=is_saved)
    except TimeNotOnClock as error:
        return MoveAnswer(MoveState.INVALID, describe_gap(error))
    except Invalid:
        return MoveAnswer(MoveState.INVALID, describe_limits())
    except NotFound:
        raise
    except CoreError as error:
        return MoveAnswer(MoveState.REFUSED, describe_error(error).message)


def move_to_chosen_time(
    movable: Sequence[MovablePost], now: datetime, *, is_saved: bool
) -> MoveAnswer:
    """Errors: as `read_moment` and `move_posts`."""
    moment = read_moment(movable[0].post)
    if not is_schedulable(moment.at, now):
        return MoveAnswer(MoveState.INVALID, describe_limits())
    full = None if request.form.get("anyway") else find_full_answer(movable, moment.at)
    if full is not None:
        return full
    return save_move(movable, moment) if is_saved else describe_room(moment)


def read_moment(post: Post) -> LocalMoment:
    """Return the chosen time; without a time of day, that of the post stays. Errors: Invalid."""
    form, zone = request.values, current_zone()
    try:
        if form.get("at"):
            return LocalMoment(parse_rfc3339(form["at"]))
        day = date.fromisoformat(form.get("date", ""))
        if form.get("time"):
            clock = time.fromisoformat(form["time"]).replace(tzinfo=None)
        else:
            clock = convert_to_local(find_calendar_time(post), zone).time()
    except ValueError:
        raise Invalid("the form has no date and time") from None
    return resolve_local_time(datetime.combine(day, clock), zone)


def read_form_day() -> str:
    """Return the day in the form, for the address of the calendar."""
    return request.form.get("date", "")[:10]


def save_move(movable: Sequence[MovablePost], moment: LocalMoment) -> MoveAnswer:
    """Errors: as `move_posts`."""
    post, zone = movable[0].post, current_zone()
    former = post.publish_at
    move_posts(
        current_container().database,
        current_container().services,
        post.id,
        moment.at,
        user_id=current_principal().user_id,
    )
    text = translate_text(
        "Moved %(title)s to %(time)s.",
        title=shorten_title(post),
        time=format_moment(moment.at, zone),
    )
    if moment.is_double:
        text = f"{text} {describe_double(moment.at)}"
    can_undo = former is not None and is_schedulable(former, current_container().services.now())
    return MoveAnswer(MoveState.MOVED, text, undo_at=former if can_undo else None)


def describe_room(moment: LocalMoment) -> MoveAnswer:
    zone = current_zone()
    time_text = f"{format_moment(moment.at, zone)} ({format_offset(moment.at, zone)})"
    text = translate_text("%(time)s. There is room at that time.", time=time_text)
    if moment.is_double:
        text = f"{text} {describe_double(moment.at)}"
    return MoveAnswer(MoveState.POSSIBLE, text)


def describe_limits() -> str:
    return translate_text(
        "Choose a time in the future, at most %(days)d days ahead.", days=MAX_SCHEDULE_AHEAD.days
    )


def describe_double(at: datetime) -> str:
    return translate_text(
        "That time comes twice on this day. The first one is taken (%(offset)s).",
        offset=format_offset(at, current_zone()),
    )


def describe_gap(error: TimeNotOnClock) -> str:
    return translate_text(
        "%(time)s does not exist on %(day)s in %(zone)s. Choose %(first)s or later.",
        time=format_clock(error.local),
        day=format_date_of(error.local),
        zone=error.zone.key,
        first=format_clock(error.first_after),
    )


def find_full_answer(movable: Sequence[MovablePost], at: datetime) -> MoveAnswer | None:
    """Return the answer if a post would have to wait for a place; None if there is room."""
    container = current_container()
    forecasts = forecast_move(container.database, container.services, movable, at)
    late = [each for each in forecasts if each.goes_at is None or each.goes_at - at > PROMPT_START]
    if not late:
        return None
    worst = max(late, key=lambda each: (each.goes_at is None, each.goes_at or at))
    provider = find_provider_of(movable, worst)
    return MoveAnswer(MoveState.FULL, describe_full(worst, provider))


def find_provider_of(movable: Sequence[MovablePost], forecast: QuotaForecast) -> str:
    return next(
        item.post.provider
        for item in movable
        if item.post.oauth_account_id == forecast.account_id
        and forecast.quota in PLATFORMS[item.post.provider].quotas
    )


def describe_full(forecast: QuotaForecast, provider: str) -> str:
    label = find_form(provider).quota_labels.get(forecast.quota, forecast.quota)
    used = translate_text(
        "At that time %(used)d of %(limit)d places are used (%(platform)s: %(quota)s).",
        used=forecast.used,
        limit=forecast.limit,
        platform=platform_title(provider),
        quota=translate_text(label),
    )
    if forecast.goes_at is None:
        outcome = translate_text("No place would become free within a day: it would fail.")
    else:
        goes_at = format_moment(forecast.goes_at, current_zone())
        outcome = translate_text("It would go out on %(time)s.", time=goes_at)
    return f"{used} {outcome}"


def describe_form(
    movable: Sequence[MovablePost], answer: MoveAnswer | None = None
) -> dict[str, Any]:
    """The fields of the form: those that were sent, else those of the address or of the post."""
    post, zone = movable[0].post, current_zone()
    local = convert_to_local(find_calendar_time(post), zone)
    values, names = request.values, load_account_names()
    now = current_container().services.now()
    return {
        "post_id": post.id,
        "post_title": shorten_title(post),
        "date": values.get("date") or local.date().isoformat(),
        "time": values.get("time") or format_clock(local),
        "earliest": convert_to_local(now, zone).date().isoformat(),
        "latest": convert_to_local(now + MAX_SCHEDULE_AHEAD, zone).date().isoformat(),
        "zone_name": zone.key,
        "offset": format_offset(find_calendar_time(post), zone),
        "current_time": format_moment(find_calendar_time(post), zone),
        "together": describe_together(movable, names) if len(movable) > 1 else "",
        "answer": answer,
        "is_editable": all(is_editable(item.post, now) for item in movable),
    }


def describe_together(movable: Sequence[MovablePost], names: AccountNames) -> str:
    return translate_text(
        "%(count)d posts are moved together: %(accounts)s.",
        count=len(movable),
        accounts="; ".join(name_account(item.post, names) for item in movable),
    )
