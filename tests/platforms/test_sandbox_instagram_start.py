"""The start of the sandbox with Meta's apps, and without them."""

import pytest

from tests.platforms.raw_instagram_client import FACEBOOK_APP, FACEBOOK_SECRET
from tests.platforms.raw_sandbox_client import run_raw_sandbox
from tests.platforms.sandbox_client import fetch_page
from tests.platforms.test_sandbox_process import APP_CREDENTIALS, run_sandbox_command

META_CREDENTIALS = {
    "FACEBOOK_APP_ID": FACEBOOK_APP,
    "FACEBOOK_APP_SECRET": FACEBOOK_SECRET,
    "INSTAGRAM_APP_ID": "2",
    "INSTAGRAM_APP_SECRET": "instagram_canary",
}


@pytest.mark.parametrize("name", META_CREDENTIALS)
def test_it_does_not_start_with_a_part_of_metas_names(name):
    environ = {key: value for key, value in META_CREDENTIALS.items() if key != name}
    process = run_sandbox_command(**APP_CREDENTIALS, **environ)
    assert process.returncode != 0
    assert name in process.stderr
    assert "canary" not in process.stderr


def test_it_refuses_a_webhook_url_that_meta_would_refuse():
    arguments = ["--instagram-webhook-url", "http://example.com/hook"]
    process = run_sandbox_command(*arguments, **APP_CREDENTIALS, **META_CREDENTIALS)
    assert process.returncode != 0
    assert "--instagram-webhook-url" in process.stderr


def test_without_metas_names_it_imitates_tiktok_alone():
    with run_raw_sandbox() as sandbox:
        assert sandbox.send("GET", "/meta-graph/v26.0/me").status == 404
        assert sandbox.send("GET", "/_sandbox/instagram/settings").status == 404
        assert "Instagram" not in fetch_page(sandbox.url + "/")[2]
        assert "me_accounts" not in sandbox.control("faults")
        body = '{"endpoint": "me", "kind": "http_500"}'
        assert sandbox.send("POST", "/_sandbox/faults", body).status == 400


def test_the_start_page_lists_accounts_and_media(instagram_sandbox):
    ids = instagram_sandbox.create_person(name="Zed", pages=[{"account": {"username": "zed"}}])
    page = fetch_page(instagram_sandbox.url + "/")[2]
    assert "@zed" in page
    assert ids["account_ids"][0] in page
