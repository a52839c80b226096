"""Two versions of a model that score alike: whichever is in use, the books are the same."""

from __future__ import annotations

import json
from pathlib import Path

from models import bundle
from models.bundle import Bundle
from tests.chaos.ledger import make_bundle


class Models:
    """Both in a folder, and a link to the one in use. swaps: so far."""

    def __init__(self, folder: Path) -> None:
        self.first = make_bundle(folder / "one")
        second = bundle.save(
            folder / "two",
            model=self.first.model,
            input_spec=self.first.input_spec,
            reference=self.first.reference,
            error_metric=self.first.error_metric,
            channels=self.first.channels,
            metadata={**json.loads(json.dumps(dict(self.first.metadata))), "run": 2},
        )
        assert second.version != self.first.version
        self.swaps = 0
        self._names = ["one", "two"]
        self.link = folder / "model"
        self.link.symlink_to("one")

    @property
    def bundle(self) -> Bundle:
        """What scores as both do."""
        return self.first

    def swap(self) -> str:
        """Put the link on the other one; its name."""
        self.swaps += 1
        self._names.reverse()
        fresh = self.link.with_name("fresh")
        fresh.symlink_to(self._names[0])
        fresh.replace(self.link)
        return self._names[0]
