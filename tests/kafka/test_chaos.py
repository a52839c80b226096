"""The chaos, the replay and the soak, short: `make chaos` and `make soak` are the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.churn import churn
from tests.chaos.replay import replay
from tests.chaos.run import chaos
from tests.chaos.soak import soak, verdict

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("client", "transactions", "channels"),
    [
        ("kafka-python", False, "standard"),
        ("kafka-python", True, "off"),
        ("confluent", True, "standard"),
    ],
)
def test_the_books_balance_after_faults_at_random(
    client: str, transactions: bool, channels: str, tmp_path: Path
) -> None:
    seed = 11 + transactions
    books = chaos(tmp_path, seed, 8, 8000, transactions, client, channels)
    assert len(books.truth.good) + len(books.truth.bad) == 8000


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_a_run_that_was_killed_remembers_the_same_bytes(
    tmp_path: Path, client: str, channels: str
) -> None:
    assert "are the same after 4 kills" in replay(tmp_path, 1, 4, 8000, client, channels)


def test_nothing_is_held_on_to(tmp_path: Path) -> None:
    records = 150_000
    assert "threads" in verdict(soak(tmp_path, records), records)


def test_churn_wears_nothing_out(tmp_path: Path, client: str) -> None:
    assert "threads" in churn(tmp_path, laps=4, partitions=64, client=client)
