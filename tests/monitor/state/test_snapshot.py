"""Snapshots as files, notes beside offsets, and which snapshot the group has accepted."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import UserError
from monitor.state.folder import ACCEPTED, PREPARED, PREVIOUS, StateFolder
from monitor.state.snapshot import Note, Snapshot, Takeover, took_effect
from monitor.stream.offsets import Committed
from monitor.stream.records import Partition

P0, P1 = Partition("in", 0), Partition("in", 1)
ITEM = Snapshot("me", 7, "model", "settings", {P0: 5, P1: 9}, b"memory\n\x00 of the stream")


def test_a_snapshot_survives_its_bytes() -> None:
    assert Snapshot.decode(ITEM.encode()) == ITEM


@pytest.mark.parametrize("where", range(0, len(ITEM.encode()), 7))
def test_any_changed_byte_is_noticed(where: int) -> None:
    data = bytearray(ITEM.encode())
    data[where] ^= 0x20
    with pytest.raises(ValueError, match=r"damaged|not a snapshot"):
        Snapshot.decode(bytes(data))


@given(st.integers(0, len(ITEM.encode()) - 1))
def test_a_cut_snapshot_is_noticed(length: int) -> None:
    with pytest.raises(ValueError, match=r"damaged|not a snapshot"):
        Snapshot.decode(ITEM.encode()[:length])


def test_a_note_survives_its_text_and_fits_beside_an_offset() -> None:
    note = Note("0123456789ab", 10**9, tuple(Takeover("0123456789ab", 10**12) for _ in range(99)))
    assert len(str(note)) < 4096
    parsed = Note.parse(str(note))
    assert parsed is not None
    assert parsed.takeovers == note.takeovers[-32:]
    assert Note.parse(str(Note("me", 3))) == Note("me", 3)
    for identity in ("", "abc"):
        of_series = Note("me", 3, (), identity, "17:001")
        assert Note.parse(str(of_series)) == of_series
    # Without room, the windows of series begin anew elsewhere.
    assert Note.parse(of_series.within(20)) == Note("me", 3, (), "abc")


@given(st.text(max_size=100))
def test_what_others_write_is_no_note(text: str) -> None:
    assert Note.parse(text) is None or text.startswith("aead1 ")


BEFORE = Snapshot("me", 6, "model", "settings", {P0: 3, P1: 9})


def note(writer: str, sequence: int, *takeovers: tuple[str, int]) -> str:
    return str(Note(writer, sequence, tuple(Takeover(*t) for t in takeovers)))


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({}, False),
        ({P0: Committed(3, note("me", 6))}, False),
        ({P0: Committed(5, note("me", 7))}, True),
        ({P0: Committed(5, note("me", 8))}, True),
        ({P1: Committed(9, note("me", 6))}, False),
        ({P1: Committed(9, note("me", 7))}, True),
        ({P1: Committed(9, note("them", 7, ("me", 0), ("them", 9)))}, False),
        ({P0: Committed(40, note("them", 2, ("me", 0), ("them", 3)))}, False),
        ({P0: Committed(40, note("them", 2, ("me", 0), ("them", 5)))}, True),
        ({P0: Committed(90, note("other", 1, ("me", 0), ("them", 3), ("other", 5)))}, False),
        ({P0: Committed(90, note("me", 9, ("me", 0), ("them", 5), ("me", 60)))}, True),
        ({P0: Committed(4, "moved by hand")}, False),
    ],
)
def test_the_note_tells_whether_a_snapshot_took_effect(
    stored: dict[Partition, Committed], expected: bool
) -> None:
    assert took_effect(ITEM, BEFORE, stored) == expected


def numbered(sequence: int) -> Snapshot:
    return Snapshot("me", sequence, "model", "settings", {P0: sequence}, b"m" * sequence)


def test_a_folder_keeps_the_accepted_the_one_before_and_the_prepared(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.open()
    for sequence in (1, 2, 3):
        folder.prepare(numbered(sequence))
        folder.accept()
    folder.prepare(numbered(4))
    stored = folder.load()
    assert (stored.accepted, stored.prepared) == (numbered(3), numbered(4))
    (tmp_path / "state" / ACCEPTED).write_bytes(b"rubbish")
    stored = folder.load()
    assert (stored.accepted, stored.prepared) == (numbered(2), numbered(4))
    assert len(stored.damaged) == 1
    assert folder.reset() == 3
    assert folder.load().accepted is None


def test_a_crash_between_any_two_renames_leaves_a_state_that_can_be_read(tmp_path: Path) -> None:
    full = {ACCEPTED: numbered(2), PREVIOUS: numbered(1), PREPARED: numbered(3)}
    for names in itertools.combinations(full, 2):
        folder = StateFolder(tmp_path / "-".join(names))
        folder.folder.mkdir()
        for name in names:
            (folder.folder / name).write_bytes(full[name].encode())
        stored = folder.load()
        assert stored.accepted or stored.prepared


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    first, second = StateFolder(tmp_path), StateFolder(tmp_path)
    first.open()
    with pytest.raises(UserError, match="in use by another process"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"state.directory: cannot use .*"):
        StateFolder(tmp_path / "file" / "state").open()


@pytest.mark.parametrize("name", ["snapshot.prepared.tmp", ".snapshot.prepared.tmp"])
def test_what_a_crash_left_half_written_goes_at_the_next_start(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"half")
    folder = StateFolder(tmp_path)
    folder.open()
    folder.close()
    assert not (tmp_path / name).exists()
