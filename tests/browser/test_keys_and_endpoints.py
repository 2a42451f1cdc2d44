"""API keys and endpoints in a browser: displayed once, used, revoked; failed deliveries found."""

import re
import shlex
import subprocess

import pytest
from playwright.sync_api import expect

from tests.flows.brokers import wait_until

INSERT_FAILED_DELIVERY = """
WITH message AS (
  INSERT INTO outbox (user_id, name, type, subject, sequence, body)
  SELECT user_id, 'msg_' || md5(random()::text), 'post.failed', 'post:7', 1,
    '{"type":"post.failed"}'
    FROM endpoints WHERE id = %s RETURNING id),
delivery AS (
  INSERT INTO deliveries (message_id, endpoint_id, due_at, dead_at, attempts)
  SELECT id, %s, NULL, now(), 8 FROM message RETURNING id)
INSERT INTO delivery_tries (delivery_id, number, milliseconds, status, error)
SELECT id, 8, 12, 500, 'http_500' FROM delivery RETURNING delivery_id"""
SELECT_ATTEMPTS = "SELECT count(*) FROM delivery_tries WHERE delivery_id = %s"


@pytest.fixture
def endpoint_id(stack):
    """An endpoint of the signed-in user at an address that nobody answers."""
    stack.query(
        "INSERT INTO endpoints (user_id, url) SELECT id, 'https://hooks.example.com/signalpost'"
        " FROM users WHERE email = %s",
        stack.info["user"],
    )
    return stack.query_value("SELECT max(id) FROM endpoints")


def run_curl(command):
    """Run the displayed command; return the HTTP status."""
    arguments = [*shlex.split(command), "-s", "-o", "/dev/null", "-w", "%{http_code}"]
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


@pytest.mark.statement(33)
def test_a_key_is_displayed_once_works_with_the_displayed_command_and_is_refused_after_revoke(
    signed_in, take_screenshot
):
    signed_in.goto("/settings/keys")
    signed_in.get_by_role("link", name="New API key").first.click()
    signed_in.fill("#name", "My program 🤖")
    signed_in.get_by_role("button", name="Create key").click()
    expect(signed_in.get_by_role("alert")).to_contain_text("Choose at least one scope")
    expect(signed_in).to_have_title(re.compile("^Error:"))
    signed_in.errors.clear()  # the browser reports the expected 400
    signed_in.get_by_label("See posts, their state").check()
    signed_in.get_by_role("button", name="Create key").click()
    key = signed_in.locator("#secret").text_content()
    command = signed_in.locator("#example").text_content()
    take_screenshot("key")
    assert key.startswith("sp_")
    assert run_curl(command) == "200"
    signed_in.goto("/settings/keys")
    assert key not in signed_in.content()
    signed_in.get_by_role("link", name="Revoke My program 🤖").first.click()
    dialog = signed_in.get_by_role("dialog")
    expect(dialog).to_contain_text("A revoked key cannot be used again.")
    dialog.get_by_role("button", name="Revoke").click()
    expect(signed_in.locator(".message[role=status]")).to_contain_text("The key is revoked.")
    assert run_curl(command) == "401"


@pytest.mark.statement(33)
def test_a_failed_delivery_is_found_by_filter_and_delivered_again(
    signed_in, stack, endpoint_id, take_screenshot
):
    delivery_id = stack.query_value(INSERT_FAILED_DELIVERY, endpoint_id, endpoint_id)
    signed_in.goto(f"/settings/endpoints/{endpoint_id}")
    signed_in.locator("#state").select_option("Failed")
    signed_in.locator("#event").select_option("post.failed")
    signed_in.get_by_role("button", name="Filter").click()
    entry = signed_in.get_by_role("article", name="post.failed post:7")
    expect(entry.locator(".badge")).to_have_text("Failed")
    entry.get_by_text("Message").click()
    expect(entry.locator("pre").last).to_contain_text('"type": "post.failed"')
    take_screenshot("endpoint")
    signed_in.get_by_role("link", name="Deliver failed events again").click()
    expect(signed_in.get_by_role("status").first).to_contain_text("1 event has failed")
    signed_in.get_by_role("button", name="Deliver 1 event again").click()
    expect(signed_in.locator(".message.good")).to_contain_text("1 event is being delivered again.")
    wait_until(lambda: stack.query_value(SELECT_ATTEMPTS, delivery_id) > 1, what="another try")


def test_a_failed_delivery_is_discarded_after_its_count_and_taken_back(
    signed_in, stack, endpoint_id, take_screenshot
):
    stack.query_value(INSERT_FAILED_DELIVERY, endpoint_id, endpoint_id)
    signed_in.goto(f"/settings/endpoints/{endpoint_id}")
    signed_in.get_by_role("link", name="Discard failed events").click()
    expect(signed_in.get_by_role("status").first).to_contain_text("1 event has failed")
    take_screenshot("endpoint-discard")
    signed_in.get_by_role("button", name="Discard 1 event").click()
    expect(signed_in.get_by_role("status").first).to_have_text("1 failed event was discarded.")
    take_screenshot("endpoint-discarded")
    signed_in.get_by_role("button", name="Undo the discard").click()
    entry = signed_in.get_by_role("article", name="post.failed post:7")
    expect(entry.locator(".badge")).to_have_text("Failed")


def test_a_secret_is_replaced_with_a_countdown_for_the_former_one(signed_in, endpoint_id):
    signed_in.goto(f"/settings/endpoints/{endpoint_id}")
    for _ in range(2):
        signed_in.get_by_role("button", name="New secret").click()
        expect(signed_in.locator("#secret")).to_contain_text("whsec_")
        signed_in.get_by_role("link", name="I have copied the secret").click()
    expect(signed_in.get_by_role("timer")).to_contain_text(re.compile(r"2[34] h"))
