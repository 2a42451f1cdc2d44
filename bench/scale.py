"""`python -m bench.scale`: computes docs/scale.md from measured figures.

Without options from the committed ones (bench/scale_figures.json). With `--run build/bench.json`
those are replaced by the figures of that run first; with `--storage` the bytes of an event are
measured again, which starts servers and takes a minute.
"""

from dataclasses import replace
from pathlib import Path

import click

from bench.scale_figures import ScaleFigures, read_run
from bench.scale_page import build_page
from bench.scale_storage import measure_stored_bytes
from bench.shared_servers import ROOT

PAGE_PATH = ROOT / "docs" / "scale.md"


@click.command()
@click.option(
    "--run",
    "run_path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file written by `make bench`, with all parts.",
)
@click.option("--storage", is_flag=True, help="Measure the bytes of an event again.")
def main(*, run_path: Path | None, storage: bool) -> None:
    """Write docs/scale.md anew."""
    figures = ScaleFigures.load()
    if run_path is not None:
        figures = read_run(run_path, figures.stored)
    if storage:
        figures = replace(figures, stored=measure_stored_bytes())
    figures.save()
    PAGE_PATH.write_text(build_page(figures))
    click.echo(f"{PAGE_PATH.relative_to(ROOT)} is computed from {figures.measured_at}")


if __name__ == "__main__":
    main()
