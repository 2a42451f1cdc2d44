"""Files of the pages: cached for a year by their version, and compressed."""

import gzip
import re

import pytest

FILE_ADDRESS = re.compile(r'(?:href|src)="(/static/[^"#]+)')
GZIP = {"Accept-Encoding": "gzip"}


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


def test_the_font_has_one_address_so_that_it_is_loaded_once(client):
    """The style sheet names the version that the page preloads."""
    preloaded = re.search(r'href="([^"]*figtree[^"]*)"', client.get("/login").text)[1]
    style_sheet = client.get("/static/style.css").text
    assert f"/static/{re.search(r'url[(]([^)]*figtree[^)]*)[)]', style_sheet)[1]}" == preloaded
