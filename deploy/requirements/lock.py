"""Writes the lock files beside this one: what the container image installs, with hashes.

    base.txt    all that the daemon needs, less torch
    torch.txt   torch and the CUDA libraries that it asks for; in a file of their own, so that an
                image without them can take another build of torch
    demo.txt    what the demonstration's image has in addition
    build.txt   what turns the source into a wheel

Run by `make lock` (ARGS="avro confluent" for these extras, too). uv resolves for every platform at
once; the versions are the newest that pyproject.toml allows.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
PROJECT: Final = HERE.parents[1] / "pyproject.toml"
UV: Final = Path(sys.executable).with_name("uv")
BUILD_TOOLS: Final = "setuptools>=77\nwheel\n"
OF_TORCH: Final = re.compile(r"(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==")
HEAD: Final = "# Written by `make lock`. Do not edit.\n"


def resolve(source: Path, *options: str) -> list[str]:
    """The pinned requirements of a file, each with its hashes."""
    command = [
        str(UV), "pip", "compile", str(source), "--universal", "--python-version", "3.11",
        "--generate-hashes", "--no-annotate", "--no-header", "--quiet", *options,
    ]  # fmt: skip
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [part for part in re.split(r"\n(?=[a-z0-9])", text.strip()) if part]


def write(name: str, requirements: list[str]) -> None:
    """One lock file."""
    text = HEAD + "".join(f"{requirement.strip()}\n" for requirement in requirements)
    (HERE / name).write_text(text, encoding="utf-8")


def main(extras: list[str]) -> None:
    """Write all of them. extras: of pyproject.toml, that the image is to have."""
    chosen = [option for extra in extras for option in ("--extra", extra)]
    daemon = resolve(PROJECT, *chosen)
    write("base.txt", [line for line in daemon if not OF_TORCH.match(line)])
    write("torch.txt", [line for line in daemon if OF_TORCH.match(line)])
    write("demo.txt", [x for x in resolve(PROJECT, *chosen, "--extra", "demo") if x not in daemon])
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "tools.in"
        tools.write_text(BUILD_TOOLS, encoding="utf-8")
        write("build.txt", resolve(tools))


if __name__ == "__main__":
    main(sys.argv[1:])
