"""The README, word for word, in one shell, in an environment of its own, on a real broker."""

import json
import urllib.request
from pathlib import Path

import numpy as np
import promql_parser
import pytest

from tests.data import digit_images
from tests.kafka import kafkacat
from tests.kafka.broker import Broker
from tests.kafka.process import wait_until
from tests.kafka.readme_shell import shell
from tests.kafka.topics import TopicFactory
from tests.readme import Block, blocks

QUERIES = "aead_monitor_drift_state{"
NOT_RUN = {
    "make demo": "it installs everything anew; test_demo.py plays the same demo",
    "make test": "it runs all tests, this one included",
    "pip install uv": "it asks PyTorch's own index; tests stay on this machine",
    "model: ./model\ndevice: auto": "it shows all sections; tests/test_docs.py loads it",
    QUERIES: "for Prometheus, not for a shell; they are parsed below",
}
"""How a block begins that is not run, and why. Every other block is."""
RECENT = 9000


def is_run(block: Block) -> bool:
    return not block.text.startswith(tuple(NOT_RUN))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the files that the README takes for given."""
    images, rng = digit_images(), np.random.default_rng(0)
    normal, others = images[:500], images[500:]
    recent = 255 - 0.6 * np.resize(others, (RECENT, 8, 8)) + rng.normal(0, 6, (RECENT, 8, 8))
    np.save(tmp_path / "normal.npy", normal)
    np.save(tmp_path / "recent.npy", recent.clip(0, 255).astype(np.uint8))
    np.save(tmp_path / "holdout.npy", others[:200])
    np.save(tmp_path / "faults.npy", 255 - others[:100])
    readings = np.cumsum(rng.normal(size=(300, 3)), axis=0)
    np.savetxt(tmp_path / "readings.csv", readings, delimiter=",", header="a,b,c", comments="")
    return tmp_path


@pytest.mark.timeout(1200)
def test_the_readme_works_as_it_is_written(
    place: Path, broker: Broker, topic: TopicFactory
) -> None:
    topic.create("images")
    with shell(place, broker.bootstrap_servers) as user:
        for block in filter(is_run, blocks()):
            if block.language == "yaml":
                (place / "aead-monitor.yaml").write_text(block.text)
                continue
            sends = "aead-monitor produce" in block.text
            if sends:  # the daemon began long ago where somebody types
                wait_until(lambda: '"event": "reading"' in said(place), 90, lambda: said(place))
            print(user.type(block.text))
            if sends:
                wait_until(lambda: found(place), 90, lambda: said(place))
        assert user.type("type -P aead-monitor") == f"{place}/.venv/bin/aead-monitor\n\n"
        assert "-F _shtab_aead_monitor aead-monitor" in user.type("complete -p aead-monitor")
        user.type("kill $daemon; wait $daemon")
    for path in ("model/README.md", "readings-model/README.md", "scores.csv", "top.png",
                 "evaluation/evaluation.json", "simulation/simulation.png"):  # fmt: skip
        assert (place / path).stat().st_size > 0
    assert len(kafkacat.consume(broker.bootstrap_servers, "images")) == RECENT
    assert json.loads((place / "result/report.json").read_text())["passed"]
    versions = {name: version(place / name) for name in ("model", "result/bundle")}
    aliases = json.loads((place / "registry/aliases.json").read_text())
    assert aliases["current"] == versions["model"]
    assert aliases["previous"] == versions["result/bundle"]


def version(bundle: Path) -> str:
    return str(json.loads((bundle / "bundle.json").read_text())["version"])


def said(place: Path) -> str:
    """What the daemon has logged so far."""
    log = place / "daemon.log"
    return log.read_text() if log.exists() else ""


def found(place: Path) -> bool:
    """Whether the daemon has scored all that was sent, and asks for another model."""
    lines = map(json.loads, said(place).splitlines())
    urls = [event["url"] for event in lines if "url" in event]
    if not urls or not list((place / "state" / "requests").glob("*.json")):
        return False
    with urllib.request.urlopen(f"{urls[0]}/api/status", timeout=5) as answer:
        partitions = json.load(answer).get("partitions", [])
    return sum(partition["scored"] for partition in partitions) == RECENT


def test_every_block_that_is_not_run_is_there() -> None:
    for beginning in NOT_RUN:
        assert sum(block.text.startswith(beginning) for block in blocks()) == 1, beginning
    assert {block.language for block in blocks()} == {"", "yaml"}


def test_every_query_can_be_asked() -> None:
    (text,) = [block.text for block in blocks() if block.text.startswith(QUERIES)]
    for query in text.splitlines():
        assert promql_parser.parse(query)


def test_blocks_are_found_however_they_are_set_apart() -> None:
    text = "Type\n\n    one\n    two\n\nor `three`\n\n```sh\nfour\n\n    five\n```\n\n\tsix\n"
    assert blocks(text) == [
        Block("", "one\ntwo\n"),
        Block("sh", "four\n\n    five\n"),
        Block("", "six\n"),
    ]
