"""`crux-trainer`: take jobs from a hub, train a bundle by hand, say which recipes there are."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import crux_trainer


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    return args.run(args, parser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="crux-trainer", description="Trains models for a CRUX hub with PyTorch.")
    parser.add_argument("--version", action="version", version=f"crux-trainer {crux_trainer.__version__}")
    parser.set_defaults(run=_agent)
    parser.add_argument("--hub", help="address of the hub, e.g. https://hub.plant:8443")
    parser.add_argument("--token", help="token of this trainer; better in CRUX_TRAINER_TOKEN or --token-file")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--ca", type=Path, help="the hub's own certificate authority (/api/ca.pem)")
    parser.add_argument("--state", type=Path, default=_home(), help="where jobs and checkpoints are kept")
    parser.add_argument("--cache", type=Path, help="pictures by digest; several trainers may share one")
    parser.add_argument("--cache-gb", type=float, default=50)
    parser.add_argument("--checkpoint-s", type=float, default=120, help="seconds between checkpoints sent to the hub")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=TEXT")
    parser.add_argument("--once", action="store_true", help="do one job, or none when none is waiting, and end")
    _training_arguments(parser)
    commands = parser.add_subparsers(title="instead of taking jobs", metavar="")
    bundle = commands.add_parser("run-bundle", help="train a job that came as a file")
    bundle.add_argument("tar", type=Path)
    bundle.add_argument("--out", type=Path, required=True)
    bundle.add_argument("--folder", type=Path, help="work here, and go on from what is here")
    _training_arguments(bundle)
    bundle.set_defaults(run=_run_bundle)
    work = commands.add_parser("work", help="the training itself, in a folder; what launchers run")
    work.add_argument("folder", type=Path)
    work.add_argument("--weights", type=Path)
    work.set_defaults(run=_work)
    recipes = commands.add_parser("recipes", help="the recipes and their settings as JSON")
    recipes.add_argument("--weights", type=Path)
    recipes.set_defaults(run=_recipes)
    return parser


def _training_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, help="folder with *.pth files backbones may begin from")
    parser.add_argument("--launcher", default="subprocess", choices=("subprocess", "torchrun", "ray", "command"))
    parser.add_argument("--processes", default="gpu", help="torchrun: processes on this machine, a number or gpu")
    parser.add_argument(
        "--launcher-command", metavar="LINE", help="command: a line with {folder} or {work}; it must wait"
    )
    parser.add_argument("--ray-address", help="ray: address of the dashboard, e.g. http://head:8265")
    parser.add_argument("--ray-gpus", type=float, default=0, help="ray: GPUs a training is given; none runs on the head")


def _home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "crux-trainer"


def _say(text: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S"), text, file=sys.stderr, flush=True)


def _launcher(args: argparse.Namespace, parser: argparse.ArgumentParser):
    from crux_trainer.launchers import launcher_of

    try:
        return launcher_of(args.launcher, args.processes, args.launcher_command, args.ray_address, args.ray_gpus)
    except ValueError as error:
        parser.error(str(error))


def _agent(args: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from crux_trainer.agent import Agent, run_agent
    from crux_trainer.cache import Cache
    from crux_trainer.hub import Hub, Stopped

    token = args.token or os.environ.get("CRUX_TRAINER_TOKEN", "")
    if args.token_file:
        token = args.token_file.read_text(encoding="utf-8").strip()
    if not args.hub or not token:
        parser.error("--hub and a token are needed (--token, --token-file or CRUX_TRAINER_TOKEN)")
    labels = dict(one.split("=", 1) for one in args.label if "=" in one)
    args.state.mkdir(parents=True, exist_ok=True)
    # Trainings write for themselves here; a token is never among it.
    os.chmod(args.state, 0o700)
    os.environ.pop("CRUX_TRAINER_TOKEN", None)
    try:
        hub = Hub(args.hub, token, args.ca, _say)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    stopping, waiting = threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        stopping.set()
        if waiting.is_set():
            # An answer that is on its way is not lost: the same question is asked again next time.
            raise Stopped

    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, stop)
    agent = Agent(
        hub=hub,
        state=args.state,
        cache=Cache(args.cache or args.state / "blobs"),
        launcher=_launcher(args, parser),
        weights=args.weights.resolve() if args.weights else None,
        checkpoint_s=args.checkpoint_s,
        cache_bytes=int(args.cache_gb * 1024**3),
        labels=labels,
        say=_say,
        stopping=stopping,
        waiting=waiting,
    )
    return run_agent(agent, args.once)


def _run_bundle(args: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from crux_trainer.desk import Desk
    from crux_trainer.errors import TrainingError
    from crux_trainer.launchers import start, stop
    from crux_trainer.tars import pack_result, unpack_job

    launcher = _launcher(args, parser)
    folder = args.folder or Path(tempfile.mkdtemp(prefix="crux-trainer-"))
    try:
        if not (folder / "ticket.json").exists():
            shutil.rmtree(folder / "bundle", ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            unpack_job(args.tar, folder)
        (folder / "cancel").unlink(missing_ok=True)
        desk = Desk(folder)
        desk.touch()
        process = start(launcher, folder, args.weights.resolve() if args.weights else None, {})
        at = 0
        try:
            while True:
                running = process.poll() is None
                with open(folder / "log.txt", encoding="utf-8", errors="replace") as log:
                    log.seek(at)
                    sys.stdout.write(log.read())
                    at = log.tell()
                sys.stdout.flush()
                if not running:
                    break
                desk.touch()
                time.sleep(0.3)
        finally:
            if process.poll() is None:
                stop(launcher, process, folder)
        if process.returncode != 0:
            return process.returncode
        pack_result(desk.result, args.out)
        _say(f"{args.out} is ready: crux training import-result {args.out.name}")
        return 0
    except TrainingError as error:
        _say(str(error))
        return 2
    finally:
        if not args.folder:
            shutil.rmtree(folder, ignore_errors=True)


def _work(args: argparse.Namespace, _: argparse.ArgumentParser) -> int:
    from crux_trainer.work import work

    return work(args.folder, args.weights)


def _recipes(args: argparse.Namespace, _: argparse.ArgumentParser) -> int:
    from crux_trainer.recipes.all import RECIPES
    from crux_trainer.weights import weights_in

    print(json.dumps([recipe.told(tuple(weights_in(args.weights))) for recipe in RECIPES.values()], ensure_ascii=False))
    return 0
