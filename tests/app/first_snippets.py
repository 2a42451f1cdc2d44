"""Reads the snippets of the first documents and makes their calls, as a browser's fetch would."""

import ast
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "vectors/first_snippets.js"
NAMED = re.compile(r"^// (\w+)$\n(.*?)(?=^// |\Z)", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"fetch\((.*)\);", re.DOTALL)
KEY = re.compile(r"^(\s*)(\w+):", re.MULTILINE)


def snippets():
    """Name → path and options of its one call."""
    return {name: read(text) for name, text in NAMED.findall(FILE.read_text())}


def read(text):
    """The arguments, as Python reads them: but for the keys, its literals are JavaScript's."""
    arguments = KEY.sub(r"\1'\2':", CALL.search(text)[1]).replace("JSON.stringify(", "(")
    path, *options = ast.literal_eval(f"[{arguments}]")
    return path, options[0] if options else {}


@dataclass
class Fetch:
    """`keyed` shows an API key where a browser had its cookie; signatures are made for real."""

    client: object
    secret: str
    keyed: object

    def __call__(self, name, **changes):
        path, options = snippets()[name]
        headers, body = dict(options.get("headers", {})), options.get("body")
        text = json.dumps({**body, **changes}, separators=(",", ":")) if body else None
        if text is not None:
            headers.setdefault("Content-Type", "text/plain;charset=UTF-8")  # the Fetch standard
        if headers.get("x-tiktok-signature") == "valid-signature":
            digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256)
            headers["x-tiktok-signature"] = digest.hexdigest()
        client = self.keyed if path.startswith("/api/tiktok") else self.client
        return client.open(path, method=options.get("method", "GET"), data=text, headers=headers)
