"""Reading an Instagram account in the background, against the sandbox: what is stored, and when."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from core.insights import SAMPLING_JOB_TYPE
from core.jobs.runner import run_jobs
from core.observability import metrics
from db.comments.mentions import NewMention
from db.insights.schedule import SamplingSchedule
from db.records.instagram_mentions import InstagramMentions
from db.records.instagram_tables import IgMedia, IgMention
from tests.platforms.instagram_publishing_client import FAST_SETTINGS
from tests.support.instagram_harness import instagram_environ, run_instagram_sandbox
from tests.support.instagram_sync import SCOPES, build_sync_harness
from tests.support.row_factory import make_services

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECONDS_PER_DAY = 86_400.0


@pytest.fixture(scope="module")
def sandbox():
    yield from run_instagram_sandbox()


@pytest.fixture
def make_sync(sandbox, database, database_url, redis_url):
    raw, state = sandbox
    state.settings = FAST_SETTINGS

    def make(flow="facebook", **options):
        services = make_services(
            database_url,
            "http://127.0.0.1:9",
            REDIS_URL=redis_url,
            **instagram_environ(raw.url, flow),
            IG_SYNC_PER_MINUTE="1000",
        )
        return build_sync_harness(database, services, sandbox, flow, **options)

    yield make
    state.sandbox.faults.clear()


@pytest.fixture
def sync(make_sync):
    return make_sync()


def is_near(delay, expected):
    """Within the jitter and half a minute."""
    return abs(delay - expected) <= expected * 0.12 + timedelta(seconds=30)


@pytest.mark.parametrize("flow", ["facebook", "instagram"])
def test_an_account_is_read_with_its_media_comments_and_metrics(make_sync, flow):
    sync = make_sync(flow)
    media_id = sync.client.post_in_app(age=600, caption="Bread", media_type="IMAGE")
    comment_id = sync.client.comment(media_id, "wow")
    assert sync.enrol() == 1
    sync.sync()
    media, comment = sync.media(media_id), sync.comment(comment_id)
    assert (media.caption, media.media_type, media.media_product_type) == ("Bread", "IMAGE", "FEED")
    assert media.permalink.startswith("https://")
    assert (media.comments_count, comment.text, comment.hidden) == (1, "wow", False)
    assert media.metrics_json["views"] == sync.metric_values("media", "views")[-1]
    assert sync.metric_values("destination", "followers") == [500]
    assert len(sync.metric_values("destination", "reach")) == 7
    assert len(sync.metric_values("destination", "views")) == 1
    stored = sync.destination.account_insights
    assert set(stored) == {"latest", "window", "series", "parts", "unavailable", "audience"}
    assert sync.destination.followers_count == 500
    assert sync.destination.last_synced_at is not None
    assert (sync.schedule.problem, sync.enrol()) == (None, 0)


def test_each_step_has_its_own_rhythm(sync):
    sync.client.post_in_app(age=600)
    sync.enrol_and_sync()
    assert is_near(sync.delay(SamplingSchedule.list_due_at), HOUR / 2)
    assert is_near(sync.delay(SamplingSchedule.ending_due_at), HOUR / 2)
    assert is_near(sync.delay(SamplingSchedule.totals_due_at), 6 * HOUR)
    assert is_near(sync.delay(SamplingSchedule.audience_due_at), DAY)
    assert is_near(sync.delay(IgMedia.insights_due_at), 6 * HOUR)
    assert is_near(sync.delay(IgMedia.comments_due_at), HOUR)
    assert sync.delay(SamplingSchedule.due_at) <= HOUR * 0.56


def test_the_whole_list_is_read_once_and_then_its_newest_page(sync):
    ids = [sync.client.post_in_app(age=40 * SECONDS_PER_DAY + number) for number in range(120)]
    sync.enrol_and_sync()
    assert {row.ig_id for row in sync.media_rows()} == set(ids)
    assert sync.schedule.is_whole
    before = sync.count_calls("media_list")
    sync.make_due("list_due_at")
    sync.sync()
    assert sync.count_calls("media_list") == before + 1
    assert sync.count_calls("media_insights") == 0  # older than a month
    assert sync.count_calls("comment_list") == 0  # and than a week


def test_metrics_are_read_for_only_the_newest_twenty_five(sync):
    for number in range(30):
        sync.client.post_in_app(age=3600 + 60 * number, caption=str(number))
    before = sync.count_calls("media_insights")
    sync.enrol()
    sync.sync(steps=90)
    assert sync.count_calls("media_insights") == before + 25
    measured = {row.caption for row in sync.media_rows() if row.insights_updated_at}
    assert measured == {str(number) for number in range(25)}


def test_stories_are_listed_apart_and_measured_while_they_last(sync):
    story_id = sync.client.post_story(age=23.5 * 3600)
    sync.enrol_and_sync()
    assert sync.media(story_id).media_product_type == "STORY"
    assert set(sync.media(story_id).metrics_json) >= {"views", "replies", "navigation"}
    sync.client.advance_clock(3600)
    sync.make_media_due(IgMedia.insights_due_at)
    sync.sync()
    story = sync.media(story_id)
    assert story.insights_due_at is None
    assert story.metrics_json["views"]


def test_media_that_are_gone_are_marked_and_come_back_if_they_are_listed(sync):
    kept_id, gone_id = sync.client.post_in_app(age=600), sync.client.post_in_app(age=500)
    sync.enrol_and_sync()
    removed = sync.client.state.media.pop(gone_id)
    sync.make_due("list_due_at")
    sync.sync()
    assert sync.media(gone_id).deleted_at is None  # the list may lag behind
    sync.age_media(2 * HOUR)
    sync.make_due("list_due_at")
    sync.sync()
    gone = sync.media(gone_id)
    assert (gone.deleted_at is not None, gone.insights_due_at, gone.comments_due_at) == (
        True,
        None,
        None,
    )
    assert sync.media(kept_id).deleted_at is None
    sync.client.state.media[gone_id] = removed
    sync.make_due("list_due_at")
    sync.sync()
    assert sync.media(gone_id).deleted_at is None
    assert sync.media(gone_id).insights_due_at is not None


def test_what_the_platform_does_not_say_keeps_its_last_value(sync):
    media_id = sync.client.post_in_app(age=600, caption="Bread")
    sync.client.control("metrics", id=media_id, values={"reach": 70, "saved": 0})
    sync.enrol_and_sync()
    sync.client.control("metrics", id=media_id, values={"reach": None, "saved": 1})
    sync.client.state.media[media_id].is_like_count_hidden = True
    sync.client.inject_fault("media_list", "missing_fields", fields={"caption": ""})
    sync.make_due("list_due_at")
    sync.make_media_due(IgMedia.insights_due_at)
    sync.sync()
    media = sync.media(media_id)
    assert (media.metrics_json["reach"], media.metrics_json["saved"]) == (70, 1)
    assert (media.caption, media.like_count) == ("Bread", 0)
    assert sync.metric_values("media", "reach") == [70]
    assert sync.metric_values("media", "saved") == [0, 1]


def test_comments_are_read_to_their_end_once_with_replies_and_then_what_is_new(sync):
    media_id = sync.client.post_in_app(age=600)
    ids = [sync.client.comment(media_id, str(number), is_silent=True) for number in range(120)]
    reply_id = sync.client.comment(media_id, "me too", parent_id=ids[0], is_silent=True)
    sync.enrol_and_sync()
    assert sync.comment(reply_id).parent_ig_id == ids[0]
    assert all(sync.comment(comment_id) for comment_id in ids)
    before = sync.count_calls("comment_list")
    new_id = sync.client.comment(media_id, "late", is_silent=True)
    sync.make_media_due(IgMedia.comments_due_at)
    sync.sync()
    assert sync.comment(new_id).text == "late"
    assert sync.count_calls("comment_list") == before + 2  # the page with it, and one without


def test_comments_that_are_gone_are_marked_and_hidden_ones_are_noticed(sync):
    media_id = sync.client.post_in_app(age=600)
    kept_id, gone_id = (sync.client.comment(media_id, "x", is_silent=True) for _ in range(2))
    sync.enrol_and_sync()
    del sync.client.state.comments[gone_id]
    sync.client.state.comments[kept_id].hidden = True
    sync.make_media_due(IgMedia.comments_due_at)
    sync.sync()
    assert sync.comment(gone_id).deleted_at is not None
    assert (sync.comment(kept_id).deleted_at, sync.comment(kept_id).hidden) == (None, True)


def test_the_audience_is_read_once_a_day_by_age_place_and_gender(sync):
    sync.enrol_and_sync()
    audience = sync.destination.account_insights["audience"]
    assert set(audience) == {"at", "follower_demographics", "engaged_audience_demographics"}
    assert set(audience["follower_demographics"]) == {"age", "city", "country", "gender"}
    assert sum(audience["follower_demographics"]["gender"].values()) > 0
    sync.make_due()
    sync.sync()
    assert sync.destination.account_insights["audience"] == audience
    sync.make_due("audience_due_at")
    sync.sync()
    assert sync.destination.account_insights["audience"]["at"] > audience["at"]
    assert is_near(sync.delay(SamplingSchedule.audience_due_at), DAY)


def test_an_audience_that_the_platform_does_not_give_is_null_and_not_zero(sync):
    sync.client.account.followers_count = 50
    sync.enrol_and_sync()
    audience = sync.destination.account_insights["audience"]
    assert set(audience["follower_demographics"].values()) == {None}
    assert sync.schedule.problem is None


def test_the_same_day_of_a_series_is_stored_once(sync):
    sync.enrol_and_sync()
    sync.make_due("totals_due_at")
    sync.sync()
    assert len(sync.metric_values("destination", "reach")) == 7
    assert len(sync.metric_values("destination", "views")) == 2  # one value per window


def test_an_account_without_the_scope_for_metrics_is_still_listed(make_sync):
    scopes = [scope for scope in SCOPES["facebook"] if scope != "instagram_manage_insights"]
    sync = make_sync(scopes=scopes)
    media_id = sync.client.post_in_app(age=600)
    comment_id = sync.client.comment(media_id, is_silent=True)
    sync.enrol_and_sync()
    assert sync.comment(comment_id) is not None
    assert sync.media(media_id).metrics_json is None
    assert sync.schedule.problem == "scope_not_authorized"
    assert sync.metric_values("destination", "followers") == [500]


@pytest.mark.parametrize(
    "columns", [{"selected": False}, {"disconnected_at": func.now()}, {"status": "BLOCKED"}]
)
def test_an_account_that_cannot_be_used_is_not_read(sync, columns):
    sync.update_destination(**columns)
    assert sync.enrol() == 0


def test_without_the_setting_media_and_comments_are_read_but_no_metrics(sync):
    sync.change_settings(insights_enabled=False)
    media_id = sync.client.post_in_app(age=600)
    comment_id = sync.client.comment(media_id, is_silent=True)
    sync.enrol_and_sync()
    assert sync.comment(comment_id) is not None
    assert (sync.count_calls("account_insights"), sync.media(media_id).metrics_json) == (0, None)


def test_reading_pauses_when_most_of_the_call_limit_is_used_up(sync, capsys):
    pauses = metrics.INSIGHTS_PAUSES.labels("instagram")
    pauses_before = pauses._value.get()
    sync.client.control("usage", account_id=sync.client.account.id, percent=91)
    sync.enrol()
    run_jobs(SAMPLING_JOB_TYPE, sync.database, sync.services)
    assert sync.delay(SamplingSchedule.due_at) > timedelta(minutes=14)
    assert sync.sync() == 0
    sync.make_due("due_at")
    run_jobs(SAMPLING_JOB_TYPE, sync.database, sync.services)
    assert sync.delay(SamplingSchedule.due_at) > timedelta(minutes=13)  # even if it is made due
    assert sync.schedule.attempts == 0
    assert capsys.readouterr().out.count("insights.reading_paused") == 1
    assert pauses._value.get() == pauses_before + 1


def test_a_refused_call_waits_for_the_time_that_meta_names(sync):
    sync.enrol_and_sync()
    synced_at = sync.destination.last_synced_at
    sync.change_sandbox(regain_minutes=40)
    sync.client.control("usage", account_id=sync.client.account.id, percent=100)
    sync.make_due("list_due_at")
    run_jobs(SAMPLING_JOB_TYPE, sync.database, sync.services)
    assert sync.delay(SamplingSchedule.due_at) > timedelta(minutes=39)
    assert sync.destination.last_synced_at == synced_at


def test_a_media_whose_metrics_are_refused_does_not_stop_the_others(sync):
    first_id, second_id = sync.client.post_in_app(age=600), sync.client.post_in_app(age=700)
    sync.fail_with("media_insights", 100, 2108006, times=11)
    sync.enrol_and_sync()
    measured = [bool(sync.media(ig_id).metrics_json) for ig_id in (first_id, second_id)]
    assert sorted(measured) == [False, True]
    assert sync.schedule.attempts == 0


def test_a_refused_page_token_is_fetched_again_and_the_step_repeated(sync):
    sync.enrol()
    sync.fail_with("media_list", 190, 463)
    run_jobs(SAMPLING_JOB_TYPE, sync.database, sync.services)
    assert sync.destination.token_refused_at is not None
    assert sync.factory.account(sync.account.id).status == "ACTIVE"
    assert sync.schedule.attempts == 0


def test_an_answer_that_cannot_be_read_changes_nothing(sync):
    media_id = sync.client.post_in_app(age=600)
    sync.enrol_and_sync()
    synced_at = sync.destination.last_synced_at
    sync.client.inject_fault("media_list", "html_502", times=0)
    sync.make_due("list_due_at")
    run_jobs(SAMPLING_JOB_TYPE, sync.database, sync.services)
    assert (sync.schedule.attempts, sync.media(media_id).deleted_at) == (1, None)
    assert sync.destination.last_synced_at == synced_at


def add_mention(sync, item_id, comment_id=None):
    mention = NewMention(sync.destination_id, item_id, comment_id)
    with sync.database.transaction() as session:
        return InstagramMentions(session).add([mention, mention])


def test_mentions_that_events_named_are_fetched(sync):
    for text in ("hello", None):
        options = {} if text is None else {"text": text}
        named = sync.client.control("mentions", account_id=sync.client.account.id, **options)
        assert add_mention(sync, named["media_id"], named["comment_id"]) == 1
        assert add_mention(sync, named["media_id"], named["comment_id"]) == 0
    sync.enrol_and_sync()
    in_comment, in_media = sync.mentions()
    assert in_comment.text == "hello"
    assert in_media.text.startswith("with ")
    assert all(mention.fetched_at and mention.due_at is None for mention in sync.mentions())


def test_a_mention_that_cannot_be_read_is_tried_a_few_times(sync):
    add_mention(sync, "18001", "17999")
    sync.enrol_and_sync()
    for _ in range(3):
        (mention,) = sync.mentions()
        assert (mention.fetched_at, mention.due_at is not None) == (None, True)
        sync.write(update(IgMention).values(due_at=func.now()))
        sync.make_due("due_at")
        sync.sync()
    (mention,) = sync.mentions()
    assert (mention.attempts, mention.due_at) == (4, None)
