"""The API reference in a browser: search, links to codes, copying, the console under the policy."""

import re

from playwright.sync_api import expect


def test_the_search_shows_only_operations_that_contain_all_words(page):
    page.goto("/docs")
    page.get_by_label("Search operations").fill("posts retry")
    expect(page.get_by_text("1 operations found")).to_be_visible()
    expect(page.locator("[data-docs-operation]:visible")).to_have_count(1)
    page.get_by_label("Search operations").fill("")
    assert page.locator("[data-docs-operation]:visible").count() > 50


def test_an_error_of_an_operation_leads_to_its_explanation(page):
    page.goto("/docs/drafts")
    page.locator("#put_api_drafts_draft_id").get_by_role("link").click()
    page.get_by_text("Errors", exact=True).click()
    page.get_by_role("link", name="PRECONDITION_FAILED").click()
    expect(page).to_have_url(re.compile("/docs/errors#PRECONDITION_FAILED$"))
    explanation = page.locator("#PRECONDITION_FAILED")
    expect(explanation).to_contain_text("Open it again to see the newer version.")


def test_the_console_lists_the_operations_and_breaks_no_policy(page):
    violations = []
    page.on("console", lambda message: violations.append(message.text))
    page.on("pageerror", lambda error: violations.append(str(error)))
    page.goto("/docs/try")
    operation = page.locator(".opblock").filter(has_text="/api/auth/me").first
    operation.locator(".opblock-summary-control").click()
    expect(operation.get_by_text("Try it out")).to_be_visible()
    assert [text for text in violations if "Content Security Policy" in text] == []
    assert [text for text in violations if "Error" in text] == []
