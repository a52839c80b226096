"""The Kubernetes manifests as kustomize renders them, and one example of a user's own overlay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from monitor.config import Config
from monitor.config.file import load
from tests.deploy import tools
from tests.deploy.dockerfile import ROOT

FOLDER: Final = ROOT / "deploy" / "kubernetes"
OVERLAYS: Final = ("monitoring", "keda", "gpu", "another-stream")
Manifest = dict[str, Any]
OF_OPERATORS: Final = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}


def rendered(folder: Path) -> list[Manifest]:
    """What `kubectl apply --kustomize` would send."""
    return [m for m in yaml.safe_load_all(tools.run("kubectl", "kustomize", str(folder))) if m]


def only(manifests: list[Manifest], kind: str) -> Manifest:
    """The one manifest of a kind."""
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


def pod(manifests: list[Manifest]) -> Manifest:
    """The specification of the StatefulSet's pods."""
    spec: Manifest = only(manifests, "StatefulSet")["spec"]["template"]["spec"]
    return spec


def container(manifests: list[Manifest]) -> Manifest:
    """The one container of the pods."""
    (found,) = pod(manifests)["containers"]
    return dict(found)


def environment(manifests: list[Manifest]) -> dict[str, str]:
    """What the container's environment holds in the first pod."""
    fields = {"metadata.name": f"{only(manifests, 'StatefulSet')['metadata']['name']}-0"}
    return {
        entry["name"]: entry["value"]
        if "value" in entry
        else fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        for entry in container(manifests)["env"]
    }


def plain(value: Any) -> Any:
    """The value as JSON knows it."""
    return json.loads(json.dumps(value))


def loaded(manifests: list[Manifest], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The configuration as the daemon in the first pod would load it."""
    path = folder / "aead-monitor.yaml"
    path.write_text(only(manifests, "ConfigMap")["data"]["aead-monitor.yaml"])
    for key, value in environment(manifests).items():
        monkeypatch.setenv(key, value)
    return load(str(path))


def selectors(manifests: list[Manifest]) -> list[dict[str, str]]:
    """What each manifest looks for in the labels of pods."""
    return [
        only(manifests, "StatefulSet")["spec"]["selector"]["matchLabels"],
        only(manifests, "Service")["spec"]["selector"],
        only(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        pod(manifests)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
