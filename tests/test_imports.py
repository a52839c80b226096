"""Imports go one way: models <- core <- I/O <- config <- assembly, commands, cli."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CORE = {
    "errors", "records", "codecs", "decoding", "scorer", "window", "detectors", "episodes",
    "judge", "pipeline", "batching", "events", "version", "blocks", "budget", "view",
    "judge_state", "judge_settings", "simulation", "ledger", "snapshot", "resume", "quarantine",
    "json_values", "retrain_request", "retraining", "chronicle", "past_episode", "deliveries",
    "candidate", "parting", "probe",
}  # fmt: skip
IO = {
    "sources", "sinks", "kafka_options", "kafka_reader", "disk", "metrics", "status", "web", "logs",
    "datasets", "montage", "state", "liveness", "failpoints", "background",
    "receivers", "outbox", "request_files", "registry",
    "offers", "model_folder",
}  # fmt: skip
CONFIG = {"config"}
TOP = {
    "daemon", "checkpoints", "outlet", "gauges", "membership", "assembly",
    "courier",
    "commands", "cli", "demo", "__main__", "__init__", "swap", "follower", "shadow",
    "retraining_run",
}  # fmt: skip
RANKS = {name: rank for rank, layer in enumerate((CORE, IO, CONFIG, TOP)) for name in layer}
"""A module imports from its own rank or a lower one."""

FORBIDDEN_IN_CORE = {"kafka", "uvicorn", "starlette", "prometheus_client", "pydantic", "structlog"}


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part(module: str) -> str | None:
    pieces = module.split(".")
    return pieces[1] if pieces[0] == "monitor" and len(pieces) > 1 else None


def monitor_files() -> list[Path]:
    return sorted((ROOT / "monitor").rglob("*.py"))


def test_models_never_import_monitor() -> None:
    for path in (ROOT / "models").rglob("*.py"):
        assert not {n for n in imports(path) if n.split(".")[0] == "monitor"}, path


def test_every_module_has_a_place() -> None:
    parts = {path.relative_to(ROOT / "monitor").parts[0].removesuffix(".py")
             for path in monitor_files()}  # fmt: skip
    assert parts <= RANKS.keys()


@pytest.mark.parametrize("path", monitor_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_import_only_their_own_layer_and_those_below(path: Path) -> None:
    own = path.relative_to(ROOT / "monitor").parts[0].removesuffix(".py")
    for module in imports(path):
        other = part(module)
        if other in RANKS:
            assert RANKS[other] <= RANKS[own], f"{path.name} imports {module}"


def test_the_core_knows_no_network_and_no_configuration() -> None:
    for path in monitor_files():
        own = path.relative_to(ROOT / "monitor").parts[0].removesuffix(".py")
        if own in CORE:
            roots = {name.split(".")[0] for name in imports(path)}
            assert not roots & FORBIDDEN_IN_CORE, path


def test_no_python_file_is_over_300_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("models", "monitor", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long
