"""Escapes what would control a terminal or a log."""

import json

DELETE_CHARACTER = "\x7f"


def escape_controls(line: str) -> str:
    """Escape what is not printable, so that no value can end a line, colour it or turn it around.

    Those are control characters, terminal sequences among them, the line separators of Unicode and
    characters that change the direction of writing. The escapes are JSON's, valid in both formats.
    """
    if line.isprintable():
        return line
    return "".join(
        character if character.isprintable() else escape_character(character) for character in line
    )


def escape_character(character: str) -> str:
    """Return JSON's escape, also of DEL, which JSON need not escape."""
    return json.dumps(character)[1:-1] if character != DELETE_CHARACTER else "\\u007f"
