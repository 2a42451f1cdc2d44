"""Callbacks about a person: signed forms revoke logins and have data erased; a page tells."""

import re

import pytest
from sqlalchemy import select

from core.health.row_conditions import count_removed_grants
from db.ops.data_deletions import DataDeletion
from db.records.instagram_tables import InstagramAccount
from tests.app.callback_people import (
    ADA,
    ALIAS,
    DATA_DELETION,
    DEAUTHORIZE,
    FACEBOOK_SECRET,
    INSTAGRAM_SECRET,
    ISSUED_AT,
    count_rows,
    meta_app,
    meta_client,
    people,
    send_callback,
    sign_request,
)

__all__ = ["meta_app", "meta_client", "people"]  # fixtures


@pytest.mark.parametrize("secret", [FACEBOOK_SECRET, INSTAGRAM_SECRET])
@pytest.mark.parametrize("person", [ADA, ALIAS])
def test_a_deauthorization_revokes_the_login_under_any_of_its_ids(
    meta_client, people, secret, person
):
    login = people.create_login(open_id=ADA, aliases=[ALIAS])
    destination = people.create_destination(login, page_access_token_encrypted="sealed")
    post = people.create_post(login, provider="instagram", kind="IMAGE", sent_by="PLATFORM")
    other = people.create_login()
    response = send_callback(meta_client, DEAUTHORIZE, person, secret=secret)
    assert (response.status_code, response.json["success"]) == (200, True)
    row = people.account(login)
    assert (row.status, row.status_cause) == ("REVOKED", "removed_in_app")
    assert (row.access_token_encrypted, row.due_at) == (None, None)
    (stored,) = people.all(select(InstagramAccount))
    assert stored.id == destination.id
    assert (stored.page_access_token_encrypted, stored.disconnected_at is None) == (None, False)
    assert people.post(post).hold_reason == "needs_reconnect"
    assert people.account(other).status == "ACTIVE"


def test_all_logins_of_a_person_are_revoked_whoever_connected_them(meta_client, people):
    logins = [people.create_login(open_id=ADA), people.create_login(aliases=[ADA])]
    send_callback(meta_client, DEAUTHORIZE, ADA)
    assert [people.account(login).status for login in logins] == ["REVOKED"] * 2


def test_four_people_who_remove_the_app_within_an_hour_are_an_alert(meta_client, people):
    def count_removed():
        with people.database.transaction() as session:
            return count_removed_grants(session, people.services)

    for number in range(4):
        assert count_removed().value == number
        people.create_login(open_id=f"{ADA}{number}")
        send_callback(meta_client, DEAUTHORIZE, f"{ADA}{number}")
    assert count_removed().details["names"] == ["instagram"]
    assert count_removed().details["codes"] == {"removed_in_app": 4}


def test_a_deauthorization_of_before_the_present_grant_changes_nothing(meta_client, people):
    login = people.create_login(open_id=ADA)
    response = send_callback(meta_client, DEAUTHORIZE, ADA, issued_at=1763800000)
    assert response.status_code == 200
    assert people.account(login).status == "ACTIVE"


@pytest.mark.parametrize("path", [DEAUTHORIZE, DATA_DELETION])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"signed_request=",
        b"signed_request=abc",
        b"signed_request=abc.def",
        b"{}",
        b"\xff\xfe",
        b"signed_request=%ff.%ff",
        b"&".join(b"a=b" for _ in range(100)),
        b"signed_request=" + sign_request(ADA, secret="forged").encode(),
        b"signed_request=" + sign_request(ADA, algorithm="none").encode(),
        b"signed_request=" + sign_request(None).encode(),
        b"signed_request=" + sign_request({"a": 1}).encode(),
    ],
)
def test_a_malformed_or_forged_form_is_400_and_changes_nothing(meta_client, people, path, body):
    login = people.create_login(open_id=ADA)
    form_type = "application/x-www-form-urlencoded"
    response = meta_client.post(path, data=body, content_type=form_type)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_payload")
    assert people.account(login).status == "ACTIVE"
    assert people.all(select(DataDeletion)) == []


def test_a_form_that_is_far_too_long_is_413(meta_client):
    response = meta_client.post(DEAUTHORIZE, data=b"signed_request=" + b"a" * 100_000)
    assert response.status_code == 413


@pytest.mark.parametrize("name", ["deauthorize", "data-deletion"])
def test_platforms_without_callbacks_are_not_found(client, name):
    for provider in ("tiktok", "myspace"):
        assert client.post(f"/api/webhooks/{provider}/{name}").status_code == 404


def test_a_data_deletion_is_answered_in_the_form_that_the_platform_wants(meta_client, people):
    people.create_login(open_id=ADA)
    answer = send_callback(meta_client, DATA_DELETION, ADA).json
    code = answer["confirmation_code"]
    assert re.fullmatch(r"[0-9a-f]{32}", code)
    assert answer == {"url": f"https://app.example/data-deletion/{code}", "confirmation_code": code}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "All data about you have been erased."), ("fr", "ont été effacées")],
)
def test_the_page_of_a_request_says_that_it_is_done(meta_client, people, language, sentence):
    people.create_login(open_id=ADA)
    code = send_callback(meta_client, DATA_DELETION, ADA).json["confirmation_code"]
    page = meta_client.get(f"/data-deletion/{code}", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert sentence in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "noindex" in page.headers["X-Robots-Tag"]


def test_the_page_of_an_unknown_code_is_404(meta_client):
    assert meta_client.get("/data-deletion/" + "0" * 32).status_code == 404


def test_a_person_whom_nobody_knows_gets_a_code_that_says_so(meta_client):
    code = send_callback(meta_client, DATA_DELETION, ADA).json["confirmation_code"]
    assert "No data about you were stored." in meta_client.get(f"/data-deletion/{code}").text


def test_a_repeated_request_has_the_same_code_and_spares_a_later_grant(meta_client, people):
    people.create_login(open_id=ADA)
    first = send_callback(meta_client, DATA_DELETION, ADA).json
    again = people.create_login(open_id=ADA)
    assert send_callback(meta_client, DATA_DELETION, ADA).json == first
    assert people.account(again).status == "ACTIVE"
    later = send_callback(meta_client, DATA_DELETION, ADA, issued_at=ISSUED_AT + 1).json
    assert later["confirmation_code"] != first["confirmation_code"]
    assert count_rows(people, "oauth_accounts") == [0]


def test_a_request_without_a_time_erases_each_time(meta_client, people):
    people.create_login(open_id=ADA)
    first = send_callback(meta_client, DATA_DELETION, ADA, issued_at=None).json
    people.create_login(open_id=ADA)
    assert send_callback(meta_client, DATA_DELETION, ADA, issued_at=None).json == first
    assert count_rows(people, "oauth_accounts") == [0]
