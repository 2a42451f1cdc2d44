"""The Instagram sandbox's insights: which metrics are refused, of media and of accounts."""

from datetime import UTC, datetime

import pytest

from tests.platforms.instagram_reading_client import (
    DAY,
    HOUR,
    add_reader,
    run_reading_server,
)

FEED_METRICS = (
    "views,reach,likes,comments,saved,shares,total_interactions,reposts,follows,profile_visits,"
    "profile_activity"
)
REEL_METRICS = (
    "views,reach,likes,comments,saved,shares,total_interactions,reposts,ig_reels_avg_watch_time,"
    "ig_reels_video_view_total_time,reels_skip_rate"
)
STORY_METRICS = (
    "views,reach,replies,shares,total_interactions,reposts,follows,profile_visits,"
    "profile_activity,navigation"
)
TOTAL = {"period": "day", "metric_type": "total_value"}
JULY_2024 = 1_719_792_000.0  # the first, a day before the end of impressions
DEMOGRAPHIC = {"period": "lifetime", "metric_type": "total_value", "timeframe": "this_week"}


@pytest.fixture(scope="module")
def server():
    with run_reading_server() as running:
        yield running


@pytest.fixture
def reader(server):
    return add_reader(server)


def values_of(answer):
    assert answer.status == 200, answer.json
    return {
        item["name"]: item["values"][0]["value"] if "values" in item else item.get("total_value")
        for item in answer.json["data"]
    }


@pytest.mark.parametrize("login", ["page", "instagram"])
@pytest.mark.parametrize(
    ("product_type", "media_type", "metrics"),
    [
        ("FEED", "IMAGE", FEED_METRICS),
        ("REELS", "VIDEO", REEL_METRICS),
        ("STORY", "IMAGE", STORY_METRICS),
    ],
)
def test_each_kind_of_media_has_its_metrics(reader, login, product_type, media_type, metrics):
    media_id = reader.post_in_app(media_product_type=product_type, media_type=media_type)
    answer = reader.read_insights(media_id, metrics, login)
    assert list(values_of(answer)) == metrics.split(",")
    item = answer.json["data"][1]
    assert item["id"] == f"{media_id}/insights/reach/lifetime"
    assert (item["period"], item["values"]) == ("lifetime", [{"value": 2880}])


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("post_reel", "profile_visits"),
        ("post_reel", "follows"),
        ("post_reel", "navigation"),
        ("post_in_app", "replies"),
        ("post_in_app", "reels_skip_rate"),
        ("post_in_app", "crossposted_views"),
        ("post_story", "saved"),
        ("post_story", "likes"),
    ],
)
def test_one_metric_of_another_kind_fails_all(reader, kind, metric):
    media_id = getattr(reader, kind)()
    answer = reader.read_insights(media_id, f"views,{metric}")
    assert answer.error == (400, 100, None)
    assert answer.message == (
        f"(#100) The Media Insights API does not support the {metric} metric for this media "
        "product type."
    )
    assert values_of(reader.read_insights(media_id, "views"))


@pytest.mark.parametrize("metric", ["video_views", "plays", "engagement", "exits", "nothing"])
def test_withdrawn_and_unknown_metrics_are_named_by_position(reader, metric):
    answer = reader.read_insights(reader.post_reel(), f"reach,{metric}")
    assert answer.error == (400, 100, None)
    prefix = "(#100) metric[1] must be one of the following values: impressions, reach, replies"
    assert answer.message.startswith(prefix)


@pytest.mark.parametrize("metric", ["total_views", "total_likes", "total_comments", "link_clicks"])
def test_some_metrics_need_facebook_login(reader, metric):
    media_id = reader.post_story() if metric == "link_clicks" else reader.post_in_app()
    assert metric in values_of(reader.read_insights(media_id, metric))
    answer = reader.read_insights(media_id, metric, "instagram")
    assert answer.error == (400, 100, None)


def test_impressions_remain_for_old_media_only(reader):
    old_id = reader.post_in_app(reader.state.now - JULY_2024)
    assert "impressions" in values_of(reader.read_insights(old_id, "impressions"))
    answer = reader.read_insights(reader.post_in_app(), "impressions")
    assert "Starting from version v22.0 and above" in answer.message


def test_breakdowns_fit_their_metric(reader):
    story_id = reader.post_story()
    breakdown = "story_navigation_action_type"
    (item,) = reader.read_insights(story_id, "navigation", breakdown=breakdown).json["data"]
    (split,) = item["total_value"]["breakdowns"]
    assert split["dimension_keys"] == [breakdown]
    assert sum(part["value"] for part in split["results"]) == item["total_value"]["value"]
    assert {part["dimension_values"][0] for part in split["results"]} == {
        *("SWIPE_FORWARD", "TAP_BACK", "TAP_EXIT", "TAP_FORWARD")
    }
    answer = reader.read_insights(story_id, "reach", breakdown=breakdown)
    assert answer.message == f"(#100) Incompatible breakdowns ({breakdown}) for metric (reach)"
    answer = reader.read_insights(story_id, "reach", breakdown="media_product_type")
    assert answer.message.startswith("(#100) breakdown[0] must be one of the following values")


def test_values_grow_with_age_and_may_be_set_or_missing(reader):
    media_id = reader.post_in_app()
    before = values_of(reader.read_insights(media_id, "views"))["views"]
    reader.advance_clock(HOUR)
    assert values_of(reader.read_insights(media_id, "views"))["views"] >= 2 * before - 1
    reader.control("metrics", id=media_id, values={"views": 7, "reach": None})
    assert values_of(reader.read_insights(media_id, "views,reach,likes")) == {
        "views": 7,
        "likes": 0,
    }


def test_new_media_has_no_data_instead_of_zeros(reader):
    reader.change_settings(insights_delay_seconds=2 * HOUR)
    assert reader.read_insights(reader.post_in_app(HOUR), "views").json == {"data": []}
    assert values_of(reader.read_insights(reader.post_in_app(3 * HOUR), "views"))


def test_comments_are_counted(reader):
    media_id = reader.post_in_app()
    reader.comment(media_id, is_silent=True)
    assert values_of(reader.read_insights(media_id, "comments"))["comments"] == 1


def test_a_story_needs_five_viewers(reader):
    story_id = reader.post_story()
    reader.control("metrics", id=story_id, values={"reach": 4})
    answer = reader.read_insights(story_id, "reach")
    assert answer.error == (400, 10, None)
    assert answer.message == "(#10) Not enough viewers for the media to show insights"
    reader.control("metrics", id=story_id, values={"reach": 5})
    assert values_of(reader.read_insights(story_id, "reach")) == {"reach": 5}


def test_an_ended_story_is_readable_as_a_highlight_only(reader):
    story_id = reader.post_story(DAY + HOUR)
    assert reader.read_insights(story_id, "reach").error == (400, 100, 33)
    reader.control("metrics", id=story_id, is_highlight=True)
    assert values_of(reader.read_insights(story_id, "reach"))


def test_replies_from_europe_are_zero(reader):
    story_id = reader.post_story()
    assert values_of(reader.read_insights(story_id, "replies"))["replies"] > 0
    reader.change_settings(are_story_replies_withheld=True)
    assert values_of(reader.read_insights(story_id, "replies")) == {"replies": 0}


def test_facebook_views_need_a_share_to_facebook(reader):
    media_id = reader.post_reel()
    assert reader.read_insights(media_id, "facebook_views").error == (400, -1, 2207086)
    reader.control("metrics", id=media_id, is_shared_to_facebook=True)
    found = values_of(reader.read_insights(media_id, "facebook_views,crossposted_views"))
    assert set(found) == {"facebook_views", "crossposted_views"}


@pytest.mark.parametrize("login", ["page", "instagram"])
def test_insights_need_their_permission(reader, login):
    media_id = reader.post_in_app()
    reader.grant_scopes("instagram_basic", "pages_read_engagement")
    reader.grant_scopes("instagram_business_basic", login="instagram")
    for node_id in (media_id, reader.account.id):
        answer = reader.read_insights(node_id, "reach", login, period="day")
        assert answer.error == (400, 10, None)
        assert answer.message == "(#10) Application does not have permission for this action"


def test_an_ending_story_sends_its_figures(reader):
    reader.subscribe()
    story_id = reader.post_story(DAY - HOUR)
    reader.advance_clock(HOUR)
    change, _ = reader.wait_for_change("story_insights")
    assert change["value"]["media_id"] == story_id
    assert change["value"]["reach"] > 0
    names = {"impressions", "taps_forward", "taps_back", "exits", "replies"}
    assert names <= set(change["value"])


@pytest.mark.parametrize("login", ["page", "instagram"])
@pytest.mark.parametrize(
    ("metric", "breakdown"),
    [
        ("comments,likes,saves,shares,total_interactions", "media_product_type"),
        ("reach,views", "media_product_type"),
        ("reach,views,follows_and_unfollows", "follow_type"),
        ("profile_links_taps", "contact_button_type"),
    ],
)
def test_totals_of_accounts_take_the_breakdowns_of_the_table(reader, login, metric, breakdown):
    node_id = "me" if login == "instagram" else reader.account.id
    answer = reader.read_insights(node_id, metric, login, breakdown=breakdown, **TOTAL)
    for item in answer.json["data"]:
        (split,) = item["total_value"]["breakdowns"]
        assert split["dimension_keys"] == [breakdown]
        assert sum(part["value"] for part in split["results"]) == item["total_value"]["value"]
    assert list(values_of(answer)) == metric.split(",")


@pytest.mark.parametrize(
    ("metric", "breakdown"),
    [
        ("accounts_engaged", "follow_type"),
        ("replies", "media_product_type"),
        ("likes", "follow_type"),
        ("profile_links_taps", "follow_type"),
        ("follows_and_unfollows", "media_product_type"),
    ],
)
def test_other_breakdowns_are_refused(reader, metric, breakdown):
    answer = reader.read_insights(reader.account.id, metric, breakdown=breakdown, **TOTAL)
    assert answer.message == f"(#100) Incompatible breakdowns ({breakdown}) for metric ({metric})"


def test_follower_type_is_no_breakdown_whatever_the_table_says(reader):
    answer = reader.read_insights(reader.account.id, "views", breakdown="follower_type", **TOTAL)
    assert answer.error == (400, 100, None)
    assert "breakdown[0] must be one of" in answer.message


def test_reach_is_a_series_by_day_or_one_total(reader):
    since = int(reader.state.now - 7 * DAY)
    window = {"since": since, "until": int(reader.state.now)}
    (series,) = reader.read_insights(reader.account.id, "reach", period="day", **window).json[
        "data"
    ]
    assert len(series["values"]) == 7
    assert all(value["end_time"].endswith("T07:00:00+0000") for value in series["values"])
    total = reader.read_insights(reader.account.id, "reach", **TOTAL, **window).json["data"][0]
    assert "values" not in total
    assert total["total_value"]["value"] < sum(value["value"] for value in series["values"])


def test_a_total_is_one_value_for_the_window(reader):
    until = int(reader.state.now)
    answers = [
        reader.read_insights(
            reader.account.id, "likes", **TOTAL, since=until - days * int(DAY), until=until
        )
        for days in (1, 7)
    ]
    one_day, seven_days = (values_of(answer)["likes"]["value"] for answer in answers)
    assert seven_days == pytest.approx(7 * one_day, abs=7)


def test_most_metrics_have_to_be_requested_as_totals(reader):
    answer = reader.read_insights(reader.account.id, "views,likes", period="day")
    assert answer.message == (
        "(#100) The following metrics (views,likes) should be specified with parameter "
        "metric_type=total_value"
    )
    answer = reader.read_insights(
        reader.account.id, "likes", period="day", metric_type="time_series"
    )
    assert answer.message == (
        "(#100) The following metric (likes) is incompatible with the metric type (time_series)"
    )


@pytest.mark.parametrize(
    ("metric", "params", "text"),
    [
        ("reach", {}, "period"),
        ("reach", {"period": "fortnight"}, "period[0] must be one of"),
        ("reach", {"period": "week"}, "periods (week) are incompatible with the metric (reach)"),
        ("views", {"period": "lifetime", "metric_type": "total_value"}, "periods (lifetime)"),
        ("impressions", TOTAL, "metric[0] must be one of"),
        ("profile_views", TOTAL, "metric[0] must be one of"),
        ("reach", {"period": "day", "breakdown": "follow_type"}, "metric_type=total_value"),
        ("reach", {"period": "day", "metric_type": "sum"}, "metric_type must be one of"),
        ("reach", {"period": "day", "since": "soon"}, "since is not a valid time"),
        ("reach", {"period": "day", "since": 20, "until": 10}, "since must be before until"),
        ("follower_demographics", {**DEMOGRAPHIC, "timeframe": ""}, "timeframe"),
        ("follower_demographics", {**DEMOGRAPHIC, "timeframe": "last_90_days"}, "no longer"),
        ("follower_demographics", {**DEMOGRAPHIC, "period": "day"}, "periods (day)"),
        ("follower_demographics", {**DEMOGRAPHIC, "metric_type": ""}, "metric_type=total_value"),
        ("follower_count", TOTAL, "incompatible with the metric type (total_value)"),
    ],
)
def test_queries_outside_the_table_are_refused(reader, metric, params, text):
    answer = reader.read_insights(reader.account.id, metric, **params)
    assert answer.error == (400, 100, None)
    assert text in answer.message


def test_a_window_has_at_most_thirty_days(reader):
    until = int(reader.state.now)
    since = until - 30 * int(DAY)
    assert values_of(reader.read_insights(reader.account.id, "reach", **TOTAL, since=since))
    answer = reader.read_insights(reader.account.id, "reach", **TOTAL, since=since - 60)
    assert answer.message == (
        "(#100) There cannot be more than 30 days (2592000 s) between since and until"
    )


def test_windows_older_than_ninety_days_are_empty(reader):
    until = int(reader.state.now - 91 * DAY)
    window = {"since": until - int(DAY), "until": until}
    assert reader.read_insights(reader.account.id, "reach", **TOTAL, **window).json == {"data": []}


def test_times_may_be_dates(reader):
    day = datetime.fromtimestamp(reader.state.now - 3 * DAY, UTC).date().isoformat()
    assert values_of(reader.read_insights(reader.account.id, "reach", **TOTAL, since=day))


def test_demographics_split_the_followers(reader):
    answer = reader.read_insights(
        reader.account.id, "follower_demographics", breakdown="age,gender", **DEMOGRAPHIC
    )
    (item,) = answer.json["data"]
    (split,) = item["total_value"]["breakdowns"]
    assert split["dimension_keys"] == ["age", "gender"]
    assert sum(part["value"] for part in split["results"]) == reader.account.followers_count


def test_small_accounts_have_no_figures_of_followers(server):
    reader = add_reader(server, followers_count=99)
    query = {**TOTAL, "breakdown": "follow_type"}
    answer = reader.read_insights(reader.account.id, "reach,follows_and_unfollows", **query)
    assert list(values_of(answer)) == ["reach"]
    answer = reader.read_insights(
        reader.account.id, "follower_demographics", breakdown="age", **DEMOGRAPHIC
    )
    assert answer.json == {"data": []}


def test_follows_have_no_value_without_their_breakdown(reader):
    answer = reader.read_insights(reader.account.id, "follows_and_unfollows", **TOTAL)
    assert values_of(answer) == {"follows_and_unfollows": None}


def test_links_to_other_windows_carry_no_token(reader):
    paging = reader.read_insights(reader.account.id, "reach", **TOTAL).json["paging"]
    assert set(paging) == {"previous", "next"}
    assert "access_token" not in paging["previous"]
    path = paging["previous"].split("/v26.0", 1)[1]
    assert reader.call("GET", path).status == 200


def test_undocumented_metrics_are_answered_on_demand(reader):
    reader.change_settings(has_undocumented_metrics=True)
    assert "profile_views" in values_of(
        reader.read_insights(reader.account.id, "profile_views", **TOTAL)
    )


def test_online_followers_are_counted_by_hour(reader):
    answer = reader.read_insights(reader.account.id, "online_followers", period="lifetime")
    assert set(answer.json["data"][0]["values"][0]["value"]) == {str(hour) for hour in range(24)}
