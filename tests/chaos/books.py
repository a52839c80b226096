"""The books after the chaos: what is in the topic against what the daemons say they have done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from monitor.drift.judge_state import decode
from monitor.pipeline.step import MEMORY_SCHEMA
from monitor.state.ledger import Ledger
from monitor.state.snapshot import Snapshot
from tests.chaos.ledger import Truth, read_all
from tests.chaos.member import Member


@dataclass
class Books:
    """Sums over all members, by partition, and the addresses that were published."""

    scored: dict[str, int] = field(default_factory=dict)
    dead_lettered: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    anomalies: list[str] = field(default_factory=list)
    dead_letters: list[str] = field(default_factory=list)
    rollbacks: int = 0
    truth: Truth = field(default_factory=Truth)
    swapped: bool = False

    def add(self, member: Member) -> None:
        """Add what a member's last accepted snapshots say."""
        for snapshot in member.snapshots():
            self._add(member.name, snapshot)
        log = member.log.read_text(errors="replace") if member.log.exists() else ""
        self.rollbacks += log.count("what was not committed is done again")
        # What the library logs stands in lines of JSON; an exception that nobody caught does not.
        crashes = [line for line in log.splitlines() if line.startswith("Traceback")]
        assert not crashes, f"{member.name} crashed {len(crashes)} times: see {member.log}"

    def _add(self, name: str, snapshot: Snapshot) -> None:
        memory, ledger = decode(snapshot.memory, MEMORY_SCHEMA), Ledger()
        ledger.restore(memory["ledger"])
        for partition, totals in ledger.totals.items():
            place = str(partition)
            self.scored[place] = self.scored.get(place, 0) + totals.scored
            self.dead_lettered[place] = self.dead_lettered.get(place, 0) + totals.dead_lettered
        rows = sum(totals.rows for totals in ledger.totals.values())
        judged = memory["judge"]["rows"]
        # Another model's judge begins with it; the totals go on.
        right = judged <= rows if self.swapped else judged == rows
        assert right, f"{name}: the judge has {judged} rows, the ledger {rows}"
        self.rows += rows

    def summary(self) -> dict[str, Any]:
        """The figures."""
        return {
            "records in the topic": len(self.truth.good) + len(self.truth.bad),
            "scored": sum(self.scored.values()),
            "dead-lettered": sum(self.dead_lettered.values()),
            "rows scored": self.rows,
            "anomalous": len(self.truth.anomalous),
            "anomalies published": len(self.anomalies),
            "of these repeated": len(self.anomalies) - len(set(self.anomalies)),
            "dead letters published": len(self.dead_letters),
            "of these repeated (dead letters)": len(self.dead_letters)
            - len(set(self.dead_letters)),
            "times work was taken back": self.rollbacks,
        }


def check(
    facts: Truth,
    servers: str,
    topic: str,
    members: list[Member],
    transactions: bool,
    swapped: bool = False,
) -> Books:
    """The books. swapped: models were.

    Raises AssertionError if anything is missing, too much or counted twice.
    """
    books = Books(truth=facts, swapped=swapped)
    for member in members:
        books.add(member)
    books.anomalies = _published(servers, f"{topic}.anomalies", transactions)
    books.dead_letters = _published(servers, f"{topic}.dead-letters", transactions)
    print(books.summary())
    assert books.scored == facts.by_partition(facts.good), _difference(books.scored, facts.good)
    bad = {p: n for p, n in books.dead_lettered.items() if n}
    assert bad == facts.by_partition(facts.bad), _difference(bad, facts.bad)
    assert books.rows == len(facts.good)
    assert {key.rsplit("/", 1)[0] for key in books.anomalies} == facts.anomalous
    assert set(books.dead_letters) == facts.bad
    if transactions:
        assert len(books.anomalies) == len(set(books.anomalies)), "an anomaly was read twice"
        assert len(books.dead_letters) == len(set(books.dead_letters)), "a letter was read twice"
    return books


def _difference(counted: dict[str, int], addresses: set[str]) -> str:
    expected = Truth().by_partition(addresses)
    names = sorted(counted.keys() | expected.keys())
    return str({n: counted.get(n, 0) - expected.get(n, 0) for n in names})


def _published(servers: str, topic: str, committed_only: bool) -> list[str]:
    return [key.decode() for _, _, key, _ in read_all(servers, topic, 1, committed_only)]
