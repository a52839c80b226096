"""A replay as it was asked for: by the configuration, and by each combination of a grid."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from monitor.backtest.backtest import Backtest
from monitor.backtest.grid import Grid, Row, rows_of
from monitor.backtest.past import Past
from monitor.backtest.report import Report
from monitor.backtest.result import Result
from monitor.backtest.true_changes import TrueChange
from monitor.backtest.watched_segments import CONFIGURED, Asked
from monitor.config import Config
from monitor.errors import UserError
from monitor.process.progress import Advance

Counting = Callable[[str], AbstractContextManager[Advance]]
"""Begins to count records, with a text for people."""
NO_GRID: Final = Grid()


class Comparing:
    """past_of: the records, as a backtest's model takes them; asked once for each model.

    payloads: they are to be decoded. asked: which segments are judged. backtest: of the
    configuration.
    """

    def __init__(
        self, config: Config, grid: Grid | None, past_of: Callable[[Backtest], Past], *,
        payloads: bool, asked: Asked = CONFIGURED,
    ) -> None:  # fmt: skip
        self._config, self._grid = config, grid
        self._past_of, self._payloads, self._asked = past_of, payloads, asked
        own = grid is not None and (not grid.models or any(map(self._is_own, grid.models)))
        lanes = grid.lanes(config) if grid is not None and own else []
        self.backtest = Backtest(config, lanes, payloads=payloads, asked=asked)

    def run(self, changes: tuple[TrueChange, ...] | None, counting: Counting) -> Report:
        """Replay; of the other models of the grid only those that were finished are told.

        Raises UserError where records or models cannot be had, and KeyboardInterrupt before the
        first record.
        """
        past = self._past_of(self.backtest)
        result = self._counted(self.backtest, past, changes, counting)
        if self._grid is None:
            return Report(self.backtest, past, result)
        rows, whole = self._rows(result, changes, counting)
        return Report(self.backtest, past, result, rows, grid_whole=whole)

    def _rows(
        self, own: Result, changes: tuple[TrueChange, ...] | None, counting: Counting
    ) -> tuple[tuple[Row, ...], bool]:
        """The grid, model by model, and whether it has all of them."""
        grid, version = self._grid or NO_GRID, self.backtest.bundle.version
        if not grid.models:
            named = str(self._config.model or "the registry's")
            return tuple(rows_of(named, version, own)), _told(own)
        rows: list[Row] = []
        for model in grid.models:
            if self._is_own(model):
                rows += rows_of(str(model), version, own)
                continue
            if not _told(own):
                return tuple(rows), False
            found = self._other(grid, model, changes, counting)
            if found is None:
                return tuple(rows), False
            rows += found
        return tuple(rows), True

    def _other(
        self, grid: Grid, model: Path, changes: tuple[TrueChange, ...] | None, counting: Counting
    ) -> list[Row] | None:
        """The rows of another model; None if it was interrupted."""
        config = self._config.model_copy(update={"model": model, "registry": None})
        asked = self._asked
        backtest = Backtest(config, grid.lanes(config), payloads=self._payloads, asked=asked)
        try:
            result = self._counted(backtest, self._past_of(backtest), changes, counting)
        except KeyboardInterrupt:
            return None
        except UserError as error:
            raise UserError(f"--grid model={model}: {error}") from None
        return rows_of(str(model), backtest.bundle.version, result) if _told(result) else None

    def _counted(
        self, backtest: Backtest, past: Past, changes: tuple[TrueChange, ...] | None,
        counting: Counting,
    ) -> Result:  # fmt: skip
        named = "" if backtest is self.backtest else f" with {backtest.config.model}"
        with counting(f"replaying {past.source}{named}") as advance:
            return backtest.run(past, changes, advance)

    def _is_own(self, model: Path) -> bool:
        own = self._config.model
        return own is not None and own.resolve() == model.resolve()


def _told(result: Result) -> bool:
    return result.complete or bool(result.stopped)
