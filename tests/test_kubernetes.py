"""The manifests in deploy/k8s are rendered by kubectl, validated strictly, and fit each other.

Each overlay is examined: media on a shared volume, and media in a bucket. Part of `make check`. No
cluster can run here: what a cluster would make of them is not tested.
"""

import base64
import json
import re
import shutil

import pytest
import yaml

from core.config.environment import iter_settings
from core.config.roles import has_secret
from core.config.settings import Settings
from core.config.value_types import parse_media_url
from local import role_secrets
from tasks.queues import QUEUES
from tests.deploy_tools import ROOT, deploy_tools
from tests.kubernetes_manifests import (
    FAST_LOADER,
    OVERLAYS,
    SECRETS,
    SOURCE,
    WORKLOADS,
    manifests,
    manifests_of,
    new_tree,
    renderings,
    select_kind,
    without_media,
)
from tests.support.metric_names import find_metric_names, list_metric_names

__all__ = ["deploy_tools", "manifests", "manifests_of", "new_tree", "renderings"]

FILES = sorted(
    str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.yaml") if "schemas" not in path.parts
)
KUBERNETES_VERSION = "1.37"
KEDA_SCHEMA = SOURCE / "schemas" / "scaledobject.json"
OPEN_SETTINGS = {name for name, _ in iter_settings(Settings)} - SECRETS.keys()
CALLERS = {"web": {"ingress-nginx", "monitoring"}, "flower": {"ingress-nginx"}}
TARGETS = {
    "web": {53, 443, 465, 587, 5432, 5671, 5672, 6379},
    "worker": {53, 443, 465, 587, 5432, 5671, 5672, 6379},
    "beat": {53, 5671, 5672, 6379},
    "flower": {53, 5671, 5672, 6379},
    "migrate": {53, 5432},
}
"""Ports that each kind of pod may connect to, and the namespaces that may connect to a pod."""


def find_faults(tools, files):
    """Return the names of the rendered files that a validator refuses, and what both printed."""
    options = ("--strict", "-k", KUBERNETES_VERSION)
    built_in = tools.run("python3", "-m", "kubernetes_validate", *options, *files)
    own = [path for file in files for path in write_scaled_objects(file)]
    program = tools.packages / "bin" / "check-jsonschema"
    keda = tools.run("python3", program, "--schemafile", KEDA_SCHEMA, *own)
    output = built_in.stdout + built_in.stderr + keda.stdout
    refused = [line for line in output.splitlines() if line.startswith(("ERROR", "FAIL", "  /"))]
    return {file.name for file in files if any(file.stem + "." in line for line in refused)}, output


def write_scaled_objects(file):
    """Write each object of a kind that only the own schema knows into a file of its own."""
    documents = yaml.safe_load_all(file.read_text())
    scaled = [each for each in documents if each["kind"] not in KUBERNETES_KINDS]
    paths = [file.with_suffix(f".{number}.json") for number in range(len(scaled))]
    for path, document in zip(paths, scaled, strict=True):
        path.write_text(json.dumps(document))
    return paths


KUBERNETES_KINDS = {
    "ConfigMap",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Ingress",
    "Job",
    "Namespace",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "Secret",
    "Service",
    "ServiceAccount",
}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_manifests_are_valid_to_the_last_field(
    renderings, manifests_of, deploy_tools, tmp_path, overlay
):
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(renderings[overlay])
    faults, output = find_faults(deploy_tools, [rendered])
    assert faults == set(), output
    assert output.count("passed") >= len(manifests_of[overlay]) - 8


def misspell_field(text):
    """Put an x behind the last field of the file that has a value of its own."""
    fields = list(re.finditer(r"^(\s*(?:- )?)([A-Za-z]+):", text, re.MULTILINE))
    match = next(each for each in reversed(fields) if each[2] in KNOWN_FIELDS)
    return f"{text[: match.end(2)]}x{text[match.end(2) :]}"


KNOWN_FIELDS = {
    *("resources", "literals", "envs", "patches", "images", "components", "labels", "triggers"),
    *("automountServiceAccountToken", "selector", "podSelector", "accessModes", "tls", "rules"),
    *("volumes", "metadata", "op", "nameSuffix"),
}


def overlay_with(file_name):
    """An overlay that uses the file: its own, or the one that uses all others."""
    return next((each for each in OVERLAYS if f"overlays/{each}/" in file_name), "prod")


def test_a_misspelt_field_in_any_file_is_found(new_tree, manifests_of, deploy_tools, tmp_path):
    refused, rendered = set(), {}
    for number, name in enumerate(FILES):
        tree, overlay = new_tree(f"tree{number}"), overlay_with(name)
        file = tree.folder / name
        file.write_text(misspell_field(file.read_text()))
        rendering = tree.render(overlay)
        if rendering.returncode:
            refused.add(name)
        else:
            documents = yaml.load_all(rendering.stdout, FAST_LOADER)
            output = tmp_path / f"rendered{number}.yaml"
            output.write_text(
                yaml.safe_dump_all(each for each in documents if each not in manifests_of[overlay])
            )
            rendered[output.name] = name
        shutil.rmtree(tree.folder)
    faults, _ = find_faults(deploy_tools, [tmp_path / name for name in rendered])
    assert sorted(refused | {rendered[name] for name in faults}) == FILES


def find_web(manifests):
    deployments = select_kind(manifests, "Deployment")
    return next(each for each in deployments if each["metadata"]["name"] == "web")


def pod_labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def match_labels(selector, labels):
    """Whether the labels match a selector of Kubernetes."""
    expressions = selector.get("matchExpressions", ())
    assert {each["operator"] for each in expressions} <= {"In"}
    return all(
        labels.get(name) == value for name, value in selector.get("matchLabels", {}).items()
    ) and all(labels.get(each["key"]) in each["values"] for each in expressions)


def test_there_is_a_worker_for_each_queue(manifests):
    queues = [
        pod_labels(each)["signalpost.io/queue"]
        for each in select_kind(manifests, "Deployment")
        if each["metadata"]["name"].startswith("worker-")
    ]
    assert sorted(queues) == sorted(QUEUES)


def test_every_pod_is_confined_and_has_its_limits(manifests):
    workloads = select_kind(manifests, *WORKLOADS)
    assert len(workloads) == len(QUEUES) + 4
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsUser"] == 999
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        assert re.search(r":\d+\.\d+", container["image"])


def test_every_process_has_probes_and_none_asks_the_stores_whether_to_restart(manifests):
    for deployment in select_kind(manifests, "Deployment"):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert "livenessProbe" in container
        assert "startupProbe" in container or "initialDelaySeconds" in container["livenessProbe"]
        assert "/readyz" not in str(container["livenessProbe"])
        assert "/statusz" not in str(container)
    web = find_web(manifests)
    assert web["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"] == {
        "path": "/readyz",
        "port": "http",
    }


def test_each_selector_matches_the_pods_of_one_deployment(manifests):
    deployments = select_kind(manifests, "Deployment")
    for deployment in deployments:
        selector = deployment["spec"]["selector"]
        matched = [each for each in deployments if match_labels(selector, pod_labels(each))]
        assert matched == [deployment]
    budgets = {}
    for budget in select_kind(manifests, "PodDisruptionBudget"):
        (name,) = (
            each["metadata"]["name"]
            for each in deployments
            if match_labels(budget["spec"]["selector"], pod_labels(each))
        )
        budgets[name] = budget
    assert budgets.keys() == {
        each["metadata"]["name"] for each in deployments if "beat" not in str(each["metadata"])
    } - {"flower"}


def test_each_service_leads_to_an_open_port(manifests):
    services = select_kind(manifests, "Service")
    assert services
    for service in services:
        selector = {"matchLabels": service["spec"]["selector"]}
        (deployment,) = (
            each
            for each in select_kind(manifests, "Deployment")
            if match_labels(selector, pod_labels(each))
        )
        ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
        assert service["spec"]["ports"][0]["targetPort"] in {port["name"] for port in ports}


def find_policies(manifests, workload, direction):
    """The rules of one direction for the pods of a workload, or None if nothing restricts them."""
    policies = [
        each["spec"]
        for each in select_kind(manifests, "NetworkPolicy")
        if match_labels(each["spec"]["podSelector"], pod_labels(workload))
        and direction in each["spec"]["policyTypes"]
    ]
    return [rule for each in policies for rule in each.get(direction.lower(), [])] or None


@pytest.mark.parametrize("name", TARGETS)
def test_a_pod_connects_to_what_it_needs_only(manifests, name):
    matched = [
        each
        for each in select_kind(manifests, *WORKLOADS)
        if pod_labels(each)["app.kubernetes.io/name"] == name
    ]
    assert matched
    for workload in matched:
        rules = find_policies(manifests, workload, "Egress")
        assert {port["port"] for rule in rules for port in rule["ports"]} == TARGETS[name]
        web_rules = [rule for rule in rules if {"port": 443, "protocol": "TCP"} in rule["ports"]]
        for rule in web_rules:
            (block,) = (each["ipBlock"] for each in rule["to"] if "." in each["ipBlock"]["cidr"])
            assert {"10.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16"} <= {*block["except"]}


def test_only_proxies_and_prometheus_connect_to_pods(manifests):
    for workload in select_kind(manifests, *WORKLOADS):
        name = pod_labels(workload)["app.kubernetes.io/name"]
        rules = find_policies(manifests, workload, "Ingress") or []
        callers = {
            source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
            for rule in rules
            for source in rule["from"]
        }
        assert callers == CALLERS.get(name, {"monitoring"} if name == "worker" else set())


def test_without_a_policy_for_all_pods_some_would_be_open(manifests):
    closed = [each for each in manifests if each["metadata"]["name"] == "deny-all"]
    assert closed[0]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not closed[0]["spec"].keys() & {"ingress", "egress"}


def test_every_role_gets_its_secrets_and_no_others(manifests):
    secrets = {
        re.sub(r"^signalpost-|-\w{10}$", "", each["metadata"]["name"]): each["data"]
        for each in select_kind(manifests, "Secret")
    }
    assert secrets.keys() == set(role_secrets.DEPLOYED_ROLES)
    for role, values in secrets.items():
        assert values.keys() == {name for name in SECRETS if has_secret(role, name)}
        for name, text in values.items():
            assert base64.b64decode(text).decode() == f"canary-{name}"


def test_a_pod_reads_the_secret_of_its_role(manifests):
    for workload in select_kind(manifests, *WORKLOADS):
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        (role,) = (each["value"] for each in container["env"] if each["name"] == "SIGNALPOST_ROLE")
        (secret,) = (each["secretRef"] for each in container["envFrom"] if "secretRef" in each)
        assert re.fullmatch(rf"signalpost-{role}-\w{{10}}", secret["name"])


def test_the_shared_settings_exist_and_hold_no_secret(manifests):
    (settings,) = select_kind(manifests, "ConfigMap")
    assert settings["data"].keys() <= OPEN_SETTINGS
    assert "PUBLIC_URL" in settings["data"]


def test_with_a_bucket_pods_share_no_volume_and_all_else_is_the_same(manifests_of):
    shared, bucket = (without_media(manifests_of[each]) for each in OVERLAYS)
    assert bucket == shared
    assert select_kind(manifests_of["prod"], "PersistentVolumeClaim")
    assert not select_kind(manifests_of["bucket"], "PersistentVolumeClaim")
    for workload in select_kind(manifests_of["bucket"], *WORKLOADS):
        volumes = workload["spec"]["template"]["spec"].get("volumes", ())
        assert all("emptyDir" in volume for volume in volumes)
    (settings,) = select_kind(manifests_of["bucket"], "ConfigMap")
    assert parse_media_url(settings["data"]["MEDIA_URL"]).startswith("s3://")


def test_every_scaling_query_names_a_workload_and_metrics_that_exist(manifests):
    scaled = select_kind(manifests, "ScaledObject")
    names = {each["metadata"]["name"] for each in select_kind(manifests, "Deployment")}
    assert scaled
    for each in scaled:
        assert each["spec"]["scaleTargetRef"]["name"] in names
        for trigger in each["spec"]["triggers"]:
            metrics = find_metric_names(trigger["metadata"]["query"])
            assert metrics
            assert metrics <= list_metric_names()


def test_the_web_server_has_the_options_of_the_compose_file(manifests):
    """Except how long it waits for open requests: a pod has more time than a container."""
    web = find_web(manifests)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["web"]
    command = web["spec"]["template"]["spec"]["containers"][0]["command"]
    differing = {*command} ^ {*compose["command"]}
    assert {each.split("=")[0] for each in differing} == {"--workers-kill-timeout"}


def test_prometheus_finds_the_pods_that_count_and_one_port_of_each(manifests):
    (job,) = yaml.safe_load((SOURCE / "prometheus-scrape.yml").read_text())["scrape_configs"]
    kept = {
        rule["source_labels"][0]: rule["regex"]
        for rule in job["relabel_configs"]
        if rule.get("action") == "keep"
    }
    counting = kept["__meta_kubernetes_pod_label_signalpost_io_metrics"]
    port = kept["__meta_kubernetes_pod_container_port_name"]
    for deployment in select_kind(manifests, "Deployment"):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        counts = re.fullmatch(counting, pod_labels(deployment).get("signalpost.io/metrics", ""))
        ports = [each for each in container.get("ports", ()) if re.fullmatch(port, each["name"])]
        has_page = "PROMETHEUS_MULTIPROC_DIR" in {each["name"] for each in container["env"]}
        assert bool(counts) is has_page
        assert len(ports) == 1 or not counts
