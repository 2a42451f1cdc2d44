"""Insights tests: accounts to sample, and a TikTok whose public videos the test defines."""

import json
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select, update

from core import insights
from core.jobs.runner import run_jobs
from db.insights.schedule import SamplingSchedule
from db.insights.snapshots import MetricSnapshot
from db.records.tiktok_videos import TikTokVideo
from tests.platforms.tiktok_responses import error_response, ok_response

VIDEO_LIST_PATH, VIDEO_QUERY_PATH, USER_INFO_PATH = (
    "/v2/video/list/",
    "/v2/video/query/",
    "/v2/user/info/",
)
INSIGHTS_SCOPES = "user.info.basic,video.list,user.info.stats"
VIDEO_METRICS = {"view_count": 100, "like_count": 10, "comment_count": 4, "share_count": 1}
PAGE_SIZE = 20


@dataclass
class InsightsHarness:
    """`public_videos` are listed newest first; `publisher` is the harness that publishes posts."""

    publisher: object
    public_videos: list = field(default_factory=list)
    user_info: dict = field(default_factory=lambda: {"follower_count": 7})

    def __post_init__(self):
        self.publisher.replace_platform_settings("tiktok", insights_enabled=True)
        self.install_handlers()

    @property
    def database(self):
        return self.publisher.database

    @property
    def services(self):
        return self.publisher.services

    @property
    def factory(self):
        return self.publisher.factory

    def install_handlers(self):
        """Answer requests as TikTok does, from `public_videos` and `user_info`."""
        behaviours = self.publisher.server.behaviours
        behaviours[VIDEO_LIST_PATH] = lambda sock: sock.sendall(self.video_page())
        behaviours[VIDEO_QUERY_PATH] = lambda sock: sock.sendall(self.queried_videos())
        behaviours[USER_INFO_PATH] = lambda sock: sock.sendall(ok_response(user=self.user_info))

    def last_request(self):
        return json.loads(self.publisher.server.requests[-1][1])

    def video_page(self):
        cursor = self.last_request().get("cursor")
        older = [
            video
            for video in self.public_videos
            if cursor is None or video["create_time"] * 1000 < cursor
        ]
        last = older[:PAGE_SIZE][-1]["create_time"] * 1000 if older else 0
        return ok_response(videos=older[:PAGE_SIZE], cursor=last, has_more=len(older) > PAGE_SIZE)

    def queried_videos(self):
        ids = self.last_request()["filters"]["video_ids"]
        return ok_response(videos=[video for video in self.public_videos if video["id"] in ids])

    def refuse_request(self, path, status, code):
        self.publisher.set_responses(path, error_response(status, code))

    def add_video(self, number, *, ago=timedelta(hours=1), **fields):
        """Add a public video that appeared so long ago; return its id. `...` leaves a field out."""
        created_at = self.services.now() - ago
        video = {
            "id": str(number),
            "create_time": int(created_at.timestamp()),
            **VIDEO_METRICS,
            **fields,
        }
        self.public_videos.append(
            {name: value for name, value in video.items() if value is not ...}
        )
        self.public_videos.sort(key=lambda video: video["create_time"], reverse=True)
        return str(number)

    def update_video(self, number, **fields):
        next(video for video in self.public_videos if video["id"] == str(number)).update(fields)

    def hide_video(self, number):
        self.public_videos = [video for video in self.public_videos if video["id"] != str(number)]

    def create_account(self, **columns):
        return self.factory.create_account(**{"scope": INSIGHTS_SCOPES, **columns})

    def enrol_accounts(self):
        return insights.enrol_accounts(self.database, self.services)

    def run_workers(self, times=1):
        """Run the sampling job this many times; return how many rows each run claimed."""
        reports = [
            run_jobs(insights.SAMPLING_JOB_TYPE, self.database, self.services) for _ in range(times)
        ]
        return [report.claimed for report in reports]

    def create_sampled_account(self, **columns):
        """Create an account and sample everything about it once."""
        account = self.create_account(**columns)
        self.enrol_accounts()
        self.run_workers(4)
        return account

    def make_due(self, account=None):
        """Make every step of the account due, or of all accounts."""
        schedules = [] if account is None else [SamplingSchedule.oauth_account_id == account]
        videos = [] if account is None else [TikTokVideo.oauth_account_id == account]
        with self.database.transaction() as session:
            due = {"due_at": func.now(), "totals_due_at": func.now(), "list_due_at": func.now()}
            session.execute(update(SamplingSchedule).where(*schedules).values(due))
            is_scheduled = TikTokVideo.due_at.is_not(None)
            session.execute(
                update(TikTokVideo).where(is_scheduled, *videos).values(due_at=func.now())
            )

    def make_counts_due(self, account):
        """Make the metrics of the account's videos due, and no other step."""
        with self.database.transaction() as session:
            of_account = SamplingSchedule.oauth_account_id == account
            session.execute(update(SamplingSchedule).where(of_account).values(due_at=func.now()))
            is_scheduled = (
                TikTokVideo.oauth_account_id == account,
                TikTokVideo.due_at.is_not(None),
            )
            session.execute(update(TikTokVideo).where(*is_scheduled).values(due_at=func.now()))

    def schedule(self, account):
        return self.publisher.one(
            select(SamplingSchedule).where(SamplingSchedule.oauth_account_id == account)
        )

    def video(self, number):
        return self.publisher.one(select(TikTokVideo).where(TikTokVideo.video_id == str(number)))

    def videos(self, account):
        query = select(TikTokVideo).where(TikTokVideo.oauth_account_id == account)
        return self.publisher.all(query.order_by(TikTokVideo.posted_at.desc()))

    def metric_history(self, subject_id, kind, metric):
        """Return the stored values of one metric, oldest first."""
        query = select(MetricSnapshot).where(
            MetricSnapshot.subject_type == kind,
            MetricSnapshot.subject_id == subject_id,
            MetricSnapshot.metric == metric,
        )
        snapshots = self.publisher.all(query.order_by(MetricSnapshot.id))
        return [int(snapshot.value) for snapshot in snapshots]

    def request_bodies(self, path):
        return self.publisher.request_bodies(path)

    def time_until_due(self, account):
        """Return the time until the account's sampling schedule is due."""
        with self.database.transaction() as session:
            of_account = SamplingSchedule.oauth_account_id == account
            return session.scalar(select(SamplingSchedule.due_at - func.now()).where(of_account))

    def time_until_video_due(self, number):
        with self.database.transaction() as session:
            of_video = TikTokVideo.video_id == str(number)
            return session.scalar(select(TikTokVideo.due_at - func.now()).where(of_video))
