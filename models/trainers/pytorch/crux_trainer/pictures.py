"""Pictures as the model gets them: the same size and the same pixels that stations will make of the same file."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
from PIL import Image

from crux_trainer.bundle import Sample
from crux_trainer.errors import TrainingError

_PAD = 114
_MOST_PIXELS = 100_000_000
Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
_FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Frame:
    """Size of the model's input and how a picture is laid into it: `stretch` or `letterbox`."""

    w: int
    h: int
    mode: str


@dataclass(frozen=True)
class Placement:
    """in the input = in the picture * scale + offset"""

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float


def placed(w: int, h: int, frame: Frame) -> Placement:
    if frame.mode == "stretch":
        return Placement(frame.w / w, frame.h / h, 0, 0)
    scale = min(frame.w / w, frame.h / h)
    return Placement(scale, scale, (frame.w - w * scale) / 2, (frame.h - h * scale) / 2)


def read_picture(path: Path, frame: Frame) -> np.ndarray:
    """[h, w, 3] bytes. Throws `TrainingError` for what is no picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as opened:
                image = _rgb(opened)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TrainingError("bad_data", f"{path.name} is not a picture that can be read: {error}") from error
    if frame.mode == "stretch":
        return np.asarray(_resized(image, frame.w, frame.h))
    scale = min(frame.w / image.width, frame.h / image.height)
    w = min(frame.w, max(1, round(image.width * scale)))
    h = min(frame.h, max(1, round(image.height * scale)))
    out = np.full((frame.h, frame.w, 3), _PAD, np.uint8)
    top, left = (frame.h - h) // 2, (frame.w - w) // 2
    out[top : top + h, left : left + w] = np.asarray(_resized(image, w, h))
    return out


def _resized(image: Image.Image, w: int, h: int) -> Image.Image:
    # Whole steps by plain averages first, then a triangle: what libvips does on the stations.
    return image.resize((w, h), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _rgb(opened: Image.Image) -> Image.Image:
    if opened.mode.startswith("I"):
        deep = np.asarray(opened)
        return Image.fromarray((deep >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info:
        full = opened.convert("RGBA")
        ground = Image.new("RGBA", full.size, (_PAD, _PAD, _PAD, 255))
        return Image.alpha_composite(ground, full).convert("RGB")
    return opened.convert("RGB")


@dataclass(frozen=True)
class Album:
    """Samples with their pictures at input size, one array [n, h, w, 3] on disk that processes share."""

    samples: list[Sample]
    pixels: np.ndarray
    frame: Frame

    def index(self, *splits: str) -> list[int]:
        return [i for i, sample in enumerate(self.samples) if sample.split in splits]


_MOST_UNREADABLE = 0.1


def make_album(
    samples: Sequence[Sample],
    path_of: Callable[[Sample], Path],
    frame: Frame,
    file: Path,
    told: Callable[[int, int], None],
    threads: int = 4,
) -> list[str]:
    """
    Decodes everything once into `file`. Returns the ids of what could not be read; more than a tenth of that is no
    accident and throws `bad_data`.
    """
    part = file.with_name(f"{file.name}.part")
    pixels = np.lib.format.open_memmap(part, "w+", np.uint8, (len(samples), frame.h, frame.w, 3))
    unreadable: list[str] = []

    def put(i: int) -> None:
        try:
            pixels[i] = read_picture(path_of(samples[i]), frame)
        except TrainingError:
            unreadable.append(samples[i].id)

    with ThreadPoolExecutor(threads) as pool:
        for done, _ in enumerate(pool.map(put, range(len(samples))), 1):
            told(done, len(samples))
    if len(unreadable) > _MOST_UNREADABLE * len(samples):
        raise TrainingError("bad_data", f"{len(unreadable)} of {len(samples)} pictures cannot be read")
    pixels.flush()
    part.replace(file)
    return sorted(unreadable)


def open_album(samples: Sequence[Sample], unreadable: Sequence[str], frame: Frame, file: Path) -> Album:
    pixels = np.lib.format.open_memmap(file, "r")
    if pixels.shape != (len(samples), frame.h, frame.w, 3):
        raise TrainingError("crashed", "the decoded pictures on disk are not those of this job", retryable=True)
    bad = set(unreadable)
    kept = [i for i, sample in enumerate(samples) if sample.id not in bad]
    return Album([samples[i] for i in kept], pixels if not bad else pixels[kept], frame)
