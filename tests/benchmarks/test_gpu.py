"""The benchmark of a GPU, as far as it goes without one."""

import json

import pytest
import torch

from benchmarks import gpu


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a cuda device here")
def test_without_a_gpu_it_says_so(tmp_path, capsys):
    assert gpu.main(["--out", str(tmp_path)]) == 2
    assert "no GPU" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_table_gives_shares_of_the_bare_parts():
    line = gpu.Line("dense, 784", "float32", 1024, 2.0, 1.0, 1.5, None, 4, 60)
    text = gpu.table([line], "a GPU")
    assert text.splitlines()[0] == "a GPU"
    cells = [cell.strip() for cell in text.splitlines()[-1].strip("|").split("|")]
    assert cells == ["dense, 784", "float32", "1,024", "512", "0.50", "0.75", "", "4", "60"]


def test_calls_take_turns():
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    assert set(gpu.median_seconds(calls, 1e-5)) == {"a", "b"}
    timed = order[2 * gpu.WARM_UP :]
    assert timed == ["a", "b"] * (len(timed) // 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no cuda device")
def test_graphs_start_fewer_kernels(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "CASES", gpu.CASES[:1])
    monkeypatch.setattr(gpu, "ROWS", (256,))
    assert gpu.main(["--out", str(tmp_path), "--seconds", "0.05"]) == 0
    for line in json.loads((tmp_path / "gpu.json").read_text())["lines"]:
        assert 0 < line["launches"] < line["launches_without_graphs"]
