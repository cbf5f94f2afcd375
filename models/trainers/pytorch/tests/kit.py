"""Small bundles of drawn parts: grey texture, bad ones with a dark spot or a bright scratch."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

SIDE = 96
PLAN = (("train", 12, 10), ("val", 3, 3), ("calib", 4, 4))


def draw_part(seed: int, kind: str | None) -> tuple[Image.Image, list[int] | None]:
    chance = np.random.default_rng(seed)
    base = 128 + 14 * chance.standard_normal((SIDE, SIDE, 1)) + np.linspace(-10, 10, SIDE)[:, None, None]
    image = Image.fromarray(base.clip(0, 255).astype(np.uint8).repeat(3, 2))
    if kind is None:
        return image, None
    draw = ImageDraw.Draw(image)
    x, y = (int(v) for v in chance.integers(16, SIDE - 36, 2))
    if kind == "spot":
        draw.ellipse((x, y, x + 18, y + 18), fill=(25, 25, 30))
        return image, [x, y, 18, 18]
    draw.line((x, y, x + 24, y + 12), fill=(245, 245, 240), width=4)
    return image, [x, y, 24, 12]


def write_bundle(folder: Path, recipe: str, task: str, params: dict[str, Any], seed: int = 1) -> Path:
    """`folder/bundle` with the pictures beside it, as a hub makes it."""
    bundle = folder / "bundle"
    (bundle / "blobs").mkdir(parents=True)
    lines = []
    number = 0
    for split, good, bad in PLAN:
        for i in range(good + bad):
            number += 1
            kind = None if i < good else ("spot", "scratch")[i % 2]
            image, box = draw_part(number, kind)
            path = bundle / "blobs" / "part.png"
            image.save(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            path.rename(bundle / "blobs" / digest)
            lines.append(
                {
                    "id": str(uuid.UUID(int=number)),
                    "sha256": digest,
                    "path": f"blobs/{digest}",
                    "mime": "image/png",
                    "size": (bundle / "blobs" / digest).stat().st_size,
                    "w": SIDE,
                    "h": SIDE,
                    "split": split,
                    "group": f"part:{number}",
                    "weight": 1,
                    "label": {
                        "verdict": "ng" if kind else "ok",
                        "kinds": [kind] if kind else [],
                        "boxes": [{"kind": kind, "box": box}] if kind else [],
                    },
                }
            )
    (bundle / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    job = {
        "v": 1,
        "recipe": {"id": recipe, "version": 1, "params": params},
        "task": task,
        "seed": seed,
        "classes": [{"id": 1, "key": "spot"}, {"id": 2, "key": "scratch"}],
        "dataset": "ab" * 32,
        "budget": {"max_minutes": 10},
        "target": {
            "escape": 0.05,
            "overkill": 0.05,
            "opset_max": 21,
            "dtype": ["f32", "int8"],
            "latency_budget_ms": 100,
        },
        "export": {"parity_samples": 6},
    }
    (bundle / "job.json").write_text(json.dumps(job))
    return folder


TINY = {"width": 64, "height": 64, "backbone": "tiny", "epochs": 2, "batch": 8}
