"""Pages that are written from the code are up to date. Part of `make check`."""

import pytest

from tests.references.pages import PAGES, ROOT


@pytest.mark.parametrize("path", PAGES)
def test_a_reference_page_is_what_the_code_says(path):
    remedy = "write it anew: .venv/bin/python -m tests.references"
    assert (ROOT / path).read_text(encoding="utf-8") == PAGES[path](), remedy
