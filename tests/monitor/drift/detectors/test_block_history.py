"""The history of blocks, against tables that are added up plainly."""

import numpy as np
import pytest

from monitor.drift.blocks import Position
from monitor.drift.detectors.block_history import ENTRIES, BlockHistory

BINS, SCOPES = 5, 4


def joined(tables: list[np.ndarray]) -> list[np.ndarray]:
    """A full history after its older half was joined two by two."""
    half = ENTRIES // 2
    return [a + b for a, b in zip(tables[0:half:2], tables[1:half:2], strict=True)] + tables[half:]


@pytest.mark.parametrize("blocks", [1, ENTRIES, 5 * ENTRIES])
def test_rows_are_in_the_entries_of_their_blocks(blocks: int) -> None:
    rng = np.random.default_rng(0)
    history, tables = BlockHistory(SCOPES, BINS), []
    for number in range(blocks):
        scopes, bins = rng.integers(1, SCOPES, 9), rng.integers(0, BINS, 9)
        table = np.zeros((SCOPES, BINS))
        np.add.at(table, (scopes, bins), 1)
        table[0] = table.sum(axis=0)
        tables = joined(tables) if len(tables) == ENTRIES else tables
        tables.append(table)
        history.add(table[0], scopes * BINS + bins, Position(9 * number, 0, {}))
    state = history.state()
    assert np.array_equal(state["bins"], np.stack(tables))
    restored = BlockHistory(SCOPES, BINS)
    restored.restore(state)
    factors = rng.normal(size=BINS)
    for scope in range(SCOPES):
        gains = np.stack(tables)[:, scope] @ factors
        before = np.concatenate([[0.0], np.cumsum(gains)])[:-1]
        lowest = [start["rows"] for start in state["starts"]][
            before.size - 1 - int(before[::-1].argmin())
        ]
        assert history.onset(scope, factors).rows == restored.onset(scope, factors).rows == lowest


def test_a_scope_that_is_put_in_between_moves_the_others() -> None:
    history = BlockHistory(1, BINS)
    history.add(np.ones(BINS), None, Position(0, 0, {}))
    history.widen(np.array([0]), 3)
    history.add(np.array([1.0, 1, 0, 0, 0]), np.array([BINS, 2 * BINS + 1]), Position(5, 0, {}))
    history.widen(np.array([0, 1, 3]), SCOPES)
    first, second = history.state()["bins"]
    assert np.array_equal(first, [np.ones(BINS), *np.zeros((3, BINS))])
    assert np.array_equal(second.nonzero(), ([0, 0, 1, 3], [0, 1, 0, 1]))


def test_what_was_cleared_is_gone() -> None:
    history = BlockHistory(1, BINS)
    history.add(np.ones(BINS), None, Position(0, 0, {}))
    history.clear()
    assert history.onset(0, np.ones(BINS)) is None
    assert history.state()["bins"].shape == (0, 1, BINS)


def test_a_history_of_no_blocks_is_restored() -> None:
    empty, restored = BlockHistory(SCOPES, BINS), BlockHistory(1, BINS)
    restored.restore(empty.state())
    assert restored.state()["bins"].shape == (0, SCOPES, BINS)
