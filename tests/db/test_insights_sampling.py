"""Sampling against real Postgres: which request is made for which account, when, what is stored."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core import accounts, insights
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch, run_jobs
from db.accounts.accounts import AccountStatus
from db.identity.users import User
from db.insights.schedule import SamplingSchedule
from db.insights.snapshots import MetricSnapshot
from db.records.tiktok_videos import TikTokVideo
from platforms.base import Phase
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import flat_response, ok_response
from tests.support.insights_harness import (
    INSIGHTS_SCOPES,
    USER_INFO_PATH,
    VIDEO_LIST_PATH,
    VIDEO_QUERY_PATH,
    InsightsHarness,
)

HOURS, DAYS, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def sampler(publisher):
    return InsightsHarness(publisher)


def is_near(delay, expected):
    """Within the jitter and half a minute."""
    return abs(delay - expected) <= expected * 0.12 + timedelta(seconds=30)


def test_a_video_and_its_account_are_sampled_repeatedly(sampler):
    sampler.add_video(7, title="A video", duration=12)
    account = sampler.create_sampled_account()
    first = sampler.video(7)
    sampler.update_video(7, view_count=2**40, like_count=11)
    sampler.user_info = {"follower_count": 2**33, "likes_count": 5}
    sampler.make_due(account)
    sampler.run_workers(4)
    assert (first.title, first.duration_seconds, first.missing_since) == ("A video", 12, None)
    assert sampler.metric_history(first.id, "video", "views")[:1] == [100]
    assert sampler.metric_history(first.id, "video", "views")[-1] == 2**40
    assert sampler.video(7).views == 2**40
    assert sampler.metric_history(account, "account", "followers") == [7, 2**33]
    assert sampler.metric_history(account, "account", "likes") == [5]


@pytest.mark.parametrize(
    ("ago", "interval"),
    [
        (-1 * HOURS, 15 * MINUTE),
        (1 * HOURS, 15 * MINUTE),
        (71 * HOURS, 15 * MINUTE),
        (73 * HOURS, HOURS),
        (13 * DAYS, HOURS),
        (15 * DAYS, 6 * HOURS),
        (91 * DAYS, DAYS),
    ],
)
def test_the_younger_a_video_the_more_often_it_is_sampled(sampler, ago, interval):
    sampler.add_video(7, ago=ago)
    sampler.create_sampled_account()
    assert is_near(sampler.time_until_video_due(7), interval)


def test_a_missing_metric_is_a_missing_row_and_keeps_the_last_value(sampler):
    sampler.add_video(7, view_count=..., like_count=None)
    account = sampler.create_sampled_account()
    video = sampler.video(7)
    assert sampler.metric_history(video.id, "video", "views") == []
    assert (video.views, video.likes, video.comments) == (None, None, 4)
    sampler.update_video(7, view_count=50, comment_count=-1)
    sampler.make_counts_due(account)
    sampler.run_workers(2)
    assert sampler.metric_history(video.id, "video", "views") == [50]
    assert sampler.metric_history(video.id, "video", "comments") == [4]
    assert (sampler.video(7).views, sampler.video(7).comments) == (50, 4)


def test_a_video_that_is_no_longer_listed_is_marked_missing_and_not_zero(sampler):
    sampler.add_video(7)
    sampler.add_video(8)
    account = sampler.create_sampled_account()
    video = sampler.video(7)
    sampler.hide_video(7)
    sampler.make_counts_due(account)
    sampler.run_workers(2)
    missing = sampler.video(7)
    assert missing.missing_since is not None
    assert (missing.views, sampler.metric_history(video.id, "video", "views")) == (100, [100])
    assert is_near(sampler.time_until_video_due(7), HOURS)
    assert sampler.video(8).missing_since is None
    sampler.add_video(7, view_count=120)
    sampler.make_counts_due(account)
    sampler.run_workers(2)
    assert (sampler.video(7).missing_since, sampler.video(7).views) == (None, 120)


@pytest.mark.parametrize(("since", "interval"), [(2 * DAYS, DAYS), (31 * DAYS, None)])
def test_a_missing_video_is_queried_less_and_less_often_and_then_not_at_all(
    sampler, since, interval
):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    sampler.hide_video(7)
    with sampler.database.transaction() as session:
        session.execute(update(TikTokVideo).values(missing_since=func.now() - since))
    sampler.make_counts_due(account)
    sampler.run_workers(2)
    delay = sampler.time_until_video_due(7)
    assert delay is None if interval is None else is_near(delay, interval)


def test_the_first_sampling_reads_the_whole_list_and_later_ones_only_what_is_new(sampler):
    for number in range(45):
        sampler.add_video(number, ago=HOURS * (number + 1))
    account = sampler.create_account()
    sampler.enrol_accounts()
    sampler.run_workers(6)
    assert len(sampler.videos(account)) == 45
    assert len(sampler.request_bodies(VIDEO_LIST_PATH)) == 3
    assert sampler.schedule(account).is_whole
    sampler.add_video(99)
    sampler.make_due(account)
    sampler.run_workers(6)
    # The page with the new video, and the next one, which has none.
    assert len(sampler.request_bodies(VIDEO_LIST_PATH)) == 5
    assert len(sampler.videos(account)) == 46


def test_a_list_whose_cursor_does_not_advance_ends(sampler):
    sampler.add_video(7)
    videos = [{"id": "7", "create_time": 1_770_000_000}]
    sampler.publisher.set_responses(
        VIDEO_LIST_PATH, ok_response(videos=videos, has_more=True, cursor=1_770_000_000_000)
    )
    account = sampler.create_account()
    sampler.enrol_accounts()
    sampler.run_workers(8)
    assert len(sampler.request_bodies(VIDEO_LIST_PATH)) == 2
    assert sampler.time_until_due(account) > MINUTE


def test_known_videos_are_queried_twenty_at_a_time(sampler):
    for number in range(45):
        sampler.add_video(number, ago=HOURS + timedelta(seconds=number))
    account = sampler.create_account()
    sampler.enrol_accounts()
    sampler.run_workers(6)
    sampler.publisher.server.requests.clear()
    sampler.make_counts_due(account)
    sampler.run_workers(6)
    assert len(sampler.videos(account)) == 45
    assert len(sampler.request_bodies(VIDEO_QUERY_PATH)) == 3


@pytest.mark.parametrize(
    "columns",
    [
        {"scope": "user.info.basic,video.upload"},
        {"status": AccountStatus.NEEDS_RECONNECT},
        {"status": AccountStatus.DISCONNECTED, "disconnected_at": func.now()},
    ],
)
def test_accounts_without_the_scope_or_a_valid_grant_are_not_sampled(sampler, columns):
    sampler.create_account(**columns)
    assert sampler.enrol_accounts() == 0
    assert sampler.run_workers() == [0]


def test_without_the_setting_no_account_is_sampled(publisher):
    account = publisher.factory.create_account(scope="video.list")
    assert insights.enrol_accounts(publisher.database, publisher.services) == 0
    with publisher.database.transaction() as session:
        session.add(SamplingSchedule(oauth_account_id=account, due_at=func.now()))
    run_jobs(insights.SAMPLING_JOB_TYPE, publisher.database, publisher.services)
    schedule = publisher.one(select(SamplingSchedule))
    assert (schedule.due_at, schedule.problem) == (None, "insights are off")
    assert publisher.server.requests == []


def test_without_the_scope_for_totals_the_videos_are_still_sampled(sampler):
    sampler.add_video(7)
    account = sampler.create_sampled_account(scope="user.info.basic, video.list")
    assert sampler.request_bodies(USER_INFO_PATH) == []
    assert sampler.metric_history(account, "account", "followers") == []
    assert sampler.video(7).views == 100
    assert (sampler.schedule(account).problem, sampler.schedule(account).attempts) == (None, 0)


@pytest.mark.parametrize("path", [VIDEO_LIST_PATH, VIDEO_QUERY_PATH])
def test_a_refused_permission_stops_the_requests_for_a_day_and_is_stored(sampler, path):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    sampler.refuse_request(path, 401, "scope_not_authorized")
    make_due = sampler.make_due if path == VIDEO_LIST_PATH else sampler.make_counts_due
    make_due(account)
    sampler.run_workers(6)
    schedule = sampler.schedule(account)
    assert schedule.problem == "scope_not_authorized"
    assert is_near(sampler.time_until_video_due(7), DAYS)
    assert len(sampler.request_bodies(path)) <= 2
    sampler.install_handlers()
    sampler.make_due(account)
    sampler.run_workers(4)
    assert sampler.schedule(account).problem is None


def test_a_refused_token_is_refreshed_and_the_request_repeated(sampler):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    sampler.refuse_request(VIDEO_QUERY_PATH, 401, "access_token_invalid")
    sampler.make_counts_due(account)
    sampler.run_workers(1)
    due = sampler.factory.account(account).due_at
    assert due <= sampler.services.now() + MINUTE
    assert sampler.schedule(account).attempts == 0
    grant = {
        "access_token": "act.new",
        "expires_in": 7200,
        "open_id": sampler.factory.account(account).open_id,
        "refresh_token": "rft.new",
        "refresh_expires_in": 15_552_000,
        "scope": INSIGHTS_SCOPES,
    }
    sampler.publisher.set_responses("/v2/oauth/token/", flat_response(**grant))
    run_jobs(accounts.REFRESH_JOB_TYPE, sampler.database, sampler.services)
    sampler.install_handlers()
    sampler.update_video(7, view_count=101)
    sampler.make_counts_due(account)
    sampler.run_workers(2)
    assert sampler.video(7).views == 101
    assert sampler.publisher.server.request_headers[-1]["authorization"] == "Bearer act.new"


@pytest.mark.parametrize(
    "response",
    [
        http_response(429, b"{}"),
        http_response(500, b""),
        http_response(200, b"<html>all is well</html>"),
        ok_response(videos=None),
    ],
)
def test_an_invalid_response_uses_up_an_attempt_and_keeps_the_metrics(sampler, response):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    video = sampler.video(7)
    sampler.publisher.set_responses(VIDEO_QUERY_PATH, response)
    sampler.make_counts_due(account)
    sampler.run_workers(1)
    assert sampler.schedule(account).attempts == 1
    assert sampler.schedule(account).due_at is not None
    assert sampler.video(7).missing_since is None
    assert sampler.metric_history(video.id, "video", "views") == [100]


def test_exhausted_attempts_wait_an_hour_and_start_again(sampler):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    sampler.publisher.set_responses(VIDEO_QUERY_PATH, http_response(200, b"<html>"))
    for _ in range(insights.SAMPLING_JOB_TYPE.retry_policy.max_attempts + 1):
        sampler.make_counts_due(account)
        sampler.run_workers(1)
    assert sampler.schedule(account).problem == "INVALID_RESPONSE"
    assert is_near(sampler.time_until_due(account), HOURS)
    sampler.install_handlers()
    sampler.make_counts_due(account)
    sampler.run_workers(2)
    assert (sampler.schedule(account).problem, sampler.schedule(account).attempts) == (None, 0)


def test_an_account_disconnected_during_sampling_stores_nothing_and_can_come_back(sampler):
    sampler.add_video(7)
    account = sampler.create_account()
    user = sampler.factory.account(account).user_id
    sampler.enrol_accounts()

    def disconnect_and_answer(sock):
        disconnected = {"status": AccountStatus.DISCONNECTED, "disconnected_at": func.now()}
        sampler.factory.update_account(account, **disconnected, access_token_encrypted=None)
        sock.sendall(sampler.video_page())

    sampler.publisher.server.behaviours[VIDEO_LIST_PATH] = disconnect_and_answer
    sampler.run_workers(2)
    assert (sampler.videos(account), sampler.schedule(account).due_at) == ([], None)
    assert sampler.enrol_accounts() == 0
    sampler.install_handlers()
    encrypted = sampler.factory.account(sampler.create_account(user_id=user)).access_token_encrypted
    sampler.factory.update_account(
        account, status="ACTIVE", disconnected_at=None, access_token_encrypted=encrypted
    )
    assert sampler.enrol_accounts() == 2
    assert sampler.schedule(account).due_at is not None


def test_an_account_that_needs_its_owner_waits_and_is_sampled_again_afterwards(sampler):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    sampler.factory.update_account(account, status=AccountStatus.NEEDS_RECONNECT)
    sampler.make_counts_due(account)
    sampler.run_workers(1)
    assert sampler.schedule(account).due_at is None
    assert sampler.schedule(account).problem == "needs_reconnect"
    sampler.factory.update_account(account, status=AccountStatus.ACTIVE)
    assert sampler.enrol_accounts() == 1
    assert (sampler.schedule(account).problem, sampler.enrol_accounts()) == (None, 0)


def test_a_publication_brings_the_next_sampling_forward(sampler):
    sampler.publisher.accept_starts()
    account = sampler.create_sampled_account(scope="video.list,video.upload")
    assert sampler.time_until_due(account) > 10 * MINUTE
    user_id = sampler.factory.account(account).user_id
    post = sampler.publisher.request_upload(user_id, account_id=account).post.id
    sampler.publisher.apply_webhook_update(post, Phase.PUBLISHED, "PUBLISH_COMPLETE")
    sampler.enrol_accounts()
    assert sampler.time_until_due(account) <= timedelta(0)
    sampler.run_workers(2)
    sampler.enrol_accounts()
    assert is_near(sampler.time_until_due(account), 15 * MINUTE)


def test_a_worker_killed_in_the_middle_costs_nothing_but_time(sampler):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    video = sampler.video(7)
    sampler.make_counts_due(account)
    [claim] = claim_batch(
        insights.SAMPLING_JOB_TYPE, sampler.database, limit=1, expired=False, row_id=None
    )
    assert sampler.run_workers(1) == [0]
    with sampler.database.transaction() as session:
        session.execute(update(SamplingSchedule).values(leased_until=func.now() - MINUTE))
    assert sampler.run_workers(2)[0] == 1
    assert sampler.metric_history(video.id, "video", "views") == [100, 100]
    late_outcome = insights.SAMPLING_JOB_TYPE.execute(claim.job, sampler.services)
    report = record_results(
        insights.SAMPLING_JOB_TYPE,
        sampler.database,
        sampler.services,
        [(claim, late_outcome)],
    )
    assert report.stale_leases == 1
    assert sampler.metric_history(video.id, "video", "views") == [100, 100]


def test_the_rate_limit_is_per_account_and_uses_up_no_attempt(sampler):
    account, other = sampler.create_account(), sampler.create_account()
    sampler.enrol_accounts()
    sampler.services.rate_limits.block(account, "reads", MINUTE)
    sampler.run_workers(3)
    assert sampler.schedule(account).attempts == 0
    assert sampler.schedule(account).listed_at is None
    assert sampler.schedule(other).listed_at is not None


def test_metrics_are_deleted_with_their_user(sampler):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    remaining = sampler.create_sampled_account()
    user = sampler.factory.account(account).user_id
    with sampler.database.transaction() as session:
        session.delete(session.get_one(User, user))
    snapshots = sampler.publisher.all(select(MetricSnapshot))
    videos = {video.id for video in sampler.videos(remaining)}
    assert {row.subject_id for row in snapshots if row.subject_type == "video"} == videos
    assert {row.subject_id for row in snapshots if row.subject_type == "account"} == {remaining}


def test_a_disconnect_that_erases_deletes_the_metrics(sampler):
    sampler.add_video(7)
    account = sampler.create_sampled_account()
    user = sampler.factory.account(account).user_id
    accounts.disconnect_account(
        sampler.database, sampler.services, user_id=user, provider="tiktok", erase=True
    )
    assert sampler.publisher.all(select(MetricSnapshot)) == []
    assert (sampler.videos(account), sampler.schedule(account)) == ([], None)


def test_a_manual_run_samples_everything_due_and_reports_it(sampler):
    sampler.add_video(7)
    account, refused = sampler.create_account(), sampler.create_account()
    sampler.factory.update_account(refused, access_token_encrypted="v1.x.y")
    summary = insights.sample_due_insights(sampler.database, sampler.services)
    assert summary.answered == 2
    assert [failure.account_id for failure in summary.failures] == [refused]
    assert summary.failures[0].code == "crypto_error"
    assert sampler.metric_history(account, "account", "followers") == [7]
    assert insights.sample_due_insights(sampler.database, sampler.services).total == 0
