"""The three answers of a post's page: is it out, why or why not, and what can be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.http.context import current_container
from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import find_message
from app.http.time_zones import current_zone
from app.pages import formatting
from app.pages.badges import is_delivered_draft
from app.pages.brands import draft_sentence, phase_label, platform_title
from app.pages.failure_texts import describe_failure
from app.pages.page_links import error_url
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import HANDED_OVER, LAST_ERROR_CODE, LAST_STEP
from core.publishing import PostHistory, PostView
from core.publishing.step_safety import find_outcome_deadline
from db.posts.posts import Post
from platforms.base import Actor, FailureReason

OUTCOME_UNKNOWN_CODE = "outcome_unknown"
REPORT_KINDS = ("poll", "webhook", "found", "cancel")
YES = gettext_noop("Yes.")
YES_SEEN = gettext_noop("Yes. %(platform)s said so %(how)s at %(time)s.")
AS_DRAFT = gettext_noop("As a draft. Nobody but its creator sees it yet.")
NOTHING_SENT = gettext_noop("No. Nothing of it has been sent.")
NOT_BEFORE_END = gettext_noop("Not yet. It becomes visible after the last step.")
NO_REPORTED = gettext_noop("No. %(platform)s said so %(how)s at %(time)s.")
NO_NOT_ACCEPTED = gettext_noop("No. %(platform)s has not accepted it.")
NOT_KNOWN = gettext_noop("Not known yet.")
NOT_KNOWN_AFTER_ALL = gettext_noop(
    "Not known: %(platform)s gave no certain answer. Look at the profile before you try again."
)
LAST_QUESTION = gettext_noop("%(platform)s was last asked at %(time)s.")
NEXT_QUESTION = gettext_noop("The next question is at %(time)s.")
UNTIL = gettext_noop("It is looked for until %(time)s.")
HOW = {
    "webhook": gettext_noop("by webhook"),
    "cancel": gettext_noop("when it was asked to stop"),
}
HOW_OTHERWISE = gettext_noop("when it was asked")
WAITS_FOR_TIME = gettext_noop("Its time is %(time)s.")
WAITS_FOR_WORKER = gettext_noop("A worker takes it within seconds.")
WAITS_AFTER_FAILURE = gettext_noop("The next try is at %(time)s.")
LOST_ANSWER = gettext_noop("The answer of %(platform)s was lost, so it may be published or not.")
REPORTED = gettext_noop("%(platform)s has published it.")
CANCELLED = gettext_noop("It was cancelled before it was published.")
NOTHING_TO_DO = gettext_noop("Nothing: signalpost goes on by itself.")
NOTHING_SENT_TWICE = gettext_noop(
    "Wait: nothing is sent twice by itself. You can send it again, at the risk of two posts."
)
NOTHING_LEFT = gettext_noop("Nothing: it is done.")
RELEASE_OR_CANCEL = gettext_noop("Publish it now, or cancel it.")
RECONNECT = gettext_noop("Connect the account again, or cancel the post.")
STOP_OR_WAIT = gettext_noop("Wait, or cancel it while that is possible.")
START_AGAIN = gettext_noop("Try again: it becomes a new post.")
ACTOR_TEXTS = {
    Actor.CREATOR: gettext_noop("You have to act."),
    Actor.OPERATOR: gettext_noop("The operator of this installation has to act."),
    Actor.NOBODY: gettext_noop("Nobody has to act: another try may succeed."),
    Actor.NEVER: gettext_noop("No further try can succeed."),
}
STATE_CAUSES = {
    PostState.PUBLISHED: REPORTED,
    PostState.UNCONFIRMED: LOST_ANSWER,
    PostState.CANCELLED: CANCELLED,
}
STATE_REMEDIES = {
    PostState.QUEUED: STOP_OR_WAIT,
    PostState.SENDING: STOP_OR_WAIT,
    PostState.PROCESSING: NOTHING_TO_DO,
    PostState.UNCONFIRMED: NOTHING_SENT_TWICE,
    PostState.PUBLISHED: NOTHING_LEFT,
    PostState.CANCELLED: START_AGAIN,
}
ACCOUNT_HOLDS = frozenset({"needs_reconnect", "disconnected"})


@dataclass(frozen=True)
class PostAnswers:
    """`code` is that of a failure, with the address of its explanation if there is one."""

    where: str
    why: str
    what: str
    code: str | None = None
    code_url: str | None = None


def find_answers(
    view: PostView, history: PostHistory, reasons: Mapping[str, FailureReason], hold_text: str
) -> PostAnswers:
    """Return the answers; `hold_text` says why the post is on hold, if it is."""
    post = view.post
    code = post.error_code if post.state == PostState.FAILED else None
    return PostAnswers(
        where=" ".join(list_whereabouts(view, history)),
        why=explain_state(post, reasons, hold_text),
        what=" ".join(list_remedies(post, reasons)),
        code=code,
        code_url=code and error_url(code),
    )


def list_whereabouts(view: PostView, history: PostHistory) -> list[str]:
    """Say whether the post is at the platform, and how and when we know it."""
    post = view.post
    if is_delivered_draft(post):
        return [translate_text(AS_DRAFT)]
    if post.state == PostState.PUBLISHED:
        return [describe_report(view, YES_SEEN) or translate_text(YES)]
    if post.state in FINAL_STATES:
        return list_absence(view)
    if post.state in {PostState.UNCONFIRMED, PostState.PROCESSING}:
        return [translate_text(NOT_KNOWN), *list_questions(post, history)]
    is_sent = post.publish_id is not None or HANDED_OVER in post.step_state
    return [translate_text(NOT_BEFORE_END if is_sent else NOTHING_SENT)]


def list_absence(view: PostView) -> list[str]:
    post = view.post
    title = platform_title(post.provider)
    if post.error_code == OUTCOME_UNKNOWN_CODE:
        return [translate_text(NOT_KNOWN_AFTER_ALL, platform=title)]
    if report := describe_report(view, NO_REPORTED):
        return [report]
    is_sent = post.publish_id is not None or HANDED_OVER in post.step_state
    return [translate_text(NO_NOT_ACCEPTED if is_sent else NOTHING_SENT, platform=title)]


def describe_report(view: PostView, sentence: str) -> str | None:
    """Say how and when the platform reported the final state; None if it was not its report."""
    post = view.post
    reports = [event for event in view.events if event.after == post.state]
    if not reports or reports[-1].kind not in REPORT_KINDS:
        return None
    how = translate_text(HOW.get(reports[-1].kind, HOW_OTHERWISE))
    time = format_moment(reports[-1].at)
    return translate_text(sentence, platform=platform_title(post.provider), how=how, time=time)


def list_questions(post: Post, history: PostHistory) -> list[str]:
    """Say when the platform was asked, when it is asked again, and until when."""
    title = platform_title(post.provider)
    sentences = []
    if history.exchanges:
        last_question_at = max(exchange.last_at for exchange in history.exchanges)
        text = translate_text(LAST_QUESTION, platform=title, time=format_moment(last_question_at))
        sentences.append(text)
    if post.due_at is not None and post.due_at > current_container().services.now():
        sentences.append(translate_text(NEXT_QUESTION, time=format_moment(post.due_at)))
    deadline = find_outcome_deadline(post) if post.state == PostState.UNCONFIRMED else None
    if deadline is not None:
        sentences.append(translate_text(UNTIL, time=format_moment(deadline)))
    return sentences


def explain_state(post: Post, reasons: Mapping[str, FailureReason], hold_text: str) -> str:
    """Say why the post is where it is."""
    if post.state == PostState.FAILED:
        return describe_failure(post, reasons).cause
    if post.hold_reason is not None:
        return hold_text
    if is_delivered_draft(post):
        return draft_sentence(post.provider)
    if post.state in STATE_CAUSES:
        cause = STATE_CAUSES[PostState(post.state)]
        return translate_text(cause, platform=platform_title(post.provider))
    return explain_wait(post) if post.state == PostState.QUEUED else explain_step(post)


def explain_step(post: Post) -> str:
    """Say what the platform is doing with the post."""
    step = str(post.step_state.get(LAST_STEP, ""))
    return phase_label(post.provider, step) or translate_text(WAITS_FOR_WORKER)


def explain_wait(post: Post) -> str:
    """Say what a queued post waits for: its time, a worker, or another try."""
    now = current_container().services.now()
    if post.publish_at is not None and post.publish_at > now:
        return translate_text(WAITS_FOR_TIME, time=format_moment(post.publish_at))
    if post.due_at is None or post.due_at <= now:
        return translate_text(WAITS_FOR_WORKER)
    message = find_message(str(post.step_state.get(LAST_ERROR_CODE)), current_locale())
    wait = translate_text(WAITS_AFTER_FAILURE, time=format_moment(post.due_at))
    return f"{message.message} {wait}" if message else wait


def list_remedies(post: Post, reasons: Mapping[str, FailureReason]) -> list[str]:
    """Say what can be done, and who has to do it."""
    if post.hold_reason is not None:
        is_account = post.hold_reason in ACCOUNT_HOLDS
        return [translate_text(RECONNECT if is_account else RELEASE_OR_CANCEL)]
    if post.state == PostState.FAILED:
        return list_failure_remedies(post, reasons)
    if is_delivered_draft(post):
        return [draft_sentence(post.provider)]
    return [translate_text(STATE_REMEDIES[PostState(post.state)])]


def list_failure_remedies(post: Post, reasons: Mapping[str, FailureReason]) -> list[str]:
    reason = reasons.get(str(post.error_code))
    actor = [translate_text(ACTOR_TEXTS[reason.actor])] if reason else []
    remedy = describe_failure(post, reasons).remedy
    return [*([remedy] if remedy else []), *actor] or [translate_text(START_AGAIN)]


def format_moment(at: datetime) -> str:
    """Format a time in the reader's zone: the time of day, and the day unless it is today."""
    now = current_container().services.now()
    return formatting.format_exact_moment(at, now, current_locale(), current_zone())
