"""The documentation: the site builds without a network, its links lead somewhere, its commands
exist and are run by a test or say why not, its drawings are drawn from their sources.

Part of `make check`.
"""

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from local.commands import cli
from local.site import build_site
from tests.documents import (
    FOREIGN_CODE,
    ROOT,
    find_broken_links,
    find_command_fault,
    list_command_blocks,
    list_documents,
    list_own_commands,
    read_command_blocks,
    read_site,
)

REASONS = {
    "needs a network",
    "needs Docker",
    "takes minutes, CI runs it",
    "names servers of yours",
    "a part of a longer text",
}
MAX_PICTURE_BYTES = 2_000_000  # of all pictures together: each clone carries them
NAMES_ON_PAGES = re.compile(r"(?<!\*)\*([^*\n]+)\*(?!\*)")
PLATFORM_NAMES = ("TikTok", "Instagram")
BLOCKS = list(list_command_blocks())


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return build_site(tmp_path_factory.mktemp("site") / "site")


@pytest.fixture(scope="module")
def pages(site):
    return read_site(site)


def test_links_and_fragments_lead_to_what_exists(pages):
    assert len(pages) > 100
    assert list(find_broken_links(pages)) == []


def test_a_broken_link_is_noticed(pages):
    path = next(path for path in pages if path.name == "settings.html")
    pages = {**pages, path: type(pages[path])()}
    assert any(
        "settings.md" in each or "settings.html#" in each for each in find_broken_links(pages)
    )


def test_the_site_loads_nothing_from_elsewhere(site, pages):
    loaded = {address for page in pages.values() for address in page.loaded}
    assert [each for each in loaded if re.match(r"[a-z]+:|//", each)] == []
    scripts = [*site.glob("assets/**/*.js"), *site.glob("assets/**/*.css")]
    assert scripts
    assert [path.name for path in scripts if FOREIGN_CODE.search(path.read_text("utf-8"))] == []


def test_every_document_is_in_the_navigation():
    navigation = tomllib.loads((ROOT / "docs" / "zensical.toml").read_text())["project"]["nav"]
    named = set(re.findall(r"'([\w./-]+\.md)'", repr(navigation)))
    documents = {path.relative_to(ROOT).as_posix() for path in list_documents()}
    assert documents | {"docs/decisions/README.md"} == named


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_commands_in_a_document_are_run_by_a_test_or_say_why_not(block):
    if block.is_run:
        test = ROOT / block.mark
        assert test.is_file()
        assert Path(block.path).name in test.read_text()
    else:
        assert block.mark in REASONS


def test_commands_without_a_mark_are_noticed():
    (block,) = read_command_blocks("x.md", "Text\n\n```sh\nls\n```\n")
    assert (block.is_run, block.mark) == (False, "")


def test_every_command_of_ours_in_a_document_exists_with_its_options():
    faults = [
        (path, command, fault)
        for path, command in list_own_commands()
        if (fault := find_command_fault(cli, command))
    ]
    assert faults == []


@pytest.mark.parametrize("command", ["signalpost posts stack", "signalpost posts list --jason"])
def test_a_command_or_an_option_that_does_not_exist_is_noticed(command):
    assert find_command_fault(cli, command)


@pytest.mark.parametrize("source", sorted(ROOT.glob("docs/**/*.d2")), ids=lambda path: path.name)
def test_a_drawing_is_drawn_from_its_source(source):
    fingerprint = hashlib.sha256(source.read_bytes()).hexdigest()
    assert fingerprint in source.with_suffix(".svg").read_text(encoding="utf-8")


def test_pictures_stay_small():
    pictures = [path for path in ROOT.glob("docs/**/*") if path.suffix in {".png", ".webp", ".svg"}]
    assert sum(path.stat().st_size for path in pictures) <= MAX_PICTURE_BYTES


def list_page_texts():
    """All texts of pages in English and in French, with the platforms' names filled in."""
    with (ROOT / "app" / "texts" / "fr.po").open("rb") as file:
        messages = [(each.id, each.string) for each in read_po(file) if isinstance(each.id, str)]
    for language, number in (("user", 0), ("fr", 1)):
        for message in messages:
            for platform in PLATFORM_NAMES:
                yield language, message[number].replace("%(name)s", platform)


def test_the_guides_use_the_names_that_the_pages_have():
    texts = set(list_page_texts())
    unknown = [
        (path.name, name)
        for language in ("user", "fr")
        for path in (ROOT / "docs" / language).glob("*.md")
        for name in NAMES_ON_PAGES.findall(path.read_text(encoding="utf-8"))
        if (language, name) not in texts
    ]
    assert unknown == []


def test_both_guides_have_the_same_pages_and_sections():
    navigation = tomllib.loads((ROOT / "docs" / "zensical.toml").read_text())["project"]["nav"]
    english, french = (
        [ROOT / path for entry in section[name] for path in entry.values()]
        for section, name in ((navigation[1], "Guide"), (navigation[2], "Guide (français)"))
    )
    assert [count_headings(path) for path in english] == [count_headings(path) for path in french]


def count_headings(path):
    return len(re.findall(r"^##+ ", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_documents_are_spelled_right():
    documents = [path for path in list_documents() if path.parent.name != "fr"]
    command = [sys.executable, "-m", "codespell_lib", "--ignore-words-list", "brin,nd,te,fo"]
    completed = subprocess.run([*command, *documents], capture_output=True, text=True, check=False)
    assert completed.stdout == ""
