"""A fictional platform with two steps whose publisher answers by script, and a harness for it.

Nothing outside of this file knows the platform: it is what a new adapter has to bring.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace

from sqlalchemy import func, select

from core import publishing
from core.crypto import access_token_context
from core.jobs.runner import run_jobs
from db.accounts.accounts import Account
from db.accounts.grants import Grants
from db.posts.parts import PostPart, PostParts
from db.posts.posts import Posts, SentBy
from db.posts.timeline import PostEvents
from platforms.adapter import Adapter
from platforms.app_settings import AppSettings
from platforms.platform import (
    Brand,
    CallClass,
    Platform,
    QuotaHold,
    QuotaRule,
    QuotaScope,
)
from platforms.publishing import (
    NO_STEP,
    RECONCILE_STEP,
    Capability,
    EndsAs,
    MediaSlot,
    PartCreated,
    PartReported,
    PostKind,
    PostVisible,
    Safety,
    StepRule,
    TextRule,
    WaitFor,
)
from platforms.secret import Secret
from tests.support.publishing_harness import TIME_BUDGET, PublishingHarness
from tests.support.row_factory import HOUR

PROVIDER = "example"
DAY = timedelta(hours=24)
TEXT = TextRule(max_length=100)
STEPS = {
    rule.name: rule
    for rule in (
        StepRule("create", "create"),
        StepRule("send", "send", is_upload=True),
        StepRule("check", "read"),
        StepRule("publish", "create"),
        StepRule("details", "read"),
        StepRule(RECONCILE_STEP, "read"),
    )
}
SAFETIES = {"create": Safety.REPLACEABLE, "publish": Safety.UNSAFE}


class ExampleSettings(AppSettings):
    post_limit: int = 3
    part_limit: int = 10

    def missing_names(self):
        return ()

    def build_app(self):
        return None


def build_kind(name, *, max_items, containers):
    slots = (MediaSlot("item", 1, max_items, ()),)
    quotas = {"posts": 1, "parts": containers}
    return PostKind(name, slots, EndsAs.PUBLIC, Capability.PUBLISH, TEXT, quotas)


def build_quota(name, limit_setting):
    return QuotaRule(
        name=name,
        scope=QuotaScope.DESTINATION,
        hold=QuotaHold.FOR_WINDOW,
        window=DAY,
        limit_setting=limit_setting,
        code=f"{name}_used_up",
    )


PLATFORM = Platform(
    name=PROVIDER,
    brand=Brand("Example", "example", "https://example.com"),
    settings=ExampleSettings,
    build_adapter=lambda _app, _http: None,
    build_webhooks=lambda _settings: None,
    capabilities=frozenset({Capability.PUBLISH}),
    kinds={
        "SINGLE": build_kind("SINGLE", max_items=1, containers=1),
        "SEVERAL": build_kind("SEVERAL", max_items=10, containers="parts+1"),
    },
    quotas={
        "posts": build_quota("posts", "post_limit"),
        "parts": build_quota("parts", "part_limit"),
    },
    call_classes={
        "create": CallClass("create", "publish"),
        "send": CallClass("send", "upload"),
        "read": CallClass("read", "read"),
    },
)


def part_created(position=0, handle="part-1", **more):
    return PartCreated(position, "item", handle, **more)


def part_reported(status="READY", position=0):
    return PartReported(position, status)


def visible(post_id="post-1", permalink="https://example.com/post-1", **more):
    return PostVisible(post_id, permalink, **more)


@dataclass
class ScriptedPublisher:
    """Answers each step with what `answers` has for it: results, an error, or a function."""

    answers: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    safeties: dict = field(default_factory=lambda: dict(SAFETIES))
    steps: dict = field(default_factory=lambda: dict(STEPS))
    has_details: bool = False

    def next_step(self, publication):
        part = publication.get_part(0)
        if publication.phase == "PUBLISHED":
            is_complete = publication.permalink or not self.has_details
            return NO_STEP if is_complete else "details"
        items = [item for item in publication.media if item.position > 0]
        if any(publication.get_part(item.position) is None for item in items):
            return "create"
        if part is None or part.handle is None:
            return "create"
        if any(each.upload_url is not None for each in publication.parts):
            return "send"
        return "publish" if part.status == "READY" else "check"

    def step_safety(self, step, publication):
        del publication
        return self.safeties.get(step, Safety.SAFE)

    def check_before(self, publication, tools):
        return self.answer("check_before", publication, tools, default=())

    def run_step(self, step, publication, tools):
        defaults = {
            "create": [part_created()],
            "check": [part_reported()],
            "publish": [visible()],
            RECONCILE_STEP: [WaitFor()],
        }
        return self.answer(step, publication, tools, default=defaults.get(step, []))

    def answer(self, step, publication, tools, *, default):
        self.calls.append((step, publication, tools))
        script = self.answers.get(step, [])
        following = script.pop(0) if len(script) > 1 else next(iter(script), default)
        if isinstance(following, BaseException):
            raise following
        return following(publication, tools) if callable(following) else following

    def cancel_post(self, publication, token):
        raise NotImplementedError

    def names(self):
        """The names of the steps that were called, without the check before."""
        return [step for step, _, _ in self.calls if step != "check_before"]


@dataclass
class StepHarness(PublishingHarness):
    """Publishes posts of the fictional platform."""

    publisher: ScriptedPublisher = None

    def add_account(self, user_id=None, **columns):
        user_id = user_id or self.factory.create_user()
        key_ring = self.services.key_ring
        with self.database.transaction() as session:
            account = Account(
                user_id=user_id,
                provider=PROVIDER,
                open_id=f"person-{user_id}",
                access_token_encrypted=key_ring.encrypt(
                    Secret("token"), access_token_context(PROVIDER, f"person-{user_id}", user_id)
                ),
                scope="publish",
                expires_at=func.now() + HOUR,
                due_at=Grants.now() + HOUR,
                **columns,
            )
            session.add(account)
            session.flush()
            return account

    def add_post(self, account, *, count=0, items=None, **columns):
        """Store a post with one item, or with `count` items of a collection."""
        positions = range(1, count + 1) if count else [0]
        items = items or [
            {"position": position, "role": "item", "url": f"https://example.com/{position}.jpg"}
            for position in positions
        ]
        defaults = {
            "provider": PROVIDER,
            "kind": "SEVERAL" if items[0]["position"] else "SINGLE",
            "source": "PULL_FROM_URL",
            "sent_by": SentBy.PLATFORM,
            "title": "A text",
            "due_at": func.now(),
        }
        with self.database.transaction() as session:
            owner = {"user_id": account.user_id, "oauth_account_id": account.id}
            post = Posts(session).add(**{**defaults, **owner, **columns})
            PostParts(session).add_items(post.id, items)
            PostEvents(session).add(post, "request", after=post.state)
            return post.id

    def run_until_idle(self, post_id, *, times=1):
        """Run workers until the post waits, that many times, each time with the post due."""
        for _ in range(times):
            self.make_due(post_id)
            self.run_workers()

    def run_workers(self, times=1):
        for _ in range(times):
            for job_type in (publishing.PUBLISH_JOB_TYPE, publishing.UPLOAD_JOB_TYPE) * 2:
                run_jobs(job_type, self.database, self.services, time_budget=TIME_BUDGET)

    def parts(self, post_id):
        query = select(PostPart).where(PostPart.post_id == post_id).order_by(PostPart.position)
        return self.all(query)

    def replace_platform_settings(self, **settings):
        platforms = SimpleNamespace(
            **vars(self.services.settings.platforms) | {PROVIDER: ExampleSettings(**settings)}
        )
        self.replace_settings(platforms=platforms)


def build_step_harness(database, services, factory):
    """The harness; the caller has put `PLATFORM` into the registry."""
    publisher = ScriptedPublisher()
    adapter = Adapter(name=PROVIDER, webhooks=None, step_publisher=publisher)
    services = replace(services, adapters={**services.adapters, PROVIDER: adapter})
    harness = StepHarness(database, services, factory, None, publisher)
    harness.replace_platform_settings()
    return harness
