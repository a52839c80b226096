"""The metrics of a real, populated daemon, as the official tools read them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from monitor.config.file import load
from monitor.daemon.assembly.daemon import build
from monitor.daemon.loop import Daemon
from monitor.metrics.segments import Shown
from monitor.stream.columns import Columns
from monitor.stream.records import ChannelDrift, Estimate, Partition, Record
from monitor.web.exposition import Exposition
from tests.models import bundles
from tests.monitor.web.site import PARTITIONS, ask, metrics_of_many_partitions
from tests.pace import is_within

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4"}
CONFIG = """\
model: ./model
shadow: ./shadow
kafka: {topic: images, bootstrap_servers: "127.0.0.1:1"}
codec: {name: raw}
http: {port: 0}
retraining:
  receivers:
    - {name: team, kind: http, url: "https://events.example.com/retraining"}
    - {name: trainer, kind: command, arguments: [/bin/true]}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with a shadow and two receivers that has scored records of 64 partitions."""
    folder = tmp_path_factory.mktemp("daemon")
    bundles.write(folder / "model")
    bundles.write(folder / "shadow", name="convolutional")
    (folder / "aead-monitor.yaml").write_text(CONFIG)
    made = build(load(str(folder / "aead-monitor.yaml")), threading.Event())
    populate(made)
    made.parts.web.start()
    yield made
    made.parts.web.stop()
    assert made.parts.state is not None
    made.parts.state.close()


def populate(daemon: Daemon) -> None:
    rng, metrics = np.random.default_rng(0), daemon.parts.metrics
    good = [
        Record("images", n % PARTITIONS, n, 1_700_000_000_000 + n, None, rng.random(64).tobytes())
        for n in range(3 * PARTITIONS)
    ]
    bad = [Record("images", 0, 1000, 1_700_000_001_000, None, b"bad")]
    metrics.show_model(daemon.model)
    metrics.count(daemon.parts.pipeline.step(Columns.of([*good, *bad])))
    nothing = Estimate(0.0, 0.0, 0.0)
    moved = ChannelDrift("heat", "input", "heat", "higher", nothing, 1, 21, 20, 1, 4.5, 0)
    metrics.show(replace(daemon.parts.pipeline.judge.verdict, channels=(moved,)))
    metrics.lag.now = lambda: {Partition("images", n): (n, 0.5) for n in range(PARTITIONS)}
    partitions = {Partition("images", n) for n in range(PARTITIONS)}
    metrics.show_clocks(partitions, set(), dict.fromkeys(partitions, 0.0))
    metrics.model.swapped_after(0.01)
    metrics.segments.show({"camera-1": Shown(True, False, 1.5, 1_700_000_000.0, 10)})


def port(daemon: Daemon) -> int:
    return int(daemon.parts.web.url.rsplit(":", 1)[1])


def test_openmetrics_is_accepted_by_the_official_parser(daemon: Daemon) -> None:
    _, text, headers = ask(port(daemon), headers=OPENMETRICS)
    assert headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name: family for family in parse(text.decode())}
    assert families.keys() == {f.name for f in daemon.parts.metrics.registry.collect()}
    # The clock of a process has no series where there is no /proc.
    empty = {n for n, f in families.items() if not f.samples and n.startswith("aead_monitor_")}
    assert empty == set(), "not populated"
    assert len(families["aead_monitor_consumer_lag_records"].samples) == PARTITIONS


def test_promtool_has_no_complaint(daemon: Daemon) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: make setup-test"
    _, text, _ = ask(port(daemon))
    said = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_promtool_would_complain(daemon: Daemon) -> None:
    _, text, _ = ask(port(daemon))
    worse = text.replace(b"aead_monitor_rows_scored_total", b"aead_monitor_rows_scored")
    said = subprocess.run(["promtool", "check", "metrics"], input=worse, capture_output=True)
    assert said.returncode != 0
    assert b"_total" in said.stdout + said.stderr


@pytest.mark.parametrize(
    "accept", ["", "text/plain;version=x", "application/openmetrics-text;version=1..0", "a;b=c,;"]
)
def test_whoever_asks_for_nonsense_gets_the_plain_form(daemon: Daemon, accept: str) -> None:
    status, _, headers = ask(port(daemon), headers={"Accept": accept})
    assert status == 200
    assert headers["content-type"].startswith("text/plain")


def test_those_who_ask_at_once_share_a_rendering_that_began_after_they_asked() -> None:
    renderings: list[int] = []

    def encode(registry: CollectorRegistry) -> bytes:
        renderings.append(len(renderings))
        time.sleep(0.02)
        return b"%d" % renderings[-1]

    async def rush() -> list[bytes]:
        exposition = Exposition(CollectorRegistry())
        first = asyncio.create_task(exposition.text(encode, "text"))
        await asyncio.sleep(0.005)
        late = [asyncio.create_task(exposition.text(encode, "text")) for _ in range(20)]
        return [await first, *await asyncio.gather(*late)]

    assert asyncio.run(rush()) == [b"0"] + [b"1"] * 20


def test_a_rendering_that_fails_is_not_shared() -> None:
    texts = iter([RuntimeError("no"), b"good"])

    def encode(registry: CollectorRegistry) -> bytes:
        text = next(texts)
        if isinstance(text, Exception):
            raise text
        return text

    async def rush() -> list[object]:
        exposition = Exposition(CollectorRegistry())
        asking = [exposition.text(encode, "text") for _ in range(2)]
        return list(await asyncio.gather(*asking, return_exceptions=True))

    failed, good = asyncio.run(rush())
    assert isinstance(failed, RuntimeError)
    assert good == b"good"


def test_rendering_64_partitions_takes_little_of_the_run_loops_time() -> None:
    """A fortieth of a second on a quiet machine: it shares one interpreter with the run loop."""
    metrics = metrics_of_many_partitions()
    assert is_within(0.55, lambda: generate_latest(metrics.registry))


def test_the_file_of_the_web_server_is_checked_beforehand(tmp_path: Path) -> None:
    from monitor.cli import main

    bundles.write(tmp_path / "model")
    path, web = tmp_path / "aead-monitor.yaml", tmp_path / "web.yml"
    path.write_text(
        "model: ./model\nkafka: {topic: in}\ncodec: {name: raw}\nhttp: {web_config_file: web.yml}\n"
    )
    web.write_text("nonsense: 1\n")
    assert main(["check-config", str(path)]) == 2
    assert main(["run", "--config", str(path)]) == 2
    web.write_text("http_server_config: {http2: false}\n")
    assert main(["check-config", str(path)]) == 0
    other = tmp_path / "other.yml"
    other.write_text("nonsense: 1\n")
    assert main(["check-config", str(path), "--web.config.file", str(other)]) == 2
