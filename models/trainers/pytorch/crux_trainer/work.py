"""
The training itself: `crux-trainer work FOLDER` turns FOLDER/bundle into FOLDER/result. Started by the agent through a
launcher, once or as several processes by torchrun; killed at any moment, the next start goes on from the checkpoint.
"""

from __future__ import annotations

import fcntl
import json
import os
import traceback
from pathlib import Path
from typing import Callable

import torch

from crux_trainer.bundle import Bundle, Sample, read_bundle
from crux_trainer.desk import Desk
from crux_trainer.errors import Cancelled, TrainingError
from crux_trainer.files import read_json, write_json
from crux_trainer.machine import Machine, join_machine, leave_machine, seed_everything, wait_for_all
from crux_trainer.params import read_params
from crux_trainer.pictures import Album, Frame, make_album, open_album
from crux_trainer.recipes.all import recipe_of
from crux_trainer.recipes.recipe import Setting
from crux_trainer.result import write_result
from crux_trainer.splits import with_val
from crux_trainer.weights import weights_in

CANCELLED = 75
"""Exit code of a training that was asked to stop."""
FAILED = 70
"""Exit code of one that says in `failed.json` why."""


def work(folder: Path, weights: Path | None = None, picture_of: Callable[[Sample], Path] | None = None) -> int:
    """Trains and leaves the result. Returns the exit code."""
    machine = join_machine()
    desk = Desk(folder, quiet=not machine.first)
    lock = open(folder / "work.lock", "a") if machine.first else None
    try:
        if lock:
            # A training of before that has not noticed its end yet must not write here at the same time.
            fcntl.flock(lock, fcntl.LOCK_EX)
        desk.check()
        (folder / "failed.json").unlink(missing_ok=True)
        if (desk.result / "manifest.json").exists():
            desk.say("the result is there already")
            return 0
        _train(folder, weights, machine, desk, picture_of)
        return 0
    except Cancelled as stop:
        desk.say(f"stopped: {stop}")
        return CANCELLED
    except TrainingError as error:
        return _failed(desk, error.kind, str(error), error.retryable)
    except torch.cuda.OutOfMemoryError:
        return _failed(
            desk, "out_of_memory", "the GPU has too little memory: a smaller batch or picture needs less", False
        )
    except OSError as error:
        return _failed(desk, "io", str(error), True)
    except Exception as error:
        desk.say(traceback.format_exc())
        return _failed(desk, "crashed", f"{type(error).__name__}: {error}", False)
    finally:
        leave_machine(machine)
        if lock:
            lock.close()


def _failed(desk: Desk, kind: str, message: str, retryable: bool) -> int:
    desk.say(f"failed ({kind}): {message}")
    if not desk.quiet:
        write_json(desk.folder / "failed.json", {"class": kind, "message": message[:2000], "retryable": retryable})
    return FAILED


def _train(
    folder: Path,
    weights: Path | None,
    machine: Machine,
    desk: Desk,
    picture_of: Callable[[Sample], Path] | None,
) -> None:
    blobs = os.environ.get("CRUX_BLOBS")
    if not picture_of and blobs:
        picture_of = lambda sample: Path(blobs) / sample.sha256[:2] / sample.sha256  # noqa: E731
    bundle = read_bundle(folder / "bundle", picture_of)
    recipe = recipe_of(bundle.job.recipe, bundle.job.version)
    files = weights_in(weights)
    params = read_params(recipe.params(tuple(files)), bundle.job.params)
    seed_everything(bundle.job.seed)
    desk.say(f"{recipe.id} on {machine.device}, {machine.world} process(es), {len(bundle.samples)} pictures")
    album = _album(bundle, recipe.frame(params), machine, desk)
    setting = Setting(bundle.job, params, machine, desk, files.get(params["weights"]))
    trained = recipe.train(setting, album)
    leave_machine(machine)
    if not machine.first or not trained:
        return
    figures = write_result(bundle, album, recipe, params, trained, machine, desk)
    desk.tell("done", 1.0, metrics=figures)
    desk.say("done: " + json.dumps(figures))


def _album(bundle: Bundle, frame: Frame, machine: Machine, desk: Desk) -> Album:
    """Decoded once by the first process; an earlier try's are used again."""
    samples = with_val(bundle.samples)
    file, left_out = desk.folder / f"pictures-{frame.w}x{frame.h}-{frame.mode}.npy", desk.folder / "unreadable.json"
    if machine.first and not (file.exists() and left_out.exists()):
        threads = max(2, min(8, os.cpu_count() or 2))

        def told(done: int, of: int) -> None:
            desk.tell("load", 0.1 * done / of)

        unreadable = make_album(samples, bundle.picture_of, frame, file, told, threads)
        if unreadable:
            desk.say(f"{len(unreadable)} pictures cannot be read and are left out: {', '.join(unreadable[:10])}")
        write_json(left_out, unreadable)
    wait_for_all(machine)
    return open_album(samples, read_json(left_out), frame, file)
