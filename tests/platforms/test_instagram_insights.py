"""Media, counts and metrics of an Instagram account."""

from datetime import UTC, datetime, timedelta

import pytest

from platforms.errors import (
    MisdirectedResponse,
    NotReadable,
    RateLimited,
    Rejected,
    TokenExpired,
    UnreadableResponse,
)
from platforms.insights_base import AccountAccess, PublicItem
from platforms.instagram.metric_tables import ACCOUNT_METRICS, MEDIA_METRICS
from platforms.instagram.metric_values import MetricCollector

WINDOW = timedelta(days=7)


@pytest.fixture(params=["facebook", "instagram"])
def reader(request):
    return request.getfixturevalue(f"{request.param}_reader")


def list_media(reader, **options):
    return reader.media.fetch_item_page(reader.access, **options)


def fetch_account_metrics(reader, **changes):
    until = datetime.fromtimestamp(reader.client.state.now, UTC)
    return reader.insights.fetch_account_metrics(
        reader.access, since=until - WINDOW, until=until, **changes
    )


def make_item(reader, product="FEED", hours=10, **fields):
    """Return media of this age: the sandbox counts 3,600 views per hour."""
    media_id = reader.post_in_app(
        media_product_type=product,
        media_type="VIDEO" if product == "REELS" else "IMAGE",
        timestamp=reader.client.state.now - hours * 3600,
        **fields,
    )
    return PublicItem(media_id, product=product)


def test_media_are_listed_newest_first_with_their_facts(reader):
    media_id = reader.post_in_app(caption="hello @friend", media_type="VIDEO", timestamp=1.75e9)
    reader.write_comment(media_id)
    (item,) = list_media(reader).items
    assert (item.id, item.text, item.media_type, item.product) == (
        media_id,
        "hello friend",  # Meta leaves out the sign
        "VIDEO",
        "FEED",
    )
    assert item.posted_at == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)
    assert item.counts == {"likes": 0, "comments": 1}
    assert item.url.endswith(f"/{item.shortcode}/")
    assert item.thumbnail_url.startswith("https://")
    assert (item.is_comment_enabled, item.part_count) == (True, None)


def test_all_pages_of_media_are_reached_by_their_cursors(reader):
    ids = {reader.post_in_app(timestamp=1.7e9 + number) for number in range(120)}
    cursor, pages = None, []
    for _ in range(10):
        page = list_media(reader, cursor=cursor)
        pages.append(page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [len(items) for items in pages] == [50, 50, 20]
    assert {item.id for items in pages for item in items} == ids


def test_stories_have_a_list_of_their_own_until_they_end(reader):
    now = reader.client.state.now
    story_id = reader.post_in_app(media_product_type="STORY", timestamp=now - 3600)
    reader.post_in_app(media_product_type="STORY", timestamp=now - 100_000)
    post_id = reader.post_in_app()
    assert reader.media.listings == ("media", "stories")
    assert [item.id for item in list_media(reader, listing="stories").items] == [story_id]
    assert [item.id for item in list_media(reader).items] == [post_id]
    with pytest.raises(ValueError, match="listing"):
        list_media(reader, listing="reels")


def test_media_are_read_by_id_and_those_that_are_gone_are_left_out(reader):
    media_id = reader.post_in_app()
    items = reader.media.fetch_items(reader.access, ids=[media_id, "18099999999999999"])
    assert [item.id for item in items] == [media_id]
    reader.client.inject_fault("media_node", "other_values", fields={"id": "180"})
    assert reader.media.fetch_items(reader.access, ids=[media_id]) == ()
    for ids in ([], [str(number) for number in range(6)]):
        with pytest.raises(ValueError, match="media ids"):
            reader.media.fetch_items(reader.access, ids=ids)


def test_hidden_likes_are_absent_and_not_zero(reader):
    media_id = reader.post_in_app()
    reader.client.state.media[media_id].is_like_count_hidden = True
    (item,) = list_media(reader).items
    assert item.counts == {"comments": 0}


def test_an_instagram_login_without_captions_still_lists_media(instagram_reader):
    reader = instagram_reader
    reader.client.change_settings(instagram_login_captions=False)
    media_id = reader.post_in_app(caption="hello")
    for calls_needed in (2, 1):  # the refusal is remembered
        with reader.count_calls("media_list") as calls:
            (item,) = list_media(reader).items
        assert (item.id, item.text, item.product) == (media_id, None, None)
        assert len(calls) == calls_needed


def test_the_counts_of_the_account_are_read(reader):
    account = reader.client.account
    account.followers_count, account.follows_count = 1234, 5
    reader.post_in_app()
    totals = reader.media.fetch_account_totals(reader.access)
    assert totals == {"followers": 1234, "following": 5, "media": 1}


def test_the_counts_of_another_account_are_refused(reader):
    endpoint, key = ("ig_user_node", "id") if reader.login == "facebook" else ("me", "user_id")
    reader.client.inject_fault(endpoint, "other_values", fields={key: "17841499999999999"})
    with pytest.raises(MisdirectedResponse):
        reader.media.fetch_account_totals(reader.access)


def test_what_a_page_token_cannot_read_is_read_with_the_users_token(facebook_reader):
    reader = facebook_reader
    media_id = reader.post_in_app()
    reader.client.change_settings(page_token_outage=True)
    assert reader.media.fetch_items(reader.access, ids=[media_id]) == ()
    access = AccountAccess(reader.token, reader.scopes, reader.client.account.id, reader.user_token)
    assert [item.id for item in reader.media.fetch_items(access, ids=[media_id])] == [media_id]


@pytest.mark.parametrize("product", ["FEED", "REELS", "STORY"])
def test_the_metrics_of_each_product_are_fetched_in_one_call(reader, product):
    item = make_item(reader, product)
    with reader.count_calls("media_insights") as calls:
        report = reader.insights.fetch_item_metrics(item, reader.access)
    assert set(report.counts) == set(MEDIA_METRICS[product])
    assert report.counts["views"] == 36_000
    assert (report.unavailable, len(calls)) == ((), 1)


def test_a_metric_without_data_is_absent_and_not_zero(reader):
    item = make_item(reader)
    reader.control("metrics", id=item.id, values={"reach": None, "saved": 0})
    report = reader.insights.fetch_item_metrics(item, reader.access)
    assert ("reach" in report.counts, report.counts["saved"]) == (False, 0)
    assert report.unavailable == ()
    reader.client.change_settings(insights_delay_seconds=1e9)
    fresh = make_item(reader)
    assert reader.insights.fetch_item_metrics(fresh, reader.access).counts == {}


def test_one_refused_metric_does_not_lose_the_others_and_is_not_requested_again(reader):
    """Media whose product was not said get the common metrics; a story refuses some of them."""
    story = make_item(reader, "STORY")
    item = PublicItem(story.id)
    with reader.count_calls("media_insights") as calls:
        report = reader.insights.fetch_item_metrics(item, reader.access)
    assert set(report.counts) == {"views", "reach", "shares"}
    assert set(report.unavailable) == {"likes", "comments", "saved"}
    assert len(calls) == 1 + 6
    with reader.count_calls("media_insights") as calls:
        again = reader.insights.fetch_item_metrics(item, reader.access)
    assert (again, len(calls)) == (report, 1)


def test_media_that_refuse_every_metric_do_not_spoil_it_for_others(reader):
    item = make_item(reader)
    reader.fail_with("media_insights", 100, 2108006, times=11)  # older than the business account
    report = reader.insights.fetch_item_metrics(item, reader.access)
    assert (report.counts, set(report.unavailable)) == ({}, set(MEDIA_METRICS["FEED"]))
    report = reader.insights.fetch_item_metrics(item, reader.access)
    assert set(report.counts) == set(MEDIA_METRICS["FEED"])


def test_a_story_with_few_viewers_has_no_metrics_yet(reader):
    story = make_item(reader, "STORY")
    reader.control("metrics", id=story.id, values={"reach": 4})
    with reader.count_calls("media_insights") as calls:
        report = reader.insights.fetch_item_metrics(story, reader.access)
    assert (report.counts, set(report.unavailable)) == ({}, set(MEDIA_METRICS["STORY"]))
    assert len(calls) == 1
    reader.control("metrics", id=story.id, values={"reach": 5})
    assert reader.insights.fetch_item_metrics(story, reader.access).counts["reach"] == 5


def test_a_permission_that_lacks_for_everything_is_an_error(reader):
    item = make_item(reader)
    reader.fail_with("media_insights", 10, times=11)
    with pytest.raises(Rejected) as caught:
        reader.insights.fetch_item_metrics(item, reader.access)
    assert caught.value.code == "permission_missing"


def test_a_permission_that_lacks_for_one_metric_loses_only_that(reader):
    item = make_item(reader)
    reader.fail_with("media_insights", 10, times=2)  # all at once, then the first alone
    report = reader.insights.fetch_item_metrics(item, reader.access)
    assert report.unavailable == ("views",)
    assert set(report.counts) == set(MEDIA_METRICS["FEED"]) - {"views"}


@pytest.mark.parametrize(
    ("code", "subcode", "error"),
    [(190, 460, TokenExpired), (80002, None, RateLimited), (100, 33, NotReadable)],
)
def test_other_errors_are_passed_on(reader, code, subcode, error):
    item = make_item(reader)
    reader.fail_with("media_insights", code, subcode, times=1)
    with reader.count_calls("media_insights") as calls, pytest.raises(error):
        reader.insights.fetch_item_metrics(item, reader.access)
    assert len(calls) == 1


def test_an_ended_story_cannot_be_read(reader):
    story = make_item(reader, "STORY", hours=25)
    with pytest.raises(NotReadable):
        reader.insights.fetch_item_metrics(story, reader.access)


def test_the_metrics_of_other_media_are_refused(reader):
    item = make_item(reader)
    fields = {"id": "180/insights/views/lifetime"}
    reader.client.inject_fault("media_insights", "other_values", fields=fields)
    with pytest.raises(MisdirectedResponse):
        reader.insights.fetch_item_metrics(item, reader.access)


@pytest.mark.parametrize(
    "kind", ["numbers_as_text", "numbers_as_floats", "nested_json", "lists_as_values"]
)
def test_odd_shapes_of_metrics_are_read_alike(reader, kind):
    item = make_item(reader)
    expected = reader.insights.fetch_item_metrics(item, reader.access)
    reader.client.inject_fault("media_insights", kind)
    assert reader.insights.fetch_item_metrics(item, reader.access).counts == expected.counts


def test_an_answer_without_a_list_is_no_answer(reader):
    item = make_item(reader)
    reader.client.inject_fault("media_insights", "missing_fields", times=0, fields={"data": ""})
    with pytest.raises(UnreadableResponse):
        reader.insights.fetch_item_metrics(item, reader.access)


def test_account_metrics_have_a_series_totals_and_parts_by_the_table(reader):
    with reader.count_calls("account_insights") as calls:
        report = fetch_account_metrics(reader)
    assert len(calls) == 5
    assert set(report.counts) == set(ACCOUNT_METRICS) - {"follows_and_unfollows"}
    points = report.series["reach"]
    assert len(points) == 7
    assert [point.ends_at for point in points] == sorted(point.ends_at for point in points)
    assert set(report.series) == {"reach"}  # a total is one value, never a series
    assert set(report.parts["reach"]) == {"media_product_type", "follow_type"}
    assert set(report.parts["views"]) == {"media_product_type", "follow_type"}
    assert set(report.parts["profile_links_taps"]) == {"contact_button_type"}
    assert set(report.parts["follows_and_unfollows"]) == {"follow_type"}
    assert sum(report.parts["views"]["follow_type"].values()) == report.counts["views"]


def test_an_account_with_few_followers_has_no_metrics_that_need_more(reader):
    reader.client.account.followers_count = 99
    report = fetch_account_metrics(reader)
    assert "follows_and_unfollows" not in {*report.counts, *report.parts}
    assert "views" in report.counts
    reader.client.account.followers_count = 100
    assert "follows_and_unfollows" in fetch_account_metrics(reader).parts


def test_a_refused_account_metric_does_not_lose_the_others(reader):
    reader.fail_with("account_insights", 100, times=2)  # the totals, then the first of them alone
    report = fetch_account_metrics(reader)
    assert "views" in report.counts
    first = next(iter(ACCOUNT_METRICS))
    assert first in report.parts  # asked for by its breakdowns too
    with reader.count_calls("account_insights") as calls:
        fetch_account_metrics(reader)
    assert len(calls) == 5


def test_account_metrics_without_any_permission_are_an_error(reader):
    reader.fail_with("account_insights", 10, times=0)
    with pytest.raises(Rejected) as caught:
        fetch_account_metrics(reader)
    assert caught.value.code == "permission_missing"


def test_a_window_is_of_thirty_days_at_most(reader):
    now = datetime.now(UTC)
    for since in (now - timedelta(days=31), now):
        with pytest.raises(ValueError, match="window"):
            reader.insights.fetch_account_metrics(reader.access, since=since, until=now)


def test_the_audience_is_read_by_age_place_and_gender(reader):
    reader.client.account.followers_count = 5000
    report = reader.insights.fetch_audience_metrics(reader.access)
    parts = report.parts["follower_demographics"]
    assert set(parts) == {"age", "city", "country", "gender"}
    assert all(parts.values())


def test_calls_without_their_scope_are_not_made(reader):
    access = AccountAccess(reader.token, (), reader.client.account.id)
    now = datetime.now(UTC)
    calls = [
        lambda: reader.media.fetch_account_totals(access),
        lambda: reader.media.fetch_item_page(access),
        lambda: reader.media.fetch_items(access, ids=["1"]),
        lambda: reader.insights.fetch_item_metrics(PublicItem("1"), access),
        lambda: reader.insights.fetch_account_metrics(access, since=now - WINDOW, until=now),
        lambda: reader.insights.fetch_audience_metrics(access),
    ]
    with reader.count_calls() as made:
        for call in calls:
            with pytest.raises(Rejected) as caught:
                call()
            assert caught.value.code == "scope_not_authorized"
    assert made == []


@pytest.mark.parametrize(
    ("item", "counts"),
    [
        ({"values": [{"value": 4.6}]}, {"m": 5}),
        ({"values": [{"value": -1}]}, {}),
        ({"values": [{"value": True}]}, {}),
        ({"values": [{"value": {"a": 1}}]}, {}),
        ({"values": []}, {}),
        ({"total_value": {}}, {}),
        ({"total_value": {"value": 3, "breakdowns": "x"}}, {"m": 3}),
        ({"total_value": 3}, {}),
        ({}, {}),
    ],
)
def test_values_that_cannot_be_read_are_not_said(item, counts):
    collector = MetricCollector()
    collector.add_body({"data": [{"name": "m", **item}, 7]}, ("m",), subject_id="1")
    assert collector.build_report().counts == counts


def test_places_are_found_where_the_app_may_search(facebook_reader):
    reader = facebook_reader
    reader.client.change_settings(has_page_search=False)
    with pytest.raises(Rejected) as caught:
        reader.places.search_places("café", reader.token)
    assert caught.value.code == "permission_missing"
    reader.client.change_settings(has_page_search=True)
    names = [place.name for place in reader.places.search_places("café", reader.token)]
    assert "Café de Flore" in names
    assert "Café without an address" not in names  # refused as the location of a post


def test_instagram_login_cannot_search_places(instagram_reader):
    with instagram_reader.count_calls() as made, pytest.raises(Rejected) as caught:
        instagram_reader.places.search_places("café", instagram_reader.token)
    assert (caught.value.code, made) == ("permission_missing", [])
