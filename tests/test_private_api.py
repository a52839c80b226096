"""What libraries do not promise: used in one place for each, checked, pinned, written down."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from monitor.process.private_api import Library
from monitor.stream import kafka_private
from monitor.web import uvicorn_private

ROOT = Path(__file__).parents[1]
HOMES = ("monitor/stream/kafka_private", "monitor/web/uvicorn_private.py")
PUBLIC = {"kafka": {"kafka", "kafka.errors", "kafka.admin"}, "uvicorn": {"uvicorn"}}
UNDOCUMENTED = {
    "rejoining", "rejoin_needed", "request_rejoin", "init_future", "get_connection",
    "member_assignment", "next_fetch_offset", "topic_partition",
}  # fmt: skip
"""Attributes that look public and are not."""
DOCUMENTED = {("argparse", "_SubParsersAction"), ("os", "_exit"), ("sys", "_current_frames")}
"""Underscored, and documented all the same."""
ARGPARSE = {"_actions", "_get_subactions"}
"""Of Python's own argparse, which has no public list of a parser's arguments; the tests of the
help and of completion fail without."""
LIBRARIES = [kafka_private.LIBRARY, uvicorn_private.LIBRARY]
PAGE = (ROOT / "docs" / "kafka-client.md").read_text(encoding="utf-8")


def private_uses(tree: ast.Module) -> Iterator[str]:
    """Imports of what a library does not promise, and underscored attributes of others' objects."""
    own = _own_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and _is_private(node.module):
            yield f"from {node.module} import"
        if isinstance(node, ast.Import):
            yield from (f"import {a.name}" for a in node.names if _is_private(a.name))
        if isinstance(node, ast.Attribute) and _is_foreign(node, own):
            yield ast.unparse(node)


def _is_private(module: str) -> bool:
    library = module.split(".")[0]
    return library in PUBLIC and module not in PUBLIC[library]


def _is_foreign(node: ast.Attribute, own: set[str]) -> bool:
    if node.attr in UNDOCUMENTED:
        return True
    if node.attr in ARGPARSE:
        return False
    if not node.attr.startswith("_") or node.attr.endswith("__"):
        return False
    if isinstance(node.value, ast.Name):
        name = node.value.id
        if name in ("self", "cls") or (name, node.attr) in DOCUMENTED:
            return False
        if name == "KafkaError" and node.attr.isupper():
            return False  # librdkafka's own codes, which confluent-kafka documents
    return node.attr not in own


def _own_names(tree: ast.Module) -> set[str]:
    """What a file gives to its own objects and classes."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names


def test_private_api_are_used_in_their_homes_only() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {use}"
        for folder in ("monitor", "models")
        for path in (ROOT / folder).rglob("*.py")
        if not str(path.relative_to(ROOT)).startswith(HOMES)
        for use in private_uses(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "from kafka.net.compat import KafkaNetClient",
        "import kafka.net.transport",
        "def f():\n    from uvicorn.server import ServerState",
        "consumer._net.sleep(1)",
        "self.consumer._coordinator",
        "coordinator.rejoining",
        "ssl._create_unverified_context()",
    ],
)
def test_the_search_finds_a_private_part(text: str) -> None:
    assert list(private_uses(ast.parse(text)))


@pytest.mark.parametrize(
    "text", ["from kafka.errors import KafkaError", "self._link = 1\nother._link", "os._exit(1)"]
)
def test_the_search_lets_the_rest_through(text: str) -> None:
    assert not list(private_uses(ast.parse(text)))


def test_no_private_module_is_imported_with_ours() -> None:
    for path in (ROOT / HOMES[0]).glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not _is_private(node.module), f"{path.name}: {node.module}"


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_the_pin_is_the_minor_that_was_tested(library: Library) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {Requirement(text).name: Requirement(text) for text in project["dependencies"]}
    tested = Version(library.tested)
    pin = wanted[library.name].specifier
    assert tested in pin
    assert f"{tested.major}.{tested.minor}.{tested.micro + 20}" in pin
    assert f"{tested.major}.{tested.minor + 1}.0" not in pin
    locked = (ROOT / "deploy" / "requirements" / "base.txt").read_text(encoding="utf-8")
    assert f"\n{library.name}=={library.tested} " in locked


def rows() -> dict[str, str]:
    """The table's rows, by function."""
    return {m[1]: m[0] for m in re.finditer(r"^\| `(\w+)` \|.*$", PAGE, flags=re.MULTILINE)}


def functions() -> set[str]:
    """All that the homes of kafka-python's private parts offer, but for the check itself."""
    offered = {name: getattr(kafka_private, name) for name in kafka_private.__all__}
    return {name for name, it in offered.items() if inspect.isfunction(it)} - {"check"}


def test_the_page_has_a_row_for_every_function() -> None:
    assert functions() == kafka_private.PARTS.keys() == rows().keys()


@pytest.mark.parametrize("function", sorted(kafka_private.PARTS))
def test_a_row_names_every_part_the_version_and_a_test_that_exists(function: str) -> None:
    row = rows()[function]
    assert [part for part in kafka_private.PARTS[function] if f"`{part}`" not in row] == []
    assert kafka_private.LIBRARY.tested in row
    tests = re.findall(r"`(tests/\S+\.py)::(\w+)`", row)
    assert tests
    for path, name in tests:
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"


def test_the_page_names_every_part_of_uvicorn() -> None:
    assert [part for part in uvicorn_private.PARTS if f"`{part}`" not in PAGE] == []
    assert uvicorn_private.LIBRARY.tested in PAGE
