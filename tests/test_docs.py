"""The documentation tells the truth: links, commands, configurations, metric names."""

import re
from pathlib import Path

import pytest

from monitor.cli import parser
from monitor.codecs import CODECS
from monitor.config.file import load
from tests import durations
from tests.monitor.metrics.metrics_table import page
from tests.monitor.receivers.sections import KINDS
from tests.readme import ROOT, TEXT, commands, configurations

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_every_link_to_a_file_resolves(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    missing = [x for x in links if "://" not in x and not (path.parent / x).exists()]
    assert not missing


def test_the_readme_shows_every_command_that_a_newcomer_needs() -> None:
    shown = {arguments[0] for arguments in commands("aead-monitor")}
    assert shown == {
        "check-data", "train", "score", "evaluate", "simulate", "check-config", "replay", "run",
        "produce", "episodes", "report", "requests", "retrain", "models",
    }  # fmt: skip
    assert [arguments[0] for arguments in commands("make")] == ["demo", "test"]


@pytest.mark.parametrize("arguments", commands("aead-monitor"), ids=" ".join)
def test_every_command_of_the_readme_is_understood(arguments: list[str]) -> None:
    assert parser().parse_args(arguments)


@pytest.mark.parametrize("text", configurations(), ids=["short", "long"])
def test_every_configuration_of_the_readme_is_valid(text: str, tmp_path: Path) -> None:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text(text)
    assert load(str(path))


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_pages_name_only_metrics_that_exist(path: Path) -> None:
    known = set(re.findall(r"aead_monitor_[a-z_]+", page()))
    # Behind a colon it is part of a recorded series: tests/deploy/ looks after those.
    named = set(re.findall(r"(?<!:)aead_monitor_[a-z_]+", path.read_text(encoding="utf-8")))
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} - {"aead_monitor_"} <= (
        known
    )


def test_the_readme_explains_every_state() -> None:
    for state in ("learning", "ok", "pending", "firing"):
        assert f"| `{state}` |" in TEXT


@pytest.mark.parametrize("name", CODECS)
def test_the_readme_names_every_codec(name: str) -> None:
    (line,) = [line for line in TEXT.splitlines() if "(PNG, JPEG, " in line]
    assert re.search(rf"\b{name}\b", line), f"README.md: name codec {name!r} beside codec.name"


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_names_every_receiver(kind: str) -> None:
    (line,) = [line for line in TEXT.splitlines() if "# who is told" in line]
    assert kind in line, f"README.md: name receiver {kind!r} beside receivers"


def test_contributing_names_places_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:monitor|models|tests|deploy|docs)/[\w./-]*)`", text))
    assert len(paths) > 40
    assert not [path for path in paths if "NAME" not in path and not (ROOT / path).exists()]


def test_make_lists_its_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "check", "docs", "experiments", "bench-drift"):
        assert re.search(rf"^{target}:.*##", makefile, flags=re.MULTILINE), target


def test_the_architecture_says_what_every_room_is_for() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "monitor").glob("*/__init__.py")}
    assert {room for room in rooms if f"**{room}/**" not in text} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_pages_name_only_files_of_ours_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # A name that goes on with a star or a bracket stands for several.
    ours = r"(?<![\w/.-])((?:monitor|models|tests|deploy|examples)/[\w/.-]+)(?![\w/.*{@-])"
    names = {name.rstrip(".") for name in re.findall(ours, text)}
    names = {name for name in names if "NAME" not in name and "/secrets.d" not in name}
    assert {name for name in names if not (ROOT / name).exists()} == set()


def test_the_durations_name_only_files_that_exist() -> None:
    known = durations.recorded()
    paths = {*known["files"], *(name.partition("::")[0] for name in known["slow"])}
    assert {path for path in paths if not (ROOT / path).is_file()} == set(), "make durations"
