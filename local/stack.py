"""The whole house on one machine: stores, schema, processes. Opened once, closed once."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from core.bootstrap import build_database
from core.config.settings import Settings
from db import migrations
from local import dev_user, stack_settings
from local.child import Child, Program
from local.postgres import Postgres
from local.processes import PROCESSES, STOP_ORDER, StackOptions
from local.readiness import HEARTBEAT_NAMES, heartbeat_check, is_http_ok
from local.stack_settings import GivenSettings
from local.supervisor import Supervisor
from local.user_and_folders import lock_folder
from local.valkey import Valkey

DATABASE_NAME = "signalpost"


class LocalStack:
    """Errors of its making: Held, if another one lives in the folder."""

    def __init__(self, options: StackOptions, given: GivenSettings) -> None:
        self.options = options
        self.given = given
        self.supervisor = Supervisor(STOP_ORDER)
        self.environment: dict[str, str] = {}
        self.developer: dev_user.Developer | None = None
        self._folder_lock = lock_folder(options.folder, timeout=0)
        self._postgres = Postgres(options.folder / "postgres")
        self._valkey = Valkey(options.folder / "redis")

    @property
    def database_dsn(self) -> str:
        """As psql takes it."""
        return self.environment["DATABASE_URL"].replace("postgresql+psycopg2:", "postgresql:", 1)

    @property
    def broker_url(self) -> str:
        return self.environment["BROKER_URL"]

    def start(self) -> None:
        """Returns when everything answers, or as soon as the supervisor is told to stop.

        Errors: DidNotStart, Misconfigured naming every fault of the settings at once.
        """
        self.environment = self._build_environment()
        for metrics_file in self._metrics_folder().glob("*.db"):
            metrics_file.unlink()  # of processes that are gone: counters begin anew with the house
        shutil.rmtree(self._temp_folder(), ignore_errors=True)  # of processes that were killed
        parsed_settings = Settings.from_env({**self.environment, "SIGNALPOST_ROLE": "cli"})
        self._database = build_database(parsed_settings, role="cli")
        self._start_stores()
        early = self._start_processes(
            name for name, process in PROCESSES.items() if not process.needs_schema
        )
        migrations.upgrade_schema(parsed_settings.database_url)
        late = self._start_processes(
            name for name, process in PROCESSES.items() if process.needs_schema
        )
        self._create_developer()
        self.supervisor.wait_until_ready([*early, *late])
        self._database.dispose()

    def _build_environment(self) -> dict[str, str]:
        options, load_secrets = self.options, stack_settings.load_or_create_secrets
        defaults = load_secrets(options.folder, stack_settings.SECRET_FACTORIES) | {
            "DATABASE_URL": self._postgres.url(DATABASE_NAME),
            "BROKER_URL": self._valkey.url(),
            "PUBLIC_URL": options.web_url,
            "MEDIA_URL": f"file://{options.folder / 'media'}",
        }
        sandbox_values: dict[str, str] = {}
        if options.sandbox_url:
            credentials = load_secrets(options.folder, stack_settings.SANDBOX_CREDENTIAL_FACTORIES)
            sandbox_values = stack_settings.sandbox_settings(
                options.sandbox_url, options.web_url, credentials
            )
        return self.given.merge_over(defaults, sandbox_values)

    def _start_stores(self) -> None:
        """Those that nobody named are ours."""
        embedded = {
            "postgres": self._postgres if "DATABASE_URL" not in self.given else None,
            "redis": self._valkey if "BROKER_URL" not in self.given else None,
        }
        children = {name: server.prepare() for name, server in embedded.items() if server}
        self.supervisor.start(children)
        self.supervisor.wait_until_ready(children)
        if "postgres" in children and not self._postgres.databases.exists(DATABASE_NAME):
            self._postgres.databases.create(DATABASE_NAME)

    def _start_processes(self, names: Iterable[str]) -> list[str]:
        """Those of them that are wanted here."""
        ports = {"sandbox": self.options.sandbox_port, "flower": self.options.flower_port}
        chosen = [name for name in names if ports.get(name, True)]
        self.supervisor.start({name: Child(self._build_program(name)) for name in chosen})
        return chosen

    def _create_developer(self) -> None:
        """Somebody to try it with, only beside the sandbox."""
        if self.options.sandbox_port:
            password = stack_settings.load_or_create_secrets(
                self.options.folder, dev_user.PASSWORD_FACTORIES
            )["DEVELOPER_PASSWORD"]
            self.developer = dev_user.create_developer(self._database, password)

    def _metrics_folder(self) -> Path:
        """Where all processes count together, so that one page shows them all."""
        folder = self.options.folder / "metrics"
        folder.mkdir(exist_ok=True)
        return folder

    def _temp_folder(self) -> Path:
        """For what libraries put aside: whoever is killed leaves it here and not in /tmp."""
        folder = self.options.folder / "tmp"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _build_program(self, name: str) -> Program:
        process = PROCESSES[name]
        health_url = process.health_url.format(self.options)
        return Program(
            name=name,
            command=process.command(self.options, self.environment),
            log=self.options.folder / f"{name}.log",
            is_ready=heartbeat_check(self._database, name)
            if name in HEARTBEAT_NAMES
            else lambda: is_http_ok(health_url),
            environment={
                **self.environment,
                "SIGNALPOST_ROLE": name,
                "REMAP_SIGTERM": "SIGQUIT",  # Celery: stop within a limit, not whenever it is done
                "PYTHONUNBUFFERED": "1",
                "TMPDIR": str(self._temp_folder()),
                "PROMETHEUS_MULTIPROC_DIR": str(self._metrics_folder()),
            },
            folder=self.options.folder,
            stop_timeout=process.stop_timeout,
        )

    def stop(self) -> None:
        self.supervisor.stop()
        os.close(self._folder_lock)
