"""What the training runs on, and with whom: one process, or several started by torchrun."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Machine:
    device: torch.device
    rank: int
    world: int

    @property
    def first(self) -> bool:
        return self.rank == 0


def join_machine() -> Machine:
    """The device of this process; with torchrun's environment also its place among the others."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if world > 1:
        # Others wait while the first one decodes pictures.
        dist.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(hours=2))
    elif not cuda and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0))))
    return Machine(device, int(os.environ.get("RANK", "0")), world)


def leave_machine(machine: Machine) -> None:
    if machine.world > 1 and dist.is_initialized():
        dist.destroy_process_group()


def wait_for_all(machine: Machine) -> None:
    if machine.world > 1:
        dist.barrier()


def same_for_all(machine: Machine, value: float) -> float:
    """What the first one says."""
    if machine.world == 1:
        return value
    told = torch.tensor([value], dtype=torch.float64, device=machine.device)
    dist.broadcast(told, 0)
    return told.item()


def seed_everything(seed: int) -> None:
    """Same seed, same machine, same result; operations that cannot promise it say so in the log."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
