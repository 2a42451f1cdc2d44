"""Fills in the composer: accounts, files, settings of direct posts; finds its checks."""

import re

from playwright.sync_api import expect


def choose_accounts(composer, *platforms):
    for platform in platforms:
        composer.locator(f'[name="account"][value^="{platform}-"]:enabled').first.check(force=True)


def add_files(composer, *files):
    composer.set_input_files("#file-input", files)
    expect(composer.locator("[data-file]").get_by_text("Uploaded", exact=True)).to_have_count(
        len(files)
    )


def open_direct_settings(composer, privacy="Who can see it"):
    choose_accounts(composer, "tiktok")
    composer.locator('[data-field="mode"][value="DIRECT"]').check(force=True)
    expect(composer.get_by_label(re.compile(privacy))).to_be_visible()


def choose_later(composer):
    composer.locator('label:has([name="when"][value="later"])').click()


def checks_of(composer):
    return composer.locator('[data-part="checks"]')
