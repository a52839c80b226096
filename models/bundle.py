"""Bundle: a trained model, its input spec and its reference in one folder.

    model.safetensors       the weights
    reference.safetensors   the calibration errors: in stream order if known, else ascending
    channels.safetensors    values of the views that are watched one by one; not in older bundles
    context.safetensors     what is usual by the hour or a column, if the drift test is to know it
    bundle.json             everything else, and the hashes of these
    README.md, plots/       the model card, for people; never read back

The version is the hash of bundle.json without the version itself and the times of the training,
so it covers them all, and two equal trainings have one version. Files
are bounded in size and checked before anything is built from them; nothing pickled is ever read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from models import architectures, bundle_files, bundle_metadata, bundle_references
from models.autoencoder import Autoencoder
from models.bundle_files import CHANNELS, CONTEXT, MANIFEST, MODEL, REFERENCE
from models.channels import Channels
from models.context import Context
from models.context_column import ContextColumn
from models.denormals import without_denormals
from models.device import resolve
from models.error_metrics import ERROR_METRICS, misfit
from models.errors import BundleError, UserError
from models.files import replaced_folder
from models.input_spec import InputSpec
from models.precision import FLOAT32
from models.reconstruction import metric_of
from models.reference import Reference
from models.solved import Scoring


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model that is ready to score, and what is known about it.

    version: 16 hex digits, the content's hash. metadata: JSON values: training data fingerprint,
    settings, metrics, library versions, creation time (ISO 8601, UTC). reference: of the
    precision that it was loaded for. references: of each precision that it was calibrated in.
    channels, context: of float32; None if it has none.
    """

    version: str
    architecture: str
    input_spec: InputSpec
    reference: Reference
    model: Autoencoder
    error_metric: str
    metadata: dict[str, Any]
    path: Path
    precision: str = FLOAT32
    references: Mapping[str, Reference] = field(default_factory=dict)
    channels: Channels | None = None
    context: Context | None = None

    @cached_property
    def judged(self) -> Reference:
        """What the drift test compares errors with, adjusted for their context if there is one."""
        return self.reference if self.context is None else self.context.reference(self.reference)

    @property
    def column(self) -> ContextColumn | None:
        """The column by which errors or channels are judged; None if there is none."""
        return _column(self.channels, self.context)

    @property
    def knows_hours(self) -> bool:
        """Whether errors or channels are judged by the hour of their records."""
        of_channels = self.channels is not None and self.channels.context is not None
        return (self.context is not None or of_channels) and self.column is None

    def in_precision(self, precision: str) -> Bundle:
        """The same, to be scored in this precision, with the reference that belongs to it.

        Raises BundleError if it was not calibrated in it.
        """
        if precision == self.precision:
            return self
        if precision not in self.references:
            raise BundleError(
                f"{self.path}: it was calibrated in {self.precision} alone, and errors in"
                f" {precision} differ. Train it again with --precision {precision}, or score in"
                f" {self.precision}."
            )
        reference = self.references[precision]
        return replace(self, precision=precision, reference=reference, channels=None, context=None)


Pages = Callable[[Bundle], Mapping[str, bytes]]


def save(
    folder: Path | str,
    *,
    model: Autoencoder,
    input_spec: InputSpec,
    reference: Reference,
    error_metric: str,
    metadata: Mapping[str, Any],
    pages: Pages | None = None,
    reduced: Reference | None = None,
    channels: Channels | None = None,
    context: Context | None = None,
) -> Bundle:
    """Write a bundle, verify what was written, and return it.

    reference: in float32. reduced: in bfloat16, if it is to be scored in that, too.
    pages: makes further files, by relative name, from the finished bundle (the model card).
    The folder appears whole or not at all; an older bundle there is replaced. Raises BundleError
    if the folder holds anything but a bundle, or cannot be written.
    """
    target = Path(folder).absolute()
    check_target(target)
    weights = {name: tensor.contiguous() for name, tensor in model.cpu().state_dict().items()}
    contents = {
        MODEL: safetensors.torch.save(weights),
        REFERENCE: bundle_references.tensors(reference, reduced),
    }
    if channels is not None:
        contents[CHANNELS] = channels.tensors()
    if context is not None:
        contents[CONTEXT] = context.tensors()
    column = _column(channels, context)
    document = {
        "schema_version": _schema(channels, context),
        "architecture": model.architecture,
        "architecture_settings": model.settings,
        "input_spec": input_spec.to_json(),
        "error_metric": metric_of(model, error_metric),
        **bundle_references.described(reference, reduced),
        **({} if channels is None else {"channels": channels.described()}),
        **({} if context is None else {"context": context.described()}),
        **({} if column is None else {"context_column": column.to_json()}),
        "metadata": dict(metadata),
    }
    contents[MANIFEST] = bundle_files.manifest(document, contents)
    try:
        return _write(target, contents, pages)
    except OSError as error:
        raise BundleError(f"cannot write the bundle {target}: {error}.") from error


def _schema(channels: Channels | None, context: Context | None) -> int:
    """The schema of a bundle that is written now."""
    if _column(channels, context) is not None:
        return bundle_files.WITH_COLUMN
    if channels is not None and channels.context is not None:
        return bundle_files.WITH_CHANNEL_CONTEXT
    return bundle_files.SCHEMA_VERSION if context is None else bundle_files.WITH_CONTEXT


def _column(channels: Channels | None, context: Context | None) -> ContextColumn | None:
    """That of either, for they are of one."""
    of_channels = None if channels is None else channels.context
    return next((each.column for each in (context, of_channels) if each is not None), None)


def check_target(folder: Path | str) -> None:
    """Raise BundleError if saving there would overwrite anything but an older bundle."""
    target = Path(folder)
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise BundleError(f"{target} is not a folder. Choose another place for the bundle.")
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise BundleError(
            f"{target} holds other files and no {MANIFEST}. Choose a new folder for the bundle."
        )


def _write(target: Path, contents: Mapping[str, bytes], pages: Pages | None) -> Bundle:
    with replaced_folder(target) as draft:
        bundle_files.write(draft, contents)
        bundle = replace(load(draft), path=target)
        bundle_files.write(draft, pages(bundle) if pages else {})
    return bundle


def version_of(folder: Path | str) -> str:
    """Return the version of the bundle in a folder; only bundle.json is read and verified.

    Raises BundleError.
    """
    return str(bundle_files.read_manifest(Path(folder))["version"])


def load(folder: Path | str, device: str = "cpu") -> Bundle:
    """Return the bundle with its model on the device, in evaluation mode.

    Raises BundleError, which names the file and what to do, if anything is missing, damaged,
    edited, or not of this schema.
    """
    path = Path(folder)
    document, contents = bundle_files.read(path)
    place = resolve(device)
    try:
        spec = InputSpec.from_json(document["input_spec"])
        metric = str(document["error_metric"])
        name, settings = str(document["architecture"]), document["architecture_settings"]
        model = architectures.outline(name, spec, architectures.of_before(name, settings))
        possible = (model.metric,) if isinstance(model, Scoring) else ERROR_METRICS
        if metric not in possible or misfit(metric, spec.is_image):
            raise ValueError(
                f"unknown error_metric {metric!r:.80}, or one that does not fit architecture"
                f" {name!r:.80}"
            )
        metadata = bundle_metadata.checked(document["metadata"])
        _fill(model, path / MODEL, contents[MODEL])
        model.filled()
        references = bundle_references.read(document, path / REFERENCE, contents[REFERENCE])
        column = None
        if "context_column" in document:
            column = ContextColumn.from_json(document["context_column"], spec)
        channels = None
        if CHANNELS in contents or "channels" in document:
            place_of = path / CHANNELS
            read = contents[CHANNELS]
            channels = Channels.read(document["channels"], spec, place_of, read, column)
        context = None
        if CONTEXT in contents or "context" in document:
            place_of, count = path / CONTEXT, references[FLOAT32].count
            read = contents[CONTEXT]
            context = Context.read(document["context"], count, column, place_of, read)
        schema = document["schema_version"]
        if _schema(channels, context) != max(schema, bundle_files.SCHEMA_VERSION):
            raise ValueError("schema_version and context do not belong together")
    except UserError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise bundle_files.damaged(path / MANIFEST, reason) from error
    return Bundle(
        version=document["version"],
        architecture=name,
        input_spec=spec,
        reference=references[FLOAT32],
        model=model.to(place).eval(),
        error_metric=metric,
        metadata=metadata,
        path=path,
        references=references,
        channels=channels,
        context=context,
    )


def _fill(model: Autoencoder, path: Path, data: bytes) -> None:
    """Give an outlined model its weights, after comparing names, shapes and types."""
    tensors = bundle_files.tensors(path, data)
    expected = model.state_dict()
    if set(tensors) != set(expected):
        odd = sorted(set(tensors) ^ set(expected))[0]
        fault = "is missing" if odd in expected else "does not belong to this architecture"
        raise bundle_files.damaged(path, f"tensor {odd!r:.80} {fault}")
    for name, tensor in tensors.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            got = f"{tensor.dtype} {list(tensor.shape)}"
            need = f"{wanted.dtype} {list(wanted.shape)}"
            raise bundle_files.damaged(path, f"tensor {name} is {got}, the architecture has {need}")
        if not torch.isfinite(tensor).all():
            raise bundle_files.damaged(path, f"tensor {name} holds values that are not finite")
    usable = {name: without_denormals(tensor) for name, tensor in tensors.items()}
    model.load_state_dict(usable, assign=True)
