"""MLflow's client, within bounds of time, and its errors as ours.

MLflow takes its limits from environment variables, so that those are set here unless they are
set already. Its telemetry is off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import RegistryError, RegistryUnavailableError
from monitor.process.text import printable_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

SETTINGS: Final = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Seconds without a byte, and how often to try again; the rest keeps it quiet."""
_PASSING: Final = (
    "INTERNAL_ERROR",
    "TEMPORARILY_UNAVAILABLE",
    "REQUEST_LIMIT_EXCEEDED",
    "DEADLINE_EXCEEDED",
)
_LOGIN: Final = ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")
_SHOWN: Final = 200


def connect(uri: str) -> MlflowClient:
    """A client for a tracking server; nothing is asked of it yet. Raises RegistryError."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ImportError:
        raise RegistryError(
            "registry.mlflow needs the package mlflow. Install it: pip install"
            " 'aead-monitor[mlflow]'"
        ) from None
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def asking(uri: str) -> Iterator[None]:
    """Turn what goes wrong while the server is asked into one line that says what to do."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        yield
    except MlflowException as error:
        raise _translated(uri, str(error.error_code), error) from None
    except RequestException as error:
        raise _unavailable(uri, error) from None


def absent(error: Any) -> bool:
    """Whether an MlflowException says that what was asked for is not there.

    The answer of a server that is no MLflow at all has another code.
    """
    code = str(error.error_code)
    if code == "INVALID_PARAMETER_VALUE":  # said of an alias that is not set
        return "alias" in str(error) and "not found" in str(error)
    return code == "RESOURCE_DOES_NOT_EXIST"


def _translated(uri: str, code: str, error: Exception) -> RegistryError:
    if code in _PASSING:
        return _unavailable(uri, error)
    if code in _LOGIN:
        return RegistryError(
            f"MLflow at {uri} refuses us ({code}). Set MLFLOW_TRACKING_USERNAME and"
            " MLFLOW_TRACKING_PASSWORD, or write ~/.mlflow/credentials."
        )
    return RegistryError(
        f"MLflow at {uri} refuses: {_shortened(error)}. Check registry.mlflow: tracking_uri must"
        " be that of an MLflow server, and name that of a model of ours."
    )


def _unavailable(uri: str, error: Exception) -> RegistryUnavailableError:
    return RegistryUnavailableError(
        f"MLflow at {uri} does not answer: {_shortened(error)}. Check registry.mlflow.tracking_uri"
        " and that the server runs, then try again."
    )


def _shortened(error: Exception) -> str:
    return printable_line(str(error), _SHOWN + len("..."))
