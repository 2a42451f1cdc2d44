"""Runs the `fetch` calls of the first published examples, as a browser would send them."""

import ast
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from pathlib import Path

SNIPPETS_FILE = Path(__file__).parents[1] / "vectors/first_snippets.js"
SNIPPET_PATTERN = re.compile(r"^// (\w+)$\n(.*?)(?=^// |\Z)", re.MULTILINE | re.DOTALL)
FETCH_PATTERN = re.compile(r"fetch\((.*)\);", re.DOTALL)
OBJECT_KEY_PATTERN = re.compile(r"^(\s*)(\w+):", re.MULTILINE)


def load_snippets():
    """Return each snippet's name with the path and options of its call."""
    return {
        name: parse_snippet(text)
        for name, text in SNIPPET_PATTERN.findall(SNIPPETS_FILE.read_text())
    }


def parse_snippet(text):
    """Parse the arguments as Python: except for unquoted keys the literals are the same."""
    arguments = OBJECT_KEY_PATTERN.sub(r"\1'\2':", FETCH_PATTERN.search(text)[1]).replace(
        "JSON.stringify(", "("
    )
    path, *options = ast.literal_eval(f"[{arguments}]")
    return path, options[0] if options else {}


@dataclass
class SnippetRunner:
    """Sends a snippet's request; `key_client` uses an API key, and signatures are computed."""

    client: object
    secret: str
    key_client: object

    def __call__(self, name, **changes):
        path, options = load_snippets()[name]
        headers, body = dict(options.get("headers", {})), options.get("body")
        text = json.dumps({**body, **changes}, separators=(",", ":")) if body else None
        if text is not None:
            headers.setdefault("Content-Type", "text/plain;charset=UTF-8")  # the Fetch standard
        if headers.get("x-tiktok-signature") == "valid-signature":
            digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256)
            headers["x-tiktok-signature"] = digest.hexdigest()
        client = self.key_client if path.startswith("/api/tiktok") else self.client
        return client.open(path, method=options.get("method", "GET"), data=text, headers=headers)
