"""What reading an array or a folder of pictures imports: nothing that tables need."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

READ = """
import json, sys
from monitor.datasets import load
load(sys.argv[1])
print(json.dumps(sorted({"pyarrow", "fsspec", "torch", "PIL"} & set(sys.modules))))
"""


@pytest.mark.parametrize(
    ("name", "needed"), [("x.npy", []), ("pictures", ["PIL"]), ("x.csv", ["pyarrow"])]
)
def test_only_what_is_needed_is_imported(tmp_path: Path, name: str, needed: list[str]) -> None:
    np.save(tmp_path / "x.npy", np.ones((2, 2)))
    (tmp_path / "x.csv").write_text("a,b\n1.5,2\n")
    (tmp_path / "pictures").mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "pictures" / "a.png")
    command = [sys.executable, "-c", READ, str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == needed
