"""The one training loop: rounds, mixed precision, early stopping on what was held out, checkpoints."""

from __future__ import annotations

import io
import math
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from crux_trainer.batches import Batch, Targets
from crux_trainer.desk import Desk
from crux_trainer.errors import TrainingError
from crux_trainer.files import write_whole
from crux_trainer.machine import Machine, same_for_all

_WARM_UP = 0.05
_LEAST_LR = 0.01
_CLIP = 5.0
_LEAST_GAIN = 1e-4
"""Writing a checkpoint may take this share of the time."""
_CHECKPOINT_SHARE = 0.05

LossOf = Callable[[nn.Module, torch.Tensor, Targets], torch.Tensor]


@dataclass(frozen=True)
class Plan:
    epochs: int
    lr: float
    patience: int
    amp: bool
    max_minutes: float
    seed: int
    weight_decay: float = 0.02
    name: str = "train"
    """Share of the whole job's progress that this loop covers."""
    span: tuple[float, float] = (0.1, 0.8)


@dataclass(frozen=True)
class Lessons:
    """Steps of a round and their count; what is held out; figures of the model so far, for the curves."""

    round_of: Callable[[int], tuple[int, Iterable[Batch]]]
    held_out: Callable[[], Iterable[Batch]]
    figures: Callable[[], dict[str, float]]


class _WithLoss(nn.Module):
    """A model and its loss as one thing, which is what DistributedDataParallel wants to see."""

    def __init__(self, model: nn.Module, loss_of: LossOf):
        super().__init__()
        self.model, self.loss_of = model, loss_of

    def forward(self, pictures: torch.Tensor, targets: Targets) -> torch.Tensor:
        return self.loss_of(self.model, pictures, targets)


def fit(
    model: nn.Module, loss_of: LossOf, lessons: Lessons, plan: Plan, machine: Machine, desk: Desk
) -> list[dict[str, float]]:
    """
    Trains `model` and leaves the best state in it, by the loss on what was held out; `calib` and golden parts are never
    looked at. Returns the figures of every round. Goes on from the checkpoint on the desk.
    """
    whole: nn.Module = _WithLoss(model, loss_of).to(machine.device)
    cuda = machine.device.type == "cuda"
    if machine.world > 1 and cuda:
        whole = nn.SyncBatchNorm.convert_sync_batchnorm(whole)
    shared = whole
    if machine.world > 1:
        shared = DistributedDataParallel(whole, [machine.device] if cuda else None)
    optimiser = torch.optim.AdamW(_groups(model, plan.weight_decay), lr=plan.lr)
    kind = _amp_type(plan, cuda)
    scaler = torch.amp.GradScaler("cuda", enabled=kind == torch.float16)
    best_loss, best_epoch, best = math.inf, -1, _copied(model)
    history: list[dict[str, float]] = []
    begun, spent = 0, 0.0
    saved = _resumed(desk, plan)
    if saved:
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        scaler.load_state_dict(saved["scaler"])
        best_loss, best_epoch, best = saved["best_loss"], saved["best_epoch"], saved["best"]
        history, begun, spent = saved["history"], saved["epoch"] + 1, saved["spent"]
        desk.say(f"{plan.name}: goes on from round {begun + 1} of {plan.epochs}")

    started, next_save = time.monotonic() - spent, 0.0
    for epoch in range(begun, plan.epochs):
        if epoch - best_epoch > plan.patience and best_epoch >= 0:
            break
        # Whatever else is left to chance in a round, such as what is dropped out, follows from its number too.
        torch.manual_seed((plan.seed * 7919 + epoch) * 64 + machine.rank)
        steps, batches = lessons.round_of(epoch)
        shared.train()
        losses: list[float] = []
        for step, (pictures, targets) in enumerate(batches):
            done = (epoch + step / steps) / plan.epochs
            for group in optimiser.param_groups:
                group["lr"] = plan.lr * _pace(done)
            with torch.autocast(machine.device.type, dtype=kind, enabled=kind is not None):
                loss = shared(pictures, targets)
            value = loss.item()
            # Every process must come to the same end, or the others wait for ever.
            if not math.isfinite(same_for_all(machine, value)):
                raise TrainingError(
                    "diverged", f"the loss is {value} in round {epoch + 1}: a lower learning rate may help"
                )
            optimiser.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.unscale_(optimiser)
            nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
            scaler.step(optimiser)
            scaler.update()
            losses.append(value)
            left = (time.monotonic() - started) * (1 / done - 1) if done > 0.01 else None
            desk.tell("train", _within(plan.span, done), eta_s=left and round(left))

        figures = {"loss": sum(losses) / max(1, len(losses)), "lr": plan.lr * _pace((epoch + 1) / plan.epochs)}
        if machine.first:
            figures["val/loss"] = _loss_on(model, loss_of, lessons.held_out(), kind)
            figures.update({name: value for name, value in lessons.figures().items() if math.isfinite(value)})
        held = same_for_all(machine, figures.get("val/loss", math.nan))
        if held < best_loss - _LEAST_GAIN:
            best_loss, best_epoch, best = held, epoch, _copied(model)
        history.append(figures)
        spent = time.monotonic() - started
        stopped = epoch - best_epoch >= plan.patience
        over = same_for_all(machine, float(spent > plan.max_minutes * 60)) > 0
        if machine.first:
            done = (epoch + 1) / plan.epochs
            desk.tell(
                "validate",
                _within(plan.span, done),
                step=epoch + 1,
                metrics=figures,
                eta_s=round(spent * (1 / done - 1)),
            )
            desk.say(f"{plan.name} {epoch + 1}/{plan.epochs}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
            last = stopped or over or epoch + 1 == plan.epochs
            if last or time.monotonic() >= next_save:
                began = time.monotonic()
                _save(
                    desk,
                    plan,
                    {
                        "epoch": epoch,
                        "model": model.state_dict(),
                        "optimiser": optimiser.state_dict(),
                        "scaler": scaler.state_dict(),
                        "best_loss": best_loss,
                        "best_epoch": best_epoch,
                        "best": best,
                        "history": history,
                        "spent": spent,
                    },
                )
                next_save = time.monotonic() + (time.monotonic() - began) / _CHECKPOINT_SHARE
        if stopped or over:
            desk.say(
                f"{plan.name}: stops, " + ("the time is used up" if over else f"no gain for {plan.patience} rounds")
            )
            break
    model.load_state_dict(best)
    desk.say(f"{plan.name}: round {best_epoch + 1} was the best")
    return history


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weights shrink, offsets and scales do not."""
    wide = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    narrow = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": wide, "weight_decay": decay}, {"params": narrow, "weight_decay": 0.0}]


def _amp_type(plan: Plan, cuda: bool) -> torch.dtype | None:
    if not (plan.amp and cuda):
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _pace(done: float) -> float:
    """Learning rate over time: a short rise, then half a cosine."""
    if done < _WARM_UP:
        return _LEAST_LR + (1 - _LEAST_LR) * done / _WARM_UP
    return _LEAST_LR + (1 - _LEAST_LR) * (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))) / 2


def _within(span: tuple[float, float], share: float) -> float:
    return span[0] + (span[1] - span[0]) * share


@torch.no_grad()
def _loss_on(model: nn.Module, loss_of: LossOf, batches: Iterable[Batch], kind: torch.dtype | None) -> float:
    model.eval()
    total, count = 0.0, 0
    for pictures, targets in batches:
        with torch.autocast(pictures.device.type, dtype=kind, enabled=kind is not None):
            total += loss_of(model, pictures, targets).item() * len(pictures)
        count += len(pictures)
    return total / max(1, count)


def _copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().cpu().clone() for key, value in model.state_dict().items()}


def _save(desk: Desk, plan: Plan, state: dict[str, Any]) -> None:
    out = io.BytesIO()
    torch.save({"stage": plan.name, "epochs": plan.epochs, **state}, out)
    write_whole(desk.checkpoint, out.getvalue())
    desk.wrote_checkpoint(state["epoch"] + 1)


def _resumed(desk: Desk, plan: Plan) -> dict[str, Any] | None:
    """What an earlier try left; one that is not to be read is no reason to give up, only to begin again."""
    if not desk.checkpoint.exists():
        return None
    try:
        state = torch.load(desk.checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:
        desk.say(f"the checkpoint cannot be read, the training begins again: {error}")
        return None
    return state if state.get("stage") == plan.name and state.get("epochs") == plan.epochs else None
