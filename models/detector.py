"""AnomalyDetector: an autoencoder as scikit-learn's outlier detectors are used.

    detector = AnomalyDetector().fit(normal)
    detector.predict(today)          # -1 for an anomaly, 1 for a normal record
    detector.save("model")           # a bundle: `aead-monitor run` watches a topic with it

It is what `aead-monitor train` and `score` do, with the same results for the same records.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from models import bundle as bundles
from models import bundle_files, frames, presets, recipe, report, search
from models.bundle import Bundle
from models.choice import Choice
from models.conduct import Conduct
from models.description import Description
from models.engines import engine_for
from models.errors import DetectorError, UserError
from models.files import replaced_folder
from models.reconstruction import finite, reconstructed
from models.schema import Schema
from models.settings import MIN_RECORDS, TrainingSettings
from models.splits import Split, split
from models.training import History

BLOCK: Final = 1024
"""Records reconstructed at a time."""
CARD: Final = "README.md"
_OF_PRESETS: Final = frozenset({"preset", "minutes", "cost"})
CARD_BYTES: Final = 1 << 23
"""Records kept for the model card, at most."""


class AnomalyDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """Finds records unlike those that it was fitted on.

    X: an array of vectors (n, d) or images (n, H, W), (n, H, W, C), (n, C, H, W), or a frame of
    pandas, polars or Arrow, of which numbers, booleans and texts are taken by name. At least 50
    records to fit. NaN is a value in a frame, in columns where one was missing in `fit`.

    architecture, architecture_settings, epochs, quantile, ordered, error_metric, augment, device,
    threads: as in `models.settings.TrainingSettings`. random_state: its seed, a whole number.
    preset: "fast", the plain model of such records; "auto" or "best" choose the architecture by
    how candidates rank synthetic anomalies, in so many minutes and at most so many times the plain
    model's cost a record (`models.presets`); what was compared is in bundle_.metadata["preset"].

    After `fit` or `load`: bundle_, the model with its calibration; n_features_in_, numbers in a
    record; feature_names_in_, of a frame; offset_, what `score_samples` is compared with.

    Wrong data and settings raise ValueError: DetectorError, or scikit-learn's own.
    """

    def __init__(
        self,
        *,
        architecture: str | None = None,
        architecture_settings: Mapping[str, Any] | None = None,
        epochs: int | None = None,
        quantile: float | None = None,
        ordered: bool = False,
        error_metric: str = "mse",
        augment: tuple[str, ...] = (),
        random_state: int = 0,
        device: str = "auto",
        threads: int | None = None,
        preset: str = "fast",
        minutes: float | None = None,
        cost: float = presets.COST,
    ) -> None:
        self.architecture = architecture
        self.architecture_settings = architecture_settings
        self.epochs = epochs
        self.quantile = quantile
        self.ordered = ordered
        self.error_metric = error_metric
        self.augment = augment
        self.random_state = random_state
        self.device = device
        self.threads = threads
        self.preset = preset
        self.minutes = minutes
        self.cost = cost

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803  (scikit-learn's name)
        """Learn what is normal, and calibrate on a part of it that is held out. y: not used."""
        table = frames.table_of(X)
        schema = None if table is None else frames.schema_of(table)
        rows = self._rows(X, schema, reset=True)
        described = Description(schema or Schema(), source="fit")
        with tempfile.TemporaryDirectory(prefix="aead-detector-") as folder:
            target = Path(folder) / "model"
            try:
                settings = self._settings()
                parts = split(len(rows), settings)
                choice = self._choice(rows, settings, described, parts)
                conduct = Conduct(card=False)
                if choice is not None:
                    settings = choice.settings
                    conduct = Conduct(card=False, choice=choice.to_json())
                made = recipe.train(rows, target, settings, conduct, described, parts)
            except UserError as error:
                raise DetectorError(str(error)) from error
            self._take(made, _files(target))
        self._samples = rows[parts.calibration[: _kept(rows)]]
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The reconstruction error of each record with its sign changed, (n,): low is unlike."""
        check_is_fitted(self, "bundle_")
        return -finite(self._engine().errors(self._rows(X, self._schema, reset=False)))

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """`score_samples` less `offset_`, (n,): below 0 for an anomaly."""
        scores: NDArray[np.float64] = self.score_samples(X) - self.offset_
        return scores

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """-1 for each anomaly, 1 for each other record, (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Of a normal record, the chance of an error as large, (n,), as `Reference.p_values`."""
        errors = -self.score_samples(X)
        return self.bundle_.reference.p_values(errors)

    def explain(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The share of each feature or pixel in its record's error, 0 to 1, as X is shaped.

        The shares of a record add up to 1, or are all 0 where nothing is wrong.
        """
        check_is_fitted(self, "bundle_")
        if not self.bundle_.model.reconstructs:
            raise DetectorError("a wrapped scorer says no more of a record than its error")
        spec, rows = self.bundle_.input_spec, self._rows(X, self._schema, reset=False)
        shares = np.empty((len(rows), *spec.record_shape))
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            x = torch.from_numpy(spec.prepare(part)).to(self._place())
            made = reconstructed(self.bundle_.model, x, spec, self.bundle_.error_metric)
            shares[start : start + BLOCK] = self._in_record_shape(made.element_error)
        sums = shares.reshape(len(shares), -1).sum(axis=1)
        sums[sums == 0] = 1
        shares /= sums.reshape(-1, *(1,) * (shares.ndim - 1))
        return shares

    def save(self, path: Path | str) -> Bundle:
        """Write the bundle, which every command and the daemon take. Raises DetectorError."""
        check_is_fitted(self, "bundle_")
        try:
            bundles.check_target(path)
            with replaced_folder(Path(path).absolute()) as draft:
                bundle_files.write(draft, self._bundle_files)
                if CARD not in self._bundle_files:
                    bundle_files.write(draft, self._card())
            return bundles.load(path)
        except (UserError, OSError) as error:
            raise DetectorError(str(error)) from error

    @classmethod
    def load(cls, path: Path | str, device: str = "auto") -> Self:
        """A detector of a bundle, whoever made it. Raises DetectorError."""
        try:
            found = bundles.load(path)
        except UserError as error:
            raise DetectorError(str(error)) from error
        return cls._of(found, _files(Path(path)), device)

    @classmethod
    def _of(cls, found: Bundle, files: Mapping[str, bytes], device: str) -> Self:
        settings = found.metadata.get("settings", {})
        known = {name for name in cls().get_params() if name in settings} - {"device", "augment"}
        taken = {name: settings[name] for name in known}
        made = cls(**taken, random_state=settings.get("seed", 0), device=device)
        spec = found.input_spec
        made.n_features_in_ = spec.record_shape[0]
        if spec.features:
            made.feature_names_in_ = np.array(spec.features, dtype=object)
        made._take(found, files)
        return made

    def _take(self, made: Bundle, files: Mapping[str, bytes]) -> None:
        self.bundle_ = made
        self._bundle_files = dict(files)
        reference = made.reference
        self.offset_ = -reference.threshold * (1 + reference.tie_tolerance)

    def _card(self) -> Mapping[str, bytes]:
        history = History(**self.bundle_.metadata["history"])
        samples = self.bundle_.input_spec.prepare(self._samples)
        return report.pages(self.bundle_, history, samples)

    @property
    def _schema(self) -> Schema | None:
        schema = self.bundle_.input_spec.schema
        return schema if schema.features else None

    def _settings(self) -> TrainingSettings:
        values = {k: v for k, v in self.get_params().items() if k not in _OF_PRESETS}
        values["seed"] = values.pop("random_state")
        values["architecture_settings"] = dict(self.architecture_settings or {})
        return TrainingSettings(**{**values, "augment": tuple(self.augment)})

    def _choice(
        self,
        rows: NDArray[Any],
        settings: TrainingSettings,
        described: Description,
        parts: Split,
    ) -> Choice | None:
        asked = presets.Preset(self.preset, self.minutes, self.cost)
        if asked.name == presets.FAST:
            return None
        return search.choose(rows, settings, asked, described, parts)

    def _rows(self, X: Any, schema: Schema | None, reset: bool) -> NDArray[Any]:  # noqa: N803
        """Records as the model takes them; of a frame, by name."""
        table = frames.table_of(X)
        if table is None and schema is not None:
            raise DetectorError(
                "the detector was fitted on a frame, and takes columns by name: give a frame"
            )
        if table is None:
            checked: NDArray[Any] = validate_data(
                self,
                X,
                reset=reset,
                allow_nd=True,
                dtype="numeric",
                ensure_min_samples=MIN_RECORDS if reset else 1,
            )
            return checked
        if schema is None:
            raise DetectorError("the detector was fitted on an array: give an array here, too")
        if reset:
            self.n_features_in_ = len(schema.features)
            self.feature_names_in_ = np.array(schema.names, dtype=object)
        return frames.rows_of(table, schema)

    def _place(self) -> torch.device:
        place: torch.device = next(self.bundle_.model.parameters()).device
        return place

    def _engine(self) -> Any:
        made = self.bundle_
        return engine_for(made.model, made.input_spec, made.error_metric, micro_batch=BLOCK)

    def _in_record_shape(self, errors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Errors of what the network sees, (n, *shape), as those of what a record has."""
        spec = self.bundle_.input_spec
        if not spec.schema.plain:
            starts = np.cumsum([0, *(len(f.columns) for f in spec.schema.features)])[:-1]
            summed: NDArray[np.float32] = np.add.reduceat(errors, starts, axis=1)
            return summed
        if spec.layout == "HW":
            return errors[:, 0]
        if spec.layout == "HWC":
            return np.moveaxis(errors, 1, -1)
        return errors

    def __getstate__(self) -> dict[str, Any]:
        """As files, not as objects of torch: what comes back is checked as a bundle is."""
        state = dict(super().__getstate__())
        state.pop("bundle_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_bundle_files" in state:
            with tempfile.TemporaryDirectory(prefix="aead-detector-") as folder:
                bundle_files.write(Path(folder), self._bundle_files)
                self._take(bundles.load(folder), self._bundle_files)


def _kept(rows: NDArray[Any]) -> int:
    """How many records are kept for the model card."""
    return max(1, min(recipe.SAMPLED, CARD_BYTES // max(1, int(rows[0].nbytes))))


def _files(folder: Path) -> dict[str, bytes]:
    """The files of a bundle, by their relative names."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
