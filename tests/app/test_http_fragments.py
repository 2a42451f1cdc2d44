"""Fragments of pages are rendered only for browsers that do not have the newest."""

from datetime import UTC, datetime

import pytest
from flask import g

from app.http.fragments import answer_fragment, list_attributes
from core.identity.principals import AuthMethod, Principal
from db.posts.posts import Post


@pytest.fixture
def answer_request(app):
    """Answers a request for a fragment in a given state; counts how often it is rendered."""
    rendered = []

    def answer(state, *, tag=None, user_id=1, time_zone=None):
        def render():
            rendered.append(state)
            return f"<p>{state}</p>"

        headers = {"If-None-Match": tag} if tag else {}
        with app.test_request_context("/posts/1/state", headers=headers):
            g.principal = Principal(
                user_id,
                AuthMethod.SESSION,
                frozenset(),
                "alice@example.org",
                "en",
                time_zone=time_zone,
            )
            return answer_fragment(state, render)

    answer.rendered = rendered
    return answer


def test_what_the_browser_has_is_not_rendered_again(answer_request):
    first = answer_request("sending")
    assert (first.status_code, first.get_data(as_text=True)) == (200, "<p>sending</p>")
    again = answer_request("sending", tag=first.headers["ETag"])
    assert (again.status_code, again.get_data(as_text=True)) == (304, "")
    assert answer_request.rendered == ["sending"]


@pytest.mark.parametrize(
    "change", [{"state": "published"}, {"user_id": 2}, {"time_zone": "Europe/Paris"}]
)
def test_another_state_reader_or_zone_is_rendered(answer_request, change):
    tag = answer_request("sending").headers["ETag"]
    arguments = {"state": "sending", **change}
    assert answer_request(arguments.pop("state"), tag=tag, **arguments).status_code == 200


def test_what_a_state_consists_of_is_compared():
    """A row, a value and a time by what they hold; what cannot be looked into is refused."""
    at = datetime(2026, 11, 30, tzinfo=UTC)
    assert list_attributes(at) == str(at)
    assert list_attributes(frozenset({"b", "a"})) == ["a", "b"]
    post = Post(title="Clay", state="QUEUED")
    assert list_attributes(post) == {"title": "Clay", "state": "QUEUED"}
    with pytest.raises(TypeError):
        list_attributes(object())
