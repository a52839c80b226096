"""The image: pinned, without a way to build or install anything, run by a user without rights.

Linted by hadolint. That its steps work is shown by `make image-test`, which carries them out.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from prometheus_client import CollectorRegistry

from monitor.metrics import Metrics
from monitor.version import __version__
from monitor.web.app import build_health
from monitor.web.reload import ConfigWatcher
from monitor.web.server import WebServer
from tests.deploy import tools
from tests.deploy.dockerfile import DOCKERFILE, ROOT, ancestry, read
from tests.deploy.image_test import health_command

STAGES = read()
TARGETS = ("cpu", "cuda", "demo")
LOCKS = ROOT / "deploy" / "requirements"


def locked(*names: str) -> dict[str, tuple[Requirement, str]]:
    """The requirements that hold here, by name, each with its text and hashes."""
    parts = [
        part
        for name in names
        for part in re.split(r"\n(?=[a-z0-9])", (LOCKS / f"{name}.txt").read_text("utf-8"))
        if not part.startswith("#")
    ]
    requirements = [(Requirement(part.split("\\")[0]), part) for part in parts]
    return {
        canonicalize_name(requirement.name): (requirement, text)
        for requirement, text in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def test_hadolint_has_no_complaint() -> None:
    assert tools.run("hadolint", str(DOCKERFILE)) == ""


def test_it_is_built_on_one_image_of_an_exact_version() -> None:
    images = {stage.base for stage in STAGES.values()} - STAGES.keys()
    assert len(images) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", images.pop())


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_as_a_numeric_user_without_rights(target: str) -> None:
    users = [step.value for stage in ancestry(STAGES, target) for step in stage.steps
             if step.keyword == "USER"]  # fmt: skip
    assert users == ["10001:10001"]


def test_without_a_target_the_image_is_for_the_cpu() -> None:
    assert list(STAGES)[-1] == "cpu"


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds_no_tool_to_build_or_install_with(target: str) -> None:
    runs = " ".join(
        step.value
        for stage in ancestry(STAGES, target)
        for step in stage.steps
        if step.keyword == "RUN"
    )
    assert "pip uninstall --yes setuptools wheel pip" in runs
    assert not re.search(r"\binstall --no-cache-dir|apt-get|curl|gcc", runs)


def test_packages_are_installed_by_hash_and_leave_no_cache() -> None:
    runs = [step.value for stage in STAGES.values() for step in stage.steps
            if step.keyword == "RUN"]  # fmt: skip
    installs = [part for run in runs for part in re.findall(r"pip \S.*?(?:&&|;|$)", run)
                if re.search(r"\b(install|wheel) --no", part)]  # fmt: skip
    assert len(installs) == 10
    for install in installs:
        assert "--no-cache-dir" in install
        by_hash = "--require-hashes" in install
        assert by_hash or re.search(r"/wheels|--index-url \"\$TORCH_INDEX\"", install), install


def test_the_lock_files_hold_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]["demo"]
    pinned = locked("base", "torch", "demo")
    for requirement in map(Requirement, [*project["dependencies"], *extras]):
        version, _ = pinned[canonicalize_name(requirement.name)]
        (pin,) = version.specifier
        assert pin.operator == "=="
        assert pin.version in requirement.specifier, requirement


def test_every_locked_package_has_its_hashes() -> None:
    for names in (("base", "torch"), ("demo",), ("build",)):
        for requirement, text in locked(*names).values():
            assert "--hash=sha256:" in text, requirement


def test_the_lock_files_name_versions_and_no_place_to_get_them_from() -> None:
    for path in sorted(LOCKS.glob("*.txt")):
        lines = path.read_text("utf-8").splitlines()
        assert not [line for line in lines if "://" in line or " @ " in line], path
        options = {word for line in lines for word in re.findall(r"(?:^|\s)(--?[a-z-]+)", line)}
        assert options == {"--hash"}, path


def test_torch_and_its_libraries_stand_apart_from_the_rest() -> None:
    apart = ("torch", "triton", "nvidia-", "cuda-")
    assert not [name for name in locked("base") if name.startswith(apart)]
    assert all(name.startswith(apart) for name in locked("torch"))


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        source.rstrip("/")
        for stage in STAGES.values()
        for step in stage.steps
        if step.keyword == "COPY" and "from" not in step.options
        for source in step.words[:-1]
    }
    assert {re.sub(r"[a-z]+\.txt$", "*.txt", source) for source in copied} == let_in


def test_the_image_tells_our_version() -> None:
    labels = [step.value for step in STAGES["runtime"].steps if step.keyword == "LABEL"]
    assert f'org.opencontainers.image.version="{__version__}"' in labels[0]


@pytest.fixture
def stalled() -> list[float]:
    """Seconds for which the run loop has hung; a test may change it."""
    return [0.0]


@pytest.fixture
def server(stalled: list[float]) -> Iterator[WebServer]:
    app = build_health(dict, lambda: stalled[0])
    server = WebServer(
        app, "127.0.0.1", 0, ConfigWatcher(None, Metrics(CollectorRegistry(), (0.5,)).web)
    )
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("target", TARGETS)
def test_the_health_check_tells_a_living_daemon_from_one_that_hangs(
    target: str, server: WebServer, stalled: list[float]
) -> None:
    words = health_command(STAGES, target)
    assert words[0] == "python"
    script = words[-1].replace("http://127.0.0.1:9465", server.url)
    assert script != words[-1]
    check = [sys.executable, *words[1:-1], script]
    assert subprocess.run(check).returncode == 0
    stalled[0] = 400.0
    assert subprocess.run(check, stderr=subprocess.DEVNULL).returncode != 0
