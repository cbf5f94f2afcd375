"""Pictures and other files of jobs by their SHA-256, kept between jobs: most of a next job is the same."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Sequence

from crux_trainer.hub import Hub, Stopped

_LANES = 4


class Cache:
    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path_of(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def fetch_all(
        self,
        hub: Hub,
        job: str,
        epoch: int,
        wanted: Sequence[tuple[str, int]],
        stop: threading.Event,
        told: Callable[[int, int], None],
    ) -> None:
        """Whatever of (sha256, size) is not there yet, a few at a time. Throws `Refused`, `Stopped`."""
        missing = [(sha, size) for sha, size in dict.fromkeys(wanted) if not self._here(sha, size)]
        done = len(wanted) - len(missing)
        told(done, len(wanted))

        def fetch(item: tuple[str, int]) -> None:
            if stop.is_set():
                raise Stopped
            sha, size = item
            path = self.path_of(sha)
            path.parent.mkdir(exist_ok=True)
            hub.fetch(f"/trainer/v1/jobs/{job}/blobs/{sha}?epoch={epoch}", path, sha, size, stop)

        with ThreadPoolExecutor(_LANES) as lanes:
            for count, _ in enumerate(lanes.map(fetch, missing), done + 1):
                told(count, len(wanted))

    def _here(self, sha: str, size: int) -> bool:
        path = self.path_of(sha)
        return path.exists() and path.stat().st_size == size

    def shrink(self, most_bytes: int) -> None:
        """Throws away what was not used for longest until no more than `most_bytes` are left."""
        files = sorted(
            (path for path in self.folder.glob("*/*") if path.is_file()), key=lambda path: path.stat().st_atime
        )
        total = sum(path.stat().st_size for path in files)
        for path in files:
            if total <= most_bytes:
                return
            total -= path.stat().st_size
            os.unlink(path)
