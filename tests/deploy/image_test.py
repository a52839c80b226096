"""`make image-test`: builds the container image's steps in a clean root, and runs what they give.

    python -m tests.deploy.image_test --folder out/image

Needs root, debootstrap and 8 GB of disk. What a container engine would do is done by hand: a
read-only root, a tmpfs at /tmp, the numeric user of the image, no capabilities, no new privileges.
Then the image's own commands are run: --version, what `train` of docker-compose.yml does,
check-config of the daemon's configuration there, training as a user id without a name, and the
daemon with the health check's command, ended by SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import yaml

from tests.deploy import dockerfile
from tests.deploy.dockerfile import ROOT, Instruction, Stage
from tests.deploy.image_build import Builder, stand_in

IN_A_NAMESPACE: Final = "AEAD_IMAGE_TEST_NAMESPACE"
START_SECONDS: Final = 60
COMPOSE_CONFIG: Final = "/etc/aead-monitor/aead-monitor.yaml"
STATE: Final = "/var/lib/aead-monitor"


@dataclass(frozen=True)
class Image:
    """What was built, and how its processes are started."""

    root: Path
    user: str
    environment: dict[str, str]
    health_check: list[str]

    def command(self, *words: str) -> list[str]:
        """The words as a process of the image's user, without any privilege."""
        return [
            "chroot", f"--userspec={self.user}", "--groups=", str(self.root),
            "/usr/bin/setpriv", "--no-new-privs", "--inh-caps=-all", *words,
        ]  # fmt: skip

    def run(self, *words: str, **environment: str) -> str:
        """What the words print. Raises CalledProcessError if they fail."""
        print("$", " ".join(words), flush=True)
        done = subprocess.run(
            self.command(*words), env=self.environment | environment, check=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        print(done.stdout, end="", flush=True)
        return done.stdout


def main() -> None:
    """Build, lock down, run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "out" / "image")
    parser.add_argument("--torch-index", default="", help="TORCH_INDEX of the Dockerfile")
    parser.add_argument("--mirror", help="of Debian; default: that of debootstrap")
    options = parser.parse_args()
    if IN_A_NAMESPACE not in os.environ:
        os.environ[IN_A_NAMESPACE] = "1"
        # All mounts end with this process, whatever becomes of it.
        unshare = ["unshare", "--mount", "--propagation", "private"]
        os.execvp(
            "unshare", [*unshare, sys.executable, "-m", "tests.deploy.image_test", *sys.argv[1:]]
        )

    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    stand_in(folder / "debian", options.mirror)
    image = built(folder, "demo", options.torch_index)
    lock_down(image)
    check(image)
    print("passed: the image's steps and commands work in a clean root", flush=True)


def built(folder: Path, target: str, torch_index: str) -> Image:
    """Carry out all steps of a target."""
    stages = dockerfile.read()
    builder = Builder(folder, folder / "debian", stages, {"TORCH_INDEX": torch_index})
    root = builder.build(target)
    lineage = dockerfile.ancestry(stages, target)
    user = [found.value for stage in lineage if (found := stage.last("USER"))][-1]
    return Image(root, user, builder.environment(target), health_command(stages, target))


def health_command(stages: Mapping[str, Stage], target: str) -> list[str]:
    """The words of a target's HEALTHCHECK."""
    lineage = dockerfile.ancestry(stages, target)
    check = [found for stage in lineage if (found := stage.last("HEALTHCHECK"))][-1]
    return Instruction("CMD", {}, check.value.removeprefix("CMD ")).words


def lock_down(image: Image) -> None:
    """Make the root read-only, with the mounts that docker-compose.yml gives the daemon."""
    config = image.root / COMPOSE_CONFIG.lstrip("/")
    config.touch()
    subprocess.run(
        ["mount", "--bind", ROOT / "deploy/compose/aead-monitor.yaml", config], check=True
    )
    for place, owner in (
        ("/tmp", ""),
        (f"{STATE}/state", image.user),
        (f"{STATE}/models", image.user),
    ):
        target = image.root / place.lstrip("/")
        subprocess.run(["mount", "-t", "tmpfs", "scratch", target], check=True)
        if owner:
            os.chown(target, *map(int, owner.split(":")))
        else:
            target.chmod(0o1777)
    subprocess.run(["mount", "-o", "remount,ro", image.root], check=True)


def check(image: Image) -> None:
    """Everything that a user of the image relies on."""
    assert image.run("id", "--user") == "10001\n"
    assert "Read-only file system" in image.run("sh", "-c", "touch /opt/x 2>&1 || true")
    for tool in ("gcc", "make", "pip", "git", "curl"):
        assert not image.run("sh", "-c", f"command -v {tool} || true"), f"{tool} is in the image"
    image.run("aead-monitor", "--version")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    image.run(*services["train"]["entrypoint"], *services["train"]["command"])
    image.run("aead-monitor", "check-config", COMPOSE_CONFIG)
    # A user id that has no name, as some clusters give.
    nobody = replace(image, user="12345:12345")
    nobody.run("aead-monitor", "train", "--data", "/tmp/digits.npy", "--out", "/tmp/other",
               "--arch", "dense", "--epochs", "1")  # fmt: skip
    written = image.run("find", "/tmp", "-maxdepth", "1", "-mindepth", "1")
    print("written to /tmp by the commands:", written.split())
    check_daemon(image)


def check_daemon(image: Image) -> None:
    """The daemon becomes healthy without a broker, and stops in good order."""
    command = image.command("aead-monitor", "run", "--config", COMPOSE_CONFIG)
    # No broker is here: what is shown is that the process lives, not that it reads.
    settings = {"AEAD_MONITOR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    daemon = subprocess.Popen(command, env=image.environment | settings)
    started = time.monotonic()
    try:
        while subprocess.run(
            image.command(*image.health_check), env=image.environment, stderr=subprocess.DEVNULL
        ).returncode:
            assert daemon.poll() is None, "the daemon has ended"
            assert time.monotonic() < started + START_SECONDS, "the daemon is not healthy"
            time.sleep(0.5)
        print(f"healthy after {time.monotonic() - started:.1f} s")
        asked = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        code = daemon.wait(60)
        print(f"exit code {code} {time.monotonic() - asked:.1f} s after SIGTERM")
        assert code == 0
    finally:
        daemon.kill()


if __name__ == "__main__":
    main()
