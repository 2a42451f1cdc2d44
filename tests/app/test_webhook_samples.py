"""The samples of code on endpoints' pages accept what we sign, and nothing else."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from app.pages.webhook_samples import NODE_SAMPLE, PYTHON_SAMPLE
from core.outbox.signing import generate_secret, signature_headers

BODY = b'{"type":"post.published"}'
NODE = shutil.which("node")


def verify_in_python(secret, headers, body):
    names = {}
    exec(PYTHON_SAMPLE, names)  # noqa: S102 - the sample itself is what is tested
    return names["is_genuine"](secret, headers, body)


def verify_in_node(secret, headers, body, folder):
    (folder / "verify.mjs").write_text(NODE_SAMPLE, encoding="utf-8")
    arguments = json.dumps([secret, dict(headers), body.decode()])
    (folder / "run.mjs").write_text(
        'import { isGenuine } from "./verify.mjs";\n'
        f"const [secret, headers, body] = {arguments};\n"
        "console.log(isGenuine(secret, headers, Buffer.from(body)));\n",
        encoding="utf-8",
    )
    command = [NODE, str(folder / "run.mjs")]
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return output.stdout.strip() == "true"


@pytest.fixture(params=["python", "node"])
def verify(request, tmp_path):
    if request.param == "python":
        return verify_in_python
    if NODE is None:
        pytest.skip("Node.js is not installed")
    return partial(verify_in_node, folder=tmp_path)


def sign(secrets, *, age=timedelta(0), body=BODY):
    at = datetime.now(UTC) - age
    return signature_headers("msg_1", body, at=at, signing_secrets=secrets)


def test_a_sample_accepts_a_genuine_message_also_while_a_secret_is_replaced(verify):
    former, current = generate_secret(), generate_secret()
    for secret in (former, current):
        assert verify(secret.reveal(), sign([current, former]), BODY)


def test_a_sample_refuses_another_body_another_secret_and_an_old_message(verify):
    secret = generate_secret()
    assert not verify(secret.reveal(), sign([secret]), BODY + b" ")
    assert not verify(generate_secret().reveal(), sign([secret]), BODY)
    assert not verify(secret.reveal(), sign([secret], age=timedelta(minutes=10)), BODY)
