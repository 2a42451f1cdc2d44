"""Platforms as pages show them: titles, labels of kinds, permissions and what accounts need."""

from app.http.i18n import translate_text
from platforms.registry import PLATFORMS


def platform_title(provider: str) -> str:
    return PLATFORMS[provider].brand.title


def list_platform_titles() -> list[tuple[str, str]]:
    """Return code and title of every platform."""
    return [(name, platform.brand.title) for name, platform in PLATFORMS.items()]


def kind_label(provider: str, kind: str) -> str:
    """Return the label of a kind of post; a kind without one is shown by its name."""
    form = PLATFORMS[provider].form
    label = None if form is None else form.kind_labels.get(kind)
    return translate_text(label) if label else kind


def phase_label(provider: str, step: str) -> str | None:
    """Return what a step of publishing does, in plain words; None if the platform has none."""
    form = PLATFORMS[provider].form
    label = None if form is None else form.phase_labels.get(step)
    return translate_text(label) if label else None


def describe_scope(provider: str, scope: str) -> tuple[str, str]:
    """Return a platform's scope and its description in plain words, else its name again."""
    text = PLATFORMS[provider].brand.scope_texts.get(scope)
    return scope, translate_text(text) if text else scope


def list_requirements(provider: str) -> list[str]:
    return [translate_text(text) for text in PLATFORMS[provider].brand.requirements]
