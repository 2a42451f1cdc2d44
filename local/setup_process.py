"""Runs `local.database_setup`, which loads for a second while the stores start."""

import json
import subprocess
from collections.abc import Mapping
from functools import partial
from signal import SIGKILL

from app.cli.failures import CommandFailed, CommandFailure
from core.config.parent_death import die_with_parent
from local.child import DidNotStart
from local.developer import Developer
from local.processes import PRIVATE_PROGRAM


class SetupProcess:
    """Started early, asked once, and closed at the end, whether it was asked or not."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment` holds no setting of ours: they are part of the request."""
        self._process = subprocess.Popen(
            [*PRIVATE_PROGRAM, "local.database_setup"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C goes to the supervisor
            preexec_fn=partial(die_with_parent, SIGKILL),  # noqa: PLW1509 - see local.child
        )

    def run(self, settings: Mapping[str, str], password: str | None) -> Developer | None:
        """Migrate, and create the development user if there is a password for it.

        Errors: CommandFailed if the database does not allow it; DidNotStart for a fault of ours,
        whose traceback stands on stderr.
        """
        request = json.dumps({"environment": dict(settings), "password": password})
        output, _ = self._process.communicate(f"{request}\n")
        if not output:
            raise DidNotStart("the database was not set up: see the traceback")
        answer = json.loads(output)
        if "failure" in answer:
            raise CommandFailed(CommandFailure(**answer["failure"]))
        return Developer(**answer["developer"]) if answer["developer"] else None

    def close(self) -> None:
        """End it. What it has committed stays."""
        self._process.kill()
        self._process.communicate()
