"""Publishing in the Instagram sandbox as a process of its own, with both logins."""

import pytest

from tests.platforms.instagram_media_host import make_jpeg
from tests.platforms.raw_instagram_client import FACEBOOK_GRAPH, INSTAGRAM_GRAPH
from tests.platforms.raw_sandbox_client import wait_for
from tests.platforms.video_samples import encode_sample


@pytest.fixture(params=["facebook", "instagram"])
def connected_account(instagram_sandbox, request):
    """The id of an account, a token for it, and the host of its login."""
    if request.param == "facebook":
        login = instagram_sandbox.connect_facebook()
        return login.account_id, instagram_sandbox.page_token(login), FACEBOOK_GRAPH
    login = instagram_sandbox.connect_instagram()
    return login.account_id, login.token, INSTAGRAM_GRAPH


def test_a_reel_and_a_picture_are_published(instagram_sandbox, media_host, connected_account):
    account_id, token, host = connected_account
    picture = {"image_url": media_host.add("process.jpg", make_jpeg())}
    video_url = media_host.add("process.mp4", encode_sample(seconds=3), "video/mp4")
    reel = {"media_type": "REELS", "video_url": video_url}

    def call(method, path, **params):
        return instagram_sandbox.graph(method, path, token, host, **params).result

    for params in (picture, reel):
        container_id = call("POST", f"/{account_id}/media", caption="both", **params)["id"]

        def is_finished(container_id=container_id):
            instagram_sandbox.advance_clock(1)
            status = call("GET", f"/{container_id}", fields="status_code,status")
            assert status["status_code"] in {"IN_PROGRESS", "FINISHED"}, status
            return status["status_code"] == "FINISHED"

        wait_for(is_finished, seconds=60.0)
        media_id = call("POST", f"/{account_id}/media_publish", creation_id=container_id)["id"]
        assert call("GET", f"/{media_id}", fields="permalink")["permalink"]
    counts = {
        each["media_product_type"]: each["count"]
        for each in instagram_sandbox.control("ledger")["ledger"]
        if each["account_id"] == account_id
    }
    assert counts == {"FEED": 1, "REELS": 1}


@pytest.mark.parametrize(
    ("setting", "value"), [("second_publish", "twice"), ("expired_code", 23), ("no_setting", 1)]
)
def test_a_setting_with_a_typo_is_refused(instagram_sandbox, setting, value):
    with pytest.raises(OSError, match="400"):
        instagram_sandbox.control("settings", **{setting: value})
