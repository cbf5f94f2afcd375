"""From a trained model to a result folder: export, thresholds, parity, 8-bit sibling, papers, and a manifest last."""

from __future__ import annotations

import math
import os
import platform
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import torch
from PIL import Image

import crux_trainer
from crux_trainer.bundle import Bundle, Sample
from crux_trainer.desk import Desk
from crux_trainer.export import LICENCE, contract_of, export_onnx, stamp
from crux_trainer.figures import auroc, escape_at_overkill, operating, overkill_at_escape
from crux_trainer.files import read_json, sha256_of, write_json, write_whole
from crux_trainer.machine import Machine
from crux_trainer.pictures import Album
from crux_trainer.quantise import quantise
from crux_trainer.reading import findings_of, score_of
from crux_trainer.recipes.all import Recipe
from crux_trainer.recipes.recipe import Trained
from crux_trainer.runtime import Session, compare, described, fused_share, tensor_of, torch_outputs
from crux_trainer.thresholds import Point, logit, thresholds_of

_OPSET = 18
_MOST_CALIBRATION = 300
_MOST_OUTPUTS = 4096
_DRAFT = (0.25, 0.5)


def write_result(
    bundle: Bundle, album: Album, recipe: Recipe, params: dict[str, Any], trained: Trained, machine: Machine, desk: Desk
) -> dict[str, Any]:
    """Leaves `result/` with `manifest.json` written last: a result with a manifest is a whole one. Returns the figures."""
    job, folder = bundle.job, desk.result
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "parity").mkdir(parents=True)
    model = folder / "model.onnx"
    desk.tell("export", 0.86)
    opset = min(_OPSET, job.opset_max)
    export_onnx(trained, album.frame, opset, model)
    ticket = _ticket(desk)
    provenance = {
        "recipe": recipe.id,
        **({"job": ticket["job_id"]} if ticket else {}),
        "dataset": job.dataset,
        "licence": LICENCE,
    }
    made = _settled(trained, album, job, provenance, model, desk, 0.88)
    contract, scores, figures = made
    desk.tell("verify", 0.92)
    parity, off = _parity(trained, album, contract, job.parity_samples, folder, model)
    figures = {**trained.figures, **_last(trained.history), **figures, "parity": off}

    if params["int8"] and "int8" in job.dtypes:
        desk.tell("export", 0.93)
        eight = folder / "model.int8.onnx"
        quantise(model, eight, _calibration(album), folder)
        whole = fused_share(eight, folder)
        _, eight_scores, eight_figures = _settled(trained, album, job, provenance, eight, desk, 0.95)
        figures.update({f"int8/{name}": value for name, value in eight_figures.items() if name.startswith("calib/")})
        figures["int8/score_off"] = max((abs(eight_scores[key] - scores[key]) for key in scores), default=0.0)
        if whole is not None:
            figures["int8/fused"] = whole
        desk.say(
            f"8-bit: scores differ by at most {figures['int8/score_off']:.3f}, {whole or 0:.0%} of convolutions fused"
        )

    write_json(folder / "crux.json", contract)
    write_json(folder / "metrics.json", {"figures": figures, "rounds": trained.history})
    write_json(folder / "parity.json", {"v": 1, "samples": parity})
    write_json(folder / "card.json", _card(bundle, album, recipe, trained, contract))
    write_json(folder / "env.json", _environment(machine, job.seed, params))
    lines = [f'{{"sample_id":"{key}","score":{value:.6f}}}\n' for key, value in sorted(scores.items())]
    write_whole(folder / "scores.jsonl", "".join(lines).encode())
    write_manifest(folder, ticket, contract, figures)
    return figures


def write_manifest(
    folder: Path, ticket: dict[str, str] | None, contract: dict[str, Any], figures: dict[str, float]
) -> None:
    files = [
        {"path": str(path.relative_to(folder)), "sha256": sha256_of(path), "size": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    ]
    model = next(file for file in files if file["path"] == "model.onnx")
    write_json(
        folder / "manifest.json",
        {
            "v": 1,
            **(ticket or {}),
            "files": files,
            "model": {"sha256": model["sha256"], "size": model["size"]},
            "contract": contract,
            "metrics": {name: value for name, value in figures.items() if math.isfinite(value)},
            "finished_at": int(time.time() * 1000),
        },
    )


def _ticket(desk: Desk) -> dict[str, str] | None:
    """Which job of the hub this is: {job_id, bundle}."""
    file = desk.folder / "ticket.json"
    if not file.exists():
        return None
    told = read_json(file)
    return {"job_id": told["job_id"], "bundle": told["bundle"]}


def _settled(
    trained: Trained,
    album: Album,
    job: Any,
    provenance: dict[str, Any],
    model: Path,
    desk: Desk,
    progress: float,
) -> tuple[dict[str, Any], dict[str, float], dict[str, float]]:
    """
    Scores of the exported file itself on `calib`, thresholds from them, the contract stamped in. Where the bundle has no
    `calib`, `val` stands in, and the figures say so by their names.
    """
    split = "calib" if album.index("calib") else "val"
    draft = contract_of(trained, album.frame, _DRAFT, provenance)
    session = Session(model)
    places = album.index(split)
    scores: dict[str, float] = {}
    times: list[float] = []
    for done, i in enumerate(places):
        began = time.perf_counter()
        outputs = session.run(album.pixels[i])
        times.append((time.perf_counter() - began) * 1000)
        scores[album.samples[i].id] = score_of(outputs, draft)
        desk.tell("calibrate", progress + 0.02 * done / len(places))
    samples = [album.samples[i] for i in places]
    values, bad = [scores[s.id] for s in samples], [not s.good for s in samples]
    points = _points(samples, values)
    t_low, t_high = thresholds_of(points[0], points[1], job.escape, job.overkill)
    contract = contract_of(trained, album.frame, (min(t_low, t_high), t_high), provenance)
    stamp(model, contract)
    figures = {
        f"{split}/auroc": auroc(values, bad),
        f"{split}/pg2": overkill_at_escape(values, bad, 0.02),
        f"{split}/pb2": escape_at_overkill(values, bad, 0.02),
        **{f"{split}/{name}": value for name, value in operating(values, bad, t_low, t_high).items()},
        "infer_ms": float(np.median(times)) if times else math.nan,
    }
    return contract, scores, {name: value for name, value in figures.items() if math.isfinite(value)}


def _points(samples: Sequence[Sample], values: Sequence[float]) -> tuple[list[Point], list[Point]]:
    """Good and bad ones; pictures of one group count as one part together."""
    sizes: dict[tuple[str, str], int] = {}
    for sample in samples:
        key = (sample.group, sample.verdict)
        sizes[key] = sizes.get(key, 0) + 1
    made = [Point(logit(v), 1 / sizes[(s.group, s.verdict)]) for s, v in zip(samples, values)]
    return (
        [point for point, s in zip(made, samples) if s.good],
        [point for point, s in zip(made, samples) if not s.good],
    )


def _parity(
    trained: Trained, album: Album, contract: dict[str, Any], count: int, folder: Path, model: Path
) -> tuple[list[dict[str, Any]], float]:
    """
    Pictures at input size as PNG with what PyTorch says of them; the exported file is compared here before anybody else
    does. Good and bad ones in turn, of what was held out first.
    """
    session, names = Session(model), [name for name, _ in trained.outputs]
    order = [*album.index("calib"), *album.index("val"), *album.index("train")]
    good, bad = ([i for i in order if album.samples[i].good is is_good] for is_good in (True, False))
    turns = [i for pair in zip(good, bad) for i in pair] + [*good[len(bad) :], *bad[len(good) :]]
    t_low, t_high = contract["thresholds"]["t_low"], contract["thresholds"]["t_high"]
    samples: list[dict[str, Any]] = []
    worst = 0.0
    for place, i in enumerate(turns[: max(1, min(64, count))]):
        pixels = album.pixels[i]
        ours = torch_outputs(trained.graph, names, pixels)
        worst = max(worst, compare(ours, session.run(pixels)))
        score = score_of(ours, contract)
        name = f"parity/{place:02}.png"
        Image.fromarray(np.asarray(pixels)).save(folder / name)
        few = {key: value for key, value in ours.items() if value.size <= _MOST_OUTPUTS}
        samples.append(
            {
                "image": name,
                "score": score,
                "eval": "ng" if score >= t_high else "ok" if score < t_low else "undecidable",
                "findings": findings_of(ours, contract, album.frame.w, album.frame.h),
                "tensor": described(tensor_of(pixels)),
                **({"outputs": {key: [float(x) for x in v.reshape(-1)] for key, v in few.items()}} if few else {}),
            }
        )
    return samples, worst


def _calibration(album: Album) -> list[np.ndarray]:
    """Good and bad ones of `train`, spread evenly."""
    train = album.index("train")
    step = max(1, math.ceil(len(train) / _MOST_CALIBRATION))
    return [album.pixels[i] for i in train[::step]]


def _last(history: Sequence[dict[str, float]]) -> dict[str, float]:
    """Figures of the best round."""
    if not history:
        return {}
    best = min(history, key=lambda figures: figures.get("val/loss", math.inf))
    return {name: value for name, value in best.items() if name.startswith("val/")}


def _card(bundle: Bundle, album: Album, recipe: Recipe, trained: Trained, contract: dict[str, Any]) -> dict[str, Any]:
    counts = {
        split: {
            "ok": sum(album.samples[i].good for i in album.index(split)),
            "ng": sum(not album.samples[i].good for i in album.index(split)),
        }
        for split in ("train", "val", "calib")
    }
    return {
        "use": f"{trained.task} of parts as in the data set; thresholds hold for its camera, light and product",
        "recipe": {"id": recipe.id, "version": recipe.version},
        "dataset": {"digest": bundle.job.dataset, "used": counts, "left_out": len(bundle.samples) - len(album.samples)},
        "classes": contract["classes"],
        "licences": {"code and network": LICENCE, "weights": "of the file they began from, if any"},
        "backbone": trained.backbone,
        "limits": "below 50 bad parts in calib the thresholds promise nothing; the hub's gate decides",
    }


def _environment(machine: Machine, seed: int, params: dict[str, Any]) -> dict[str, Any]:
    packages = ("torch", "torchvision", "onnx", "onnxruntime", "numpy", "pillow")
    cuda = machine.device.type == "cuda"
    return {
        "software": f"crux-trainer {crux_trainer.__version__}",
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in packages},
        "device": torch.cuda.get_device_name(machine.device) if cuda else platform.processor() or platform.machine(),
        "cuda": torch.version.cuda if cuda else None,
        "cudnn": torch.backends.cudnn.version() if cuda else None,
        "world_size": machine.world,
        "seed": seed,
        "params": params,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "image": os.environ.get("CRUX_IMAGE"),
        "command": sys.argv,
    }
