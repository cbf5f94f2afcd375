"""Holds a job: says every third of the lease that it is being worked on, and notices when it is not ours any more."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from crux_trainer.hub import Away, Hub, Refused


class Lease:
    """`lost` is set when the hub has taken the job back or somebody cancelled it; `why` says which."""

    def __init__(self, hub: Hub, job: str, epoch: int, ttl_s: float, say: Callable[[str], None]):
        self.hub, self.job, self.epoch, self.say = hub, job, epoch, say
        self.lost = threading.Event()
        self.why = ""
        self._ttl_s = ttl_s
        self._ended = threading.Event()
        self._wake = threading.Event()
        self._status: dict[str, Any] = {"phase": "prepare", "progress": 0.0}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._wake.set()
        self._thread.join(timeout=5)

    def tell(self, phase: str, progress: float, **more: Any) -> None:
        """What is said next time; a new phase at once."""
        with self._lock:
            changed = phase != self._status["phase"]
            self._status = {"phase": phase, "progress": progress, **more}
        if changed:
            self._wake.set()

    def lose(self, why: str) -> None:
        self.why = self.why or why
        self.lost.set()
        self._wake.set()

    def _run(self) -> None:
        pause = self._ttl_s / 3
        while not self._ended.is_set() and not self.lost.is_set():
            with self._lock:
                status = dict(self._status)
            self._wake.clear()
            try:
                answer = self.hub.once(
                    "POST",
                    f"/trainer/v1/jobs/{self.job}/heartbeat",
                    {"epoch": self.epoch, **status},
                    timeout=max(5.0, self._ttl_s / 3),
                ).json()
                if answer.get("cancel"):
                    return self.lose("cancelled")
                self._ttl_s = float(answer.get("ttl_s", self._ttl_s))
                pause = self._ttl_s / 3
            except Away as away:
                # The work goes on: a hub that comes back extends the lease, or says that somebody else has the job.
                self.say(f"heartbeat: {away}")
                pause = min(pause, 5.0)
            except Refused as refused:
                if refused.lost or refused.status == 401:
                    return self.lose(str(refused))
                self.say(f"heartbeat: {refused}")
            self._wake.wait(pause)
            # Not more than two a second, whatever happens.
            time.sleep(0.5)
