"""Files of the pages: cached for a year by their version, compressed, and small."""

import gzip
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC_FOLDER = ROOT / "app" / "static"
PLATFORMS_FOLDER = ROOT / "platforms"
STATIC_IMPORT = re.compile(r'^import .* from "(\./[^"]+)";', re.MULTILINE)
FILE_ADDRESS = re.compile(r'(?:href|src)="(/static/[^"#]+)')
MAX_OWN_BYTES = 12_000  # of a page's own style sheets, and of its own scripts, compressed
GZIP = {"Accept-Encoding": "gzip"}


def compressed_size(paths):
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def test_every_file_of_a_page_is_named_with_its_version(client):
    addresses = FILE_ADDRESS.findall(client.get("/login").text)
    assert len(addresses) > 3
    assert [address for address in addresses if "?v=" not in address] == []
    for address in addresses:
        response = client.get(address)
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_file_without_its_version_is_revalidated(client):
    response = client.get("/static/style.css", headers=GZIP)
    assert response.headers["Cache-Control"] == "no-cache"
    known = {**GZIP, "If-None-Match": response.headers["ETag"]}
    assert client.get("/static/style.css", headers=known).status_code == 304
    known = {**GZIP, "If-None-Match": '"another"'}
    assert client.get("/static/style.css", headers=known).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "style.css",
        "page.js",
        "icons.svg",
        "platforms.css",
        "platforms/tiktok/composer_block.js",
    ],
)
def test_texts_are_compressed_for_browsers_that_accept_it(client, path):
    plain = client.get(f"/static/{path}")
    assert "Content-Encoding" not in plain.headers
    compressed = client.get(f"/static/{path}", headers=GZIP)
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in compressed.headers["Vary"]
    assert gzip.decompress(compressed.data) == plain.data
    assert len(compressed.data) < len(plain.data)
    assert compressed.headers["ETag"] != plain.headers["ETag"]


def test_neither_pages_nor_fonts_are_compressed(client):
    """Pages hold CSRF tokens; fonts are compressed already."""
    for path in ("/login", "/static/fonts/figtree.woff2"):
        response = client.get(path, headers=GZIP)
        assert response.status_code == 200
        assert "Content-Encoding" not in response.headers


def test_a_part_of_a_file_is_not_compressed(client):
    response = client.get("/static/style.css", headers={**GZIP, "Range": "bytes=0-9"})
    assert (response.status_code, len(response.data)) == (206, 10)
    assert "Content-Encoding" not in response.headers


def test_no_page_has_more_style_than_its_budget():
    shared = STATIC_FOLDER / "style.css"
    own = [STATIC_FOLDER / "former.css", *(STATIC_FOLDER / "pages").glob("**/*.css")]
    for path in own:
        assert compressed_size([shared, path]) <= MAX_OWN_BYTES, path.name


def test_no_page_has_more_script_than_its_budget():
    """The two scripts of all pages are loaded once, and count in the first load."""
    for path in (STATIC_FOLDER / "pages").glob("**/*.js"):
        assert compressed_size(find_imported(path)) <= MAX_OWN_BYTES, path.name


def test_the_composer_with_the_script_of_a_platform_is_within_the_budget():
    composer = find_imported(STATIC_FOLDER / "pages" / "composer" / "main.js")
    assert {path.name for path in composer} == {"main.js", "files.js"}
    blocks = [*PLATFORMS_FOLDER.glob("*/pages/static/composer_block.js")]
    assert blocks
    for block in blocks:
        assert compressed_size([*composer, block]) <= MAX_OWN_BYTES, block


def find_imported(path, found=frozenset()):
    """A script with all that it loads at once; what it imports later is not among them."""
    found = found | {path}
    for address in STATIC_IMPORT.findall(path.read_text(encoding="utf-8")):
        imported = (path.parent / address).resolve()
        if imported not in found:
            found = find_imported(imported, found)
    return found


def test_the_font_has_one_address_so_that_it_is_loaded_once(client):
    """The style sheet names the version that the page preloads."""
    preloaded = re.search(r'href="([^"]*figtree[^"]*)"', client.get("/login").text)[1]
    style_sheet = client.get("/static/style.css").text
    assert f"/static/{re.search(r'url[(]([^)]*figtree[^)]*)[)]', style_sheet)[1]}" == preloaded
