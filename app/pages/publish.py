"""The fields of publishing forms, made from a platform's kinds of posts and its `PublishForm`.

The limits here only help people fill in the form: the API checks the request.
"""

from typing import Any

from app.http.context import current_container
from app.http.i18n import translate_text
from core.publishing.post_checks import find_text_limit
from platforms.platform import FormField, Platform, PublishForm
from platforms.publishing import MediaSlot, PostKind

ALT_TEXT = "alt_text"  # a field of every media file, on all platforms


def form_fields(platform: Platform, form: PublishForm) -> dict[str, Any]:
    """The parts of the form: kinds of posts, fields of each media file, fields of the post."""
    item_names = {
        ALT_TEXT,
        *(platform.media_options.model_fields if platform.media_options else ()),
    }
    fields = [(field, field.name in item_names) for field in form.fields]
    return {
        "kinds": [
            kind_fields(platform, kind, form.kind_labels.get(kind.name, kind.name))
            for kind in platform.kinds.values()
        ],
        "item_fields": [input_fields(field, "item") for field, is_item in fields if is_item],
        "post_fields": [input_fields(field, "post") for field, is_item in fields if not is_item],
    }


def kind_fields(platform: Platform, kind: PostKind, label: str) -> dict[str, Any]:
    """What the script has to know of a kind. The first slot is for the items, others for extras."""
    settings = current_container().services.settings.of_platform(platform.name)
    main, text = kind.slots[0], kind.text
    return {
        "name": kind.name,
        "label": translate_text(label),
        "role": main.role,
        "min": main.min_count,
        "max": main.max_count,
        "accept": accepted_types(platform, main),
        "extraRoles": [slot.role for slot in kind.slots[1:]],
        "maxText": text.max_length if text.is_allowed else 0,
        "textUnit": text.unit,
        "maxHashtags": find_text_limit(text, "max_hashtags", settings),
        "maxMentions": find_text_limit(text, "max_mentions", settings),
    }


def accepted_types(platform: Platform, slot: MediaSlot) -> str:
    """Return the `accept` of a file input: any image may be converted, any video is inspected."""
    has_video = {platform.media_rules[name].is_video for name in slot.rules}
    return ",".join(["image/*"] * (False in has_video) + ["video/*"] * (True in has_video))


def input_fields(field: FormField, level: str) -> dict[str, Any]:
    """One field of the form, in the reader's language; `kinds` are those that it is shown for."""
    return {
        "name": field.name,
        "level": level,
        "input": field.input,
        "kinds": " ".join(field.kinds),
        "role": field.role,
        "label": translate_text(field.label),
        "help": translate_text(field.help) if field.help else None,
        "choices": [(choice.value, translate_text(choice.label)) for choice in field.choices],
        "max_length": field.max_length,
        "default": field.default,
        "is_for_urls": field.is_for_urls,
    }
