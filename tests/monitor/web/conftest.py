"""Certificates and a configuration with TLS."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from monitor.metrics import Metrics
from tests.monitor.web.certificates import Authority
from tests.monitor.web.site import write_config


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Signs the server's certificate and, where a test wants them, those of clients."""
    return Authority(tmp_path)


@pytest.fixture
def tls(authority: Authority) -> dict[str, str]:
    """A section tls_server_config with names relative to the folder of the file."""
    certificate, key = authority.sign("server")
    return {"cert_file": certificate.name, "key_file": key.name}


@pytest.fixture
def secure(tmp_path: Path, tls: dict[str, str]) -> Path:
    """A web configuration file with TLS and nothing else."""
    return write_config(tmp_path / "web.yml", tls_server_config=tls)


@pytest.fixture
def metrics() -> Metrics:
    """The metrics of a daemon, in a registry of their own."""
    return Metrics(CollectorRegistry(), (0.5,))
