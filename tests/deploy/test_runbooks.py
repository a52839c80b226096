"""The runbooks: one for each alert, and nothing in them that does not exist."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from monitor.cli import parser
from monitor.config import Config
from monitor.web.app import build_app
from tests.deploy.rules import ROOT, alerts, unknown

FOLDER = ROOT / "docs" / "runbooks"
INDEX = FOLDER / "README.md"
RUNBOOKS = sorted(set(FOLDER.glob("*.md")) - {INDEX})
PAGES = [INDEX, *RUNBOOKS]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SECTIONS = ["What it means", "How to look", "What to do", "When to ignore"]
TOOLS = (
    "aead-monitor", "curl", "kubectl", "docker", "make", "amtool", "promtool", "df",
    "kafka-topics.sh", "kafka-configs.sh", "kafka-get-offsets.sh", "kafka-console-consumer.sh",
    "kafka-consumer-groups.sh", "kafka-broker-api-versions.sh",
)  # fmt: skip
"""Programs that a line of a runbook may begin with; any other line is a query."""
SETTING = re.compile(r"`([a-z_]+(?:\.[a-z_]+)+)(?:: [^`]*)?`")
FILES = (".yaml", ".yml", ".json", ".md", ".png", ".sh")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_lines(page: Path) -> list[str]:
    return [line.strip() for line in re.findall(r"^ {4,}(\S.*)$", text_of(page), re.MULTILINE)]


def commands(page: Path, program: str) -> list[str]:
    """Lines and inline code that begin with this program."""
    inline = re.findall(r"`([^`\n]+)`", text_of(page))
    return [x for x in (*code_lines(page), *inline) if re.match(rf"{program}( |$)", x)]


def queries(page: Path) -> list[str]:
    return [line for line in code_lines(page) if line.split()[0] not in TOOLS]


def anchors(page: Path) -> set[str]:
    """What a link may name after #, as GitHub makes it of the headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@cache
def source() -> str:
    """All of the daemon's code."""
    return "\n".join(text_of(path) for path in sorted((ROOT / "monitor").rglob("*.py")))


@cache
def settings(model: type[BaseModel] = Config, prefix: str = "") -> set[str]:
    """Every key of the configuration."""
    found = set()
    for name, field in model.model_fields.items():
        found.add(prefix + name)
        for inner in sections(field.annotation):
            found |= settings(inner, f"{prefix}{name}.")
    return found


def sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in getattr(annotation, "__args__", ()) for found in sections(inner)]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert {page.stem for page in RUNBOOKS} == set(alerts())


def test_the_index_lists_all_with_their_severity() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", text_of(INDEX), re.MULTILINE)
    assert [(name, name, alerts()[name]["labels"]["severity"]) for name, _, _ in rows] == rows
    assert {name for name, _, _ in rows} == set(alerts())


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_every_runbook_answers_the_same_questions_in_the_same_order(page: Path) -> None:
    text = text_of(page)
    severity = alerts()[page.stem]["labels"]["severity"].capitalize()
    assert text.startswith(f"# {page.stem}\n\n{severity}. ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    for body in re.split(r"^## .+$", text, flags=re.MULTILINE):
        assert body.strip()


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_every_runbook_shows_a_command_and_a_query(page: Path) -> None:
    assert queries(page)
    assert any(commands(page, tool) for tool in TOOLS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_query_can_be_asked_and_names_what_is_exported(page: Path) -> None:
    for query in queries(page):
        assert promql.parse(query)
        assert unknown(query) == [], query


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_is_understood_with_its_options(page: Path) -> None:
    for command in commands(page, "aead-monitor"):
        arguments = shlex.split(command, comments=True)[1:]
        if len(arguments) > 2 or command in code_lines(page):
            assert parser().parse_args(arguments), command
        else:  # a command that a sentence speaks of
            with pytest.raises(SystemExit) as shown:
                parser().parse_args([*arguments, "--help"])
            assert shown.value.code == 0, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_address_that_is_asked_is_served(page: Path) -> None:
    app = build_app(CollectorRegistry(), dict)
    served = {getattr(route, "path", "") for route in app.routes}
    asked = re.findall(r"http://daemon:9464(/[\w/-]+)", text_of(page))
    asked += re.findall(r"`(/(?:-|api)/\w+)`", text_of(page))
    assert set(asked) <= served


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    named = {name for name in SETTING.findall(text_of(page)) if not name.endswith(FILES)}
    topics = {name for name in named if name.startswith("images.")}
    of_kafka = {"retention.ms"}
    assert named - topics - of_kafka <= settings()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_log_line_that_is_quoted_is_written_by_the_daemon(page: Path) -> None:
    for line in re.findall(r"log line `([^`]+)`", text_of(page)):
        assert f'"{line}"' in source()


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.stem)
def test_every_link_within_the_documentation_resolves(page: Path) -> None:
    """Files and headings; what is on other machines is not asked for."""
    for link in re.findall(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)", text_of(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_links_of_the_alerts_lead_to_these_pages() -> None:
    for name, rule in alerts().items():
        assert (FOLDER / rule["annotations"]["runbook_url"].rsplit("/", 1)[1]) == (
            FOLDER / f"{name}.md"
        )


def test_what_is_wrong_would_be_noticed() -> None:
    assert "kafka.topic" in settings()
    assert "kafka.topics" not in settings()
    assert "when-not-to-retrain" in anchors(ROOT / "docs" / "retraining.md")
