"""The manifests in deploy/k8s, rendered by kubectl for each overlay: fixtures of tests."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from click.testing import CliRunner

from core.config.roles import list_secret_settings
from core.config.settings import Settings
from local import role_secrets
from tests.deploy_tools import ROOT, DeployTools

SOURCE = ROOT / "deploy" / "k8s"
OVERLAYS = ("prod", "bucket")
FAST_LOADER = yaml.CSafeLoader
SECRETS = list_secret_settings(Settings)
WORKLOADS = ("Deployment", "Job")


class Tree(NamedTuple):
    """A copy of the manifests that can be altered, with secrets for each role."""

    folder: Path
    tools: DeployTools

    def render(self, overlay):
        return self.tools.run(
            self.tools.kubectl, "kustomize", self.folder / "overlays" / overlay, cwd=self.folder
        )


@pytest.fixture(scope="module")
def new_tree(tmp_path_factory, deploy_tools):
    """Make a copy with a value for each secret setting."""
    root = tmp_path_factory.mktemp("manifests")
    settings_file = root / "settings.env"
    settings_file.write_text("".join(f"{name}=canary-{name}\n" for name in SECRETS))

    def make_tree(name):
        folder = root / name
        shutil.copytree(SOURCE, folder)
        for overlay in OVERLAYS:
            arguments = [str(settings_file), str(folder / "overlays" / overlay / "secrets")]
            result = CliRunner().invoke(role_secrets.main, arguments, catch_exceptions=False)
            assert result.exit_code == 0, result.output
        return Tree(folder, deploy_tools)

    return make_tree


@pytest.fixture(scope="module")
def renderings(new_tree):
    """The manifests of each overlay, as one text."""
    tree = new_tree("unaltered")
    renderings = {overlay: tree.render(overlay) for overlay in OVERLAYS}
    assert {each.returncode for each in renderings.values()} == {0}, renderings
    return {overlay: rendering.stdout for overlay, rendering in renderings.items()}


@pytest.fixture(scope="module")
def manifests_of(renderings):
    return {overlay: list(yaml.load_all(text, FAST_LOADER)) for overlay, text in renderings.items()}


@pytest.fixture(params=OVERLAYS)
def manifests(manifests_of, request):
    """The manifests of one overlay; tests run for each."""
    return manifests_of[request.param]


def select_kind(manifests, *kinds):
    return [each for each in manifests if each["kind"] in kinds]


def without_media(manifests):
    """The manifests without what says where media and the list of erasures are."""
    (settings,) = select_kind(manifests, "ConfigMap")
    rest = [
        each for each in manifests if each["kind"] not in {"ConfigMap", "PersistentVolumeClaim"}
    ]
    text = json.dumps(rest).replace(settings["metadata"]["name"], "settings")
    rest = json.loads(text)
    for workload in select_kind(rest, *WORKLOADS):
        pod = workload["spec"]["template"]["spec"]
        mounts = pod["containers"][0].get("volumeMounts", [])
        for volumes in (pod.get("volumes", []), mounts):
            volumes[:] = [each for each in volumes if each["name"] not in {"media", "erasures"}]
    return rest
