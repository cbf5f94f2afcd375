"""The folder where agent and training meet: what the one tells the other, in files, so that any launcher may stand between."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from crux_trainer.errors import Cancelled

_STALE_S = 90.0


class Desk:
    """
    `bundle/` in, `result/` out; `events.jsonl` what is going on; `checkpoint.pt` where to go on from; `cancel` when it is
    there the training stops; `alive` is touched by who started the training, who otherwise is taken for dead.
    """

    def __init__(self, folder: Path, quiet: bool = False):
        self.folder = folder
        self.quiet = quiet
        self._last = (0.0, "")

    @property
    def result(self) -> Path:
        return self.folder / "result"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def touch(self) -> None:
        (self.folder / "alive").touch()

    def check(self) -> None:
        """Throws `Cancelled` when nobody wants the result any more."""
        if (self.folder / "cancel").exists():
            raise Cancelled("asked to stop")
        alive = self.folder / "alive"
        if alive.exists() and time.time() - alive.stat().st_mtime > _STALE_S:
            raise Cancelled("whoever started the training has gone")

    def say(self, text: str) -> None:
        if not self.quiet:
            print(time.strftime("%H:%M:%S"), text, file=sys.stdout, flush=True)

    def tell(self, phase: str, progress: float, **more: Any) -> None:
        """One line of events.jsonl; lines that say little new are left out. Throws `Cancelled`."""
        self.check()
        if self.quiet:
            return
        now = time.monotonic()
        if not more.get("metrics") and phase == self._last[1] and now - self._last[0] < 1:
            return
        self._last = (now, phase)
        event = {"phase": phase, "progress": round(min(1.0, max(0.0, progress)), 4), **more}
        self.write({key: value for key, value in event.items() if value is not None})

    def write(self, event: dict[str, Any]) -> None:
        with open(self.folder / "events.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(event, allow_nan=False) + "\n")
            file.flush()

    def wrote_checkpoint(self, step: int) -> None:
        self.write({"checkpoint": {"step": step, "size": os.path.getsize(self.checkpoint)}})
