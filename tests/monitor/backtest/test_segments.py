"""Segments in a backtest: what the daemon says of them that read the same records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from models.description import Description
from models.recipe import train
from models.settings import TrainingSettings
from models.windows import Window, windows_of
from monitor.backtest.backtest import Backtest
from monitor.backtest.topic_past import TopicPast, plan
from monitor.backtest.watched_segments import Asked
from monitor.config import file as config_file
from monitor.retraining.past_episode import episode_json
from monitor.stream.records import Record
from tests.monitor.backtest.streams import (
    GONE,
    HOTTER,
    RATE,
    changes_of,
    configured,
    lines_of,
    replayed,
    rows,
    valid,
)
from tests.monitor.backtest.streams import (
    table_of_lines as table,
)
from tests.monitor.backtest.test_as_the_daemon import alerts, sent, watched
from tests.monitor.backtest.test_page import page_of
from tests.monitor.backtest.test_topic import Log

Refused = Callable[..., str]


def segmented(folder: Path, plant: Path, channels: str = "off", by: str = "key", **drift: Any
) -> Path:  # fmt: skip
    config = configured(folder, plant, channels, **drift)
    text = {**yaml.safe_load(config.read_text()), "segments": {"by": by, "at_most": 10}}
    config.write_text(yaml.safe_dump(text))
    return config


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(tmp_path_factory.mktemp("lines") / "lines.csv", *lines_of())


def without(found: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{k: v for k, v in each.items() if k not in names} for each in found]


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_what_is_said_of_segments_is_what_the_daemon_says_byte_by_byte(
    channels: str, plant: Path, data: Path, tmp_path: Path
) -> None:
    config = segmented(tmp_path, plant, channels)
    values, lines = lines_of()
    daemon, sink = watched(config, sent(values, [line.encode() for line in lines]))
    words = ["--data", data, "--rate", RATE, "--segment-column", "line"]
    found = valid(replayed(tmp_path, "--config", config, *words))
    published = [json.dumps(each, separators=(",", ":")).encode() for each in found["alerts"]]
    # In which order alerts of the whole and of segments leave depends on the daemon's batches.
    assert sorted(published) == sorted(alerts(sink))
    told = [(a["segment"], a["event"]) for a in found["alerts"] if "segment" in a]
    assert told[:2] == [("line-3", "firing"), ("line-4", "silent")]
    assert {name for name, _ in told} == {"line-3", "line-4"}
    history = daemon.parts.pipeline.segmented.history
    of_segments = found["segments"]
    assert without(of_segments["state_changes"], "records")[-50:] == history.changes
    assert without(of_segments["episodes"], "fired_after", "ended_after") == [
        json.loads(json.dumps(episode_json(each))) for each in history.episodes
    ]
    assert found["segments"]["column"] == "line"
    assert found["alarms"]["of_segments"] == len(history.episodes)
    whole = [c for c in found["state_changes"] if c["event"] == "firing"]
    assert found["alarms"]["count"] == len(whole) + len(history.episodes)


def test_the_whole_memory_is_that_of_the_daemon(plant: Path, data: Path, tmp_path: Path) -> None:
    config = segmented(tmp_path, plant)
    values, lines = lines_of()
    daemon, _ = watched(config, sent(values, [line.encode() for line in lines]))
    backtest = Backtest(config_file.load(str(config)), payloads=True)
    log = Log(*sent(values, [line.encode() for line in lines]))
    log.partitions_of = lambda topic: sorted(log.kept)  # type: ignore[method-assign]
    result = backtest.run(TopicPast(log, plan(log, "plant", None, None)))
    daemon.parts.pipeline.rest()
    assert backtest.pipeline.memory() == daemon.parts.pipeline.memory()
    assert backtest.segments is not None
    fired = [n for n in result.judged.of_segments if n.event == "firing"]
    assert HOTTER < fired[0].records < HOTTER + 8000


def test_how_records_come_in_batches_changes_nothing(
    plant: Path, data: Path, tmp_path: Path
) -> None:
    found = []
    for batch in (64, 500, 2048):
        config = segmented(tmp_path, plant)
        text = yaml.safe_load(config.read_text())
        text["batch"]["max_records"] = batch
        config.write_text(yaml.safe_dump(text))
        words = ["--data", data, "--rate", RATE, "--segment-column", "line"]
        found.append(replayed(tmp_path, "--config", config, *words))
    assert found[0] == found[1] == found[2]


def test_each_combination_of_a_grid_judges_segments_too(
    plant: Path, data: Path, tmp_path: Path
) -> None:
    config = segmented(tmp_path, plant)
    words = ["--data", data, "--rate", RATE, "--segment-column", "line"]
    grid = ["--grid", "false-alarms=1 per 1e6 records,1 per 1e4 records", "tolerance=0.05,0.9"]
    found = valid(replayed(tmp_path, "--config", config, *words, *grid))
    for row in found["grid"]:
        drift = {"false_alarms": row["false_alarms"], "tolerance": row["tolerance"]}
        alone = segmented(tmp_path, plant, **drift)
        own = replayed(tmp_path, "--config", alone, *words)
        assert row["alarms"] == own["alarms"]["count"]
        assert row["passing_suspicions"] == own["alarms"]["passing_suspicions"]
    assert len({row["alarms"] for row in found["grid"]}) > 1


def test_a_true_change_may_be_of_one_segment(
    plant: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = segmented(tmp_path, plant)
    changes = changes_of(
        tmp_path / "changes.csv",
        "begin,end,name,segment", f"{HOTTER},,hot,line-3", "30000,31000,nothing,line-1",
        f"{GONE},,gone,line-4",
    )  # fmt: skip
    words = ["--data", data, "--rate", RATE, "--segment-column", "line", "--changes", changes]
    found = valid(replayed(tmp_path, "--config", config, *words))
    hot, nothing, gone = found["true_changes"]["changes"]
    assert (hot["fate"], hot["segment"]) == ("found", "line-3")
    assert nothing["fate"] in ("missed", "in alarm")
    assert (gone["fate"], gone["alarm"]["event"]) == ("found", "silent")
    assert gone["alarm"]["segment"] == "line-4"
    printed = capsys.readouterr().out
    assert "by segment line-4" in printed
    assert "1 silent at the end (line-4)" in printed


def test_without_segments_the_whole_is_judged_as_beside_them(
    plant: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = segmented(tmp_path, plant)
    words = ["--config", config, "--data", data, "--rate", RATE]
    with_them = replayed(tmp_path, *words, "--segment-column", "line")
    capsys.readouterr()
    found = valid(replayed(tmp_path, *words, "--no-segments"))
    assert found["segments"] is None
    assert found["state_changes"] == with_them["state_changes"]
    assert found["alarms"]["of_segments"] == 0
    assert "note         segments were left out" in capsys.readouterr().out


def test_the_field_of_payloads_is_the_column_of_that_name(plant: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "x.csv", rows(5, 60), ["a", "b", ""] * 20, "plant.line")
    config = segmented(tmp_path, plant, by="field:plant.line")
    config.write_text(config.read_text().replace("name: raw", "name: json"))
    found = replayed(tmp_path, "--config", config, "--data", path)
    names = [each["name"] for each in found["segments"]["segments"]]
    assert names == ["(none)", "a", "b"]
    assert found["segments"]["column"] == "plant.line"


def test_the_series_of_a_model_of_windows_are_its_segments_by_key(tmp_path: Path) -> None:
    window, rng = Window(8, 2, "machine"), np.random.default_rng(0)
    steps = rng.normal(size=(900, 2)).astype(np.float32)
    described = Description(layout="series", window=window)
    made, _ = windows_of(steps, window)
    train(made, tmp_path / "model", TrainingSettings(epochs=1), described=described)
    lines = [f"{'ab'[i % 2]},{float(x)!r},{float(y)!r}" for i, (x, y) in enumerate(steps)]
    (tmp_path / "steps.csv").write_text("\n".join(["machine,0,1", *lines]) + "\n")
    config = segmented(tmp_path, tmp_path / "model")
    words = ["--data", tmp_path / "steps.csv", "--by-position", "--header", "yes"]
    found = replayed(tmp_path, "--config", config, *words)["segments"]
    assert found["column"] == "machine"
    assert [each["name"] for each in found["segments"]] == ["a", "b"]
    assert sum(each["rows"] for each in found["segments"]) < len(steps) / 2 + 1


@pytest.mark.parametrize(
    ("by", "words", "said"),
    [
        ("key", [], "segments.by is key, which rows of a file do not have"),
        ("header:camera", [], "--segment-column NAME), or judge none (--no-segments)"),
        ("key", ["--segment-column", "nosuch"], "no column 'nosuch', which says of which segment"),
        ("key", ["--segment-column", ""], "--segment-column: is empty"),
        ("key", ["--segment-column", "line", "--no-segments"], "give one of them"),
        (None, ["--segment-column", "line"], "the configuration has no segments"),
    ],
)
def test_what_cannot_name_segments_is_refused(
    by: str | None, words: list[str], said: str, plant: Path, tmp_path: Path, refused: Refused
) -> None:
    path = table(tmp_path / "x.csv", rows(5, 30), ["a"] * 30)
    config = segmented(tmp_path, plant, by=by or "key")
    if by is None:
        config = configured(tmp_path, plant, "off")
    extra = ["--drop", "line"] if "line" not in words else []
    assert said in refused("replay", "--config", config, "--data", path, *words, *extra)


def test_an_array_has_no_column_of_segments(plant: Path, tmp_path: Path, refused: Refused) -> None:
    np.save(tmp_path / "x.npy", rows(5, 30))
    config = segmented(tmp_path, plant)
    words = ["--config", config, "--data", tmp_path / "x.npy", "--segment-column", "line"]
    assert "no column 'line', which says of which segment" in refused("replay", *words)


def test_of_a_topic_no_column_names_them(plant: Path, tmp_path: Path, refused: Refused) -> None:
    config = segmented(tmp_path, plant)
    words = ["--config", config, "--topic", "--segment-column", "line"]
    assert "--segment-column is for --data" in refused("replay", *words)


def test_the_page_shows_segments_and_records_of_the_one_in_drift(
    plant: Path, data: Path, tmp_path: Path
) -> None:
    config = segmented(tmp_path, plant, "standard")
    text = {**yaml.safe_load(config.read_text()), "evidence": "records"}
    config.write_text(yaml.safe_dump(text))
    words = ["--data", data, "--rate", RATE, "--segment-column", "line"]
    page = page_of(tmp_path, "--config", config, *words)
    assert "5 were seen, 3 of them without an alarm" in page.said
    assert "its last record (UTC)" in page.said
    assert "segment line-4 is silent" in page.said
    hot = page.said.split("Alarm 1, after")[1].split("Alarm 2, after")[0]
    assert "segment line-3" in hot
    assert hot.count(", segment line-3") >= 3
    assert "segment line-1" not in hot


def test_names_of_segments_are_text(plant: Path, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\u202e"
    path = table(tmp_path / "x.csv", rows(5, 60), [hostile] * 60)
    config = segmented(tmp_path, plant)
    page = page_of(tmp_path, "--config", config, "--data", path, "--segment-column", "line")
    assert "script" not in page.tags
    assert "<script>alert(1)</script>\\u202e" in page.said


def of_partitions(stopped: int, count: int) -> list[Record]:
    """Four cameras, a second apart, each in a partition of its own; the last one stops."""
    values = rows(3, 4 * count)
    return [
        Record(
            "t", p, i, 1_700_000_000_000 + 1000 * i, b"camera-%d" % p, values[4 * i + p].tobytes()
        )
        for i in range(count)
        for p in range(4)
        if p < 3 or i < stopped
    ]


def test_a_camera_that_stops_in_a_partition_of_its_own_is_told(plant: Path, tmp_path: Path) -> None:
    config = config_file.load(str(segmented(tmp_path, plant)))
    log = Log(*of_partitions(1000, 3000))
    result = Backtest(config, payloads=True).run(TopicPast(log, plan(log, "t", None, None)))
    (silent,) = [n for n in result.judged.of_segments if n.event == "silent"]
    assert silent.change.verdict.segment == "camera-3"
    assert "nor of anything else in its partition" in silent.change.verdict.explanation
    assert 4000 < silent.records < 4000 + 3 * 300
    assert Backtest(config, payloads=True, asked=Asked(left_out=True)).segments is None


def test_all_that_send_are_not_silent(plant: Path, tmp_path: Path) -> None:
    config = config_file.load(str(segmented(tmp_path, plant)))
    log = Log(*of_partitions(3000, 3000))
    result = Backtest(config, payloads=True).run(TopicPast(log, plan(log, "t", None, None)))
    assert [n.event for n in result.judged.of_segments if n.change.alert is not None] == []
    assert [each["rows"] for each in (result.segments or {})["segments"]] == [3000] * 4
