"""`GET /api/<platform>/quota`: the limits that Instagram reports, and those without its answer."""

from dataclasses import replace

from tests.app.publishing.instagram_fixtures import (
    app,
    instagram,
    instagram_app,
    instagram_client,
    instagram_sandbox,
)

__all__ = ["app", "instagram", "instagram_app", "instagram_client", "instagram_sandbox"]  # fixtures


def test_the_quota_shows_the_limit_that_the_platform_reports(
    instagram_client, instagram, instagram_sandbox
):
    _, state = instagram_sandbox
    state.settings = replace(state.settings, publishing_quota=77)

    data = instagram_client.get("/api/instagram/quota").json["data"]

    assert data["destination_id"] == instagram.destination_id
    assert {name: quota["limit"] for name, quota in data["quotas"].items()} == {
        "posts": 77,
        "containers": 400,
    }


def test_the_quota_has_the_default_limit_without_an_answer_of_the_platform(
    instagram_client, instagram
):
    instagram.client.inject_fault("publishing_limit", "html_502", times=10)
    quotas = instagram_client.get("/api/instagram/quota").json["data"]["quotas"]
    assert quotas["posts"]["limit"] == 50


def test_requests_for_the_quota_call_the_platform_once_a_minute(
    instagram_client, instagram, instagram_sandbox
):
    raw, _ = instagram_sandbox
    instagram.client.inject_fault("publishing_limit", "html_502", times=2)
    calls = []
    for _ in range(4):
        instagram_client.get("/api/instagram/quota")
        log = raw.control("log")["log"]
        calls.append(sum(entry["endpoint"] == "publishing_limit" for entry in log))
    assert [count - calls[0] for count in calls] == [0, 1, 1, 1]  # no answer is not kept


def test_an_unknown_platform_has_no_quota(instagram_client, instagram):
    response = instagram_client.get("/api/fax/quota")
    assert (response.status_code, response.json["error"]["code"]) == (404, "NOT_FOUND")
