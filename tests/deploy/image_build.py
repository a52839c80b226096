"""Carries out a Dockerfile without a container engine: each step in a root of its own.

The official Python image is stood in for by a fresh Debian of the same release (debootstrap) with
a virtual environment at /usr/local. A stage is an overlay on the stage it is built on, RUN is a
chroot, COPY a copy. To be run as root, in a mount namespace of its own (image_test.py does so).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.deploy.dockerfile import ROOT, Instruction, Stage, ancestry

CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
RELEASE: Final = "bookworm"
PACKAGES: Final = "python3,python3-venv,ca-certificates"
FROM_OUTSIDE: Final = re.compile(
    r"PIP_(CERT|INDEX_URL|DEFAULT_TIMEOUT)|HTTPS?_PROXY|NO_PROXY", re.I
)
"""The builder's own way to a package index, which is no part of the image."""


def stand_in(folder: Path, mirror: str | None) -> None:
    """Make a Debian with what the official Python image has, unless it is there."""
    if (folder / "usr/local/bin/pip").exists():
        return
    subprocess.run(
        [
            "debootstrap",
            "--variant=minbase",
            f"--include={PACKAGES}",
            RELEASE,
            folder,
            *([mirror] if mirror else []),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(["chroot", folder, "python3", "-m", "venv", "/usr/local"], check=True)


@dataclass
class Builder:
    """Builds stages below `folder`; base: the root that stands in for the image of FROM."""

    folder: Path
    base: Path
    stages: dict[str, Stage]
    arguments: dict[str, str] = field(default_factory=dict)
    _built: dict[str, Path] = field(default_factory=dict)
    _workdirs: dict[Path, str] = field(default_factory=dict)

    def build(self, name: str) -> Path:
        """The root of a stage, with all its steps carried out."""
        if name in self._built:
            return self._built[name]
        stage = self.stages[name]
        if stage.base in self.stages:
            self.build(stage.base)
        root = self._overlay(name)
        for step in stage.steps:
            print(f"[{name}] {step.keyword} {step.value[:90]}", flush=True)
            self._carry_out(step, root, self.environment(name, until=step))
        self._built[name] = root
        return root

    def environment(self, name: str, until: Instruction | None = None) -> dict[str, str]:
        """What ENV and ARG give, up to a step of that stage."""
        values = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
        for step in (step for stage in ancestry(self.stages, name) for step in stage.steps):
            if step is until:
                break
            if step.keyword == "ARG":
                key, _, value = step.value.partition("=")
                values[key] = self.arguments.get(key, value.strip('"'))
            elif step.keyword == "ENV":
                for key, value in re.findall(r'(\w+)=("[^"]*"|\S+)', step.value):
                    values[key] = re.sub(
                        r"\$\{?(\w+)\}?", lambda name: values[name[1]], value.strip('"')
                    )
        return values

    def _overlay(self, name: str) -> Path:
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        upper, work, root = (place / part for part in ("upper", "work", "root"))
        for part in (upper, work, root):
            part.mkdir(parents=True)
        # All layers in one mount: the kernel stacks overlays on overlays only twice.
        below = [
            self.folder / stage.name / "upper" for stage in ancestry(self.stages, name)[-2::-1]
        ]
        lower = ":".join(str(layer) for layer in [*below, self.base])
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "stage", "-o", options, root], check=True)
        for source in ("/dev", "/proc", "/etc/resolv.conf", str(CERTIFICATES)):
            target = root / source.lstrip("/")
            if not target.exists():
                target.touch()
            subprocess.run(["mount", "--bind", source, target], check=True)
        return root

    def _carry_out(self, step: Instruction, root: Path, environment: dict[str, str]) -> None:
        match step.keyword:
            case "RUN":
                self._run(step.value, root, environment)
            case "COPY":
                self._copy(step, root)
            case "WORKDIR":
                self._inside(root, step.value).mkdir(parents=True, exist_ok=True)
                self._workdirs[root] = step.value
            case "ENV" | "ARG" | "LABEL" | "EXPOSE" | "USER" | "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
                pass  # environment() and whoever runs the image read these
            case other:
                raise ValueError(f"{other} is not known here")

    def _run(self, command: str, root: Path, environment: dict[str, str]) -> None:
        ours = {key: value for key, value in os.environ.items() if FROM_OUTSIDE.fullmatch(key)}
        folder = self._workdirs.get(root, "/")
        subprocess.run(
            ["chroot", root, "/bin/sh", "-c", f"cd {folder} && {command}"],
            env=environment | ours,
            check=True,
        )

    def _copy(self, step: Instruction, root: Path) -> None:
        *sources, target = step.words
        origin = self.build(step.options["from"]) if "from" in step.options else ROOT
        into = self._inside(root, target)
        for source in sources:
            path = origin / source.lstrip("/")
            if path.is_dir():
                shutil.copytree(
                    path, into, symlinks=True, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__") if origin == ROOT else None,
                )  # fmt: skip
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, into)

    def _inside(self, root: Path, path: str) -> Path:
        # Joining an absolute path to another gives that path alone.
        absolute = Path(self._workdirs.get(root, "/")) / path
        return root / absolute.relative_to("/")
