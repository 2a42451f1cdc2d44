"""Every sentence of a page is in both languages, and none is there for nobody."""

import re
import string
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from app.language import catalogue

APP = Path(__file__).parents[2] / "app"
WAYS = {"_": None, "ngettext": (1, 2), "say": None, "later": None, "counted": (1, 2)}
TEMPLATES = sorted((APP / "templates").glob("*.html"))
SCRIPTS = sorted(path for path in (APP / "static").rglob("*.js") if "vendor" not in path.parts)
PLACES = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
SEEN = ("alt", "aria-label", "placeholder", "title")
"""Attributes that people read or hear."""

NAMES = {"signalpost", "API", "TikTok", "Instagram", "https", "UTC", "h", "min", "s"}
"""Words that are the same in every language."""


def sentences():
    """As the code says them: plural forms as a pair."""
    options = {"templates/**.html": {"trimmed": "true"}}
    method = [("**.py", "python"), ("templates/**.html", "jinja2")]
    found = extract_from_dir(str(APP), method, options, keywords=WAYS)
    return {said for _, _, said, _, _ in found}


@pytest.fixture(scope="module")
def french():
    with (APP / "texts" / "fr.po").open("rb") as file:
        return {line.id: line for line in read_po(file, locale="fr") if line.id}


def forms(said):
    return list(said) if isinstance(said, tuple | list) else [said]


def test_every_sentence_has_its_french_and_none_is_left_over(french):
    assert sentences() == french.keys()


def test_there_are_sentences_at_all():
    assert len(sentences()) > 300


def test_no_translation_is_empty_or_a_guess(french):
    assert [
        said for said, line in french.items() if line.fuzzy or not all(forms(line.string))
    ] == []


def test_what_is_put_into_a_sentence_is_put_into_its_french(french):
    for said, line in french.items():
        places = sorted(PLACES.findall(forms(said)[-1]))
        for form in forms(line.string):
            assert sorted(PLACES.findall(form)) == places, said


def test_numbers_choose_their_form_as_french_does():
    says = catalogue("fr").ngettext
    one, many = "%(num)d day ago", "%(num)d days ago"
    assert [says(one, many, number) % {"num": number} for number in (0, 1, 2)] == [
        "il y a 0 jour",
        "il y a 1 jour",
        "il y a 2 jours",
    ]


class Bare(HTMLParser):
    """Text and attributes that stand in a template itself, outside any expression."""

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.found += [values[name] for name in SEEN if values.get(name)]
        is_void = tag in {"input", "img", "meta", "link", "br"}
        if not is_void:
            self.inside.append((tag, values.get("lang")))

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(tag == "code" or lang == "en" for tag, lang in self.inside):
            self.found.append(data)


def bare(text):
    """Words that nobody could translate."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    tree = environment.parse(text)
    written = "".join(
        part.data if isinstance(part, nodes.TemplateData) else " "
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    reader = Bare()
    reader.feed(written)
    words = re.findall(r"[^\W\d_]+", " ".join(reader.found))
    return [word for word in words if word not in NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_words_of_its_own(path):
    assert bare(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text", ["<p>Hello</p>", '<img alt="A cat">', "{% if a %}Yes{% endif %}", "<b>{{ a }} left</b>"]
)
def test_words_of_its_own_would_be_found(text):
    assert bare(text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_holds_a_sentence(path):
    """A sentence: a capital, a blank, more words, in quotes; comments are no strings."""
    code = "\n".join(line.split("// ")[0] for line in path.read_text(encoding="utf-8").splitlines())
    assert re.findall(rf"""["'`][{string.ascii_uppercase}][a-z]+ [a-z]+[^"'`]*["'`]""", code) == []
