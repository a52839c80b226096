"""Records of a replay as the pages show them: where they are, and what carries their errors."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Sequence

from models.explanation import LeftOut
from monitor.backtest.backtest import Backtest
from monitor.backtest.past import Past
from monitor.backtest.strangest import Strange
from monitor.evidence.kept import SIZE, Contents, Kept, shown_json
from monitor.evidence.looking import FEATURES, Looker
from monitor.pipeline.explanation_json import explanation_json
from monitor.pipeline.scorer import Scorer
from monitor.stream.records import Partition
from monitor.web.pages.gallery import Card, Group


class Shown:
    """Makes cards of rows, and keeps their pictures as data: addresses, by their ids.

    Whether values and pictures are told says the configuration's `evidence`, as for the daemon's
    pages.
    """

    def __init__(self, backtest: Backtest, past: Past) -> None:
        self.pictures: dict[str, str] = {}
        self._past, self._config = past, backtest.config
        scorer = backtest.model.scorer
        self._explainer = self._looker = None
        if isinstance(scorer, Scorer):
            self._explainer = scorer.explainer(FEATURES)
            self._looker = Looker(backtest.bundle.input_spec, self._explainer, scorer.reconstruct)

    def groups(self, title: str, rows: Sequence[Strange]) -> list[Group]:
        """One group; none without rows, or where no evidence is wanted."""
        if not rows or self._config.evidence == "off":
            return []
        return [Group(title, [self._card(each) for each in rows])]

    def _card(self, row: Strange) -> Card:
        kept = Kept(row.seen)
        kept.show(self._contents(row))
        contents, seen = kept.contents, row.seen
        entry = shown_json(kept, seen.id, "anomaly", "", "")
        if contents is not None and contents.picture is not None:
            coded = base64.b64encode(contents.picture).decode()
            self.pictures[seen.id] = f"data:image/png;base64,{coded}"
        return Card(entry, 0, self._command(Partition(seen.topic, seen.partition), seen.offset))

    def _contents(self, row: Strange) -> Contents:
        if row.seen.sample is None:
            return Contents(left_out=SIZE)
        if self._explainer is None or self._looker is None:
            return Contents(left_out="model")
        if self._config.evidence == "records":
            return self._looker.look(row.seen.sample)
        (explained,) = self._explainer.explain(row.seen.sample)
        if isinstance(explained, LeftOut):
            return Contents(left_out=explained.reason)
        found = explanation_json(explained, values=False).get("features", [])
        return Contents(features=[{"name": f["feature"], "share": f["share"]} for f in found])

    def _command(self, partition: Partition, offset: int) -> str:
        """What reads it: of a topic a command, of a file its row."""
        if self._past.topic is None:
            return self._past.address(partition, offset)
        servers = shlex.quote(self._config.kafka.bootstrap_servers)
        topic = shlex.quote(partition.topic)
        return f"kcat -C -b {servers} -t {topic} -p {partition.number} -o {offset} -c 1"
