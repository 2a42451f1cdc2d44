"""What commands print cannot control a terminal, whoever wrote it."""

import json

from app.cli.output import CommandResult, format_result


def test_a_name_from_a_platform_cannot_control_the_terminal():
    result = CommandResult("1 account\nname: \x1b[31m\x9b1m\u202egnp", {"name": "\x9b\u2028x"})
    assert format_result(result, as_json=False) == (
        "1 account\nname: \\u001b[31m\\u009b1m\\u202egnp"
    )
    line = format_result(result, as_json=True)
    assert line.isprintable()
    assert json.loads(line)["name"] == "\x9b\u2028x"
