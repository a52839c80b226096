"""Damaged ONNX files: a line that says so, never a crash."""

import numpy as np
import pytest

from models.errors import GivenModelError
from models.given import Normal
from models.wrapping import wrap
from tests.models.builders import vectors
from tests.models.scorers import distance

CENTRE = [10, 10.3, 9.8, 9.2]


def test_damaged_files_are_refused_or_harmless(tmp_path):
    whole = distance(CENTRE).SerializeToString()
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        for place in generator.integers(0, len(data), 3):
            data[place] = generator.integers(0, 256)
        (tmp_path / "scorer.onnx").write_bytes(data)
        try:
            wrap(tmp_path / "scorer.onnx", tmp_path / "model", Normal(vectors(60)))
        except GivenModelError:
            refused += 1
    assert refused > 10


def test_a_name_that_is_no_text_is_refused(tmp_path):
    data = distance(CENTRE).SerializeToString().replace(b"score", b"scor\xec")
    (tmp_path / "scorer.onnx").write_bytes(data)
    with pytest.raises(GivenModelError, match="cannot run it: 'utf-8' codec"):
        wrap(tmp_path / "scorer.onnx", tmp_path / "model", Normal(vectors(400)))
