"""Which pictures come in which step. Everything follows from seed, round and place, so a training that goes on is the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from crux_trainer.augment import Changes, View, changed
from crux_trainer.pictures import Album

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalised(pictures: torch.Tensor) -> torch.Tensor:
    """[n, 3, h, w] in 0..1 as models get them."""
    mean = torch.tensor(MEAN, device=pictures.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=pictures.device).view(1, 3, 1, 1)
    return (pictures - mean) / std


def picture_at(album: Album, place: int) -> torch.Tensor:
    return torch.from_numpy(album.pixels[place].copy()).permute(2, 0, 1).float() / 255


@dataclass(frozen=True)
class Draw:
    """How pictures are drawn: `weights` of each place, how many processes share a round, which one this is."""

    places: Sequence[int]
    weights: Sequence[float]
    batch: int
    seed: int
    rank: int = 0
    world: int = 1


def draws_of(draw: Draw, epoch: int) -> list[tuple[int, int]]:
    """(place, seed of its changes) of this process in this round: as many as there are places, rare ones more often."""
    chance = torch.Generator().manual_seed(_mixed(draw.seed, epoch))
    # Every process has whole batches, and all have as many.
    step = draw.batch * draw.world
    count = max(step, len(draw.places) // step * step)
    drawn = torch.multinomial(torch.tensor(draw.weights, dtype=torch.double), count, True, generator=chance)
    seeds = torch.randint(2**31, (count,), generator=chance)
    pairs = [(draw.places[i], int(seed)) for i, seed in zip(drawn.tolist(), seeds.tolist())]
    return pairs[draw.rank :: draw.world]


def _mixed(seed: int, epoch: int) -> int:
    return (seed * 1_000_003 + epoch * 7919) % 2**31


Targets = list[dict[str, torch.Tensor]]
Batch = tuple[torch.Tensor, Targets]
ViewOf = Callable[[int, int], View]
"""A picture by its place, with what is to be learned of it (`labels` without boxes are of the whole); and a seed."""


class _Views(Dataset[tuple[torch.Tensor, dict[str, torch.Tensor]]]):
    def __init__(self, view_of: ViewOf, changes: Changes | None, pairs: Sequence[tuple[int, int]]):
        self.view_of, self.changes, self.pairs = view_of, changes, pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        place, seed = self.pairs[at]
        view = self.view_of(place, seed)
        whole = view.labels if view.boxes is None else None
        if self.changes:
            view = changed(view, self.changes, torch.Generator().manual_seed(seed))
        target: dict[str, Any] = {"labels": view.labels if whole is None else whole}
        if view.boxes is not None:
            target["boxes"] = view.boxes
        if view.mask is not None:
            target["mask"] = view.mask
        return view.picture, {key: value for key, value in target.items() if value is not None}


def _together(items: list[tuple[torch.Tensor, dict[str, torch.Tensor]]]) -> Batch:
    return torch.stack([picture for picture, _ in items]), [target for _, target in items]


def batches_of(
    view_of: ViewOf,
    changes: Changes | None,
    pairs: Sequence[tuple[int, int]],
    batch: int,
    device: torch.device,
    workers: int = 0,
) -> Iterator[Batch]:
    """Steps of one round, on the device."""
    pin = device.type == "cuda"
    loader = DataLoader(
        _Views(view_of, changes, pairs), batch, num_workers=workers, collate_fn=_together, pin_memory=pin
    )
    for pictures, targets in loader:
        moved = [{key: value.to(device, non_blocking=pin) for key, value in target.items()} for target in targets]
        yield normalised(pictures.to(device, non_blocking=pin)), moved


def draw_weights(kinds: Sequence[str], weights: Sequence[float], balance: float) -> list[float]:
    """
    How often each picture is drawn. With `balance` 1 every kind comes as often as every other, with 0 as often as it is
    there; a part that stands for many of the line counts more among its kind, by the root of it.
    """
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    return [counts[kind] ** -balance * max(weight, 1e-3) ** 0.5 for kind, weight in zip(kinds, weights)]
