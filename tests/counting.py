"""A place to sample from: an account that allows it, and a TikTok whose videos the test invents."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import func, select, update

from core import insights
from core.engine.work import run
from db.insights import MetricSnapshot
from db.videos import Video
from db.watches import Watch
from tests.platforms.script import ok, refuses

LIST, QUERY, USER = "/v2/video/list/", "/v2/video/query/", "/v2/user/info/"
SCOPES = "user.info.basic,video.list,user.info.stats"
NUMBERS = {"view_count": 100, "like_count": 10, "comment_count": 4, "share_count": 1}
PAGE = 20


@dataclass
class Shop:
    """`shown` is what the public sees, the newest first; `desk` is where posts are published."""

    desk: object
    shown: list = field(default_factory=list)
    people: dict = field(default_factory=lambda: {"follower_count": 7})

    def __post_init__(self):
        tiktok = replace(self.desk.world.settings.tiktok, insights=True)
        self.desk.settled(tiktok=tiktok)
        self.answers()

    def answers(self):
        """As TikTok does, from what is shown."""
        manners = self.desk.server.manners
        manners[LIST] = lambda sock: sock.sendall(self.page())
        manners[QUERY] = lambda sock: sock.sendall(self.known())
        manners[USER] = lambda sock: sock.sendall(ok(user=self.people))

    def asked(self):
        return json.loads(self.desk.server.seen[-1][1])

    def page(self):
        cursor = self.asked().get("cursor")
        older = [one for one in self.shown if cursor is None or one["create_time"] * 1000 < cursor]
        last = older[:PAGE][-1]["create_time"] * 1000 if older else 0
        return ok(videos=older[:PAGE], cursor=last, has_more=len(older) > PAGE)

    def known(self):
        ids = self.asked()["filters"]["video_ids"]
        return ok(videos=[one for one in self.shown if one["id"] in ids])

    def refuses(self, path, status, code):
        self.desk.says(path, refuses(status, code))

    def shows(self, number, *, ago=timedelta(hours=1), **told):
        """A video that appeared so long ago; its id."""
        made = self.desk.world.now() - ago
        video = {"id": str(number), "create_time": int(made.timestamp()), **NUMBERS, **told}
        self.shown.append({name: value for name, value in video.items() if value is not ...})
        self.shown.sort(key=lambda one: one["create_time"], reverse=True)
        return str(number)

    def changes(self, number, **told):
        next(one for one in self.shown if one["id"] == str(number)).update(told)

    def hides(self, number):
        self.shown = [one for one in self.shown if one["id"] != str(number)]

    def account(self, **columns):
        return self.desk.tenants.an_account(**{"scope": SCOPES, **columns})

    def enrols(self):
        return insights.enrol(self.desk.database, self.desk.world)

    def works(self, times=1):
        """As workers would, as long as something is due."""
        found = [run(insights.WORK, self.desk.database, self.desk.world) for _ in range(times)]
        return [report.claimed for report in found]

    def watched(self, **columns):
        """An account of which everything has been asked once."""
        account = self.account(**columns)
        self.enrols()
        self.works(4)
        return account

    def due(self, account=None):
        """As if the time of all its numbers had come."""
        mine = [] if account is None else [Watch.oauth_account_id == account]
        theirs = [] if account is None else [Video.oauth_account_id == account]
        with self.desk.database.transaction() as session:
            now = {"due_at": func.now(), "totals_due_at": func.now(), "list_due_at": func.now()}
            session.execute(update(Watch).where(*mine).values(now))
            known = Video.due_at.is_not(None)
            session.execute(update(Video).where(known, *theirs).values(due_at=func.now()))

    def count_due(self, account):
        """As if the time of its videos' numbers had come, and of nothing else."""
        with self.desk.database.transaction() as session:
            mine = Watch.oauth_account_id == account
            session.execute(update(Watch).where(mine).values(due_at=func.now()))
            known = (Video.oauth_account_id == account, Video.due_at.is_not(None))
            session.execute(update(Video).where(*known).values(due_at=func.now()))

    def watch(self, account):
        return self.desk.one(select(Watch).where(Watch.oauth_account_id == account))

    def video(self, number):
        return self.desk.one(select(Video).where(Video.video_id == str(number)))

    def videos(self, account):
        found = select(Video).where(Video.oauth_account_id == account)
        return self.desk.all(found.order_by(Video.posted_at.desc()))

    def history(self, subject, kind, metric):
        """Its values of that metric, in their order."""
        mine = (MetricSnapshot.subject_type == kind, MetricSnapshot.subject_id == subject)
        found = select(MetricSnapshot).where(*mine, MetricSnapshot.metric == metric)
        return [int(one.value) for one in self.desk.all(found.order_by(MetricSnapshot.id))]

    def calls(self, path):
        return self.desk.calls(path)

    def waits(self, account):
        """Until its watch is due."""
        with self.desk.database.transaction() as session:
            mine = Watch.oauth_account_id == account
            return session.scalar(select(Watch.due_at - func.now()).where(mine))

    def video_waits(self, number):
        with self.desk.database.transaction() as session:
            mine = Video.video_id == str(number)
            return session.scalar(select(Video.due_at - func.now()).where(mine))
