"""Reading published media in the Instagram sandbox: fields by login, lists, deleting."""

import re

import pytest

from tests.platforms.instagram_publishing_client import add_account

IMAGE = {"image_url": "https://cdn.example/a.jpg"}
REEL = {"media_type": "REELS", "video_url": "https://cdn.example/a.mp4"}
STORY = {"media_type": "STORIES", "image_url": "https://cdn.example/a.jpg"}
UNKNOWN_FIELD, MISSING = (400, 100, None), (400, 100, 33)


def list_ids(client, edge="media", login="page", **params):
    answer = client.call("GET", f"/{client.account.id}/{edge}", login, **params)
    assert answer.status == 200, answer.json
    return [media["id"] for media in answer.json["data"]]


def publish_carousel(client):
    items = [client.create_finished(**IMAGE, is_carousel_item="true") for _ in range(2)]
    return client.publish_new(media_type="CAROUSEL", children=items, caption="album")


@pytest.mark.parametrize("login", ["page", "user", "instagram"])
@pytest.mark.parametrize(
    ("params", "media_type", "product_type", "permalink"),
    [
        (IMAGE, "IMAGE", "FEED", r"https://www\.instagram\.com/p/[\w-]+/"),
        (REEL, "VIDEO", "REELS", r"https://www\.instagram\.com/reel/[\w-]+/"),
        (STORY, "IMAGE", "STORY", r"https://www\.instagram\.com/stories/\w+/\d+"),
    ],
)
def test_published_media_is_read(
    publishing_client, params, media_type, product_type, permalink, login
):
    media_id = publishing_client.publish_new(**params)
    fields = "media_type,media_product_type,permalink,shortcode,timestamp,username,owner{id}"
    node = publishing_client.read(media_id, fields, login).json
    assert (node["id"], node["media_type"], node["media_product_type"]) == (
        media_id,
        media_type,
        product_type,
    )
    assert re.fullmatch(permalink, node["permalink"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", node["timestamp"])
    assert node["owner"] == {"id": publishing_client.account.id}
    assert node["username"] == publishing_client.account.username


def test_a_permalink_cannot_be_made_from_the_id(publishing_client):
    media_id = publishing_client.publish_new(**IMAGE)
    node = publishing_client.read(media_id, "permalink,shortcode").json
    assert node["shortcode"] in node["permalink"]
    assert media_id not in node["permalink"]


@pytest.mark.parametrize(
    ("field", "is_instagram_login"),
    [("like_count", True), ("caption", True), ("saved_count", False), ("ig_id", False)],
)
def test_some_fields_need_facebook_login(publishing_client, field, is_instagram_login):
    media_id = publishing_client.publish_new(**IMAGE, caption="a")
    assert field in publishing_client.read(media_id, field, "page").json
    answer = publishing_client.read(media_id, field, "instagram")
    assert (answer.status == 200) if is_instagram_login else (answer.error == UNKNOWN_FIELD)


@pytest.mark.parametrize("field", ["caption", "media_product_type"])
def test_captions_may_need_facebook_login_as_the_page_says(publishing_client, field):
    publishing_client.change_settings(instagram_login_captions=False)
    media_id = publishing_client.publish_new(**IMAGE, caption="a")
    assert publishing_client.read(media_id, field, "instagram").error == UNKNOWN_FIELD
    assert publishing_client.read(media_id, field, "page").status == 200


@pytest.mark.parametrize("fields", ["id,status_code", "view_count", "permalink{id},nothing"])
def test_one_unknown_field_fails_the_whole_request(publishing_client, fields):
    media_id = publishing_client.publish_new(**IMAGE)
    assert publishing_client.read(media_id, fields).error == UNKNOWN_FIELD


def test_a_caption_is_read_without_its_at_signs(publishing_client):
    caption = "Thanks @friend\n\nfor #this"
    media_id = publishing_client.publish_new(**IMAGE, caption=caption)
    assert publishing_client.read(media_id, "caption").json["caption"] == caption.replace("@", "")
    publishing_client.change_settings(captions_keep_mentions=True)
    assert publishing_client.read(media_id, "caption").json["caption"] == caption
    instagram = publishing_client.read(media_id, "caption", "instagram").json
    assert instagram["caption"] == caption.replace("@", "")  # there is no Page to manage
    page = publishing_client.state.pages[publishing_client.account.page_id]
    page.tasks = dict.fromkeys(page.tasks, ("CREATE_CONTENT",))
    assert "@" not in publishing_client.read(media_id, "caption").json["caption"]


def test_empty_values_are_left_out(publishing_client):
    media_id = publishing_client.publish_new(**IMAGE)
    node = publishing_client.read(media_id, "caption,alt_text,thumbnail_url,children").json
    assert node == {"id": media_id}


@pytest.mark.parametrize(
    ("switch", "field"), [("is_flagged", "media_url"), ("is_like_count_hidden", "like_count")]
)
def test_hidden_values_are_left_out(publishing_client, switch, field):
    media_id = publishing_client.publish_new(**IMAGE)
    assert field in publishing_client.read(media_id, field).json
    publishing_client.raw.control(f"instagram/media/{media_id}", **{switch: True})
    assert publishing_client.read(media_id, field).json == {"id": media_id}


def test_a_match_of_copyright_is_seen_before_and_after_publishing(publishing_client):
    container_id = publishing_client.create_finished(**REEL)
    publishing_client.raw.control(
        "instagram/container-outcome", container_id=container_id, outcome="copyright"
    )
    check = publishing_client.read(container_id, "copyright_check_status").json
    assert check["copyright_check_status"] == {"status": "completed", "matches_found": True}
    media_id = publishing_client.publish(container_id).id
    node = publishing_client.read(media_id, "copyright_check_information,media_url").json
    matches = node["copyright_check_information"]["copyright_matches"]
    assert matches[0]["owner_copyright_policy"]["actions"] == [{"action": "MUTE", "geos": ["FR"]}]
    assert "media_url" not in node


def test_an_album_has_its_items(publishing_client):
    album_id = publish_carousel(publishing_client)
    album = publishing_client.read(album_id, "media_type,children{id,media_type,media_url}").json
    assert album["media_type"] == "CAROUSEL_ALBUM"
    children = album["children"]["data"]
    assert [set(child) for child in children] == [{"id", "media_type", "media_url"}] * 2
    only_ids = publishing_client.read(album_id, "children").json["children"]["data"]
    assert only_ids == [{"id": child["id"]} for child in children]
    item = publishing_client.read(children[0]["id"], "media_type,permalink,caption,like_count")
    assert set(item.json) == {"id", "media_type"}  # items lack the others
    assert publishing_client.read(album_id, "children{caption}").error == UNKNOWN_FIELD


def test_media_is_listed_newest_first_without_items_stories_and_archived(publishing_client):
    first = publishing_client.publish_new(**IMAGE)
    publishing_client.advance_clock(10)
    archived = publishing_client.publish_new(**IMAGE)
    album = publish_carousel(publishing_client)
    publishing_client.advance_clock(10)
    reel = publishing_client.publish_new(**REEL)
    publishing_client.publish_new(**STORY)
    publishing_client.raw.control(f"instagram/media/{archived}", is_archived=True)
    for login in ("page", "user", "instagram"):
        assert list_ids(publishing_client, login=login) == [reel, album, first]
    assert publishing_client.read(archived).id == archived


def test_a_list_has_ids_only_unless_fields_are_named(publishing_client):
    publishing_client.publish_new(**IMAGE, caption="a")
    path = f"/{publishing_client.account.id}/media"
    assert [set(each) for each in publishing_client.call("GET", path).json["data"]] == [{"id"}]
    data = publishing_client.call("GET", path, fields="caption,timestamp").json["data"]
    assert [set(each) for each in data] == [{"id", "caption", "timestamp"}]
    assert publishing_client.call("GET", path, fields="id,nothing").error == UNKNOWN_FIELD


def test_a_list_has_pages(publishing_client):
    published = []
    for _ in range(5):
        published.insert(0, publishing_client.publish_new(**IMAGE))
        publishing_client.advance_clock(1)
    path, seen = f"/{publishing_client.account.id}/media?limit=2", []
    while path:
        answer = publishing_client.call("GET", path)
        seen.append([each["id"] for each in answer.json["data"]])
        link = answer.json["paging"].get("next", "")
        assert "access_token" not in link
        path = link.partition("/v26.0")[2]
    assert seen == [published[:2], published[2:4], published[4:]]


def test_since_and_until_filter_by_the_time_of_the_media(publishing_client):
    old = publishing_client.publish_new(**IMAGE)
    publishing_client.advance_clock(1_000)
    new = publishing_client.publish_new(**IMAGE)
    middle = int(publishing_client.state.now) - 500
    assert list_ids(publishing_client, since=middle) == [new]
    assert list_ids(publishing_client, until=middle) == [old]
    path = f"/{publishing_client.account.id}/media"
    assert publishing_client.call("GET", path, since="yesterday").error == (400, 100, None)


def test_the_list_may_lag(publishing_client):
    publishing_client.change_settings(media_list_lag_seconds=60.0)
    media_id = publishing_client.publish_new(**IMAGE)
    assert list_ids(publishing_client) == []
    publishing_client.advance_clock(61)
    assert list_ids(publishing_client) == [media_id]


def test_stories_are_listed_and_readable_for_24_hours(publishing_client):
    story = publishing_client.publish_new(**STORY)
    publishing_client.publish_new(**IMAGE)
    assert list_ids(publishing_client, "stories") == [story]
    publishing_client.advance_clock(86_401)
    assert list_ids(publishing_client, "stories") == []
    assert publishing_client.read(story).error == MISSING


@pytest.mark.parametrize(("params", "login"), [(IMAGE, "page"), (REEL, "user"), (STORY, "page")])
def test_media_is_deleted_with_facebook_login(publishing_client, params, login):
    media_id = publishing_client.publish_new(**params)
    answer = publishing_client.call("DELETE", f"/{media_id}", login)
    assert answer.json == {"success": True, "deleted_id": media_id}
    assert publishing_client.read(media_id).error == MISSING
    records = publishing_client.raw.control("instagram/media")["media"]
    assert [each["is_deleted"] for each in records if each["id"] == media_id] == [True]


def test_a_whole_album_is_deleted_but_not_an_item(publishing_client):
    album_id = publish_carousel(publishing_client)
    children = publishing_client.read(album_id, "children").json["children"]["data"]
    answer = publishing_client.call("DELETE", f"/{children[0]['id']}")
    assert (answer.error, answer.message) == ((400, -1, 2207073), "Fatal")
    assert publishing_client.call("DELETE", f"/{album_id}").status == 200
    assert publishing_client.read(children[0]["id"]).error == MISSING


def test_instagram_login_cannot_delete(publishing_client):
    media_id = publishing_client.publish_new(**IMAGE)
    assert publishing_client.call("DELETE", f"/{media_id}", "instagram").error == MISSING
    assert publishing_client.read(media_id).id == media_id


def test_deleting_needs_its_permission(publishing_client):
    media_id = publishing_client.publish_new(**IMAGE)
    publishing_client.grant_scopes("instagram_basic", "pages_read_engagement")
    assert publishing_client.call("DELETE", f"/{media_id}").error == (400, 10, None)


def test_comments_are_switched_off_and_on(publishing_client):
    media_id = publishing_client.publish_new(**IMAGE)
    for is_enabled in (False, True):
        answer = publishing_client.call("POST", f"/{media_id}", comment_enabled=is_enabled)
        assert answer.json == {"success": True}
        node = publishing_client.read(media_id, "is_comment_enabled").json
        assert node["is_comment_enabled"] is is_enabled
    assert publishing_client.call("POST", f"/{media_id}").error == (400, 100, None)


@pytest.mark.parametrize(
    ("login", "missing"),
    [
        ("user", "instagram_basic"),
        ("user", "pages_read_engagement"),
        ("instagram", "instagram_business_basic"),
    ],
)
def test_reading_needs_each_permission(publishing_client, login, missing):
    media_id = publishing_client.publish_new(**IMAGE)
    grant_key = "instagram" if login == "instagram" else "facebook"
    grant = publishing_client.state.tokens.grants[f"{grant_key}:{publishing_client.account.id}"]
    publishing_client.grant_scopes(*(name for name in grant.scopes if name != missing), login=login)
    assert publishing_client.read(media_id, "id", login).error == (400, 10, None)
    path = f"/{publishing_client.account.id}/media"
    assert publishing_client.call("GET", path, login).error == (400, 10, None)


def test_page_tokens_can_fail_while_the_user_token_works(publishing_client):
    container_id = publishing_client.create_finished(**IMAGE)
    media_id = publishing_client.publish_new(**IMAGE)
    publishing_client.change_settings(page_token_outage=True)
    for node_id, fields in ((container_id, "status_code"), (media_id, "permalink")):
        refused = publishing_client.read(node_id, fields, "page")
        assert refused.error == MISSING
        assert refused.json["error"]["type"] == "GraphMethodException"
        assert publishing_client.read(node_id, fields, "user").status == 200


def test_media_of_somebody_else_does_not_exist(publishing_client, instagram_server):
    other = add_account(*instagram_server)
    media_id = other.publish_new(**IMAGE)
    for method in ("GET", "DELETE"):
        assert publishing_client.call(method, f"/{media_id}").error == MISSING
    assert publishing_client.read(media_id, "id", "instagram").error == MISSING


@pytest.mark.parametrize("name", ["pretty", "debug", "date_format", "ids", "callback", "method"])
def test_removed_features_of_the_protocol_are_refused(publishing_client, name):
    media_id = publishing_client.publish_new(**IMAGE)
    answer = publishing_client.call("GET", f"/{media_id}?{name}=1")
    assert answer.error == (400, 100, None)


def test_conditional_requests_are_refused(publishing_client):
    media_id = publishing_client.publish_new(**IMAGE)
    answer = publishing_client.call("GET", f"/{media_id}", headers={"If-None-Match": '"x"'})
    assert answer.error == (400, 100, None)


def test_answers_can_have_odd_shapes(publishing_client):
    media_id = publishing_client.publish_new(**IMAGE)
    publishing_client.inject_fault("media_node", "numbers_as_text")
    assert publishing_client.read(media_id, "like_count").json["like_count"] == "0"
    publishing_client.inject_fault("media_node", "missing_fields", fields={"permalink": None})
    assert set(publishing_client.read(media_id, "permalink,shortcode").json) == {"id", "shortcode"}
