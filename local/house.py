"""The whole house on one machine: stores, schema, processes. Opened once, closed once."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from core.config.settings import Settings
from core.wiring import build_database
from db import upgrades
from local import people, settings
from local.child import Child, Program
from local.ground import hold
from local.postgres import Postgres
from local.probe import says_ok
from local.programs import PROCESSES, WAVES, Site
from local.settings import Said
from local.signs import SIGNS, heard
from local.supervisor import Supervisor
from local.valkey import Valkey

DATABASE = "signalpost"


class House:
    """Errors of its making: Held, if another one lives in the folder."""

    def __init__(self, site: Site, said: Said) -> None:
        self.site = site
        self.said = said
        self.supervisor = Supervisor(WAVES)
        self.environment: dict[str, str] = {}
        self.developer: people.Developer | None = None
        self._lock = hold(site.folder, patience=0)
        self._postgres = Postgres(site.folder / "postgres")
        self._redis = Valkey(site.folder / "redis")

    @property
    def database(self) -> str:
        """As psql takes it."""
        return self.environment["DATABASE_URL"].replace("postgresql+psycopg2:", "postgresql:", 1)

    @property
    def broker(self) -> str:
        return self.environment["BROKER_URL"]

    def open(self) -> None:
        """Returns when everything answers, or as soon as the supervisor is told to stop.

        Errors: DidNotStart, Misconfigured naming every fault of the settings at once.
        """
        self.environment = self._settings()
        for count in self._counts().glob("*.db"):
            count.unlink()  # of processes that are gone: counters begin anew with the house
        shutil.rmtree(self._scratch(), ignore_errors=True)  # of processes that were killed
        known = Settings.from_env({**self.environment, "SIGNALPOST_ROLE": "cli"})
        self._memory = build_database(known, role="cli")
        self._stores()
        early = self._spawn(name for name, process in PROCESSES.items() if not process.needs_schema)
        upgrades.up(known.database_url)
        late = self._spawn(name for name, process in PROCESSES.items() if process.needs_schema)
        self._furnish()
        self.supervisor.wait([*early, *late])
        self._memory.dispose()

    def _settings(self) -> dict[str, str]:
        site, kept = self.site, settings.kept
        ours = kept(site.folder, settings.MADE) | {
            "DATABASE_URL": self._postgres.url(DATABASE),
            "BROKER_URL": self._redis.url(),
            "PUBLIC_URL": site.web_url,
            "MEDIA_URL": f"file://{site.folder / 'media'}",
        }
        sandbox: dict[str, str] = {}
        if site.sandbox_url:
            credentials = kept(site.folder, settings.SANDBOX_MADE)
            sandbox = settings.sandbox(site.sandbox_url, site.web_url, credentials)
        return self.said.over(ours, sandbox)

    def _stores(self) -> None:
        """Those that nobody named are ours."""
        ours = {
            "postgres": self._postgres if "DATABASE_URL" not in self.said else None,
            "redis": self._redis if "BROKER_URL" not in self.said else None,
        }
        mine = {name: store.prepare() for name, store in ours.items() if store}
        self.supervisor.add(mine)
        self.supervisor.wait(mine)
        if "postgres" in mine and not self._postgres.databases.has(DATABASE):
            self._postgres.databases.create(DATABASE)

    def _spawn(self, names: Iterable[str]) -> list[str]:
        """Those of them that are wanted here."""
        wanted = {"sandbox": self.site.sandbox, "flower": self.site.flower}
        chosen = [name for name in names if wanted.get(name, True)]
        self.supervisor.add({name: Child(self._program(name)) for name in chosen})
        return chosen

    def _furnish(self) -> None:
        """Somebody to try it with, only beside the sandbox."""
        if self.site.sandbox:
            password = settings.kept(self.site.folder, people.MADE)["DEVELOPER_PASSWORD"]
            self.developer = people.developer(self._memory, password)

    def _counts(self) -> Path:
        """Where all processes count together, so that one page shows them all."""
        folder = self.site.folder / "metrics"
        folder.mkdir(exist_ok=True)
        return folder

    def _scratch(self) -> Path:
        """For what libraries put aside: whoever is killed leaves it here and not in /tmp."""
        folder = self.site.folder / "tmp"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _program(self, name: str) -> Program:
        process = PROCESSES[name]
        page = process.page.format(self.site)
        return Program(
            name=name,
            command=process.command(self.site, self.environment),
            log=self.site.folder / f"{name}.log",
            ready=heard(self._memory, name) if name in SIGNS else lambda: says_ok(page),
            environment={
                **self.environment,
                "SIGNALPOST_ROLE": name,
                "REMAP_SIGTERM": "SIGQUIT",  # Celery: stop within a limit, not whenever it is done
                "PYTHONUNBUFFERED": "1",
                "TMPDIR": str(self._scratch()),
                "PROMETHEUS_MULTIPROC_DIR": str(self._counts()),
            },
            folder=self.site.folder,
            grace=process.grace,
        )

    def close(self) -> None:
        self.supervisor.stop()
        os.close(self._lock)
