"""Who is told of a post's end, and how it is counted."""

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func

from core.errors import Failed
from core.ledger.settle import FINAL
from tests.platforms.script import refuses
from tests.publishing import AN_UPLOAD, INIT, STATUS, status


@pytest.fixture
def account(desk):
    desk.starts()
    return desk.tenants.account(desk.tenants.an_account())


def told(desk, account):
    return [notice.kind for notice in desk.tenants.notices(account.user_id)]


def counted(outcome, code="none"):
    labels = {
        "provider": "tiktok",
        "kind": "INBOX_VIDEO",
        "source": "PULL_FROM_URL",
        "outcome": outcome,
        "code": code,
    }
    return REGISTRY.get_sample_value("signalpost_upload_total", labels) or 0


@pytest.mark.parametrize("state", sorted(FINAL))
def test_what_has_ended_is_never_started_whoever_makes_it_due(desk, account, state):
    """A post found in the list of videos is published and has no id of its start."""
    post_id = desk.request(account.user_id, can_wait=True).post.id
    desk.change(post_id, state=state, finished_at=func.now(), due_at=func.now())

    desk.works(2)

    post = desk.post(post_id)
    assert (post.state, post.due_at) == (state, None)
    assert desk.calls(INIT) == []


@pytest.mark.parametrize(
    ("word", "more", "kind", "outcome", "code"),
    [
        ("SEND_TO_USER_INBOX", {}, "post_in_inbox", "published", "none"),
        ("PUBLISH_COMPLETE", {}, "post_published", "published", "none"),
        ("FAILED", {"fail_reason": "internal"}, "post_failed", "failed", "internal"),
    ],
)
def test_an_end_is_told_once_and_counted_once(desk, account, word, more, kind, outcome, code):
    before = counted(outcome, code)
    desk.request(account.user_id)
    desk.says(STATUS, status(word, **more))

    desk.works(3)

    assert told(desk, account) == [kind]
    assert counted(outcome, code) == before + 1


def test_a_draft_that_is_posted_later_is_news_again(desk, account):
    post_id = desk.request(account.user_id).post.id
    desk.says(STATUS, status("SEND_TO_USER_INBOX"))
    desk.works(1)
    desk.says(STATUS, status("PUBLISH_COMPLETE"))

    desk.works(1)

    assert desk.record(post_id).status == "PUBLISH_COMPLETE"
    assert set(told(desk, account)) == {"post_in_inbox", "post_published"}


def test_a_lost_answer_is_told_as_what_it_is(desk, account):
    desk.loses(INIT)

    desk.request(account.user_id)

    assert told(desk, account) == ["post_unconfirmed"]


def test_who_was_told_by_the_answer_is_not_told_twice(desk, account):
    desk.says(INIT, refuses(403, "url_ownership_unverified"))
    with pytest.raises(Failed):
        desk.request(account.user_id)
    desk.loses(INIT)
    with pytest.raises(Failed):
        desk.request(account.user_id, AN_UPLOAD)

    assert told(desk, account) == []


def test_a_cancelled_post_is_no_news_to_who_cancelled_it(desk, account):
    post_id = desk.request(account.user_id, can_wait=True).post.id

    desk.cancels(post_id)

    assert told(desk, account) == []
