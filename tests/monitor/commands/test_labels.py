"""`aead-monitor episodes label` and `--precision`: what people say of episodes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from monitor.cli import main
from monitor.commands.episodes.precision import precision
from monitor.state.folder import StateFolder
from monitor.state.labels import LONGEST_NOTE, MOST, Answer, Label, Labels
from tests.monitor.commands.test_episodes import config as config
from tests.monitor.commands.test_episodes import ran

NOTE = "a\x1b[31mred\x1b[0m\nlamp\u202e gnorw"

Run = Callable[..., str]


@pytest.fixture
def run(config: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `episodes` with arguments; returns what it printed, or what it said was wrong."""

    def command(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(["episodes", *arguments, "--config", config]) == code
        out, error = capsys.readouterr()
        return error if code else out

    return command


@pytest.fixture
def episode(tmp_path: Path) -> str:
    """The id of one that lasts."""
    return str(ran(tmp_path, after=0).get("/api/episodes").json()[0]["id"])


def label(answer: Answer = "true", note: str = "") -> Label:
    return Label(answer, note, "2026-01-01T00:00:00+00:00")


def test_a_label_is_shown_beside_its_episode_and_replaced_by_the_next(
    run: Run, episode: str
) -> None:
    assert run("label", episode, "true") == f"{episode}: true\n"
    assert run("label", episode, "false", "--note", "a lamp") == f"{episode}: false\n"
    line = run().splitlines()[-1]
    assert line.startswith("  labelled false 20")
    assert line.endswith(": a lamp")
    (told,) = json.loads(run("--json"))
    assert (told["label"]["answer"], told["label"]["note"]) == ("false", "a lamp")


def test_a_note_plays_no_tricks_on_a_terminal(run: Run, episode: str) -> None:
    run("label", episode, "unknown", "--note", NOTE)
    shown = run()
    assert r"a\x1b[31mred\x1b[0m lamp\u202e gnorw" in shown
    assert not {"\x1b", "\u202e"} & set(shown + run("--json"))
    assert json.loads(run("--json"))[0]["label"]["note"] == NOTE


def test_an_episode_that_is_not_there_is_refused_with_the_nearest(run: Run, episode: str) -> None:
    wrong = episode[:-1] + ("0" if episode[-1] != "0" else "1")
    assert f"no episode '{wrong}'" in run("label", wrong, "true", code=2)
    assert f"The nearest is {episode};" in run("label", "nothing\x1b", "true", code=2)
    assert run("--precision").endswith("0 labelled unknown, 1 not labelled\n")


def test_a_note_that_is_too_long_is_refused(run: Run, episode: str) -> None:
    told = run("label", episode, "true", "--note", "n" * (LONGEST_NOTE + 1), code=2)
    assert "at most 500 characters, not 501" in told
    run("label", episode, "true", "--note", "\u202e" * LONGEST_NOTE)


def test_precision_counts_true_and_false_with_an_exact_interval() -> None:
    answers: list[Answer] = ["true"] * 12 + ["false"] * 3 + ["unknown"] * 2
    labels = {str(i): label(answer) for i, answer in enumerate(answers)}
    told = precision(labels, ["0", "16", "new", "newer"])
    exact = stats.binomtest(12, 15).proportion_ci(0.95, "exact")
    assert told["precision"] == 12 / 15
    assert told["interval"] == pytest.approx([exact.low, exact.high])
    assert [told[key] for key in ("true", "false", "unknown", "unlabelled")] == [12, 3, 2, 2]


def test_precision_is_told_in_words_and_as_json(run: Run, episode: str) -> None:
    assert run("--precision") == (
        "no episode is labelled true or false; 0 labelled unknown, 1 not labelled\n"
    )
    assert json.loads(run("--precision", "--json"))["precision"] is None
    run("label", episode, "true")
    assert run("--precision") == (
        "1 of 1 labelled episodes were true: 100%, between 3% and 100%"
        " (95% interval of Clopper and Pearson); 0 labelled unknown, 0 not labelled\n"
    )


def test_a_damaged_file_hides_no_episode_and_is_never_written_over(
    run: Run, episode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("label", episode, "true")
    path = Labels(tmp_path / "state").path
    path.write_text('{"schema_version": 1, "labels": {"x": {"answer": "maybe"}}}')
    assert "Remove the file" in run("label", episode, "true", code=2)
    assert "Remove the file" in run("--precision", code=2)
    assert "maybe" in path.read_text()
    assert episode in run()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"schema_version": 2, "labels": {}}',
        b'{"schema_version": 1, "labels": []}', b'{"schema_version": 1, "labels": {"x": 1}}',
        b'{"schema_version": 1, "labels": {"x": {"answer": "true", "note": 1, "labelled_at": ""}}}',
        b" " * (8 * 2**20 + 1),
    ],
    ids=["empty", "list", "blank", "bytes", "deep", "newer", "labels", "label", "note", "large"],
)  # fmt: skip
def test_what_is_no_file_of_labels_is_refused(content: bytes, tmp_path: Path) -> None:
    labels = Labels(tmp_path)
    labels.path.parent.mkdir()
    labels.path.write_bytes(content)
    with pytest.raises(ValueError, match=r"it |schema_version|label|answer"):
        labels.read()


def test_labels_of_forgotten_episodes_go_first_when_there_are_too_many(tmp_path: Path) -> None:
    labels = Labels(tmp_path)
    labels.put("first", label(), ["first"])
    stored = json.loads(labels.path.read_text())
    stored["labels"] |= {str(i): stored["labels"]["first"] for i in range(MOST - 1)}
    labels.path.write_text(json.dumps(stored))
    labels.put("new", label(), ["first"])
    kept = labels.read()
    assert len(kept) == MOST
    assert {"first", "new", "1"} <= kept.keys()
    assert "0" not in kept


def test_labels_by_many_at_once_are_all_kept(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=Labels(tmp_path).put, args=(str(i), label(), [])) for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Labels(tmp_path).read() == {str(i): label() for i in range(20)}
    assert sorted(p.name for p in Labels(tmp_path).path.parent.iterdir()) == ["labels.json", "lock"]


def test_a_daemon_that_opens_its_folder_leaves_labels_alone(tmp_path: Path) -> None:
    Labels(tmp_path).put("one", label(note="kept"), [])
    folder = StateFolder(tmp_path)
    folder.open()
    folder.reset()
    Labels(tmp_path).put("two", replace(label(), answer="false"), [])  # while it is in use
    folder.close()
    assert set(Labels(tmp_path).read()) == {"one", "two"}


def test_without_a_state_there_is_nothing_to_label(run: Run, tmp_path: Path) -> None:
    assert "no snapshot that can be read" in run("label", "0123456789ab", "true", code=2)
    with pytest.raises(FileNotFoundError):
        Labels(tmp_path / "nowhere").put("one", label(), [])
    assert not (tmp_path / "nowhere").exists()
