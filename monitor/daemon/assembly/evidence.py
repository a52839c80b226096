"""Builds what keeps a few records for people to look at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from models.channels import Channels
from monitor.config import Config
from monitor.evidence.folder import EvidenceFolder
from monitor.evidence.keeper import Keeper
from monitor.evidence.looking import FEATURES, Looker
from monitor.evidence.sampling import Sampler
from monitor.pipeline.scorer import Scorer

log = structlog.get_logger(__name__)


def build_keeper(config: Config) -> Keeper | None:
    """What keeps evidence, with nothing in it yet; None if the configuration wants none."""
    if config.evidence == "off":
        return None
    return Keeper(config.evidence, config.state.directory)


def open_evidence(config: Config, keeper: Keeper | None) -> None:
    """Go on with what is in the state folder, which is ours; remove it if none is wanted."""
    if keeper is not None:
        keeper.open()
        return
    try:
        EvidenceFolder(config.state.directory).remove()
    except OSError as error:
        log.warning(
            "evidence of before cannot be removed; remove it by hand",
            folder=str(config.state.directory),
            error=error.strerror,
        )


def build_sampler(
    config: Config,
    keeper: Keeper | None,
    scorer: Scorer,
    channels: Channels | None,
    stage: Callable[[str], AbstractContextManager[None]],
) -> Sampler | None:
    """What picks rows of one model's batches; None if none are kept. channels: that it computes."""
    if keeper is None:
        return None
    bundle, looker = scorer.bundle, None
    if config.evidence == "records":
        looker = Looker(
            bundle.input_spec,
            scorer.explainer(FEATURES),
            scorer.reconstruct,
            stage=lambda: stage("explain"),
        )
    names = () if channels is None else tuple(view.name for view in channels.each)
    return Sampler(keeper, bundle.version, bundle.reference.threshold, names, looker)
