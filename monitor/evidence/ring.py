"""What is kept: top anomalies, recent normal rows, and of each drift episode rows before and after.

Everything has a fixed number and a fixed size. The oldest episodes leave first, then normal rows,
the oldest before younger ones. Normal rows are kept in panes of at least ten minutes and NORMAL
rows; rows with the smallest tags of all panes are a uniform sample of the rows of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.drift.judge import Change
from monitor.evidence.episode import EpisodeRows, before, channels_of
from monitor.evidence.kept import MODEL_REPLACED, SIZE, Contents, Kept
from monitor.pipeline.picks import Pick, Seen, Why, digest
from monitor.stream.records import Onset, Partition, Verdict

TOP: Final = 12
NORMAL: Final = 12
TYPICAL: Final = 4
PANES: Final = 6
PANE_MILLISECONDS: Final = 600_000
EPISODES: Final = 8
DAY_MILLISECONDS: Final = 86_400_000
KEPT_BYTES: Final = 6 << 20
"""Of all that is kept: twice that and an index may be on disk while it is replaced."""
SAMPLES_BYTES: Final = 16 << 20
"""Of all rows that wait to be looked at; those that do not fit are left out."""


@dataclass(frozen=True, slots=True)
class Order:
    """Pick rows that are typical of a drift. first: the first drifted offset of each partition.

    partition: the one that drifts, or None for all. channels: "" for the error, names for others.
    """

    episode: str
    model_version: str
    partition: Partition | None
    first: Mapping[Partition, int]
    channels: tuple[str, ...]


@dataclass(slots=True)
class Ring:
    """The rows that are kept. Not for several threads at once.

    contents: whether what rows hold may be kept, too. newest: when the newest batch came. rows: by
    their ids. top: ids, the highest error first. panes: by their beginning, pairs of tag and id,
    the smallest tag first. held: ids of rows that may become an episode's `before`.
    """

    contents: bool = False
    model_version: str = ""
    newest: int = 0
    rows: dict[str, Kept] = field(default_factory=dict)
    top: list[str] = field(default_factory=list)
    panes: dict[int, list[tuple[float, str]]] = field(default_factory=dict)
    episodes: list[EpisodeRows] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def begin(self, model_version: str) -> None:
        """Another model is in use: what the one before found leaves, but for its episodes."""
        if model_version == self.model_version:
            return
        self.model_version = model_version
        self.top, self.panes, self.held = [], {}, []
        for episode in self.episodes:
            episode.open = False
        self.sweep()
        for kept in self.rows.values():
            if kept.contents is None:
                kept.show(Contents(left_out=MODEL_REPLACED))

    def take(self, picks: Iterable[Pick]) -> None:
        """Keep what of them belongs to the model in use and has a place."""
        for pick in picks:
            if pick.seen.model_version == self.model_version:
                self._take(pick)
        self.top = self.highest
        self.sweep()

    def _take(self, pick: Pick) -> None:
        seen = pick.seen
        self.newest = max(self.newest, seen.arrival)
        if seen.id not in self.rows:
            self.rows[seen.id] = self._kept(seen)
        if pick.why is Why.ANOMALY:
            ids = dict.fromkeys([*self.highest, seen.id])
            self.top = sorted(ids, key=lambda id: -self.rows[id].seen.error)[:TOP]
        elif pick.why is Why.NORMAL:
            pane = self.panes.setdefault(pick.pane, [])
            if all(id != seen.id for _, id in pane):
                pane.append((pick.tag, seen.id))
                pane.sort()
                del pane[NORMAL:]
            for oldest in list(self.panes)[:-PANES]:
                del self.panes[oldest]
        else:
            for episode in self.episodes:
                if episode.id == pick.episode:
                    episode.take(pick, TYPICAL)

    def _kept(self, seen: Seen) -> Kept:
        kept = Kept(seen, calm=self.order is None)
        if not self.contents:
            kept.show(Contents())
        elif seen.sample is None:
            kept.show(Contents(left_out=SIZE))
        return kept

    @property
    def highest(self) -> list[str]:
        """Ids of the top anomalies of the last day, the highest error first."""
        return [id for id in self.top if recent(self.rows[id].seen.arrival, self.newest)]

    def note(self, change: Change) -> None:
        """The drift state has changed."""
        event, verdict = change.transition.event, change.verdict
        if event == "pending" and verdict.onset is not None:
            first = verdict.onset.next_offsets
            self.held = [seen.id for seen in self._calm_before(first, verdict.partition)]
        elif event == "firing" and change.alert is not None and verdict.onset is not None:
            self._open(change.alert.episode, verdict.onset, verdict.partition,
                       channels_of(change.verdict))  # fmt: skip
        elif event == "turned" and self.episodes:
            self.follow(self.episodes[-1].id, verdict)
        elif event in ("resolved", "transient"):
            self.held = []
            for episode in self.episodes:
                episode.open = False
        self.sweep()

    def follow(self, id: str, verdict: Verdict) -> None:
        """Keep rows of what has moved, too, of an episode that fires and is not followed by another
        yet."""
        episode = self.episodes[-1] if self.episodes else None
        if episode is None or not episode.open or episode.id != id:
            return
        for name in episode.follow(channels_of(verdict)):
            calm = self._calm_before(episode.first, episode.partition)
            episode.slots[name].before = before(calm, name, TYPICAL)

    def _open(
        self, id: str, onset: Onset, partition: Partition | None, channels: tuple[str, ...]
    ) -> None:
        """An episode fires. After a crash it may fire once more."""
        for episode in self.episodes:
            episode.open = episode.id == id
        if all(episode.id != id for episode in self.episodes):
            made = EpisodeRows(id, self.model_version, partition, dict(onset.next_offsets))
            calm = self._calm_before(made.first, partition)
            for name in made.follow(channels):
                made.slots[name].before = before(calm, name, TYPICAL)
            self.episodes = [*self.episodes, made][-EPISODES:]
        self.held = []

    def _calm_before(
        self, first: Mapping[Partition, int], partition: Partition | None
    ) -> list[Seen]:
        """Normal rows from before a drift, and not from within another one. first: its offsets."""
        ids = dict.fromkeys([*self.held, *(id for pane in self.panes.values() for _, id in pane)])
        found = [self.rows[id] for id in ids if id in self.rows]
        return [
            kept.seen for kept in found if kept.calm and _is_before(kept.seen, first, partition)
        ]

    @property
    def order(self) -> Order | None:
        """What is to be picked of a drift that fires; None without one."""
        episode = self.episodes[-1] if self.episodes else None
        if episode is None or not episode.open:
            return None
        return Order(
            episode.id, episode.model_version, episode.partition, episode.first,
            tuple(episode.slots),
        )  # fmt: skip

    @property
    def normal(self) -> list[str]:
        """Ids of a uniform sample of the recent normal rows, in the order in which they came."""
        pairs = sorted(pair for pane in self.panes.values() for pair in pane)[:NORMAL]
        return sorted((id for _, id in pairs), key=lambda id: self.rows[id].seen.arrival)

    def places(self) -> Iterator[tuple[str, str, str, str]]:
        """All that is to be shown: kind, episode, channel, and the row's id."""
        yield from (("anomaly", "", "", id) for id in self.highest)
        yield from (("normal", "", "", id) for id in self.normal)
        for episode in reversed(self.episodes):
            for channel, slot in episode.slots.items():
                yield from (("before", episode.id, channel, id) for id in slot.before)
                yield from (("after", episode.id, channel, id) for id in slot.after_ids)

    def waiting(self) -> Iterator[Kept]:
        """Rows that nobody has looked at, those that are shown first."""
        shown = [id for *_, id in self.places()]
        for id in dict.fromkeys([*shown, *self.rows]):
            if self.rows[id].contents is None:
                yield self.rows[id]

    def sweep(self) -> None:
        """Forget rows that have no place any more, and what goes beyond the bounds."""
        self._forget_unused()
        while sum(kept.size for kept in self.rows.values()) > KEPT_BYTES and self._shrink():
            self._forget_unused()
        room = SAMPLES_BYTES
        for kept in self.waiting():
            nbytes = 0 if kept.seen.sample is None else kept.seen.sample.nbytes
            room -= nbytes
            if room < 0:
                room += nbytes
                kept.show(Contents(left_out=SIZE))

    def _shrink(self) -> bool:
        """Let go of what is wanted least; false if only the top anomalies are left."""
        if len(self.episodes) > 1:
            del self.episodes[0]
        elif len(self.panes) > 1:
            del self.panes[next(iter(self.panes))]
        elif self.episodes:
            del self.episodes[0]
        elif self.panes:
            self.panes.clear()
        else:
            return False
        return True

    def _forget_unused(self) -> None:
        used = {*self.top, *self.held}
        used.update(id for pane in self.panes.values() for _, id in pane)
        used.update(id for episode in self.episodes for id in episode.ids())
        for id in self.rows.keys() - used:
            del self.rows[id]


def recent(arrival: int, newest: int) -> bool:
    """Whether it came within a day of the newest. Milliseconds; a clock may have been set back."""
    return abs(newest - arrival) <= DAY_MILLISECONDS


def entry_id(kind: str, episode: str, channel: str, id: str) -> str:
    """Of a row in one of its places."""
    return digest(kind, episode, channel, id)


def _is_before(seen: Seen, first: Mapping[Partition, int], partition: Partition | None) -> bool:
    own = Partition(seen.topic, seen.partition)
    return own in first and seen.offset < first[own] and partition in (None, own)
