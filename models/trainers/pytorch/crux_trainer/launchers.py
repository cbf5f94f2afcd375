"""How a training is started: here, as several processes, or by somebody else's scheduler. Each is one command that waits."""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Sequence

from crux_trainer.errors import TrainingError

_PATIENCE_S = 30.0
_WITHDRAW_S = 30.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Launcher:
    """
    `command` makes the line out of the folder, what is to be run, and what must be in its environment wherever that is;
    `with_us` says whether it dies when we do; `withdraw` makes the line that takes back from a scheduler what it still has.
    """

    name: str
    command: Callable[[Path, Sequence[str], Mapping[str, str]], list[str]]
    with_us: bool
    withdraw: Callable[[Path], list[str] | None] = lambda _: None


def work_line(folder: Path, weights: Path | None) -> list[str]:
    """What every launcher runs in the end."""
    more = ["--weights", str(weights)] if weights else []
    return [sys.executable, "-m", "crux_trainer", "work", str(folder), *more]


def launcher_of(
    name: str, processes: str = "gpu", template: str | None = None, ray: str | None = None, ray_gpus: float = 0
) -> Launcher:
    """`template` is for `command`: a line with {folder} and {work} in it, which must wait for the training's end."""
    if name == "subprocess":
        return Launcher(name, lambda _, line, __: list(line), True)
    if name == "torchrun":
        run = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        # After the interpreter comes "-m crux_trainer …", which torchrun takes as it is.
        return Launcher(name, lambda _, line, __: [*run, "--max-restarts=2", *line[1:]], True)
    if name == "ray":
        return _ray(ray, ray_gpus)
    if name == "command" and template:
        words = shlex.split(template)
        return Launcher(name, lambda folder, line, _: _filled(words, folder, line), False)
    raise ValueError(f"{name} is no launcher: subprocess, torchrun, ray, or command with --launcher-command")


def _ray(address: str | None, gpus: float) -> Launcher:
    at = ["--address", address] if address else []
    # Without a GPU of its own it would run on the head, beside everybody else.
    wanted = ["--entrypoint-num-gpus", f"{gpus:g}"] if gpus else []

    def submitted(folder: Path, line: Sequence[str], env: Mapping[str, str]) -> list[str]:
        # A name of ours, so that it can be taken back while it waits for its turn; Ray takes each only once.
        name = f"crux-{re.sub(r'[^A-Za-z0-9_.-]', '-', folder.name)}-{secrets.token_hex(4)}"
        (folder / "submission").write_text(name, encoding="utf-8")
        submit = ["ray", "job", "submit", "--log-color", "false", *at, "--submission-id", name, *wanted, "--"]
        # The interpreter of the cluster, and the folder of a disk that all machines share; our environment ends here.
        return [*submit, "env", *(f"{key}={value}" for key, value in env.items()), "python", *line[1:]]

    def withdrawn(folder: Path) -> list[str] | None:
        try:
            name = (folder / "submission").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return ["ray", "job", "stop", *at, "--no-wait", name]

    return Launcher("ray", submitted, False, withdrawn)


def _filled(words: Sequence[str], folder: Path, line: Sequence[str]) -> list[str]:
    out: list[str] = []
    for word in words:
        if word == "{work}":
            out.extend(line)
        else:
            out.append(word.replace("{folder}", str(folder)).replace("{work}", shlex.join(line)))
    return out


def start(launcher: Launcher, folder: Path, weights: Path | None, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Starts it with its output in `folder/log.txt`."""
    # Where the package was started from, it is found again, installed or not.
    home = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (home, os.environ.get("PYTHONPATH")) if part)
    # It may be run from anywhere.
    folder = folder.resolve()
    command = launcher.command(folder, work_line(folder, weights), env)
    with open(folder / "log.txt", "ab") as log:
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **env},
                start_new_session=True,
                preexec_fn=_die_with_parent if launcher.with_us else None,
            )
        except FileNotFoundError as error:
            raise TrainingError("no_launcher", f"{command[0]} is not on this machine", True) from error


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def stop(launcher: Launcher, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Asks, then insists, then ends it: a hanging GPU does not hear the first two, and what waits for its turn none."""
    (folder / "cancel").touch()
    for how in (None, signal.SIGTERM, signal.SIGKILL):
        if how is signal.SIGTERM:
            _withdraw(launcher, folder)
        if how and process.poll() is None:
            try:
                os.killpg(process.pid, how)
            except ProcessLookupError:
                pass
        until = time.monotonic() + (_PATIENCE_S if how is None else 10)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        if process.poll() is not None:
            return


def _withdraw(launcher: Launcher, folder: Path) -> None:
    """As well as it can: a scheduler that is away keeps a training that finds `cancel` when its turn comes."""
    line = launcher.withdraw(folder)
    if not line:
        return
    with open(folder / "log.txt", "ab") as log:
        try:
            subprocess.run(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=_WITHDRAW_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            log.write(f"{line[0]}: {error}\n".encode())
