"""`PublishingHarness`: publishes posts against a TikTok server that answers by script."""

import itertools
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import func, select, update

from core import publishing
from core.jobs.runner import run_jobs
from core.post_state.transitions import apply_one_update
from core.validation import validate_model
from db.media.files import Media
from db.posts.parts import PostPart
from db.posts.posts import Post
from db.posts.timeline import PostEvent
from db.records.tiktok_posts import TikTokPost
from db.webhooks.events import Event
from platforms.base import PublishProgress
from platforms.tiktok.seed_paths import SEED_PATHS
from platforms.tiktok.upload_request import UploadRequest
from tests.platforms.hostile_server import END_CONNECTION
from tests.platforms.tiktok_responses import flat_response, ok_response

INBOX_INIT_PATH = "/v2/post/publish/inbox/video/init/"
DIRECT_INIT_PATH = "/v2/post/publish/video/init/"
CONTENT_INIT_PATH = "/v2/post/publish/content/init/"
STATUS_PATH = "/v2/post/publish/status/fetch/"
CANCEL_PATH = "/v2/post/publish/cancel/"
CREATOR_PATH = "/v2/post/publish/creator_info/query/"
UPLOAD_PATH = "/upload"
TIME_BUDGET = 60.0  # seconds: rows that are due again immediately are run too, as by a worker
PUBLISH_NUMBERS = itertools.count(1)

URL_REQUEST = {
    "source": "PULL_FROM_URL",
    "title": "A video",
    "videoUrl": "https://example.com/film.mp4",
}
FILE_REQUEST = {"source": "FILE_UPLOAD", "title": "A video", "video_size": 1000}
VIDEO_PROBE = {
    "duration_ms": 3000,
    "width": 640,
    "height": 360,
    "fps": 24.0,
    "codec": "h264",
    "container": "mp4",
}


def make_request(fields=None, **more):
    return validate_model(UploadRequest, {**(URL_REQUEST if fields is None else fields), **more})


def status_body(status="PROCESSING_DOWNLOAD", **more):
    return ok_response(status=status, **more)


@dataclass
class PublishingHarness:
    """`server` is the platform; `set_responses` scripts each of its paths."""

    database: object
    services: object
    factory: object
    server: object

    def set_responses(self, path, *responses):
        """Responses of the path from now on, in order; the last one is repeated."""
        remaining = list(responses)

        def play(sock):
            response = remaining[0] if len(remaining) == 1 else remaining.pop(0)
            if not isinstance(response, bytes):
                response(sock)
                return END_CONNECTION
            return sock.sendall(response)

        self.server.behaviours[path] = play

    def accept_starts(self, **more):
        """Accept every start, each with a new publish_id."""

        def play(sock):
            number = next(PUBLISH_NUMBERS)
            url = f"{self.server.url}{UPLOAD_PATH}?upload_id={number}&upload_token=canary{number}"
            sock.sendall(ok_response(publish_id=f"v_pub~v2.{number}", upload_url=url, **more))

        self.server.behaviours[INBOX_INIT_PATH] = self.server.behaviours[DIRECT_INIT_PATH] = play

    def drop_responses(self, *paths):
        """Requests to these paths arrive, but get no response."""
        for path in paths:
            self.server.behaviours[path] = self.server.reset_connection

    def request_bodies(self, path):
        return [body for target, body in self.server.requests if target.partition("?")[0] == path]

    def request_upload(self, user_id, fields=None, *, key=None, may_queue=False, **more):
        return publishing.request_post_by_body(
            self.database,
            self.services,
            seed_paths=SEED_PATHS,
            body=make_request(fields, **more),
            user_id=user_id,
            idempotency_key=key,
            may_queue=may_queue,
        )

    def cancel_post(self, post_id):
        user_id = self.post(post_id).user_id
        publishing.cancel_post(self.database, self.services, post_id, user_id=user_id)

    def run_workers(self, times=1):
        """Run both job types as workers would, with everything due."""
        for _ in range(times):
            self.make_due()
            run_jobs(
                publishing.PUBLISH_JOB_TYPE, self.database, self.services, time_budget=TIME_BUDGET
            )
            run_jobs(publishing.UPLOAD_JOB_TYPE, self.database, self.services)

    def make_due(self, post_id=None):
        selected = Post.due_at.is_not(None) if post_id is None else Post.id == post_id
        self.update_posts([selected], due_at=func.now())

    def update_post(self, post_id, **columns):
        self.update_posts([Post.id == post_id], **columns)

    def expire_upload_url(self, post_id, ago=timedelta(hours=1)):
        """As if the upload URL of the post had expired so long ago."""
        self.update_post(post_id, url_expires_at=func.now() - ago)
        with self.database.transaction() as session:
            statement = update(PostPart).where(PostPart.post_id == post_id)
            session.execute(statement.values(expires_at=func.now() - ago))

    def age_unsafe_step(self, post_id, step, ago=timedelta(0)):
        """As if this step had begun so long ago, and its answer were lost."""
        begun_at = self.one(select(func.now() - ago)).isoformat()
        step_state = {**self.post(post_id).step_state, "unsafe": step, "unsafe_at": begun_at}
        self.update_post(post_id, step_state=step_state, is_upload_due=False)

    def update_posts(self, conditions, **columns):
        with self.database.transaction() as session:
            session.execute(
                update(Post).where(*conditions).values(**columns),
                execution_options={"synchronize_session": False},
            )

    def post(self, post_id):
        return self.one(select(Post).where(Post.id == post_id))

    def tiktok_post(self, post_id):
        return self.one(select(TikTokPost).where(TikTokPost.post_id == post_id))

    def upload(self, post_id):
        """The part that is sent; None if nothing waits for bytes."""
        is_open = PostPart.upload_url_encrypted.is_not(None)
        return self.one(select(PostPart).where(PostPart.post_id == post_id, is_open))

    def age_records(self):
        """As if the last report of the platform were a minute old."""
        with self.database.transaction() as session:
            ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 1)
            session.execute(update(TikTokPost).values(created_at=ago, last_polled_at=ago))

    def events(self, post_id):
        statement = select(PostEvent).where(PostEvent.post_id == post_id).order_by(PostEvent.id)
        return self.all(statement)

    def state_history(self, post_id):
        """The states that the post went through."""
        return [event.after for event in self.events(post_id) if event.after]

    def count(self, *conditions):
        statement = select(func.count()).select_from(Post).where(*conditions)
        return self.one(statement)

    def one(self, statement):
        with self.database.transaction() as session:
            return session.scalars(statement).one_or_none()

    def all(self, statement):
        with self.database.transaction() as session:
            return list(session.scalars(statement))

    def create_media(self, user_id, data=b"x" * 1000, *, probe=VIDEO_PROBE, complete=True):
        """Create a file in the media store and its row."""
        path = self.services.media.create_file()
        self.services.media.local_path(path).write_bytes(data)
        with self.database.transaction() as session:
            media = Media(
                user_id=user_id,
                filename="film.mp4",
                content_type="video/mp4",
                size=len(data),
                offset=len(data),
                path=path,
                sha256=self.services.media.sha256(path) if complete else None,
                probe=probe,
                completed_at=func.now() if complete else None,
                expires_at=func.now() + func.make_interval(0, 0, 0, 7),
            )
            session.add(media)
            session.flush()
            return media.id

    def media(self, media_id):
        return self.one(select(Media).where(Media.id == media_id))

    def create_webhook_event(self, open_id, publish_id):
        """Store a webhook event of that account that is not applied yet."""
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

    def apply_webhook_update(self, post_id, phase, status):
        """Apply an update as a webhook would."""
        with self.database.transaction() as session:
            apply_one_update(
                session,
                session.get_one(Post, post_id),
                PublishProgress(phase, status),
                source="webhook",
            )

    def replace_settings(self, **settings):
        """Use other settings from now on."""
        changed = self.services.settings.model_copy(update=settings)
        self.services = replace(self.services, settings=changed)

    def replace_platform_settings(self, provider, **values):
        """Use other settings of one platform from now on."""
        platforms = self.services.settings.platforms
        section = getattr(platforms, provider).model_copy(update=values)
        self.replace_settings(platforms=platforms.model_copy(update={provider: section}))

    def disable_audit(self):
        """Behave as an application that TikTok has not audited."""
        self.replace_platform_settings("tiktok", app_audited=False)

    def flat(self, **body):
        return flat_response(**body)

    def grant_body(self, open_id):
        return flat_response(
            access_token="act.new",
            expires_in=86400,
            open_id=open_id,
            refresh_expires_in=15_552_000,
            refresh_token="rft.new",
            scope="user.info.basic,video.upload",
        )
