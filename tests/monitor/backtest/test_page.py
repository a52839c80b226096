"""The page of a replay: one file that needs nothing else, and tells what there is to tell."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from models.recipe import train
from models.settings import TrainingSettings
from tests.data import digit_images
from tests.monitor.backtest.streams import (
    FIRST,
    NAMES,
    RATE,
    REPAIRED,
    SECOND,
    changes_of,
    configured,
    drifting,
    replayed,
    rows,
)

LOADS = re.compile(r"(?:src|href|action|data|poster)$")


class Page(HTMLParser):
    """What is in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.said = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if LOADS.search(name)]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def changed(config: Path, **more: Any) -> Path:
    """With other settings at the top."""
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **more}))
    return config


def page_of(folder: Path, *words: object) -> Page:
    replayed(folder, *words)
    return Page((folder / "out" / "replay.html").read_text())


def test_it_loads_nothing_and_has_no_script(plant: Path, data: Path, tmp_path: Path) -> None:
    config = changed(configured(tmp_path, plant, "standard"), evidence="records")
    changes = changes_of(tmp_path / "c.csv", "begin,end,name", f"{FIRST},{REPAIRED},hot")
    page = page_of(
        tmp_path, "--config", config, "--data", data, "--rate", RATE, "--changes", changes,
        "--grid", "tolerance=0.05,0.1",
    )  # fmt: skip
    assert page.loaded == []
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    assert "svg" in page.tags
    text = (tmp_path / "out" / "replay.html").read_text()
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import", text)


def test_it_says_what_was_found_with_channels_records_and_their_rows(
    plant: Path, data: Path, tmp_path: Path
) -> None:
    config = changed(configured(tmp_path, plant, "standard"), evidence="records")
    changes = changes_of(
        tmp_path / "c.csv", "begin,end,name", f"{FIRST},{REPAIRED},hot", f"{SECOND},,stuck"
    )
    words = ["--config", config, "--data", data, "--rate", RATE, "--changes", changes]
    found = replayed(tmp_path, *words)
    page = Page((tmp_path / "out" / "replay.html").read_text())
    assert "2 alarms in 23,000 records" in page.said
    for alert in found["alerts"]:
        assert alert["verdict"]["explanation"] in page.said
    for channel in found["alerts"][0]["verdict"]["channels"]:
        assert channel["channel"] in page.said
    first = re.search(r"Its highest errors.*?row ([0-9,]+)", page.said)
    assert first is not None
    row = int(first[1].replace(",", ""))
    assert FIRST <= row < REPAIRED
    assert f"{drifting()[row, 0]:.3g}" in page.said
    delay = found["true_changes"]["changes"][0]["delay_records"]
    assert f"hot 6,000 {delay:,}" in page.said
    assert "2 found, 0 missed" in page.said


def test_what_records_hold_is_told_only_with_evidence_of_records(
    plant: Path, data: Path, tmp_path: Path
) -> None:
    words = ["--data", data, "--rate", RATE]
    told = {}
    for mode in ("off", "scores", "records"):
        config = changed(configured(tmp_path, plant, "off"), evidence=mode)
        told[mode] = page_of(tmp_path, "--config", config, *words).said
    assert "highest errors" not in told["off"]
    assert "temperature" in told["scores"]
    assert "expected" not in told["scores"]
    assert "expected" in told["records"]
    assert "With evidence: records in the configuration" in told["scores"]


def test_text_from_elsewhere_is_text(plant: Path, data: Path, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\u202e"
    changes = changes_of(tmp_path / "c.csv", "begin,end,name", f'100,200,"{hostile}"')
    config = configured(tmp_path, plant, "off")
    page = page_of(tmp_path, "--config", config, "--data", data, "--changes", changes)
    assert "script" not in page.tags
    assert "<script>alert(1)</script>\\u202e" in page.said


def test_alarms_while_a_planned_mute_is_in_force_are_marked(
    plant: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mute = {
        "name": "cleaning", "reason": "lenses",
        "from": "2023-11-14T22:15:00Z", "to": "2023-11-14T22:16:00Z",
    }  # fmt: skip
    config = changed(configured(tmp_path, plant, "off"), mutes=[mute])
    found = replayed(tmp_path, "--config", config, "--data", data, "--rate", RATE)
    muted = [(c["event"], c.get("muted")) for c in found["state_changes"] if c["episode"]]
    assert muted[:2] == [("firing", "cleaning"), ("resolved", None)]
    printed = capsys.readouterr().out
    assert "(muted: cleaning)" in printed
    assert "as if nothing was muted" in printed
    assert "(muted: cleaning)" in Page((tmp_path / "out" / "replay.html").read_text()).said


def test_a_quiet_stream_has_no_alarm(plant: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", rows(5, 700))
    config = configured(tmp_path, plant, "off")
    page = page_of(tmp_path, "--config", config, "--data", tmp_path / "x.npy")
    assert "0 alarms" in page.said
    assert "No alarm." in page.said
    assert all(name in page.said for name in NAMES)


def test_pictures_are_in_the_page(tmp_path: Path) -> None:
    images = digit_images()
    train(images[:1000], tmp_path / "model", TrainingSettings(epochs=2, device="cpu"))
    np.save(tmp_path / "x.npy", images[1000:1200])
    config = changed(configured(tmp_path, tmp_path / "model", "off"), evidence="records")
    page = page_of(tmp_path, "--config", config, "--data", tmp_path / "x.npy")
    assert page.tags.count("img") == len(page.loaded) > 0
    assert all(address.startswith("data:image/png;base64,") for address in page.loaded)
