"""The import of posts from a file, in a browser."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

DAY = (datetime.now(UTC) + timedelta(days=25)).date()
SELECT_TITLES = "SELECT title FROM posts WHERE title LIKE 'Imported %%' ORDER BY publish_at"

CANCEL_IMPORTED = (
    "UPDATE posts SET state = 'CANCELLED', due_at = NULL WHERE title LIKE 'Imported %%'"
)


def write_table(path, *rows, encoding="utf-16"):
    path.write_bytes("\n".join(["account;publish_at;text;media", *rows]).encode(encoding))
    return path


def test_a_file_is_previewed_mended_and_imported_as_a_whole(
    account_page, stack, tmp_path, take_screenshot
):
    account_page.goto("/posts/import")
    video = "https://videos.example.com/a.mp4"
    good = [f"Alice;{DAY} 18:00;Imported {number};{video}" for number in ("one", "two")]
    faulty = write_table(tmp_path / "faulty.csv", good[0], f"Alice;soon;Imported two;{video}")
    account_page.set_input_files("#csv-file", faulty)
    account_page.get_by_role("button", name="Show what would be imported").click()
    expect(account_page.get_by_text("“soon” is no time such as")).to_be_visible()
    expect(account_page.get_by_text("1 row has to be mended.")).to_be_visible()
    take_screenshot("import-faulty")
    account_page.set_input_files("#csv-file", write_table(tmp_path / "good.csv", *good))
    account_page.get_by_role("button", name="Show what would be imported").click()
    assert stack.query(SELECT_TITLES) == []
    take_screenshot("import")
    account_page.get_by_role("button", name="Import 2 posts").click()
    expect(account_page.get_by_text("Posts scheduled: 2.")).to_be_visible()
    assert [row[0] for row in stack.query(SELECT_TITLES)] == ["Imported one", "Imported two"]
    stack.query(CANCEL_IMPORTED)
