"""Writes the secrets of each role into a file of its own, from one file with all settings.

    python -m local.role_secrets .env deploy/k8s/overlays/prod/secrets

For Kubernetes, where each role has its own Secret (docs/operate/kubernetes.md). The files have a
line `NAME=value` for each secret and can be read by their owner only.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import click
from dotenv import dotenv_values

from core.config.roles import has_secret, list_secret_settings
from core.config.settings import Settings

DEPLOYED_ROLES = ("web", "worker", "uploads", "beat", "flower", "migrate")


@click.command(help=__doc__.splitlines()[0] if __doc__ else None)
@click.argument("settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(settings_file: Path, folder: Path) -> None:
    """Write `ROLE.env` into the folder for each role, and say which settings are no secrets."""
    texts = {name: text for name, text in dotenv_values(settings_file).items() if text}
    secrets = select_secrets(texts)
    check_single_lines({name: texts[name] for name in secrets})
    folder.mkdir(parents=True, exist_ok=True)
    for role in DEPLOYED_ROLES:
        names = sorted(name for name, setting in secrets.items() if has_secret(role, setting))
        write_private_file(folder / f"{role}.env", [f"{name}={texts[name]}" for name in names])
        click.echo(f"{folder / role}.env: {', '.join(names) or 'no secret'}")
    open_names = sorted(texts.keys() - secrets.keys())
    click.echo(f"No secrets, for kustomization.yaml: {', '.join(open_names) or 'none'}")


def select_secrets(texts: Mapping[str, str]) -> dict[str, str]:
    """Return each variable that holds a secret, and the setting that it sets.

    An older name of a setting counts. The path of a file with a secret (NAME_FILE) is none.
    """
    setting_names = {
        alias: setting
        for setting, aliases in list_secret_settings(Settings).items()
        for alias in aliases
    }
    return {name: setting_names[name] for name in texts if name in setting_names}


def check_single_lines(secrets: Mapping[str, str]) -> None:
    """Errors: ClickException, because kubectl reads a secret of several lines as several."""
    for name, text in secrets.items():
        if len(text.splitlines()) > 1:
            raise click.ClickException(f"{name} has more than one line: use {name}_FILE")


def write_private_file(path: Path, lines: list[str]) -> None:
    """Replace a file by one that only its owner can read."""
    staging = path.with_name(f".{path.name}.new")
    staging.unlink(missing_ok=True)
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    staging.replace(path)


if __name__ == "__main__":
    main()
