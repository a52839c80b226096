"""The daemon's exceptions.

Exception
├── UserError                   something the user can put right: one line, exit code 2
│   ├── BundleError, ShapeError, CalibrationError, TrainingError      (in models.errors)
│   ├── ConfigError             the configuration is wrong
│   └── DataError               a data file is wrong: names file and row
│   ├── ProbeError              a model fails on rows made from its own input spec
│   ├── GapError                records were deleted unread, and the user wants to be told
├── DecodeError                 a payload that cannot be scored: becomes a dead letter
└── SinkError                   an output that could not be published
    └── TransactionLostError    and nothing that was published since the last commit will be seen
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


class TransactionLostError(SinkError):
    """The open transaction failed: all that was published in it is void."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


__all__ = [
    "REASONS",
    "ConfigError",
    "DataError",
    "DecodeError",
    "GapError",
    "ProbeError",
    "SinkError",
    "TransactionLostError",
    "UserError",
]
