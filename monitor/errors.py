"""The daemon's exceptions.

Exception
├── UserError                   something the user can put right: one line, exit code 2
│   ├── BundleError, ShapeError, CalibrationError, TrainingError      (in models.errors)
│   ├── ConfigError             the configuration is wrong
│   └── DataError               a data file is wrong: names file and row
│   ├── ProbeError              a model fails on rows made from its own input spec
│   ├── GapError                records were deleted unread, and the user wants to be told
│   ├── DamagedRecordsError     records cannot be read, nor stepped over
│   ├── SchemaUnavailableError  the schema of a payload cannot be looked up now: try again later
│   ├── LibraryError            a library is not the one that was tested, and lacks what we use
│   └── RegistryError           the model registry lacks something, or holds what cannot be used
│       └── RegistryUnavailableError    it does not answer now: trying again may help
├── DecodeError                 a payload that cannot be scored: becomes a dead letter
├── SinkError                   an output that could not be published
│   ├── SinkSlowError           not yet: it is under way
│   └── TransactionLostError    and nothing that was published since the last commit will be seen
└── ReceiverError               a retraining request that a receiver has not taken
"""

from __future__ import annotations

from typing import Final

from models.errors import UserError

REASONS: Final = (
    "tombstone",
    "empty",
    "oversized",
    "undecodable",
    "wrong_dtype",
    "wrong_shape",
    "too_many_rows",
    "non_finite",
    "missing_value",
    "non_finite_error",
    "unreadable",
    "expired",
)
"""Why a record became a dead letter: the closed set of reasons."""


class ConfigError(UserError):
    """The configuration is wrong."""


class DataError(UserError):
    """A data file is wrong."""


class GapError(UserError):
    """Records were deleted before they were read, and `kafka.out_of_range` says stop."""


class DamagedRecordsError(UserError):
    """Records cannot be read, and where they end cannot be told: reading stops."""


class SchemaUnavailableError(UserError):
    """The schema of a payload cannot be looked up now: the record is to be tried again later."""


class LibraryError(UserError):
    """A library lacks a part that we use: another version was tested."""


class RegistryError(UserError):
    """The model registry lacks what was asked for, or cannot be used."""


class RegistryUnavailableError(RegistryError):
    """The model registry does not answer now; trying again may help."""


class ProbeError(UserError):
    """A model fails on rows that were made from its own input spec."""


class DecodeError(Exception):
    """A payload that cannot be scored. reason: one of REASONS."""

    def __init__(self, reason: str, message: str) -> None:
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}")
        super().__init__(message)
        self.reason = reason


class SinkError(Exception):
    """An output that could not be published. retryable: trying again may help."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class SinkSlowError(SinkError):
    """What was published is still under way, and goes on: flush again, a moment later."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


class TransactionLostError(SinkError):
    """The open transaction failed: all that was published in it is void."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


class ReceiverError(Exception):
    """A retraining request that a receiver has not taken.

    message: shown to people and kept; holds no secret. retryable: trying again may help.
    retry_after: seconds that the receiver asks us to wait, if it does.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


__all__ = [
    "REASONS",
    "ConfigError",
    "DamagedRecordsError",
    "DataError",
    "DecodeError",
    "GapError",
    "LibraryError",
    "ProbeError",
    "ReceiverError",
    "RegistryError",
    "RegistryUnavailableError",
    "SchemaUnavailableError",
    "SinkError",
    "SinkSlowError",
    "TransactionLostError",
    "UserError",
]
