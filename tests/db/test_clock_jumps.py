"""A worker whose own clock is wrong: what it writes down holds by the database's clock."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func

from core import posts
from core.accounts.refresh import WORK
from core.accounts.tokens import access
from core.engine.work import run
from core.ledger.settle import State
from tests.db.renewals import answers, renewed
from tests.platforms.hostile import answer, hostile_server
from tests.platforms.script import refuses
from tests.publishing import INIT, STATUS, UPLOAD, status
from tests.tenants import HOUR, Tenants, a_world

MINUTE, NEARLY = timedelta(minutes=1), timedelta(minutes=5)
SKEWS = [-3 * HOUR, timedelta(minutes=-10), timedelta(minutes=10), 3 * HOUR]


@pytest.fixture
def server():
    with hostile_server() as server:
        yield server


@pytest.fixture(params=SKEWS, ids=str)
def world(request, database_url, redis_url, server):
    built = a_world(database_url, server.url, REDIS_URL=redis_url)
    return replace(built, now=lambda: built.now() + request.param)


@pytest.fixture
def tenants(database, world):
    return Tenants(database, world.keys)


def test_a_token_renewed_by_a_machine_with_a_wrong_clock_lasts_as_long_as_it_does(
    database, world, server, tenants
):
    account = tenants.an_account(lasts=-HOUR, last_used_at=func.now())
    answers(server, renewed())
    tenants.due_again(account)
    run(WORK, database, world, only=account)
    with database.transaction() as session:
        now = session.scalar(func.clock_timestamp().select())
        assert access(session, account).open(world).reveal() == "act.new"
    after = tenants.account(account)
    assert 1.9 * HOUR < after.expires_at - now < 2.1 * HOUR
    assert abs(after.last_refreshed_at - now) < 0.1 * HOUR
    assert after.due_at > now


def test_a_lease_is_as_long_for_a_machine_with_a_wrong_clock(database, world, server, tenants):
    account = tenants.an_account(lasts=-HOUR)
    tenants.due_again(account)
    with database.transaction() as session:
        (claimed,) = WORK.queue.claim(session, limit=1, lease=WORK.lease)
        now = session.scalar(func.clock_timestamp().select())
    assert timedelta(0) < claimed.leased_until - now <= WORK.lease
    assert run(WORK, database, world, only=account).claimed == 0


@pytest.fixture(params=SKEWS, ids=str)
def wrong(request, desk):
    """A place to publish from whose machine has a wrong clock."""
    true = desk.world.now
    desk.world = replace(desk.world, now=lambda: true() + request.param)
    desk.starts()
    return desk


@pytest.fixture
def a_film(wrong):
    """One that is with us, half sent: the platform waits for the rest."""
    user_id = wrong.tenants.account(wrong.tenants.an_account()).user_id
    media = wrong.a_file(user_id)
    wish = {"source": "FILE_UPLOAD", "title": "A film", "media_id": media}
    post_id = wrong.request(user_id, wish).post.id
    run(posts.WORK, wrong.database, wrong.world)
    wrong.says(UPLOAD, answer(503, b""))
    return post_id


@pytest.fixture
def a_pull(wrong):
    account = wrong.tenants.account(wrong.tenants.an_account())
    return wrong.request(account.user_id).post.id


def ago(desk, post_id, **columns):
    """These times of the post lie so far back by the database's clock."""
    desk.change(post_id, **{name: func.now() - far for name, far in columns.items()})


def asked(desk, post_id, *answers):
    """The platform is asked about the post, and says this."""
    desk.says(STATUS, *answers)
    desk.change(post_id, state=State.UNCONFIRMED)
    desk.due(post_id)
    run(posts.WORK, desk.database, desk.world, only=post_id)
    return desk.post(post_id)


def test_an_upload_address_lasts_as_long_as_it_does(wrong, a_film):
    with wrong.database.transaction() as session:
        now = session.scalar(func.clock_timestamp().select())
    for end in (wrong.post(a_film).url_expires_at, wrong.upload(a_film).url_expires_at):
        assert 0.9 * HOUR < end - now < 1.1 * HOUR


@pytest.mark.parametrize(("over", "state"), [(-NEARLY, State.SENDING), (NEARLY, State.FAILED)])
def test_a_half_sent_film_goes_on_until_its_address_has_ended_and_no_longer(
    wrong, a_film, over, state
):
    ago(wrong, a_film, url_expires_at=over)
    post = asked(wrong, a_film, status("PROCESSING_UPLOAD", uploaded_bytes=500))
    assert post.state == state
    assert post.error_code == (None if state == State.SENDING else "upload_url_expired")


def test_an_id_too_young_to_be_seen_is_not_taken_for_dead(wrong, a_film):
    ago(wrong, a_film, started_at=0 * MINUTE)
    post = asked(wrong, a_film, refuses(400, "invalid_publish_id"))
    assert (post.state, post.publish_id is None) == (State.UNCONFIRMED, False)
    ago(wrong, a_film, started_at=2 * MINUTE)
    post = asked(wrong, a_film, refuses(400, "invalid_publish_id"))
    assert (post.state, post.publish_id) == (State.QUEUED, None)
    assert len(wrong.calls(INIT)) == 1


@pytest.mark.parametrize(("age", "doubts"), [(24 * HOUR - NEARLY, 0), (24 * HOUR + NEARLY, 1)])
def test_a_post_is_stale_after_a_day_and_not_before(wrong, a_pull, age, doubts):
    wrong.says(STATUS, status("PROCESSING_DOWNLOAD"))
    ago(wrong, a_pull, started_at=age)
    wrong.works(1)
    assert wrong.course(a_pull).count(State.UNCONFIRMED) == doubts


@pytest.mark.parametrize(("age", "code"), [(-NEARLY, None), (NEARLY, "outcome_unknown")])
def test_a_lost_start_is_given_up_after_a_day_and_not_before(wrong, age, code):
    wrong.loses(INIT)
    account = wrong.tenants.account(wrong.tenants.an_account())
    post_id = wrong.request(account.user_id).post.id
    ago(wrong, post_id, started_at=24 * HOUR + age)
    wrong.works(1)
    assert wrong.post(post_id).error_code == code


@pytest.mark.parametrize(("age", "is_asked"), [(-NEARLY, True), (NEARLY, False)])
def test_a_delivered_draft_is_looked_after_for_a_week(wrong, a_pull, age, is_asked):
    wrong.says(STATUS, status("SEND_TO_USER_INBOX"))
    ago(wrong, a_pull, started_at=7 * 24 * HOUR + age)
    wrong.works(1)
    assert (wrong.post(a_pull).due_at is not None) is is_asked
