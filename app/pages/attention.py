"""What needs the reader of the home page: one line each, the worst first, each with one action."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from flask import url_for

from app.http.context import current_principal
from app.http.i18n import find_plural_translation, translate_text
from app.pages.account_view import account_name, reconnect_reason
from app.pages.brands import draft_label, draft_sentence, find_form, platform_title
from app.pages.failure_texts import describe_failure
from app.pages.post_filters import list_url
from app.pages.template_helpers import moment_html
from app.serialize.posts import failure_reasons
from core import audit
from core.accounts import AccountView
from core.accounts.view import AccountHealth
from core.publishing.quota import Quota
from db.identity.home_dismissals import HomeDismissals
from db.media.files import Media
from db.posts.posts import Post
from db.publishing.attention import AccountBacklog, AccountDrafts, AttentionQueries
from db.session import Session

ngettext = find_plural_translation  # by this name texts are extracted

MAX_LINES = 5
MAX_OF_KIND = 6  # one more than are displayed
FAILED_WITHIN = timedelta(days=7)
UNCONFIRMED_FOR = timedelta(hours=1)

AccountQuotas = Sequence[tuple[str, Quota]]


class AttentionLine(NamedTuple):
    """`subject` names the thing and the cause, so that a new cause is a new line."""

    subject: str
    colour: str
    icon: str
    what: str
    why: str
    url: str
    label: str


class AttentionList(NamedTuple):
    """The worst lines, and how many there are in all."""

    lines: list[AttentionLine]
    total: int


class AttentionSubjects(NamedTuple):
    """The accounts, the limits of each login by its id, and the drafts that may need the reader."""

    views: Sequence[AccountView]
    quotas: Mapping[int, AccountQuotas]
    drafts: Sequence[AccountDrafts]


def read_attention(session: Session, subjects: AttentionSubjects) -> AttentionList:
    """Read what needs the reader and was not hidden."""
    user_id = current_principal().user_id
    lines = list(list_lines(AttentionQueries(session, user_id), subjects))
    hidden = HomeDismissals(session).filter_hidden(user_id, [line.subject for line in lines])
    kept = [line for line in lines if line.subject not in hidden]
    return AttentionList(kept[:MAX_LINES], len(kept))


def list_lines(queries: AttentionQueries, subjects: AttentionSubjects) -> Iterator[AttentionLine]:
    """Return all lines, the worst first."""
    views, quotas, all_drafts = subjects
    dead = [view for view in views if view.needs_reconnect]
    waiting = queries.map_waiting([view.id for view in dead])
    for post in queries.list_failed(within=FAILED_WITHIN, limit=MAX_OF_KIND):
        yield failed_line(post)
    for view in dead:
        yield dead_account_line(view, waiting.get(view.id))
    for post in queries.list_unconfirmed(longer_than=UNCONFIRMED_FOR, limit=MAX_OF_KIND):
        yield unconfirmed_line(post)
    names = {view.id: account_name(view) for view in views}
    for drafts in all_drafts:
        yield drafts_line(drafts, names.get(drafts.account_id or 0))
    without_slot = queries.map_without_slot(list_full_logins(quotas))
    for account_id, count in without_slot.items():
        yield from quota_lines(account_id, names.get(account_id), quotas[account_id], count)
    for media in queries.list_paused_uploads(limit=MAX_OF_KIND):
        yield paused_upload_line(media)
    for view in views:
        yield from weak_account_lines(view)


def list_full_logins(quotas: Mapping[int, AccountQuotas]) -> list[int]:
    """Return the logins with a limit that is used up, whose posts may wait for that."""
    return [
        account_id
        for account_id, own in quotas.items()
        if any(not quota.remaining for _, quota in own)
    ]


def failed_line(post: Post) -> AttentionLine:
    failure = describe_failure(post, failure_reasons(post))
    return AttentionLine(
        f"post:{post.id}:FAILED",
        "bad",
        "circle-x",
        translate_text(
            "“%(title)s” was not published on %(platform)s",
            title=post_title(post),
            platform=platform_title(post.provider),
        ),
        f"{failure.cause} {failure.remedy or ''}".rstrip(),
        url_for("post_pages.show_post", post_id=post.id),
        translate_text("See and try again"),
    )


def dead_account_line(view: AccountView, waiting: AccountBacklog | None) -> AttentionLine:
    why = reconnect_reason(view)
    if waiting is not None:
        count = ngettext("%(num)d post waits.", "%(num)d posts wait.", waiting.count) % {
            "num": waiting.count
        }
        first = translate_text(
            "The first is due: %(time)s.", time=moment_html(waiting.first_at).striptags()
        )
        why = f"{why} {count} {first}"
    return AttentionLine(
        f"account:{view.id}:{view.status}:{view.cause}:{view.renewed_at}",
        "wait",
        "link-2-off",
        translate_text("%(name)s has to be reconnected", name=account_name(view)),
        why,
        url_for("account_pages.show_platform", platform=view.provider),
        translate_text("Reconnect"),
    )


def unconfirmed_line(post: Post) -> AttentionLine:
    platform = platform_title(post.provider)
    return AttentionLine(
        f"post:{post.id}:UNCONFIRMED",
        "ask",
        "circle-question-mark",
        translate_text("“%(title)s” is still being confirmed", title=post_title(post)),
        translate_text(
            "%(platform)s has not said whether it is public. Nothing is sent twice.",
            platform=platform,
        ),
        url_for("post_pages.show_post", post_id=post.id),
        translate_text("See what is known"),
    )


def drafts_line(drafts: AccountDrafts, name: str | None) -> AttentionLine:
    owner = name or platform_title(drafts.provider)
    what = ngettext(
        "%(num)d draft of %(name)s is unfinished",
        "%(num)d drafts of %(name)s are unfinished",
        drafts.count,
    ) % {"num": drafts.count, "name": owner}
    key = str(drafts.account_id) if drafts.account_id else ""
    account = {"account": [key]} if key else {}
    return AttentionLine(
        f"drafts:{drafts.account_id}:{drafts.newest_id}",
        "wait",
        find_form(drafts.provider).draft_icon,
        f"{what} ({draft_label(drafts.provider)})",
        draft_sentence(drafts.provider),
        list_url({"state": ["DRAFT"], **account}),
        translate_text("See drafts"),
    )


def quota_lines(
    account_id: int, name: str | None, quotas: AccountQuotas, count: int
) -> Iterator[AttentionLine]:
    for label, quota in quotas:
        if quota.remaining or quota.resets_at is None:
            continue
        posts = ngettext(
            "%(num)d post waits for a free place.", "%(num)d posts wait for a free place.", count
        ) % {"num": count}
        free = translate_text(
            "The next place is free: %(time)s.", time=moment_html(quota.resets_at).striptags()
        )
        yield AttentionLine(
            f"quota:{account_id}:{quota.resets_at:%Y-%m-%d}",
            "wait",
            "hourglass",
            translate_text("The limit of %(name)s is used up", name=name or label),
            f"{label}: {quota.used}/{quota.limit}. {posts} {free}",
            list_url({"state": ["QUEUED"]}),
            translate_text("See the posts"),
        )
        return


def paused_upload_line(media: Media) -> AttentionLine:
    percent = 100 * media.offset // max(1, media.size)
    return AttentionLine(
        f"upload:{media.id}",
        "wait",
        "upload",
        translate_text("The upload of %(name)s was interrupted", name=media.filename),
        translate_text(
            "%(percent)d per cent are here. Choose the same file again to go on.", percent=percent
        ),
        url_for("composer.show_composer"),
        translate_text("Go on with the upload"),
    )


def weak_account_lines(view: AccountView) -> Iterator[AttentionLine]:
    """Lines of an account that works, and lacks permissions or soon ends."""
    if view.needs_reconnect:
        return
    url = url_for("account_pages.show_platform", platform=view.provider)
    name = account_name(view)
    if view.ends_at is not None and view.health == AccountHealth.ENDING:
        yield AttentionLine(
            f"ending:{view.id}:{view.ends_at:%Y-%m-%d}",
            "wait",
            "timer",
            translate_text("The access to %(name)s ends soon", name=name),
            translate_text(
                "It ends: %(time)s. Reconnect the account before.",
                time=moment_html(view.ends_at).striptags(),
            ),
            url,
            translate_text("Reconnect"),
        )
    if view.missing_scopes:
        yield AttentionLine(
            f"scopes:{view.id}:{','.join(sorted(view.missing_scopes))}"[:200],
            "wait",
            "eye-off",
            translate_text("%(name)s lacks permissions", name=name),
            translate_text("Some functions are switched off until you grant them."),
            url,
            translate_text("See permissions"),
        )


def post_title(post: Post) -> str:
    return post.title or translate_text("Untitled")


def hide_line(session: Session, subjects: AttentionSubjects, subject: str) -> bool:
    """Hide a line that is displayed now; the audit log names it. False if there is none such."""
    user_id = current_principal().user_id
    lines = list_lines(AttentionQueries(session, user_id), subjects)
    if subject not in {line.subject for line in lines}:
        return False
    if HomeDismissals(session).add(user_id, subject):
        audit.record_action(session, "home.line_hidden", user_id=user_id, subject=subject)
    return True
