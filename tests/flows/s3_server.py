"""A real S3 server (SeaweedFS) on loopback, with one key and buckets of the tests."""

import contextlib
import json
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.ports import find_free_port
from tests.flows.child_processes import start_process

WEED_COMMAND = str(Path(sys.executable).with_name("weed"))
BUCKET = "media-of-tests"
KEY_ID, BUCKET_KEY = "signalpost-tests", "canary-of-the-media-store"
START_TIMEOUT = 30  # seconds
GRPC_PORTS = ("master.port", "volume.port", "filer.port", "s3.port")


@dataclass
class S3Server:
    """A server with one volume of disk, in a folder of its own."""

    folder: Path
    port: int = 0
    process: subprocess.Popen | None = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self):
        """The settings of an installation that uses this server, without MEDIA_URL."""
        return {
            "MEDIA_BUCKET_ENDPOINT_URL": self.url,
            "MEDIA_BUCKET_PATH_STYLE": "on",
            "MEDIA_BUCKET_ACCESS_KEY_ID": KEY_ID,
            "MEDIA_BUCKET_SECRET_ACCESS_KEY": BUCKET_KEY,
        }

    @property
    def client(self):
        return botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=BUCKET_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        identity = {
            "name": "signalpost",
            "credentials": [{"accessKey": KEY_ID, "secretKey": BUCKET_KEY}],
            "actions": ["Admin"],
        }
        config = self.folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        ports = {name: str(find_free_port()) for name in GRPC_PORTS}
        grpc_ports = {f"{name}.grpc": str(find_free_port()) for name in GRPC_PORTS}
        options = {
            **ports,
            **grpc_ports,
            "dir": str(self.folder),
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.volumeSizeLimitMB": "64",
            "master.telemetry": "false",
            "volume.max": "40",
            "s3.config": str(config),
            "s3.iam": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
        }
        self.port = int(ports["s3.port"])
        arguments = [f"-{name}={value}" for name, value in options.items()]
        with (self.folder / "weed.log").open("wb") as log:
            self.process = start_process(
                [WEED_COMMAND, "server", "-filer", "-s3", *arguments], stdout=log, stderr=log
            )
        self._await_start()
        return self

    def _await_start(self):
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / "weed.log").read_text()[-2000:]
            with contextlib.suppress(BotoCoreError, ClientError):
                self.client.put_object(Bucket=BUCKET, Key="first", Body=b"x")  # makes the bucket
                return
            time.sleep(0.1)
        pytest.fail(f"no S3 server in {START_TIMEOUT} s: {self.folder / 'weed.log'}")

    def create_url(self):
        """Return a MEDIA_URL with a prefix of its own: each bucket would take disk and time."""
        return f"s3://{BUCKET}/{secrets.token_hex(6)}"

    def list_keys(self, url):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def list_uploads(self, url):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        listed = self.client.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
        return listed.get("Uploads", [])

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    server = S3Server(tmp_path_factory.mktemp("s3")).start()
    yield server
    server.stop()
