"""Platforms as pages show them: titles, labels of kinds, permissions and what accounts need."""

from app.http.i18n import translate_text
from core.config.settings import Settings
from platforms.platform import PublishForm
from platforms.registry import PLATFORMS


def platform_title(provider: str) -> str:
    return PLATFORMS[provider].brand.title


def list_platform_titles() -> list[tuple[str, str]]:
    """Return code and title of every platform."""
    return [(name, platform.brand.title) for name, platform in PLATFORMS.items()]


def kind_label(provider: str, kind: str) -> str:
    """Return the label of a kind of post; a kind without one is shown by its name."""
    label = find_form(provider).kind_labels.get(kind)
    return translate_text(label) if label else kind


def phase_label(provider: str, step: str) -> str | None:
    """Return what a step of publishing does, in plain words; None if the platform has none."""
    label = find_form(provider).phase_labels.get(step)
    return translate_text(label) if label else None


def draft_label(provider: str) -> str:
    """Return the state of a draft that its creator has not finished."""
    return translate_text(find_form(provider).draft_label)


def draft_sentence(provider: str) -> str:
    """Return where such a draft is and what its creator does with it."""
    return translate_text(find_form(provider).draft_sentence, platform=platform_title(provider))


def find_form(provider: str) -> PublishForm:
    """Return what the platform declares for its form; an empty one if it has none."""
    return PLATFORMS[provider].form or PublishForm(kind_labels={})


def describe_scope(provider: str, scope: str) -> tuple[str, str]:
    """Return a platform's scope and its description in plain words, else its name again."""
    text = PLATFORMS[provider].brand.scope_texts.get(scope)
    return scope, translate_text(text) if text else scope


def is_sandbox(settings: Settings) -> bool:
    """Whether calls go to the sandbox: it speaks HTTP, and every platform HTTPS."""
    return any(
        str(value).startswith("http://")
        for name in PLATFORMS
        for field, value in settings.of_platform(name).model_dump().items()
        if field.endswith("_base_url")
    )


def list_requirements(provider: str) -> list[str]:
    return [translate_text(text) for text in PLATFORMS[provider].brand.requirements]
