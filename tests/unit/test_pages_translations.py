"""Every sentence of a page is translated to French, and no translation is left over."""

import re
import string
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from app.http.i18n import load_catalogue
from platforms.registry import PLATFORMS

ROOT = Path(__file__).parents[2]
APP_FOLDER = ROOT / "app"
PLATFORM_PAGES = sorted((ROOT / "platforms").glob("*/pages"))
EXTRACTION_KEYWORDS = {
    "_": None,
    "ngettext": (1, 2),
    "translate_text": None,
    "gettext_noop": None,
}
TEMPLATES = [
    path
    for folder in (APP_FOLDER / "templates", *PLATFORM_PAGES)
    for path in sorted(folder.glob("*.html"))
]
SCRIPTS = [
    path
    for folder in (APP_FOLDER / "static", *PLATFORM_PAGES)
    for path in sorted(folder.rglob("*.js"))
    if "vendor" not in path.parts
]
PLACEHOLDER_PATTERN = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
VISIBLE_ATTRIBUTES = ("alt", "aria-label", "placeholder", "title")
"""Attributes that are displayed or read out."""

UNTRANSLATED_NAMES = {"signalpost", "API", "TikTok", "Instagram", "https", "UTC", "h", "min", "s"}
"""Words that are the same in every language."""


def extract_messages():
    """Extract all messages from code and templates; a plural is a pair of forms."""
    options = {"**.html": {"trimmed": "true"}}
    method = [("**.py", "python"), ("**.html", "jinja2")]
    return {
        message
        for folder in (APP_FOLDER, *PLATFORM_PAGES)
        for _file, _line, message, _comments, _context in extract_from_dir(
            str(folder), method, options, keywords=EXTRACTION_KEYWORDS
        )
    }


def platform_messages():
    """The texts that platforms declare for the pages, which translate them."""
    messages = set()
    for platform in PLATFORMS.values():
        messages |= {*platform.brand.requirements, *platform.brand.scope_texts.values()}
        if form := platform.form:
            tables = (form.kind_labels, form.phase_labels, form.quota_labels)
            messages |= {label for table in tables for label in table.values()}
            messages |= {form.draft_label, form.draft_sentence}
            messages |= set(form.block.fault_texts.values() if form.block else ())
            for field in form.fields:
                messages |= {field.label, field.help, *(each.label for each in field.choices)}
    return messages - {None, ""}


@pytest.fixture(scope="module")
def french_messages():
    with (APP_FOLDER / "texts" / "fr.po").open("rb") as file:
        return {line.id: line for line in read_po(file, locale="fr") if line.id}


def plural_forms(message):
    return list(message) if isinstance(message, tuple | list) else [message]


def test_every_sentence_has_its_french_and_none_is_left_over(french_messages):
    assert extract_messages() | platform_messages() == french_messages.keys()


def test_every_platform_has_texts_for_the_pages():
    assert all(platform.form for platform in PLATFORMS.values())
    assert {"Carousel", "post for you", "Posts in 24 hours"} <= platform_messages()


def test_the_extraction_finds_sentences():
    assert len(extract_messages()) > 300


def read_msgids():
    """All msgids as they stand in the file: reading it into a catalogue keeps the last of two."""
    text = (APP_FOLDER / "texts" / "fr.po").read_text(encoding="utf-8")
    blocks = re.findall(r'^msgid ((?:".*"\n)+)', text, flags=re.MULTILINE)
    return ["".join(re.findall(r'^"(.*)"$', block, flags=re.MULTILINE)) for block in blocks]


def test_no_sentence_stands_twice_in_the_catalogue():
    msgids = read_msgids()
    assert len(msgids) > 500  # or the pattern finds nothing
    assert [msgid for msgid, count in Counter(msgids).items() if count > 1] == []


def test_no_translation_is_empty_or_a_guess(french_messages):
    assert [
        message
        for message, line in french_messages.items()
        if line.fuzzy or not all(plural_forms(line.string))
    ] == []


def test_a_translation_has_the_same_placeholders(french_messages):
    for message, line in french_messages.items():
        places = sorted(PLACEHOLDER_PATTERN.findall(plural_forms(message)[-1]))
        for form in plural_forms(line.string):
            assert sorted(PLACEHOLDER_PATTERN.findall(form)) == places, message


def test_numbers_choose_their_form_as_french_does():
    translate_plural = load_catalogue("fr").ngettext
    one, many = "%(num)d day ago", "%(num)d days ago"
    assert [translate_plural(one, many, number) % {"num": number} for number in (0, 1, 2)] == [
        "il y a 0 jour",
        "il y a 1 jour",
        "il y a 2 jours",
    ]


class VisibleTextParser(HTMLParser):
    """Collects texts and attributes written in a template outside any expression."""

    def __init__(self):
        super().__init__()
        self.texts, self.open_tags = [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.texts += [values[name] for name in VISIBLE_ATTRIBUTES if values.get(name)]
        is_void = tag in {"input", "img", "meta", "link", "br"}
        if not is_void:
            self.open_tags.append((tag, values.get("lang")))

    def handle_endtag(self, tag):
        while self.open_tags and self.open_tags.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(tag == "code" or lang == "en" for tag, lang in self.open_tags):
            self.texts.append(data)


def untranslated_words(text):
    """Return the words in a template that are not marked for translation."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    tree = environment.parse(text)
    template_text = "".join(
        part.data if isinstance(part, nodes.TemplateData) else " "
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    reader = VisibleTextParser()
    reader.feed(template_text)
    words = re.findall(r"[^\W\d_]+", " ".join(reader.texts))
    return [word for word in words if word not in UNTRANSLATED_NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_contains_untranslated_words(path):
    assert untranslated_words(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text", ["<p>Hello</p>", '<img alt="A cat">', "{% if a %}Yes{% endif %}", "<b>{{ a }} left</b>"]
)
def test_untranslated_words_would_be_found(text):
    assert untranslated_words(text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_contains_a_sentence(path):
    """A sentence is a quoted string of several words that begins with a capital; not a comment."""
    code = "\n".join(line.split("// ")[0] for line in path.read_text(encoding="utf-8").splitlines())
    assert re.findall(rf"""["'`][{string.ascii_uppercase}][a-z]+ [a-z]+[^"'`]*["'`]""", code) == []
