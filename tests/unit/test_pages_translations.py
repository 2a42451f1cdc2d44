"""Every sentence of a page is in both languages, and none is there for nobody."""

import re
import string
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from app.http.i18n import load_catalogue

APP_FOLDER = Path(__file__).parents[2] / "app"
EXTRACTION_KEYWORDS = {
    "_": None,
    "ngettext": (1, 2),
    "translate_text": None,
    "gettext_noop": None,
}
TEMPLATES = sorted((APP_FOLDER / "templates").glob("*.html"))
SCRIPTS = sorted(
    path for path in (APP_FOLDER / "static").rglob("*.js") if "vendor" not in path.parts
)
PLACEHOLDER_PATTERN = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
VISIBLE_ATTRIBUTES = ("alt", "aria-label", "placeholder", "title")
"""Attributes that people read or hear."""

UNTRANSLATED_NAMES = {"signalpost", "API", "TikTok", "Instagram", "https", "UTC", "h", "min", "s"}
"""Words that are the same in every language."""


def extract_messages():
    """As the code says them: plural forms as a pair."""
    options = {"templates/**.html": {"trimmed": "true"}}
    method = [("**.py", "python"), ("templates/**.html", "jinja2")]
    found = extract_from_dir(str(APP_FOLDER), method, options, keywords=EXTRACTION_KEYWORDS)
    return {message for _, _, message, _, _ in found}


@pytest.fixture(scope="module")
def french_messages():
    with (APP_FOLDER / "texts" / "fr.po").open("rb") as file:
        return {line.id: line for line in read_po(file, locale="fr") if line.id}


def plural_forms(message):
    return list(message) if isinstance(message, tuple | list) else [message]


def test_every_sentence_has_its_french_and_none_is_left_over(french_messages):
    assert extract_messages() == french_messages.keys()


def test_there_are_sentences_at_all():
    assert len(extract_messages()) > 300


def test_no_translation_is_empty_or_a_guess(french_messages):
    assert [
        said
        for said, line in french_messages.items()
        if line.fuzzy or not all(plural_forms(line.string))
    ] == []


def test_what_is_put_into_a_sentence_is_put_into_its_french(french_messages):
    for said, line in french_messages.items():
        places = sorted(PLACEHOLDER_PATTERN.findall(plural_forms(said)[-1]))
        for form in plural_forms(line.string):
            assert sorted(PLACEHOLDER_PATTERN.findall(form)) == places, said


def test_numbers_choose_their_form_as_french_does():
    says = load_catalogue("fr").ngettext
    one, many = "%(num)d day ago", "%(num)d days ago"
    assert [says(one, many, number) % {"num": number} for number in (0, 1, 2)] == [
        "il y a 0 jour",
        "il y a 1 jour",
        "il y a 2 jours",
    ]


class VisibleTextParser(HTMLParser):
    """Text and attributes that stand in a template itself, outside any expression."""

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
    """Words that nobody could translate_text."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    tree = environment.parse(text)
    written = "".join(
        part.data if isinstance(part, nodes.TemplateData) else " "
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    reader = VisibleTextParser()
    reader.feed(written)
    words = re.findall(r"[^\W\d_]+", " ".join(reader.texts))
    return [word for word in words if word not in UNTRANSLATED_NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_words_of_its_own(path):
    assert untranslated_words(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text", ["<p>Hello</p>", '<img alt="A cat">', "{% if a %}Yes{% endif %}", "<b>{{ a }} left</b>"]
)
def test_untranslated_words_would_be_found(text):
    assert untranslated_words(text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_holds_a_sentence(path):
    """A sentence: a capital, a blank, more words, in quotes; comments are no strings."""
    code = "\n".join(line.split("// ")[0] for line in path.read_text(encoding="utf-8").splitlines())
    assert re.findall(rf"""["'`][{string.ascii_uppercase}][a-z]+ [a-z]+[^"'`]*["'`]""", code) == []
