"""The autoencoders: architectures, training, calibration, and the bundle that holds a model."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.detector import AnomalyDetector

__all__ = ["AnomalyDetector"]


def __getattr__(name: str) -> Any:
    """`AnomalyDetector`, imported with its first use: torch alone takes seconds."""
    if name != "AnomalyDetector":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from models.detector import AnomalyDetector

    return AnomalyDetector
