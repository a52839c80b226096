"""The whole circle, as examples/closed_loop shows it: drift, request, new model, resolved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.closed_loop.__main__ import main
from tests import product
from tests.kafka.broker import Broker


@pytest.mark.timeout(1200)
def test_drift_leads_to_one_request_and_a_new_model_and_is_resolved(
    broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--bootstrap-servers", broker.bootstrap_servers, "--folder", str(tmp_path)]
    assert main([*arguments, "--quick"], launch=product.launch) == 0
    found = json.loads((tmp_path / "summary.json").read_text())
    # Every record was scored once, by one model or the other.
    assert found["scored"] == found["records"]
    assert found["dead_lettered"] == 0
    assert found["receiver"][:3] == ["503", "hangs", "200"]
    assert found["first_model"] != found["second_model"]
    assert found["anomalies_caught"] >= 0.9 * found["anomalies_sent"]
    assert "one request" in capsys.readouterr().out
