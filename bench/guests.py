"""The peers that stand on other servers than ours: what they run, in what they bring along."""

from dataclasses import replace

from bench import provisions
from bench.ground import ROOT
from bench.servers import Place, listener
from local.child import Program
from local.ports import LOOPBACK

NODE_SOURCES = ROOT / "bench" / "peers" / "express_bullmq"


def fastapi_arq(place: Place) -> list[Program]:
    """One process of uvicorn, on uvloop and httptools, and workers of arq. None logs its work."""
    python = str(provisions.PYTHON)
    web = (
        *(python, "-m", "uvicorn", "--host", LOOPBACK, "--port", str(place.site.web)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
        "bench.peers.fastapi_arq.web:app",
    )
    settings = "bench.peers.fastapi_arq.worker"
    worker = (python, "-m", "arq", f"{settings}.Worker", "--custom-log-dict", f"{settings}.QUIET")
    return [listener(place, web), *workers(place, worker)]


def express_bullmq(place: Place) -> list[Program]:
    """One process of Node, and workers of BullMQ."""
    told = {
        "NODE_ENV": "production",
        "NODE_PATH": str(provisions.NODE_MODULES),
        "PORT": str(place.site.web),
    }
    there = replace(place, environment={**place.environment, **told})
    return [
        listener(there, ("node", str(NODE_SOURCES / "web.js"))),
        *workers(there, ("node", str(NODE_SOURCES / "worker.js"))),
    ]


def workers(place: Place, command: tuple[str, ...]) -> list[Program]:
    """As many processes as others have. Each says so when it is ready."""
    return [worker(place, command, number) for number in range(1, place.site.workers + 1)]


def worker(place: Place, command: tuple[str, ...], number: int) -> Program:
    log = place.site.folder / f"worker-{number}.log"
    return Program(
        name=f"worker-{number}",
        command=command,
        log=log,
        ready=lambda: b"ready" in log.read_bytes(),
        environment=place.environment,
        folder=ROOT,
    )
