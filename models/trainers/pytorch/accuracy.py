"""
How well the recipes do on real photographs, on a CPU: one line of a table for each call.

    python accuracy.py DATA/SET RECIPE [KEY=VALUE ...]

SET is a folder in the MVTec layout (with parts.csv: groups and a split) or one with index.csv (image, class, split). What
is measured was seen in no part of the training: neither fitted on, nor chosen or calibrated with. No weights are loaded.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from crux_trainer.figures import auroc, escape_at_overkill, overkill_at_escape
from crux_trainer.pictures import Frame, read_picture
from crux_trainer.reading import findings_of, score_of
from crux_trainer.recipes.all import RECIPES
from crux_trainer.runtime import Session
from crux_trainer.work import work

_CALIB = 0.2


class Photo(NamedTuple):
    path: Path
    kind: str | None
    group: str
    is_test: bool


def photos_in(folder: Path) -> list[Photo]:
    if (folder / "index.csv").exists():
        with open(folder / "index.csv", newline="") as file:
            return [
                Photo(folder / row["image"], row["class"], row["image"], row["split"] == "test")
                for row in csv.DictReader(file)
            ]
    split: dict[str, tuple[str, str]] = {}
    if (folder / "parts.csv").exists():
        with open(folder / "parts.csv", newline="") as file:
            split = {row["file"]: (row["part"], row["split"]) for row in csv.DictReader(file)}
    found = []
    for path in sorted(folder.glob("*/*/*.*")):
        if path.parts[-3] not in ("train", "test"):
            continue
        name = str(path.relative_to(folder))
        group, side = split.get(name, (name, path.parts[-3]))
        kind = None if path.parent.name == "good" else path.parent.name
        found.append(Photo(path, kind, group, side == "test"))
    return found


def share_of(group: str) -> float:
    return int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) / 2**32


def write_bundle(folder: Path, photos: list[Photo], recipe: str, params: dict[str, object]) -> None:
    bundle = folder / "bundle"
    bundle.mkdir(parents=True)
    kinds = sorted({photo.kind for photo in photos if photo.kind})
    lines = []
    for number, (path, kind, group, _) in enumerate(photos):
        with Image.open(path) as image:
            w, h = image.size
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        line = {
            "id": str(uuid.UUID(int=number + 1)),
            "sha256": digest,
            "path": f"blobs/{digest}",
            "mime": f"image/{'png' if path.suffix == '.png' else 'jpeg'}",
            "size": path.stat().st_size,
            "w": w,
            "h": h,
            # The trainer holds its own `val` out of `train`.
            "split": "calib" if share_of(group) < _CALIB else "train",
            "group": group,
            "weight": 1,
            "label": {"verdict": "ng" if kind else "ok", "kinds": [kind] if kind else [], "boxes": []},
        }
        lines.append(json.dumps(line) + "\n")
    (bundle / "samples.jsonl").write_text("".join(lines))
    job = {
        "v": 1,
        "recipe": {"id": recipe, "version": RECIPES[recipe].version, "params": params},
        "task": RECIPES[recipe].task,
        "seed": 1,
        "classes": [{"id": i + 1, "key": kind} for i, kind in enumerate(kinds)],
        "dataset": "0" * 64,
        "budget": {"max_minutes": 600},
        "target": {"escape": 0.02, "overkill": 0.02, "opset_max": 21, "dtype": ["f32"], "latency_budget_ms": 1000},
        "export": {"parity_samples": 4},
    }
    (bundle / "job.json").write_text(json.dumps(job))


def main() -> int:
    data, recipe, *given = sys.argv[1:]
    folder = Path(data).resolve()
    params = {key: json.loads(value) if value[:1].isdigit() else value for key, value in (one.split("=") for one in given)}
    photos = photos_in(folder)
    learned = [one for one in photos if not one.is_test and (recipe != "torch.anomaly" or one.kind is None)]
    tested = [one for one in photos if one.is_test]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        write_bundle(Path(place), learned, recipe, {**params, "int8": False})
        by_digest = {hashlib.sha256(one.path.read_bytes()).hexdigest(): one.path for one in learned}
        if work(Path(place), picture_of=lambda sample: by_digest[sample.sha256]) != 0:
            print((Path(place) / "failed.json").read_text(), file=sys.stderr)
            return 1
        took = time.monotonic() - began
        contract = json.loads((Path(place) / "result/crux.json").read_text())
        session = Session(Path(place) / "result/model.onnx")
    size = contract["inputs"][0]["resize"]
    frame = Frame(size["w"], size["h"], size["mode"])
    scores, right = [], []
    # The surest kind, whatever the thresholds say.
    asked = {**contract, "thresholds": {**contract["thresholds"], "t_low": 0}}
    for photo in tested:
        outputs = session.run(read_picture(photo.path, frame))
        scores.append(score_of(outputs, contract))
        found = findings_of(outputs, asked, frame.w, frame.h)
        right.append(bool(found) and found[0]["kind"] == photo.kind)
    bad = [photo.kind is not None for photo in tested]
    kinds = sorted({photo.kind for photo in tested if photo.kind})
    figures = []
    if recipe == "torch.classify" and len(kinds) > 1:
        each = [np.mean([ok for ok, photo in zip(right, tested) if photo.kind == kind]) for kind in kinds]
        all_bad = np.mean([ok for ok, is_bad in zip(right, bad) if is_bad])
        figures.append(f"right kind {all_bad:.3f} (mean of {len(kinds)} kinds {np.mean(each):.3f})")
    if not all(bad) and any(bad):
        figures.append(
            f"AUROC {auroc(scores, bad):.3f}, escape at 2 % overkill {escape_at_overkill(scores, bad, 0.02):.3f}, "
            f"overkill at 2 % escape {overkill_at_escape(scores, bad, 0.02):.3f}"
        )
    counted = ", ".join(f"{sum(is_bad is way for is_bad in bad)} {name}" for way, name in ((False, "good"), (True, "bad")))
    print(f"| {folder.name} | {' '.join([recipe, *given])} | {len(learned)} | {counted} | {'; '.join(figures)} | {took:.0f} s |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
