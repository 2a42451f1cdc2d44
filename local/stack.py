"""All of signalpost on one machine: embedded stores, migrations, processes, development user."""

import os
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from core.config.settings import Settings
from local import stack_settings
from local.child import Child, Program
from local.database_roles import APPLICATION_ROLE, OWNER_ROLE
from local.developer import PASSWORD_FACTORIES, Developer
from local.postgres import Postgres
from local.processes import PROCESSES, STOP_ORDER, StackOptions
from local.readiness import HeartbeatReader, is_http_ok
from local.role_environment import (
    OWN_VARIABLES,
    select_public_environment,
    select_role_environment,
)
from local.setup_process import SetupProcess
from local.stack_settings import GivenSettings
from local.supervisor import Supervisor
from local.user_and_folders import lock_folder
from local.valkey import Valkey

DATABASE_NAME = "signalpost"
COUNTING_PROCESSES = frozenset({"web", "worker", "uploads"})


class LocalStack:
    """Started once and stopped once. Errors: FolderInUse if another stack uses the folder."""

    def __init__(self, options: StackOptions, given: GivenSettings) -> None:
        self.options = options
        self.given = given
        self.supervisor = Supervisor(STOP_ORDER)
        self.environment: dict[str, str] = {}
        self.developer: Developer | None = None
        self._setup: SetupProcess | None = None
        self._folder_lock = lock_folder(options.folder, timeout=0)
        self._postgres = Postgres(options.folder / "postgres")
        self._valkey = Valkey(options.folder / "redis")

    @property
    def database_dsn(self) -> str:
        """The database URL of the tables' owner, for operators."""
        return self._parsed_settings.migration_url

    @property
    def broker_url(self) -> str:
        return self.environment["BROKER_URL"]

    def start(self) -> None:
        """Start everything; return when all is ready, or once the supervisor is to stop.

        Errors: DidNotStart; Misconfigured, which names every faulty setting.
        """
        self.environment = self._build_environment()
        for metrics_file in self._metrics_folder().glob("*.db"):
            metrics_file.unlink()  # from earlier processes: counters restart with the stack
        shutil.rmtree(self._temp_folder(), ignore_errors=True)  # left by processes that were killed
        operator_settings = {**self.environment, "SIGNALPOST_ROLE": "cli"}
        self._parsed_settings = Settings.from_env(operator_settings)
        self._heartbeats = HeartbeatReader(self._parsed_settings.database_url)
        self._setup = SetupProcess(select_public_environment(self.environment))
        self._start_stores()
        if self.supervisor.should_stop:
            return
        early = self._start_processes(
            name for name, process in PROCESSES.items() if not process.needs_schema
        )
        self.developer = self._setup.run(operator_settings, self._developer_password())
        late = self._start_processes(
            name for name, process in PROCESSES.items() if process.needs_schema
        )
        self.supervisor.wait_until_ready([*early, *late])
        self._heartbeats.close()
        stack_settings.write_exports(self.exports_path, self._list_exports())

    @property
    def exports_path(self) -> Path:
        return self.options.folder / stack_settings.EXPORTS_FILE

    def _list_exports(self) -> dict[str, str]:
        """The settings of operators' commands, and what the client needs to call this server."""
        values = {name: value for name, value in self.environment.items() if name in OWN_VARIABLES}
        values["SIGNALPOST_URL"] = self.options.web_url
        if self.developer:
            values["SIGNALPOST_API_KEY"] = self.developer.api_key
        return values

    def _build_environment(self) -> dict[str, str]:
        options, load_secrets = self.options, stack_settings.load_or_create_secrets
        defaults = load_secrets(options.folder, stack_settings.SECRET_FACTORIES) | {
            **self._database_urls(),
            "BROKER_URL": self._valkey.url(),
            "PUBLIC_URL": options.web_url,
            "MEDIA_URL": f"file://{options.folder / 'media'}",
            "ERASURE_LIST": str(options.folder / "erasures"),
        }
        sandbox_values: dict[str, str] = {}
        if options.sandbox_url:
            credentials = load_secrets(options.folder, stack_settings.SANDBOX_CREDENTIAL_FACTORIES)
            sandbox_values = stack_settings.sandbox_settings(
                options.sandbox_url,
                self.given.get("PUBLIC_URL", options.web_url).rstrip("/"),
                credentials,
            )
        return self.given.merge_over(defaults, sandbox_values)

    def _database_urls(self) -> dict[str, str]:
        """The embedded Postgres, unless the settings name another one."""
        if "DATABASE_URL" in self.given:
            return {}
        return {
            "DATABASE_URL": self._postgres.dsn(DATABASE_NAME, role=APPLICATION_ROLE),
            "MIGRATION_DATABASE_URL": self._postgres.dsn(DATABASE_NAME, role=OWNER_ROLE),
        }

    def _start_stores(self) -> None:
        """Start the embedded stores, except those whose URL the operator's settings name."""
        embedded = {
            "postgres": self._postgres if "DATABASE_URL" not in self.given else None,
            "redis": self._valkey if "BROKER_URL" not in self.given else None,
        }
        children = {name: server.prepare() for name, server in embedded.items() if server}
        self.supervisor.start(children)
        self.supervisor.wait_until_ready(children)
        if "postgres" in children and not self.supervisor.should_stop:
            self._postgres.create_roles()
            self._postgres.create_owned_database(DATABASE_NAME)

    def _start_processes(self, names: Iterable[str]) -> list[str]:
        """Start those that are enabled and return their names."""
        enabled = [name for name in names if PROCESSES[name].is_enabled(self.options)]
        self.supervisor.start({name: Child(self._build_program(name)) for name in enabled})
        return enabled

    def _developer_password(self) -> str | None:
        """The development user's password; there is one only together with the sandbox."""
        if not self.options.sandbox_port:
            return None
        passwords = stack_settings.load_or_create_secrets(self.options.folder, PASSWORD_FACTORIES)
        return passwords["DEVELOPER_PASSWORD"]

    def _metrics_folder(self) -> Path:
        """The folder in which all processes keep their metrics, so that one page shows them all."""
        folder = self.options.folder / "metrics"
        folder.mkdir(exist_ok=True)
        return folder

    def _temp_folder(self) -> Path:
        """The folder for temporary files: a killed process leaves them here and not in /tmp."""
        folder = self.options.folder / "tmp"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _build_program(self, name: str) -> Program:
        process = PROCESSES[name]
        is_ready: Callable[[], bool]
        if process.health_url:
            headers = process.health_headers(self.environment)
            is_ready = partial(is_http_ok, process.health_url(self.options), headers)
        else:
            is_ready = self._heartbeats.build_check(name)
        return Program(
            name=name,
            command=process.command(self.options, self.environment),
            log=self.options.folder / f"{name}.log",
            is_ready=is_ready,
            environment=self._process_environment(name),
            folder=self.options.folder,
            stop_timeout=process.stop_timeout,
        )

    def _process_environment(self, name: str) -> dict[str, str]:
        """The settings that this process may hold, and what it needs besides."""
        environment = select_role_environment(self.environment, name) | {
            "SIGNALPOST_ROLE": name,
            "PYTHONUNBUFFERED": "1",
            "REMAP_SIGTERM": "SIGQUIT",  # Celery: stop within a time limit
            "TMPDIR": str(self._temp_folder()),
        }
        if name in COUNTING_PROCESSES:
            # One page, of the web process, shows what all of them count.
            environment |= {
                "PROMETHEUS_MULTIPROC_DIR": str(self._metrics_folder()),
                "METRICS_PORT": "",
            }
        return environment

    def stop(self) -> None:
        if self._setup is not None:
            self._setup.close()
        if "postgres" in self.supervisor.children:
            self._postgres.begin_checkpoint()
        self.supervisor.stop()
        os.close(self._folder_lock)
