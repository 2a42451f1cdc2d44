"""Writes all reference pages anew: `python -m tests.references`."""

from tests.references.pages import PAGES, ROOT

if __name__ == "__main__":
    for path, render in PAGES.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(render(), encoding="utf-8")
