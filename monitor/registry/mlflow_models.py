"""A registered model in MLflow as we use it: versions with our tags, aliases, promotions.

Each of our versions is a model version of MLflow, made by a run whose artefacts are the bundle's
plain files under `bundle/`. What we know of it stands in tags, as text. A promotion is a tag of
the registered model. All that comes from the server is checked before it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import RegistryError
from monitor.registry import (
    UNREADABLE,
    Facts,
    Promotion,
    Version,
    check_version,
    one_line,
    promotion_json,
    promotion_of,
)
from monitor.registry.bundle_folders import PLOTS
from monitor.registry.mlflow_client import absent, asking, connect

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

ARTEFACTS: Final = "bundle"
PLOTS_PATH: Final = f"{ARTEFACTS}/{PLOTS}"
VERSION_TAG: Final = "aead_version"
PROMOTION_TAG: Final = "aead_promotion_"
MOST_VERSIONS: Final = 1000
MOST_PROMOTIONS: Final = 100
_PAGE: Final = 100
_RUN: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A version in MLflow. number: MLflow's own, a text. run: id of the run with the files."""

    version: str
    number: str
    run: str
    tags: Mapping[str, str]


class MlflowModel:
    """One registered model of a tracking server. Raises RegistryError, also Unavailable."""

    def __init__(self, uri: str, name: str) -> None:
        self.uri, self.name = uri, name
        self._client = connect(uri)

    def find(self, version: str) -> Stored | None:
        """Our version; the first, if it was added twice at once."""
        found = self._search(f" and tags.{VERSION_TAG} = '{check_version(version)}'")
        ours = [stored for stored in found if stored.version == version]
        return min(ours, key=lambda stored: int(stored.number), default=None)

    def all(self) -> list[Stored]:
        """All versions that were added by us, in no order."""
        return self._search("")

    def behind(self, alias: str) -> Stored | None:
        """The version behind an alias: one request."""
        from mlflow.exceptions import MlflowException

        with asking(self.uri):
            try:
                found = self._client.get_model_version_by_alias(self.name, alias)
            except MlflowException as error:
                if absent(error):
                    return None
                raise
        stored = _stored(found)
        if stored is None:
            raise RegistryError(
                f"{self.name} in MLflow at {self.uri}: {alias} is version {found.version}, which"
                " `aead-monitor models add` has not written. Promote one that it has."
            )
        return stored

    def aliases(self) -> dict[str, str]:
        """MLflow's number of the version behind each alias."""
        model = self._model()
        return {} if model is None else {str(k): str(v) for k, v in model.aliases.items()}

    def upload(self, folder: Path, version: str) -> str:
        """A new run with the files of a folder; returns its id."""
        with asking(self.uri):
            run = self._client.create_run(
                self._experiment(), tags={VERSION_TAG: version}, run_name=version
            )
            self._client.log_artifacts(run.info.run_id, str(folder), ARTEFACTS)
            self._client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def register(self, run: str, tags: Mapping[str, str]) -> None:
        """A new version, from the files of a run."""
        with asking(self.uri):
            if self._model() is None:
                self._client.create_registered_model(self.name)
            self._client.create_model_version(
                self.name, f"runs:/{run}/{ARTEFACTS}", run, tags=dict(tags), await_creation_for=0
            )

    def files(self, stored: Stored) -> dict[str, int | None]:
        """Bytes of each file of a version by relative name, as the server says: not checked."""
        with asking(self.uri):
            listed = list(self._client.list_artifacts(stored.run, ARTEFACTS))
            plots = [item for item in listed if item.is_dir and item.path == PLOTS_PATH]
            if plots:
                listed += self._client.list_artifacts(stored.run, PLOTS_PATH)
        return {
            str(item.path).removeprefix(f"{ARTEFACTS}/"): None if item.is_dir else item.file_size
            for item in listed
            if item not in plots
        }

    def download(self, stored: Stored, name: str, scratch: Path) -> Path:
        """Fetch one file into an empty folder; returns where it is."""
        with asking(self.uri):
            path = Path(
                self._client.download_artifacts(stored.run, f"{ARTEFACTS}/{name}", str(scratch))
            )
        if not path.resolve().is_relative_to(scratch.resolve()):
            raise RegistryError(f"{stored.version} in MLflow: {name!r:.120} leaves its folder")
        return path

    def set_alias(self, alias: str, stored: Stored) -> None:
        """Have an alias mean a version."""
        with asking(self.uri):
            self._client.set_registered_model_alias(self.name, alias, stored.number)

    def record(self, promotion: Promotion) -> None:
        """Keep a promotion, and no more than the newest MOST_PROMOTIONS."""
        when = datetime.fromisoformat(promotion.when)
        key = f"{PROMOTION_TAG}{round(when.timestamp() * 1e6):018d}"
        with asking(self.uri):
            self._client.set_registered_model_tag(
                self.name, key, json.dumps(promotion_json(promotion))
            )
            for old in sorted(self._promotions())[:-MOST_PROMOTIONS]:
                self._client.delete_registered_model_tag(self.name, old)

    def history(self) -> list[Promotion]:
        """The promotions that are kept, oldest first."""
        found = self._promotions()
        return [self._promotion(key, found[key]) for key in sorted(found)]

    def _promotions(self) -> dict[str, str]:
        model = self._model()
        tags = {} if model is None else dict(model.tags)
        return {k: str(v) for k, v in tags.items() if k.startswith(PROMOTION_TAG)}

    def _promotion(self, key: str, text: str) -> Promotion:
        try:
            return promotion_of(json.loads(text))
        except UNREADABLE as error:
            raise RegistryError(
                f"{self.name} in MLflow: tag {key:.80} is no promotion ({error}). Remove the tag."
            ) from None

    def _model(self) -> RegisteredModel | None:
        from mlflow.exceptions import MlflowException

        with asking(self.uri):
            try:
                return self._client.get_registered_model(self.name)
            except MlflowException as error:
                if absent(error):
                    return None
                raise

    def _experiment(self) -> str:
        experiment = self._client.get_experiment_by_name(self.name)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(self.name))

    def _search(self, condition: str) -> list[Stored]:
        found: list[Stored] = []
        token = None
        with asking(self.uri):
            while len(found) < MOST_VERSIONS:
                page = self._client.search_model_versions(
                    f"name = '{self.name}'{condition}", max_results=_PAGE, page_token=token
                )
                found += [stored for item in page if (stored := _stored(item)) is not None]
                token = page.token
                if not token:
                    break
        return found


def tags_of(version: str, added: str, note: str, facts: Facts) -> dict[str, str]:
    """What is known of a version, as tags."""
    return {
        VERSION_TAG: version,
        "aead_added": added,
        "aead_note": note,
        "aead_architecture": facts.architecture,
        "aead_threshold": repr(facts.threshold),
        "aead_calibration_records": str(facts.calibration_records),
        "aead_size_bytes": str(facts.size_bytes),
    }


def version_of(stored: Stored, aliases: tuple[str, ...]) -> Version:
    """The version that `tags_of` described. Raises RegistryError if the tags were changed."""
    tags = stored.tags
    try:
        facts = Facts(
            architecture=one_line(tags["aead_architecture"]),
            threshold=float(tags["aead_threshold"]),
            calibration_records=int(tags["aead_calibration_records"]),
            size_bytes=int(tags["aead_size_bytes"]),
        )
        added = datetime.fromisoformat(tags["aead_added"]).isoformat()
    except UNREADABLE as error:
        raise RegistryError(
            f"version {stored.number} in MLflow: a tag is missing or was changed ({error}). Delete"
            " that version, and add the bundle again."
        ) from None
    return Version(stored.version, added, aliases, one_line(tags.get("aead_note", "")), facts)


def _stored(found: ModelVersion) -> Stored | None:
    """The version, or None if it is not one of ours."""
    tags: dict[str, Any] = dict(found.tags)
    version, run = str(tags.get(VERSION_TAG)), str(found.run_id)
    if not re.fullmatch(r"[0-9a-f]{16}", version) or not _RUN.fullmatch(run):
        return None
    return Stored(version, str(int(found.version)), run, tags)
