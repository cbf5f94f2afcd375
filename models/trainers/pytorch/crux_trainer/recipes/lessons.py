"""What the recipes that learn by examples have in common: rounds drawn from `train`, looks at `val`."""

from __future__ import annotations

import os
from typing import Callable, Iterable, Sequence

from crux_trainer.augment import Changes
from crux_trainer.batches import Batch, Draw, ViewOf, batches_of, draw_weights, draws_of
from crux_trainer.fit import Lessons, Plan
from crux_trainer.pictures import Album
from crux_trainer.recipes.recipe import Setting


def lessons_of(
    setting: Setting,
    album: Album,
    kinds: Sequence[str],
    view_of: ViewOf,
    figures: Callable[[Callable[[], Iterable[Batch]], list[int]], dict[str, float]],
    train: Sequence[int],
    val: Sequence[int],
) -> Lessons:
    """`kinds` of the pictures by their place in the album: rare ones are drawn more often."""
    params, machine = setting.params, setting.machine
    weights = draw_weights([kinds[i] for i in train], [album.samples[i].weight for i in train], params["balance"])
    draw = Draw(train, weights, params["batch"], setting.job.seed, machine.rank, machine.world)
    # On a GPU the changes of pictures are worked out beside it.
    workers = min(8, os.cpu_count() or 1) if machine.device.type == "cuda" else 0

    def held() -> Iterable[Batch]:
        return batches_of(view_of, None, [(i, i) for i in val], params["batch"], machine.device, workers)

    def round_of(epoch: int) -> tuple[int, Iterable[Batch]]:
        pairs = draws_of(draw, epoch)
        changes = Changes.of(params)
        return len(pairs) // draw.batch, batches_of(view_of, changes, pairs, draw.batch, machine.device, workers)

    return Lessons(round_of, held, lambda: figures(held, list(val)))


def plan_of(setting: Setting) -> Plan:
    params = setting.params
    # What is left of the time goes into thresholds, export and checks.
    minutes = setting.job.max_minutes * 0.8
    return Plan(params["epochs"], params["lr"], params["patience"], params["amp"], minutes, setting.job.seed)
