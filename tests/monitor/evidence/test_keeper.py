"""Evidence on disk, what is kept of contents, and what happens when something goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor.evidence import folder, keeper
from monitor.evidence.folder import INDEX
from monitor.evidence.kept import FAILED, RESTART, SIZE, WAITING
from monitor.stream.columns import Columns
from monitor.stream.records import Record
from tests.monitor.builders import record, reference
from tests.monitor.evidence.watched import SaysValue, Watched, calm, drifted

LIMIT = reference().threshold
MARKER = 4321.0625


def stored(path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted((path / "evidence").iterdir()))


def test_what_is_kept_survives_a_restart(tmp_path: Path) -> None:
    first = Watched(tmp_path, "records")
    first.feed([*calm(20_000), 9 * LIMIT])
    first.feed(drifted(2000), start=20_001)
    first.look()
    first.close()
    second = Watched(tmp_path, "records")
    assert second.entries() == first.entries()
    assert {e["kind"] for e in second.entries()} == {"anomaly", "normal", "before", "after"}
    assert all(e["features"] for e in second.entries())


def test_a_restarted_daemon_goes_on_with_an_episode_that_fires(tmp_path: Path) -> None:
    first = Watched(tmp_path)
    first.feed(calm(20_000))
    at, fired = 20_000, False
    while not fired:
        (outcome,) = first.feed(drifted(100), start=at)
        fired = any(c.transition.event == "firing" for c in outcome.changes)
        at += 100
    assert not first.entries("after")
    first.close()
    second = Watched(tmp_path)
    second.pipeline.recall(first.pipeline.memory())
    second.feed(drifted(300), start=at)
    assert len(second.entries("after")) == 4
    assert min(second.offsets("after")) >= at


def test_it_is_written_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    subject = Watched(tmp_path)
    subject.feed([2 * LIMIT])
    assert not (tmp_path / "evidence").exists()
    subject.seconds += keeper.SAVE_SECONDS
    subject.feed([3 * LIMIT], start=1)
    assert subject.keeper._saving is not None
    subject.keeper._saving.result(timeout=10)
    assert len(json.loads((tmp_path / "evidence" / INDEX).read_text())["top"]) == 2
    subject.feed([4 * LIMIT], start=2)
    subject.close()
    assert len(json.loads((tmp_path / "evidence" / INDEX).read_text())["top"]) == 3
    assert (tmp_path / "evidence").stat().st_mode & 0o777 == 0o700


def test_scores_never_hold_contents(tmp_path: Path) -> None:
    subject = Watched(tmp_path, "scores")
    found = [
        Record(
            "in", 0, i, 5, b"MARKER-KEY", b"%r" % (MARKER if i % 2 else 1.5), ((f"{i}", b"HEAD"),)
        )
        for i in range(50)
    ]
    subject.send(found)
    subject.look()
    subject.close()
    told = json.dumps(subject.keeper.listed())
    # The error of this model is the value: what is told of it is the error, and no key.
    assert "MARKER-KEY" not in told and "HEAD" not in told
    assert b"MARKER-KEY" not in stored(tmp_path) and b"HEAD" not in stored(tmp_path)
    assert all(e["key"] is e["features"] is e["place"] is e["picture"] is None
               for e in subject.entries())  # fmt: skip
    assert all(e["left_out"] is None for e in subject.entries())
    assert all(kept.seen.sample is None for kept in subject.keeper._ring.rows.values())
    assert subject.explainer.looked == 0


def test_contents_of_before_are_gone_once_scores_are_wanted(tmp_path: Path) -> None:
    first = Watched(tmp_path, "records")
    first.send([record(i, 2 * LIMIT) for i in range(3)])
    first.look()
    first.close()
    assert b'"features": [{' in stored(tmp_path)
    second = Watched(tmp_path, "scores")
    assert len(second.entries("anomaly")) == 3
    assert all(e["features"] is None and e["key"] is None for e in second.entries())
    second.feed([3 * LIMIT], start=5)
    second.close()
    assert b'"features": [{' not in stored(tmp_path)


def test_rows_are_looked_at_at_the_rate_that_is_allowed(tmp_path: Path) -> None:
    subject = Watched(tmp_path, "records")
    subject.feed([2 * LIMIT] * 10)
    waiting = [e for e in subject.entries() if e["left_out"] == WAITING]
    assert len(waiting) == 10
    for batch in range(20):  # no time passes
        subject.feed([1.0], start=100 + batch)
    assert subject.explainer.looked == 2
    subject.seconds += 1.0
    subject.keeper.rest()
    subject.keeper.rest()
    subject.keeper.rest()
    assert subject.explainer.looked == 4
    subject.look()
    assert not [e for e in subject.entries() if e["left_out"]]
    assert all(kept.seen.sample is None for kept in subject.keeper._ring.rows.values())


def test_rows_that_nobody_looked_at_say_so_after_a_restart(tmp_path: Path) -> None:
    first = Watched(tmp_path, "records")
    first.feed([2 * LIMIT])
    first.close()
    (entry,) = Watched(tmp_path, "records").entries()
    assert entry["left_out"] == RESTART and entry["features"] is None


def test_a_pick_does_not_keep_its_batch(tmp_path: Path) -> None:
    subject = Watched(tmp_path, "records")
    subject.feed([*calm(2000), 2 * LIMIT], batch=2001)
    for kept in subject.keeper._ring.rows.values():
        assert kept.seen.sample is not None and kept.seen.sample.base is None


def test_a_full_disk_is_told_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    subject = Watched(tmp_path)
    with capture_logs() as logs, monkeypatch.context() as patched:
        patched.setattr(folder, "write_whole", full)
        for at in range(5):
            subject.feed([2 * LIMIT], start=at)
            subject.seconds += keeper.SAVE_SECONDS
            subject.keeper.rest()
            assert subject.keeper._saving is not None
            subject.keeper._saving.result(timeout=10)
    told = [each for each in logs if each["log_level"] == "warning"]
    assert len(told) == 1 and told[0]["error"] == "No space left on device"
    assert subject.keeper.trouble.count >= 4
    subject.close()
    assert len(Watched(tmp_path).entries()) == 5


def test_a_failing_explanation_is_told_once_without_what_the_row_holds(tmp_path: Path) -> None:
    subject = Watched(tmp_path, "records", explainer=SaysValue(fail=True))
    with capture_logs() as logs:
        subject.feed([MARKER, 2 * LIMIT])
        subject.look()
    assert {e["left_out"] for e in subject.entries()} == {FAILED}
    told = [each for each in logs if each["log_level"] == "warning"]
    assert len(told) == 1 and told[0]["error"] == "RuntimeError"
    assert str(MARKER) not in str(logs)


def test_a_failing_choice_leaves_the_scores_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Watched(tmp_path)

    def broken(*args: Any) -> None:
        raise MemoryError

    picker = subject.pipeline._picker
    assert picker is not None
    monkeypatch.setattr(picker, "_wanted", broken)
    with capture_logs() as logs:
        (outcome,) = subject.feed([2 * LIMIT, 1.0])
        subject.feed([2 * LIMIT, 1.0], start=2)
    assert len(outcome.anomalies) == 1 and outcome.picks == ()
    assert len([each for each in logs if each["log_level"] == "warning"]) == 1
    assert subject.keeper.trouble.count == 2


def test_a_large_row_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.evidence.sampling.SAMPLE_BYTES", 4)
    subject = Watched(tmp_path, "records")
    subject.feed([2 * LIMIT])
    assert [e["left_out"] for e in subject.entries()] == [SIZE]


HOSTILE = [
    b"", b"\x00\x1b[31m\n", b"\xff\xfe\x80", "<script>alert(1)</script>\u2028\u202e".encode(),
    b"=HYPERLINK(1)", b"k" * 100_000, b"../../x", b'"\\u0000',
    "\ud83d\ude00".encode("utf-8", "surrogatepass"),
]  # fmt: skip


def test_hostile_keys_are_bounded_text(tmp_path: Path) -> None:
    subject = Watched(tmp_path, "records")
    headers = (("\x00=\n", b"\xff" * 1000), ("__proto__", None))
    subject.send(
        [
            Record("in", 0, i, 2**62, key, b"%r" % (LIMIT * 2), headers)
            for i, key in enumerate(HOSTILE)
        ]
    )
    subject.look()
    subject.close()
    again = Watched(tmp_path, "records")
    assert again.entries() == subject.entries()
    keys = [e["key"] for e in again.entries("anomaly")]
    assert len(keys) == len(HOSTILE) and max(map(len, keys)) <= 256
    json.dumps(again.keeper.listed()).encode()
    assert sum(p.stat().st_size for p in (tmp_path / "evidence").iterdir()) < 2**16


def test_a_clock_that_is_set_back_stops_nothing(tmp_path: Path) -> None:
    subject = Watched(tmp_path)
    subject.feed(calm(100))
    subject.came -= 10**10
    subject.feed([*calm(100), 2 * LIMIT], start=100)
    assert len(subject.offsets("normal")) == 12
    assert not subject.keeper.trouble.count
    assert Columns.none().came(5).arrivals is None


def test_a_system_without_threads_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*args: Any) -> None:
        raise RuntimeError("can't start new thread")

    subject = Watched(tmp_path)
    monkeypatch.setattr(keeper.background, "start", none)
    subject.seconds += keeper.SAVE_SECONDS
    subject.feed([2 * LIMIT])
    subject.close()
    assert subject.keeper.trouble.count == 2
    assert len(subject.entries()) == 1
