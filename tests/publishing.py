"""A place to publish from: rows, a world, and a TikTok that answers by script."""

import itertools
from dataclasses import dataclass, replace

from sqlalchemy import func, select, update

from core import posts
from core.checked import checked
from core.engine.work import run
from core.ledger.news import hear
from core.posts.wish import Wish
from db.media import Media
from db.posts import Post
from db.records import TikTokPost
from db.timeline import PostEvent
from db.uploads import UploadSession
from db.webhooks import Event
from platforms.base import Progress
from tests.platforms.hostile import ENDS
from tests.platforms.script import flat, ok

INIT = "/v2/post/publish/inbox/video/init/"
DIRECT = "/v2/post/publish/video/init/"
CONTENT = "/v2/post/publish/content/init/"
STATUS = "/v2/post/publish/status/fetch/"
CANCEL = "/v2/post/publish/cancel/"
CREATOR = "/v2/post/publish/creator_info/query/"
UPLOAD = "/upload"
STINT = 60.0  # seconds: whatever is due again at once is done, as by a worker
NUMBERS = itertools.count(1)

A_PULL = {
    "source": "PULL_FROM_URL",
    "title": "A film",
    "videoUrl": "https://example.com/film.mp4",
}
AN_UPLOAD = {"source": "FILE_UPLOAD", "title": "A film", "video_size": 1000}
A_PROBE = {
    "duration_ms": 3000,
    "width": 640,
    "height": 360,
    "fps": 24.0,
    "codec": "h264",
    "container": "mp4",
}


def a_wish(said=None, **more):
    return checked(Wish, {**(A_PULL if said is None else said), **more})


def status(word="PROCESSING_DOWNLOAD", **more):
    return ok(status=word, **more)


@dataclass
class Desk:
    """`server` is the platform: each path may be given a script of its own."""

    database: object
    world: object
    tenants: object
    server: object

    def says(self, path, *answers):
        """What the platform answers there from now on, the last one for ever."""
        script = list(answers)

        def play(sock):
            manner = script[0] if len(script) == 1 else script.pop(0)
            if not isinstance(manner, bytes):
                manner(sock)
                return ENDS
            return sock.sendall(manner)

        self.server.manners[path] = play

    def starts(self, **more):
        """Every start is taken, under a publish_id of its own."""

        def play(sock):
            number = next(NUMBERS)
            url = f"{self.server.url}{UPLOAD}?upload_id={number}&upload_token=canary{number}"
            sock.sendall(ok(publish_id=f"v_pub~v2.{number}", upload_url=url, **more))

        self.server.manners[INIT] = self.server.manners[DIRECT] = play

    def loses(self, *paths):
        """The request arrives, the answer never does."""
        for path in paths:
            self.server.manners[path] = self.server.reset

    def calls(self, path):
        return [body for where, body in self.server.seen if where.partition("?")[0] == path]

    def request(self, user_id, said=None, *, key=None, can_wait=False, **more):
        return posts.request(
            self.database,
            self.world,
            user_id=user_id,
            wish=a_wish(said, **more),
            idempotency_key=key,
            can_wait=can_wait,
        )

    def cancels(self, post_id):
        user_id = self.post(post_id).user_id
        posts.cancel(self.database, self.world, post_id, user_id=user_id)

    def works(self, times=1):
        """As workers would, on both lanes; everything is due."""
        for _ in range(times):
            self.due()
            run(posts.WORK, self.database, self.world, stint=STINT)
            run(posts.UPLOADS, self.database, self.world)

    def due(self, post_id=None):
        mine = [Post.due_at.is_not(None)] if post_id is None else [Post.id == post_id]
        self.change_where(mine, due_at=func.now())

    def change(self, post_id, **columns):
        self.change_where([Post.id == post_id], **columns)

    def change_where(self, conditions, **columns):
        with self.database.transaction() as session:
            session.execute(
                update(Post).where(*conditions).values(**columns),
                execution_options={"synchronize_session": False},
            )

    def post(self, post_id):
        return self.one(select(Post).where(Post.id == post_id))

    def record(self, post_id):
        return self.one(select(TikTokPost).where(TikTokPost.ledger_id == post_id))

    def upload(self, post_id):
        return self.one(select(UploadSession).where(UploadSession.post_id == post_id))

    def age_records(self):
        """As if the platform had been heard of a minute ago."""
        with self.database.transaction() as session:
            ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 1)
            session.execute(update(TikTokPost).values(created_at=ago, last_polled_at=ago))

    def events(self, post_id):
        wanted = select(PostEvent).where(PostEvent.post_id == post_id).order_by(PostEvent.id)
        return self.all(wanted)

    def course(self, post_id):
        """The states it went through."""
        return [event.after for event in self.events(post_id) if event.after]

    def count(self, *conditions):
        wanted = select(func.count()).select_from(Post).where(*conditions)
        return self.one(wanted)

    def one(self, wanted):
        with self.database.transaction() as session:
            return session.scalars(wanted).one_or_none()

    def all(self, wanted):
        with self.database.transaction() as session:
            return list(session.scalars(wanted))

    def a_file(self, user_id, data=b"x" * 1000, *, probe=A_PROBE, complete=True):
        """A file in the store and its row."""
        path = self.world.media.new_path()
        self.world.media.file(path).write_bytes(data)
        with self.database.transaction() as session:
            media = Media(
                user_id=user_id,
                filename="film.mp4",
                content_type="video/mp4",
                size=len(data),
                offset=len(data),
                path=path,
                sha256=self.world.media.sha256(path) if complete else None,
                probe=probe,
                completed_at=func.now() if complete else None,
                expires_at=func.now() + func.make_interval(0, 0, 0, 7),
            )
            session.add(media)
            session.flush()
            return media.id

    def media(self, media_id):
        return self.one(select(Media).where(Media.id == media_id))

    def a_notice(self, open_id, publish_id):
        """A webhook of that account, not applied yet."""
        with self.database.transaction() as session:
            session.add(
                Event(
                    provider="tiktok",
                    event_type="video.publish.complete",
                    external_id=publish_id,
                    account=open_id,
                    publish_id=publish_id,
                    payload_json={},
                )
            )

    def hears(self, post_id, phase, word):
        """As if a webhook had brought it."""
        with self.database.transaction() as session:
            hear(session, session.get_one(Post, post_id), Progress(phase, word), mouth="webhook")

    def settled(self, **settings):
        """The same place under other settings."""
        self.world = replace(self.world, settings=replace(self.world.settings, **settings))

    def unaudited(self):
        """The same place before TikTok's audit."""
        self.settled(tiktok=replace(self.world.settings.tiktok, app_audited=False))

    def flat(self, **body):
        return flat(**body)

    def a_grant(self, open_id):
        return flat(
            access_token="act.new",
            expires_in=86400,
            open_id=open_id,
            refresh_expires_in=15_552_000,
            refresh_token="rft.new",
            scope="user.info.basic,video.upload",
        )
