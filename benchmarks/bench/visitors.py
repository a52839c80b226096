"""People who have the status page open, as a process of their own.

    python -m benchmarks.bench.visitors URL PEOPLE SECONDS

Each listens for changes, and loads the sections and the curves at every one, as the page's script
does. It prints how many answers they got, and how many they did not get.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.request

TIMEOUT_SECONDS = 15.0
BACK_SECONDS = 1.0
"""From the end of one answer until a browser asks for changes again."""


class Visitors:
    """So many threads, one a person. answers, failures: of all of them so far."""

    def __init__(self, url: str, people: int, seconds: float) -> None:
        self._url, self._until = url, time.monotonic() + seconds
        self._lock = threading.Lock()
        self.answers = self.failures = 0
        self._threads = [threading.Thread(target=self._stay) for _ in range(people)]

    def run(self) -> None:
        """Until their time is over."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def _stay(self) -> None:
        while time.monotonic() < self._until:
            try:
                self._listen()
            except OSError:
                self._count(answered=False)
            time.sleep(BACK_SECONDS)

    def _listen(self) -> None:
        with urllib.request.urlopen(f"{self._url}/api/changes", timeout=TIMEOUT_SECONDS) as told:
            for line in told:
                if time.monotonic() > self._until:
                    return
                if line.startswith(b"data:"):
                    self._load("/sections")
                    self._load("/api/timeline?span=minutes")

    def _load(self, path: str) -> None:
        with urllib.request.urlopen(self._url + path, timeout=TIMEOUT_SECONDS) as answer:
            answer.read()
        self._count(answered=True)

    def _count(self, *, answered: bool) -> None:
        with self._lock:
            self.answers += answered
            self.failures += not answered


def start(url: str, people: int, seconds: float) -> subprocess.Popen[str]:
    """They come; the process ends when their time is over."""
    words = (url, str(people), str(seconds))
    command = [sys.executable, "-m", "benchmarks.bench.visitors", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    url, people, seconds = sys.argv[1:]
    visitors = Visitors(url, int(people), float(seconds))
    visitors.run()
    print(visitors.answers, visitors.failures)
