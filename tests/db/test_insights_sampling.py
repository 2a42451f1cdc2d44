"""Numbers as due work, against a real Postgres: who is asked what, when, and what is kept."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core import accounts, insights
from core.engine.kinds import Report
from core.engine.record import write
from core.engine.work import claim, run
from db.accounts import AccountStatus
from db.insights import MetricSnapshot
from db.users import User
from db.videos import Video
from db.watches import Watch
from platforms.base import Phase
from tests.counting import LIST, QUERY, SCOPES, USER, Shop
from tests.platforms.hostile import answer
from tests.platforms.script import flat, ok

HOURS, DAYS, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def shop(desk):
    return Shop(desk)


def near(found, wanted):
    return abs(found - wanted) <= wanted * 0.12 + timedelta(seconds=30)


def test_a_video_and_its_account_are_counted_and_counted_again(shop):
    shop.shows(7, title="A film", duration=12)
    account = shop.watched()
    first = shop.video(7)
    shop.changes(7, view_count=2**40, like_count=11)
    shop.people = {"follower_count": 2**33, "likes_count": 5}
    shop.due(account)
    shop.works(4)
    assert (first.title, first.duration_seconds, first.missing_since) == ("A film", 12, None)
    assert shop.history(first.id, "video", "views")[:1] == [100]
    assert shop.history(first.id, "video", "views")[-1] == 2**40
    assert shop.video(7).views == 2**40
    assert shop.history(account, "account", "followers") == [7, 2**33]
    assert shop.history(account, "account", "likes") == [5]


@pytest.mark.parametrize(
    ("ago", "pause"),
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
def test_the_younger_a_video_the_more_often_it_is_counted(shop, ago, pause):
    shop.shows(7, ago=ago)
    shop.watched()
    assert near(shop.video_waits(7), pause)


def test_a_number_that_is_not_told_is_a_missing_row_and_keeps_what_was_known(shop):
    shop.shows(7, view_count=..., like_count=None)
    account = shop.watched()
    video = shop.video(7)
    assert shop.history(video.id, "video", "views") == []
    assert (video.views, video.likes, video.comments) == (None, None, 4)
    shop.changes(7, view_count=50, comment_count=-1)
    shop.count_due(account)
    shop.works(2)
    assert shop.history(video.id, "video", "views") == [50]
    assert shop.history(video.id, "video", "comments") == [4]
    assert (shop.video(7).views, shop.video(7).comments) == (50, 4)


def test_what_is_not_shown_any_more_is_said_so_and_no_zero(shop):
    shop.shows(7)
    shop.shows(8)
    account = shop.watched()
    video = shop.video(7)
    shop.hides(7)
    shop.count_due(account)
    shop.works(2)
    gone = shop.video(7)
    assert gone.missing_since is not None
    assert (gone.views, shop.history(video.id, "video", "views")) == (100, [100])
    assert near(shop.video_waits(7), HOURS)
    assert shop.video(8).missing_since is None
    shop.shows(7, view_count=120)
    shop.count_due(account)
    shop.works(2)
    assert (shop.video(7).missing_since, shop.video(7).views) == (None, 120)


@pytest.mark.parametrize(("since", "pause"), [(2 * DAYS, DAYS), (31 * DAYS, None)])
def test_what_stays_away_is_asked_for_ever_more_rarely_and_then_no_more(shop, since, pause):
    shop.shows(7)
    account = shop.watched()
    shop.hides(7)
    with shop.desk.database.transaction() as session:
        session.execute(update(Video).values(missing_since=func.now() - since))
    shop.count_due(account)
    shop.works(2)
    waits = shop.video_waits(7)
    assert waits is None if pause is None else near(waits, pause)


def test_the_first_look_reads_the_whole_list_and_later_ones_only_what_is_new(shop):
    for number in range(45):
        shop.shows(number, ago=HOURS * (number + 1))
    account = shop.account()
    shop.enrols()
    shop.works(6)
    assert len(shop.videos(account)) == 45
    assert len(shop.calls(LIST)) == 3
    assert shop.watch(account).is_whole
    shop.shows(99)
    shop.due(account)
    shop.works(6)
    assert len(shop.calls(LIST)) == 5  # the page with the new one, and one without any
    assert len(shop.videos(account)) == 46


def test_a_list_that_turns_in_circles_ends(shop):
    shop.shows(7)
    told = [{"id": "7", "create_time": 1_770_000_000}]
    shop.desk.says(LIST, ok(videos=told, has_more=True, cursor=1_770_000_000_000))
    account = shop.account()
    shop.enrols()
    shop.works(8)
    assert len(shop.calls(LIST)) == 2
    assert shop.waits(account) > MINUTE


def test_known_videos_are_asked_for_twenty_at_a_time(shop):
    for number in range(45):
        shop.shows(number, ago=HOURS + timedelta(seconds=number))
    account = shop.account()
    shop.enrols()
    shop.works(6)
    shop.desk.server.seen.clear()
    shop.count_due(account)
    shop.works(6)
    assert len(shop.videos(account)) == 45
    assert len(shop.calls(QUERY)) == 3


@pytest.mark.parametrize(
    "columns",
    [
        {"scope": "user.info.basic,video.upload"},
        {"status": AccountStatus.NEEDS_RECONNECT},
        {"status": AccountStatus.DISCONNECTED, "disconnected_at": func.now()},
    ],
)
def test_who_does_not_allow_it_is_not_sampled(shop, columns):
    shop.account(**columns)
    assert shop.enrols() == 0
    assert shop.works() == [0]


def test_without_the_setting_nobody_is_sampled(desk):
    account = desk.tenants.an_account(scope="video.list")
    assert insights.enrol(desk.database, desk.world) == 0
    with desk.database.transaction() as session:
        session.add(Watch(oauth_account_id=account, due_at=func.now()))
    run(insights.WORK, desk.database, desk.world)
    watch = desk.one(select(Watch))
    assert (watch.due_at, watch.problem) == (None, "insights are off")
    assert desk.server.seen == []


def test_an_account_without_its_own_numbers_has_those_of_its_videos(shop):
    shop.shows(7)
    account = shop.watched(scope="user.info.basic, video.list")
    assert shop.calls(USER) == []
    assert shop.history(account, "account", "followers") == []
    assert shop.video(7).views == 100
    assert (shop.watch(account).problem, shop.watch(account).attempts) == (None, 0)


@pytest.mark.parametrize("path", [LIST, QUERY])
def test_a_refused_permission_stops_the_questions_for_a_day_and_is_stated(shop, path):
    shop.shows(7)
    account = shop.watched()
    shop.refuses(path, 401, "scope_not_authorized")
    shop.due(account) if path == LIST else shop.count_due(account)
    shop.works(6)
    watch = shop.watch(account)
    assert watch.problem == "scope_not_authorized"
    assert near(shop.video_waits(7), DAYS)
    assert len(shop.calls(path)) <= 2
    shop.answers()
    shop.due(account)
    shop.works(4)
    assert shop.watch(account).problem is None


def test_a_dead_token_in_the_middle_is_renewed_and_the_question_repeated(shop):
    shop.shows(7)
    account = shop.watched()
    shop.refuses(QUERY, 401, "access_token_invalid")
    shop.count_due(account)
    shop.works(1)
    due = shop.desk.tenants.account(account).due_at
    assert due <= shop.desk.world.now() + MINUTE
    assert shop.watch(account).attempts == 0
    grant = {
        "access_token": "act.new",
        "expires_in": 7200,
        "open_id": shop.desk.tenants.account(account).open_id,
        "refresh_token": "rft.new",
        "refresh_expires_in": 15_552_000,
        "scope": SCOPES,
    }
    shop.desk.says("/v2/oauth/token/", flat(**grant))
    run(accounts.WORK, shop.desk.database, shop.desk.world)
    shop.answers()
    shop.changes(7, view_count=101)
    shop.count_due(account)
    shop.works(2)
    assert shop.video(7).views == 101
    assert shop.desk.server.heads[-1]["authorization"] == "Bearer act.new"


@pytest.mark.parametrize(
    "said",
    [
        answer(429, b"{}"),
        answer(500, b""),
        answer(200, b"<html>all is well</html>"),
        ok(videos=None),
    ],
)
def test_an_answer_that_is_none_costs_a_try_and_no_number(shop, said):
    shop.shows(7)
    account = shop.watched()
    video = shop.video(7)
    shop.desk.says(QUERY, said)
    shop.count_due(account)
    shop.works(1)
    assert shop.watch(account).attempts == 1
    assert shop.watch(account).due_at is not None
    assert shop.video(7).missing_since is None
    assert shop.history(video.id, "video", "views") == [100]


def test_patience_that_is_spent_rests_for_an_hour_and_goes_on(shop):
    shop.shows(7)
    account = shop.watched()
    shop.desk.says(QUERY, answer(200, b"<html>"))
    for _ in range(insights.WORK.policy.attempts + 1):
        shop.count_due(account)
        shop.works(1)
    assert shop.watch(account).problem == "INVALID_RESPONSE"
    assert near(shop.waits(account), HOURS)
    shop.answers()
    shop.count_due(account)
    shop.works(2)
    assert (shop.watch(account).problem, shop.watch(account).attempts) == (None, 0)


def test_an_account_that_leaves_while_it_is_asked_leaves_nothing_and_comes_back(shop):
    shop.shows(7)
    account = shop.account()
    user = shop.desk.tenants.account(account).user_id
    shop.enrols()

    def meanwhile(sock):
        shop.desk.tenants.change(
            account,
            status=AccountStatus.DISCONNECTED,
            disconnected_at=func.now(),
            access_token_encrypted=None,
        )
        sock.sendall(shop.page())

    shop.desk.server.manners[LIST] = meanwhile
    shop.works(2)
    assert (shop.videos(account), shop.watch(account).due_at) == ([], None)
    assert shop.enrols() == 0
    shop.answers()
    sealed = shop.desk.tenants.account(shop.account(user_id=user)).access_token_encrypted
    shop.desk.tenants.change(
        account, status="ACTIVE", disconnected_at=None, access_token_encrypted=sealed
    )
    assert shop.enrols() == 2
    assert shop.watch(account).due_at is not None


def test_an_account_that_needs_its_owner_waits_and_is_sampled_again_afterwards(shop):
    shop.shows(7)
    account = shop.watched()
    shop.desk.tenants.change(account, status=AccountStatus.NEEDS_RECONNECT)
    shop.count_due(account)
    shop.works(1)
    assert (shop.watch(account).due_at, shop.watch(account).problem) == (None, "needs_reconnect")
    shop.desk.tenants.change(account, status=AccountStatus.ACTIVE)
    assert shop.enrols() == 1
    assert (shop.watch(account).problem, shop.enrols()) == (None, 0)


def test_a_publication_brings_the_next_look_forward(shop):
    shop.desk.starts()
    account = shop.watched(scope="video.list,video.upload")
    assert shop.waits(account) > 10 * MINUTE
    who = shop.desk.tenants.account(account).user_id
    post = shop.desk.request(who, account_id=account).post.id
    shop.desk.hears(post, Phase.PUBLISHED, "PUBLISH_COMPLETE")
    shop.enrols()
    assert shop.waits(account) <= timedelta(0)
    shop.works(2)
    shop.enrols()
    assert near(shop.waits(account), 15 * MINUTE)


def test_a_worker_killed_in_the_middle_costs_nothing_but_time(shop):
    shop.shows(7)
    account = shop.watched()
    video = shop.video(7)
    shop.count_due(account)
    [hand] = claim(insights.WORK, shop.desk.database, limit=1, lapsed=False, only=None)
    assert shop.works(1) == [0]
    with shop.desk.database.transaction() as session:
        session.execute(update(Watch).values(leased_until=func.now() - MINUTE))
    assert shop.works(2)[0] == 1
    assert shop.history(video.id, "video", "views") == [100, 100]
    late = insights.WORK.perform(hand.job, shop.desk.world)
    report = Report()
    write(insights.WORK, shop.desk.database, shop.desk.world, [(hand, late)], report)
    assert report.fenced == 1
    assert shop.history(video.id, "video", "views") == [100, 100]


def test_the_limit_is_kept_for_each_account_and_costs_no_try(shop):
    account, other = shop.account(), shop.account()
    shop.enrols()
    shop.desk.world.limits.block(account, "reads", MINUTE)
    shop.works(3)
    assert shop.watch(account).attempts == 0
    assert (shop.watch(account).listed_at, shop.watch(other).listed_at is None) == (None, False)


def test_history_goes_with_its_owner(shop):
    shop.shows(7)
    account = shop.watched()
    kept = shop.watched()
    user = shop.desk.tenants.account(account).user_id
    with shop.desk.database.transaction() as session:
        session.delete(session.get_one(User, user))
    left = shop.desk.all(select(MetricSnapshot))
    videos = {video.id for video in shop.videos(kept)}
    assert {one.subject_id for one in left if one.subject_type == "video"} == videos
    assert {one.subject_id for one in left if one.subject_type == "account"} == {kept}


def test_a_disconnect_that_erases_takes_the_numbers_along(shop):
    shop.shows(7)
    account = shop.watched()
    user = shop.desk.tenants.account(account).user_id
    accounts.disconnect(
        shop.desk.database, shop.desk.world, user_id=user, provider="tiktok", erase=True
    )
    assert shop.desk.all(select(MetricSnapshot)) == []
    assert (shop.videos(account), shop.watch(account)) == ([], None)


def test_by_hand_everything_due_is_asked_and_told(shop):
    shop.shows(7)
    account, refused = shop.account(), shop.account()
    shop.desk.tenants.change(refused, access_token_encrypted="v1.x.y")
    swept = insights.sample(shop.desk.database, shop.desk.world)
    assert swept.answered == 2
    assert [fault.account_id for fault in swept.faults] == [refused]
    assert swept.faults[0].code == "crypto_error"
    assert shop.history(account, "account", "followers") == [7]
    assert insights.sample(shop.desk.database, shop.desk.world).total == 0
