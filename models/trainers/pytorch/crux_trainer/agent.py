"""
The agent: holds the lease, talks to the hub, starts the training through a launcher and watches its folder. It knows
nothing of PyTorch. Killed at any moment, the next start finds its job, its pictures and its checkpoint again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import crux_trainer
from crux_trainer.cache import Cache
from crux_trainer.errors import TrainingError
from crux_trainer.files import read_json, sha256_of, write_json
from crux_trainer.gpus import gpus, load
from crux_trainer.hub import Away, Hub, Refused, Stopped
from crux_trainer.launchers import Launcher, start, stop
from crux_trainer.lease import Lease
from crux_trainer.recipes.all import RECIPES
from crux_trainer.weights import weights_in

_LOOK_S = 0.3
_GPU_LOOK_S = 15.0
_LOG_PIECE = 64 * 1024
_METRICS = 32
_CONTRACT = 1
_RETRIES = 2
_RETRIES_ELSEWHERE = 6
_PAUSE_S, _LONGEST_PAUSE_S = 2.5, 60.0
"""Before a scheduler is asked again that ended without a result: about three minutes in all, and the hub gives five tries."""
"""Times a training that died of itself is started again here before the job is given back."""


@dataclass(frozen=True)
class Agent:
    hub: Hub
    state: Path
    cache: Cache
    launcher: Launcher
    weights: Path | None
    checkpoint_s: float
    cache_bytes: int
    labels: dict[str, str]
    say: Callable[[str], None]
    stopping: threading.Event
    waiting: threading.Event
    """Set while it does nothing but wait for a job: then it may be interrupted at any point."""


def run_agent(agent: Agent, once: bool) -> int:
    """Takes one job after the other until `stopping` is set; with `once` only one. Returns the exit code."""
    lock = open(agent.state / "agent.lock", "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        agent.say(f"another trainer works in {agent.state}: give each its own --state")
        return 2
    try:
        while not agent.stopping.is_set():
            known = _register(agent)
            claimed = _claim(agent, float(known.get("wait_s", 25)), once)
            if claimed:
                _take(agent, claimed, known)
            if once:
                return 0
    except Stopped:
        pass
    except Refused as refused:
        agent.say(f"{refused}")
        if refused.status == 401:
            agent.say("ask an engineer for a new token: Training screen, Trainers")
        return 2
    finally:
        lock.close()
    return 0


def _register(agent: Agent) -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    body = {
        "software": f"crux-trainer {crux_trainer.__version__}",
        "contract_versions": [_CONTRACT],
        "recipes": [recipe.told(tuple(weights_in(agent.weights))) for recipe in RECIPES.values()],
        "gpus": gpus(),
        "cpus": os.cpu_count() or 1,
        "mem_gb": round(memory, 1),
        "labels": agent.labels,
    }
    known = agent.hub.call("POST", "/trainer/v1/register", body, stop=agent.stopping).json()
    agent.say(f"registered as {known.get('trainer_id')}: {len(body['recipes'])} recipes, {len(body['gpus'])} GPUs")
    return known


def _claim(agent: Agent, wait_s: float, once: bool) -> dict[str, Any] | None:
    """Waits for a job. The number of the question is kept: after a crash the same question gets the same lease."""
    file = agent.state / "claim.json"
    while not agent.stopping.is_set():
        request = read_json(file)["request_id"] if file.exists() else str(uuid.uuid4())
        write_json(file, {"request_id": request})
        body = {"request_id": request, "wait_s": wait_s}
        agent.waiting.set()
        try:
            answer = agent.hub.call("POST", "/trainer/v1/claim", body, timeout=wait_s + 30, stop=agent.stopping)
        finally:
            agent.waiting.clear()
        if answer.status == 200:
            return answer.json()
        file.unlink(missing_ok=True)
        if once:
            agent.say("no job is waiting")
            return None
    return None


def _take(agent: Agent, claimed: dict[str, Any], known: dict[str, Any]) -> None:
    job, lease = claimed["job"], claimed["lease"]
    folder = agent.state / "jobs" / job["id"]
    agent.say(f"job {job['id']} ({job['recipe']['id']}), try {job['attempt']}")
    keep = False
    with Lease(agent.hub, job["id"], lease["epoch"], lease["ttl_s"], agent.say) as held:
        try:
            _do(agent, job, held, folder, known)
        except TrainingError as error:
            agent.say(f"job {job['id']} failed ({error.kind}): {error}")
            body = {"class": error.kind, "retryable": error.retryable, "message": str(error)[:2000]}
            keep = error.retryable
            _end(agent, held, "fail", body)
        except Stopped:
            if held.lost.is_set():
                agent.say(f"job {job['id']} is not ours any more: {held.why}")
            else:
                agent.say(f"job {job['id']} is given back: this trainer stops")
                keep = True
                _end(agent, held, "released", {})
        except Refused as refused:
            if not refused.lost:
                raise
            agent.say(f"job {job['id']} is not ours any more: {refused}")
        else:
            agent.say(f"job {job['id']} is handed in")
    # The next question is a new one; what is kept may be asked for again.
    (agent.state / "claim.json").unlink(missing_ok=True)
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    agent.cache.shrink(agent.cache_bytes)


def _end(agent: Agent, held: Lease, how: str, body: dict[str, Any]) -> None:
    try:
        # Not for ever: without this word the hub finds out by the lease.
        deadline = threading.Event()
        timer = threading.Timer(60, deadline.set)
        timer.daemon = True
        timer.start()
        agent.hub.call(
            "POST", f"/trainer/v1/jobs/{held.job}/{how}", {"epoch": held.epoch, **body}, timeout=20, stop=deadline
        )
        timer.cancel()
    except (Refused, Stopped) as error:
        agent.say(f"{how} was not heard: {error}")


def _do(agent: Agent, job: dict[str, Any], held: Lease, folder: Path, known: dict[str, Any]) -> None:
    """From the claim to `complete`. Whatever an earlier try has left in `folder` is gone on from."""
    leave = _Either(held.lost, agent.stopping)
    ticket = {"job_id": job["id"], "bundle": job["bundle"]}
    if not (folder / "ticket.json").exists() or read_json(folder / "ticket.json") != ticket:
        shutil.rmtree(folder, ignore_errors=True)
    (folder / "bundle").mkdir(parents=True, exist_ok=True)
    for name in ("cancel", "failed.json"):
        (folder / name).unlink(missing_ok=True)
    manifest = folder / "result" / "manifest.json"
    if not manifest.exists():
        _download(agent, job, held, folder, leave)
        write_json(folder / "ticket.json", ticket)
        _resume(agent, job, held, folder, leave)
        _train(agent, job, held, folder, known, leave)
    held.tell("upload", 0.98)
    told = read_json(manifest)
    for done, file in enumerate(told["files"]):
        agent.hub.upload(held.job, held.epoch, folder / "result" / file["path"], file["sha256"], leave)
        held.tell("upload", 0.98 + 0.02 * done / len(told["files"]))
    digest = sha256_of(manifest)
    agent.hub.upload(held.job, held.epoch, manifest, digest, leave)
    body = {"epoch": held.epoch, "manifest_sha256": digest}
    try:
        agent.hub.call("POST", f"/trainer/v1/jobs/{held.job}/complete", body, stop=leave)
    except Refused as refused:
        if refused.lost or refused.status == 401:
            raise
        shutil.rmtree(folder / "result", ignore_errors=True)
        raise TrainingError("refused", str(refused), retryable=False) from refused


class _Either(threading.Event):
    """Set as soon as one of two is."""

    def __init__(self, one: threading.Event, other: threading.Event):
        super().__init__()
        self._both = (one, other)

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._both)

    def wait(self, timeout: float | None = None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        while not self.is_set() and (until is None or time.monotonic() < until):
            self._both[0].wait(0.2 if until is None else min(0.2, max(0.0, until - time.monotonic())))
        return self.is_set()


def _download(agent: Agent, job: dict[str, Any], held: Lease, folder: Path, leave: threading.Event) -> None:
    held.tell("download", 0.0)
    bundle = folder / "bundle"
    agent.hub.fetch(
        f"/trainer/v1/jobs/{held.job}/bundle?epoch={held.epoch}", bundle / "bundle.json", job["bundle"], None, leave
    )
    for file in read_json(bundle / "bundle.json")["files"]:
        target = bundle / file["path"]
        # The hub's own names are plain; another's might lead elsewhere.
        if target.resolve().parent != bundle.resolve():
            raise TrainingError("bad_job", f"{file['path']} is not the name of a file of a bundle")
        if not (target.exists() and sha256_of(target) == file["sha256"]):
            agent.hub.fetch(
                f"/trainer/v1/jobs/{held.job}/blobs/{file['sha256']}?epoch={held.epoch}",
                target,
                file["sha256"],
                file["size"],
                leave,
            )
    lines = (bundle / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    wanted = [(one["sha256"], one["size"]) for one in map(json.loads, filter(None, lines))]

    def told(done: int, of: int) -> None:
        held.tell("download", 0.05 * done / max(1, of), message=f"{done} of {of} pictures")

    agent.cache.fetch_all(agent.hub, held.job, held.epoch, wanted, leave, told)


def _resume(agent: Agent, job: dict[str, Any], held: Lease, folder: Path, leave: threading.Event) -> None:
    """The checkpoint that has come farther: the one here or the one at the hub."""
    theirs = job.get("resume_from")
    if not theirs or _checkpoint_step(folder) >= int(theirs.get("step") or 0):
        return
    agent.hub.fetch(
        f"/trainer/v1/jobs/{held.job}/blobs/{theirs['sha256']}?epoch={held.epoch}",
        folder / "checkpoint.pt",
        theirs["sha256"],
        theirs["size"],
        leave,
    )
    agent.say(f"goes on from the hub's checkpoint {theirs['n']}")


def _checkpoint_step(folder: Path) -> int:
    if not (folder / "checkpoint.pt").exists():
        return -1
    steps = [event["checkpoint"]["step"] for event in _events(folder / "events.jsonl", 0)[0] if "checkpoint" in event]
    return max(steps, default=0)


def _events(file: Path, at: int) -> tuple[list[dict[str, Any]], int]:
    """Whole lines after byte `at`, and where they end."""
    if not file.exists():
        return [], at
    with open(file, "rb") as source:
        source.seek(at)
        data = source.read()
    end = data.rfind(b"\n") + 1
    return [json.loads(line) for line in data[:end].splitlines() if line], at + end


def _train(
    agent: Agent, job: dict[str, Any], held: Lease, folder: Path, known: dict[str, Any], leave: threading.Event
) -> None:
    (folder / "alive").touch()
    watch = _Watch(agent, job, held, folder, int(known.get("limits", {}).get("job_bytes", 1 << 34)))
    retries = _RETRIES if agent.launcher.with_us else _RETRIES_ELSEWHERE
    for attempt in range(retries + 1):
        if attempt and not agent.launcher.with_us:
            # A scheduler may be starting, as everything else after a power cut.
            leave.wait(min(_LONGEST_PAUSE_S, _PAUSE_S * 2**attempt))
            if leave.is_set():
                raise Stopped
        process = start(agent.launcher, folder, agent.weights, {"CRUX_BLOBS": str(agent.cache.folder.resolve())})
        try:
            while process.poll() is None and not leave.is_set():
                (folder / "alive").touch()
                watch.look()
                leave.wait(_LOOK_S)
        finally:
            if process.poll() is None:
                stop(agent.launcher, process, folder)
        watch.look()
        if leave.is_set():
            if not held.lost.is_set():
                watch.save(wait=True)
            raise Stopped
        if (folder / "result" / "manifest.json").exists():
            watch.finish(leave)
            return
        if (folder / "failed.json").exists():
            failed = read_json(folder / "failed.json")
            watch.finish(leave)
            raise TrainingError(failed["class"], failed["message"], bool(failed["retryable"]))
        agent.say(f"the training ended with {process.returncode} and no result")
    raise TrainingError("crashed", f"the training ended with {process.returncode} {retries + 1} times", True)


class _Watch:
    """Carries what the training writes to the hub: figures, log, checkpoints."""

    def __init__(self, agent: Agent, job: dict[str, Any], held: Lease, folder: Path, job_bytes: int):
        self._agent, self._held, self._folder = agent, held, folder
        self._events_at = (folder / "events.jsonl").stat().st_size if (folder / "events.jsonl").exists() else 0
        self._log_at = (folder / "log.txt").stat().st_size if (folder / "log.txt").exists() else 0
        self._log_offset = int(job.get("log_offset", 0))
        self._log_full = False
        self._points: list[dict[str, Any]] = []
        self._status: dict[str, Any] = {}
        self._number = int((job.get("resume_from") or {}).get("n", 0))
        self._saved_at = time.monotonic()
        self._saved_step = -1
        self._step = -1
        self._saving: threading.Thread | None = None
        self._bytes_left = job_bytes // 2
        self._gpu: tuple[float, dict[str, float] | None] = (-_GPU_LOOK_S, None)
        self._next_try = 0.0

    def look(self) -> None:
        events, self._events_at = _events(self._folder / "events.jsonl", self._events_at)
        for event in events:
            if "checkpoint" in event:
                self._step = event["checkpoint"]["step"]
                continue
            self._status = {key: event[key] for key in ("phase", "progress", "eta_s", "message") if key in event}
            if "step" in event and event.get("metrics"):
                few = dict(list(event["metrics"].items())[:_METRICS])
                self._points.append({"step": event["step"], "progress": event["progress"], "metrics": few})
        if time.monotonic() - self._gpu[0] > _GPU_LOOK_S:
            self._gpu = (time.monotonic(), load())
        if self._status:
            self._held.tell(**self._status, **({"gpu": self._gpu[1]} if self._gpu[1] else {}))
        if time.monotonic() >= self._next_try:
            try:
                self._send()
            except Away:
                # Kept, and said when the hub is back.
                self._next_try = time.monotonic() + 5
            except Refused as refused:
                if refused.lost:
                    self._held.lose(str(refused))
                else:
                    self._agent.say(str(refused))
                    self._next_try = time.monotonic() + 30
        if self._step > self._saved_step and time.monotonic() - self._saved_at >= self._agent.checkpoint_s:
            self.save()

    def _send(self) -> None:
        base = f"/trainer/v1/jobs/{self._held.job}"
        if self._points:
            sent = self._points[:500]
            self._agent.hub.once("POST", f"{base}/metrics", {"epoch": self._held.epoch, "points": sent}, timeout=20)
            self._points = self._points[len(sent) :]
        while not self._log_full:
            piece = self._log_piece()
            if not piece:
                return
            body = {"epoch": self._held.epoch, "offset": self._log_offset, "text": piece.decode("utf-8", "replace")}
            try:
                answer = self._agent.hub.once("POST", f"{base}/logs", body, timeout=20).json()
            except Refused as refused:
                if refused.key != "log_offset":
                    raise
                self._log_offset = int(refused.params["offset"])
                continue
            self._log_at += len(piece)
            self._log_offset, self._log_full = int(answer["offset"]), bool(answer["full"])

    def _log_piece(self) -> bytes:
        """Whole lines, so that no letter is cut in two."""
        file = self._folder / "log.txt"
        if not file.exists():
            return b""
        with open(file, "rb") as source:
            source.seek(self._log_at)
            data = source.read(_LOG_PIECE)
        end = data.rfind(b"\n") + 1
        return data[:end] if end else data if len(data) == _LOG_PIECE else b""

    def save(self, wait: bool = False) -> None:
        """Uploads the newest checkpoint beside the training."""
        if self._saving and self._saving.is_alive():
            if not wait:
                return
            self._saving.join()
        if self._step <= self._saved_step or not (self._folder / "checkpoint.pt").exists():
            return
        size = (self._folder / "checkpoint.pt").stat().st_size
        if size > self._bytes_left:
            return
        self._bytes_left -= size
        self._saved_at, self._saved_step = time.monotonic(), self._step
        self._number += 1
        kept = self._folder / f"checkpoint-{self._number}.pt"
        kept.unlink(missing_ok=True)
        # The next checkpoint takes the name, not the file: this one stays as it is.
        os.link(self._folder / "checkpoint.pt", kept)
        self._saving = threading.Thread(target=self._upload, args=(kept, self._number, self._step), daemon=True)
        self._saving.start()
        if wait:
            self._saving.join(60)

    def _upload(self, file: Path, number: int, step: int) -> None:
        held, hub = self._held, self._agent.hub
        try:
            digest = sha256_of(file)
            hub.upload(held.job, held.epoch, file, digest, held.lost)
            body = {"epoch": held.epoch, "sha256": digest, "step": step}
            hub.call("PUT", f"/trainer/v1/jobs/{held.job}/checkpoints/{number}", body, stop=held.lost)
        except (Refused, Stopped) as error:
            self._agent.say(f"checkpoint {number} stays here: {error}")
        finally:
            file.unlink(missing_ok=True)

    def finish(self, leave: threading.Event) -> None:
        """Says what is left to be said; a hub that is away is waited for."""
        try:
            self._agent.hub.persist(self._send, leave)
        except Refused as refused:
            if refused.lost:
                raise
        if self._saving:
            self._saving.join()
