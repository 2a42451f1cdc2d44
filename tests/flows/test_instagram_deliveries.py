"""Large, repeated, disordered and odd deliveries of Meta about a connected account.

Every change leaves a row; a comment is stored once, and the newest word about it stays.
"""

import time

import pytest

from tests.flows.brokers import wait_until

MAX_CHANGES = 1_000  # in one delivery of Meta
COPIES = 3
DEEP_VALUE = {"id": "1"}
for _ in range(60):
    DEEP_VALUE = {"id": "1", "media": DEEP_VALUE}
ODD_COMMENTS = {
    "no value": None,
    "an empty value": {},
    "a list": [1, 2],
    "a text": "comment",
    "a number": 7,
    "ids as numbers": {"id": 17_900_000_000_001, "media": {"id": 18_000_000_000_001}},
    "ids as lists": {"id": ["17900000000002"], "media": [{"id": "1"}]},
    "no author": {"id": "17900000000003", "text": "x", "from": None},
    "an author of the wrong type": {"id": "17900000000004", "text": "x", "from": "ada"},
    "NUL in the text": {"id": "17900000000005", "text": "a\u0000b"},
    "a lone surrogate": {"id": "17900000000006", "text": "a\ud800b"},
    "a long text": {"id": "17900000000007", "text": "x" * 20_000},
    "a long id": {"id": "9" * 5_000, "text": "x"},
    "markup": {"id": "17900000000008", "text": "<script>alert(1)</script>"},
    "a deep value": DEEP_VALUE,
    "a time of the wrong type": {"id": "17900000000009", "text": "x", "timestamp": [1]},
    "a time far away": {"id": "17900000000010", "text": "x", "timestamp": 10**17},
    "a reply to itself": {"id": "17900000000011", "text": "x", "parent_id": "17900000000011"},
    "media of the wrong type": {"id": "17900000000012", "text": "x", "media": [1, None]},
    "flags as texts": {"id": "17900000000013", "text": "x", "hidden": "maybe"},
}
OTHER_ODD_CHANGES = [
    ("mentions", {"media_id": None, "comment_id": []}),
    ("mentions", {"media_id": "x" * 3_000}),
    ("story_insights", {"media_id": "18000000000002", "reach": -1, "taps_forward": "many"}),
    ("story_insights", {"media_id": "18000000000003", "reach": 10**30}),
    ("live_comments", {"id": "17900000000014"}),
    ("messaging", {"message": "no object", "sender": [], "timestamp": "soon"}),
    ("standby", {"message": {"mid": "m" * 2_000}}),
    ("a_new_field", {"id": "17900000000015"}),
    ("", {"id": "17900000000016"}),
]


def comment_value(number, media_id, **fields):
    return {
        "id": f"1795{media_id[-6:]}{number:06d}",  # no two accounts have the same comment
        "text": f"number {number}",
        "from": {"id": "99", "username": "ada"},
        "media": {"id": media_id, "media_product_type": "FEED"},
        **fields,
    }


def send_changes(stack, user, changes, **options):
    """Let the platform send changes of a field in one delivery. Shapes: (field, value)."""
    entries = [
        {"account_id": user.ig_id, "field": field, "value": value} for field, value in changes
    ]
    return stack.sandbox.control("instagram/test-event", changes=entries, **options)


def count_events(stack, user, condition="true"):
    return stack.query_value(
        f"SELECT count(*) FROM webhook_events WHERE account = %s AND {condition}", user.ig_id
    )


def wait_until_applied(stack, user, count, *, within=90.0):
    wait_until(
        lambda: (
            count_events(stack, user) == count
            and count_events(stack, user, "processed_at IS NULL") == 0
        ),
        within=within,
        what=f"{count} applied events",
    )


def list_stored_comments(stack, user):
    return dict(
        stack.query(
            "SELECT comment.ig_id, comment.text FROM ig_comments AS comment"
            " JOIN ig_media AS media ON media.id = comment.ig_media_id"
            " JOIN instagram_accounts AS account ON account.id = media.instagram_account_id"
            " WHERE account.ig_business_id = %s",
            user.ig_id,
        )
    )


@pytest.mark.parametrize("shape", ["changes", "flat"])
def test_a_thousand_changes_are_applied_once_however_often_they_come(stack, instagram_user, shape):
    media_id = stack.sandbox.control("instagram/app-posts", account_id=instagram_user.ig_id)["id"]
    changes = [("comments", comment_value(number, media_id)) for number in range(MAX_CHANGES)]
    send_changes(stack, instagram_user, changes, copies=COPIES, is_shuffled=True, shape=shape)
    wait_until_applied(stack, instagram_user, MAX_CHANGES)
    stored = list_stored_comments(stack, instagram_user)
    assert stored == {value["id"]: value["text"] for _, value in changes}


def test_the_newest_of_many_versions_of_a_comment_stays(stack, instagram_user):
    media_id = stack.sandbox.control("instagram/app-posts", account_id=instagram_user.ig_id)["id"]
    for version in ("first", "second", "third"):
        send_changes(
            stack, instagram_user, [("comments", comment_value(1, media_id, text=version))]
        )
        wait_until(
            lambda version=version: (
                list_stored_comments(stack, instagram_user).get(comment_value(1, media_id)["id"])
                == version
            ),
            what=version,
        )
    assert count_events(stack, instagram_user) == 3


def test_odd_changes_stop_nothing(stack, instagram_user):
    """Each has a row, none is given up, and the comment after them arrives."""
    media_id = stack.sandbox.control("instagram/app-posts", account_id=instagram_user.ig_id)["id"]
    changes = [("comments", value) for value in ODD_COMMENTS.values()] + OTHER_ODD_CHANGES
    changes.append(("comments", comment_value(2, media_id)))
    send_changes(stack, instagram_user, changes)
    wait_until(
        lambda: comment_value(2, media_id)["id"] in list_stored_comments(stack, instagram_user),
        what="the last comment",
    )
    wait_until(
        lambda: count_events(stack, instagram_user, "processed_at IS NULL") == 0,
        what="all events applied",
    )
    assert count_events(stack, instagram_user, "dead_at IS NOT NULL") == 0
    assert count_events(stack, instagram_user) == len(changes)
    listed = instagram_user.call("GET", "/api/instagram/comments?limit=100")
    assert listed.ok, listed.text


def test_a_forged_delivery_of_a_thousand_changes_stores_nothing(stack, instagram_user):
    changes = [("comments", comment_value(number, "18")) for number in range(MAX_CHANGES)]
    before = stack.query_value("SELECT count(*) FROM webhook_events")
    answer = send_changes(stack, instagram_user, changes, forgery="wrong_secret")
    wait_until(lambda: find_delivery(stack, answer["ids"][0])["attempts"], what="the attempt")
    assert find_delivery(stack, answer["ids"][0])["attempts"][0]["status"] == 401
    assert stack.query_value("SELECT count(*) FROM webhook_events") == before


def find_delivery(stack, delivery_id):
    deliveries = stack.sandbox.control("deliveries")["deliveries"]
    return next(each for each in deliveries if each["id"] == delivery_id)


def test_workers_that_die_apply_every_change_of_large_deliveries_once(stack, instagram_user):
    media_id = stack.sandbox.control("instagram/app-posts", account_id=instagram_user.ig_id)["id"]
    for part in range(3):
        numbers = range(part * MAX_CHANGES, (part + 1) * MAX_CHANGES)
        changes = [("comments", comment_value(number, media_id)) for number in numbers]
        send_changes(stack, instagram_user, changes)
    for _ in range(2):
        wait_until(lambda: count_events(stack, instagram_user) > 0, what="events")
        stack.kill("worker")
        stack.expire_leases()
    deadline = time.monotonic() + 60
    while count_events(stack, instagram_user, "processed_at IS NULL") and (
        time.monotonic() < deadline
    ):
        stack.expire_leases()
        time.sleep(0.5)  # not oftener: a running worker would lose its leases, too
    wait_until_applied(stack, instagram_user, 3 * MAX_CHANGES)
    assert len(list_stored_comments(stack, instagram_user)) == 3 * MAX_CHANGES
    announced, different = stack.query(
        "SELECT count(*), count(DISTINCT body::jsonb->'data') FROM outbox"
        " WHERE type = 'comment.received'"
    )[0]
    assert announced == different
