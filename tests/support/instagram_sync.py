"""`SyncHarness`: an Instagram account of the sandbox whose media, comments and metrics are read."""

from dataclasses import dataclass, replace

from sqlalchemy import func, select, update

from core import insights
from core.jobs.runner import run_jobs
from db.accounts.accounts import Account
from db.comments.replies import CommentReply
from db.insights.schedule import SamplingSchedule
from db.insights.snapshots import MetricSnapshot
from db.records.instagram_tables import IgComment, IgMedia, IgMention, InstagramAccount
from tests.platforms.instagram_publishing_client import add_account
from tests.platforms.instagram_reading import ALL_FACEBOOK_SCOPES, ALL_INSTAGRAM_SCOPES
from tests.platforms.instagram_reading_client import ReadingClient
from tests.support.instagram_harness import InstagramHarness
from tests.support.publishing_harness import PublishingHarness
from tests.support.row_factory import RowFactory

SCOPES = {"facebook": ALL_FACEBOOK_SCOPES, "instagram": ALL_INSTAGRAM_SCOPES}
DUE_COLUMNS = ("due_at", "totals_due_at", "list_due_at", "ending_due_at")


def build_sync_harness(database, services, sandbox, flow="facebook", scopes=None, user_id=None):
    """Add an account to the sandbox and connect it with all permissions that reading needs."""
    raw, state = sandbox
    client = add_account(raw, state, followers_count=500)
    reader = ReadingClient(raw, state, client.account, client.tokens)
    reader.grant_scopes(*ALL_FACEBOOK_SCOPES, "pages_show_list")
    reader.grant_scopes(*ALL_INSTAGRAM_SCOPES, login="instagram")
    harness = SyncHarness(database, services, RowFactory(database, services.key_ring), None)
    harness.client, harness.flow = reader, flow
    harness.log_start = len(state.sandbox.log.as_dicts())
    harness.connect(user_id)
    harness.update_login(scope=",".join(SCOPES[flow] if scopes is None else scopes))
    return harness


@dataclass
class SyncHarness(InstagramHarness):
    log_start: int = 0

    def update_login(self, **columns):
        self.write(update(Account).where(Account.id == self.account.id).values(columns))

    def update_destination(self, **columns):
        condition = InstagramAccount.id == self.destination_id
        self.write(update(InstagramAccount).where(condition).values(columns))

    def write(self, statement):
        with self.database.transaction() as session:
            session.execute(statement, execution_options={"synchronize_session": False})

    def change_settings(self, **values):
        PublishingHarness.replace_platform_settings(self, "instagram", **values)

    def enrol(self):
        return insights.enrol_accounts(self.database, self.services)

    def sync(self, steps=40):
        """Run the steps that are due until none is; return how many there were."""
        for number in range(steps):
            if not run_jobs(insights.SAMPLING_JOB_TYPE, self.database, self.services).claimed:
                return number
        raise AssertionError(f"still due after {steps} steps")

    def enrol_and_sync(self):
        self.enrol()
        return self.sync()

    def make_due(self, *names):
        """Make these steps due, by the names of their columns; by default all of the account."""
        values = dict.fromkeys(("due_at", *(names or DUE_COLUMNS)), func.now())
        self.write(update(SamplingSchedule).values(values))

    def make_media_due(self, column):
        """Make the metrics or comments of all media due."""
        self.write(update(IgMedia).where(column.is_not(None)).values({column: func.now()}))
        self.make_due("due_at")

    def age_media(self, age):
        """As if all media had been stored that long ago."""
        self.write(update(IgMedia).values(created_at=func.now() - age))

    @property
    def schedule(self):
        return self.one(select(SamplingSchedule))

    @property
    def destination(self):
        return self.one(select(InstagramAccount))

    def media(self, ig_id):
        return self.one(select(IgMedia).where(IgMedia.ig_id == ig_id))

    def comment(self, ig_id):
        return self.one(select(IgComment).where(IgComment.ig_id == ig_id))

    def mentions(self):
        return self.all(select(IgMention).order_by(IgMention.id))

    def replies(self):
        return self.all(select(CommentReply).order_by(CommentReply.id))

    def metric_values(self, kind, metric):
        """The stored values of a metric, oldest first."""
        query = select(MetricSnapshot).where(
            MetricSnapshot.subject_type == kind, MetricSnapshot.metric == metric
        )
        rows = self.all(query.order_by(MetricSnapshot.taken_at, MetricSnapshot.id))
        return [int(row.value) for row in rows]

    def delay(self, column):
        """How long until a time of the schedule, or of the only media."""
        with self.database.transaction() as session:
            return session.scalar(select(column - func.now()))

    def fail_with(self, endpoint, code, subcode=None, times=1):
        """Answer the next calls of this endpoint with an error of Meta."""
        fields = {"code": code} | ({} if subcode is None else {"subcode": subcode})
        self.client.inject_fault(endpoint, "graph_error", times=times, fields=fields)

    def count_calls(self, endpoint):
        """How many calls of this endpoint the sandbox got since this account was connected."""
        log = self.client.state.sandbox.log.as_dicts()[self.log_start :]
        return sum(entry["endpoint"] == endpoint for entry in log)

    def change_sandbox(self, **settings):
        self.client.state.settings = replace(self.client.state.settings, **settings)
