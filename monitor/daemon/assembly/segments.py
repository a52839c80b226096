"""Builds what judges the segments of a stream."""

from __future__ import annotations

from models.bundle import Bundle
from models.channels import Channels
from monitor.codecs.fields import READS, FieldReader
from monitor.config import Config
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.segments.moulds import segments_of
from monitor.drift.segments.segmented import Segments
from monitor.errors import ConfigError
from monitor.pipeline.segment_names import Naming, of_field, of_header, of_key
from monitor.pipeline.segmented import SegmentedStream


def build_naming(config: Config) -> Naming | None:
    """What names the segment of a record, None if there are no segments.

    Raises ConfigError for a field of payloads that have no names.
    """
    section, codec = config.segments, config.codec
    if section.by is None:
        return None
    if section.header:
        return Naming(of_header(section.header))
    if not section.field:
        return Naming(of_key)
    if codec.name not in READS:
        raise ConfigError(
            f"segments.by: {section.by} needs payloads whose fields have names, and codec.name is"
            f" {codec.name}. Use key or header:NAME, or one of {', '.join(READS)}."
        )
    return Naming(
        of_field(FieldReader(codec.name, section.field, codec.wrap, codec.max_record_bytes))
    )


def beside(config: Config) -> tuple[str, ...]:
    """The keys of payloads that are no features, and known all the same."""
    path = config.segments.field
    return (path, path.split(".")[0]) if path else ()


def build_segments(
    config: Config, bundle: Bundle, settings: JudgeSettings, channels: Channels | None
) -> Segments | None:
    """The judges of segments, None if there are none. settings: with the budget of all.

    Raises ConfigError as `build_naming` does.
    """
    if build_naming(config) is None:
        return None
    most = config.segments.at_most
    return segments_of(bundle.version, bundle.judged, settings, most, channels)


def build_segmented(config: Config, segments: Segments | None) -> SegmentedStream | None:
    """The segments in the pipeline, None if there are none."""
    naming = build_naming(config)
    if naming is None or segments is None:
        return None
    return SegmentedStream(naming, segments, config.http.external_url)
