"""The same request in curl, Python and JavaScript."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

JSON_TYPE = "application/json"
CLIENT_EXAMPLE = """\
from signalpost_client import ApiError, Client

with Client("{url}", "sp_…") as client:
    media_id = client.media.upload("sea.mp4")
    try:
        post = client.posts.create(account_id=7, text="Hello", media=[media_id])
        post = client.posts.wait_until_final(post["id"])
        print(post["state"], post["permalink"])
    except ApiError as error:
        print(error.code, error.user_message, error.suggestion)
"""
"""With the client in `clients/python`; `{url}` is that of the installation."""


@dataclass(frozen=True)
class SampleRequest:
    """What an example sends. `body` is None without one."""

    method: str
    url: str
    headers: dict[str, str]
    body: Any = None
    content_type: str = JSON_TYPE


@dataclass(frozen=True)
class CodeSample:
    """An example in one language; `lexer` names it for the colours."""

    title: str
    lexer: str
    text: str


def build_samples(request: SampleRequest) -> list[CodeSample]:
    return [
        CodeSample("curl", "bash", write_curl(request)),
        CodeSample("Python", "python", write_python(request)),
        CodeSample("JavaScript", "javascript", write_javascript(request)),
    ]


def write_curl(request: SampleRequest) -> str:
    method = "--head" if request.method == "HEAD" else f"--request {request.method}"
    parts = [f"curl {method} '{request.url}'"]
    parts += [f"--header '{name}: {value}'" for name, value in list_headers(request).items()]
    if request.content_type == JSON_TYPE and request.body is not None:
        quoted = json.dumps(request.body).replace("'", r"'\''")
        parts.append(f"--data '{quoted}'")
    elif request.body is not None:
        parts.append(f"--data-binary {write_plain_body(request)}")
    return " \\\n  ".join(parts)


def list_headers(request: SampleRequest) -> dict[str, str]:
    if request.body is None:
        return request.headers
    return {**request.headers, "Content-Type": request.content_type}


def write_plain_body(request: SampleRequest) -> str:
    return f"'{urlencode(request.body)}'" if isinstance(request.body, dict) else "@chunk"


def write_python(request: SampleRequest) -> str:
    headers = list_headers(request)
    arguments = [f'"{request.method}"', f'"{request.url}"']
    if headers:
        arguments.append(f"headers={headers!r}")
    if request.body is not None and request.content_type == JSON_TYPE:
        arguments.append(f"json={request.body!r}")
    elif request.body is not None:
        is_form = isinstance(request.body, dict)
        arguments.append(f"data={request.body!r}" if is_form else 'data=open("chunk", "rb")')
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return (
        "import requests\n\n"
        f"response = requests.request(\n{lines})\n"
        "response.raise_for_status()\nprint(response.text)"
    )


def write_javascript(request: SampleRequest) -> str:
    options = [f'  method: "{request.method}",']
    headers = list_headers(request)
    if headers:
        options.append(f"  headers: {json.dumps(headers)},")
    if request.body is not None and request.content_type == JSON_TYPE:
        options.append(f"  body: JSON.stringify({json.dumps(request.body)}),")
    elif request.body is not None:
        is_form = isinstance(request.body, dict)
        body = f"new URLSearchParams({json.dumps(request.body)})" if is_form else "chunk"
        options.append(f"  body: {body},")
    inner = "\n".join(options)
    return (
        f'const response = await fetch("{request.url}", {{\n{inner}\n}});\n'
        "if (!response.ok) throw new Error((await response.json()).error.code);\n"
        "console.log(await response.text());"
    )
