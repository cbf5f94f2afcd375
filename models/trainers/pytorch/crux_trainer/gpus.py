"""The GPUs of this machine, without loading CUDA into the agent."""

from __future__ import annotations

import os
import subprocess
from typing import Any


def gpus() -> list[dict[str, Any]]:
    """Name and memory of those that may be used; none where there is no driver."""
    return [{"name": name, "mem_gb": round(float(memory) / 1024, 1)} for name, memory in _shown("name,memory.total")]


def load() -> dict[str, float] | None:
    """How busy they are on average, and how much of their memory is taken together."""
    try:
        rows = [(float(util) / 100, float(memory) / 1024) for util, memory in _shown("utilization.gpu,memory.used")]
    except ValueError:
        return None
    if not rows:
        return None
    return {"util": sum(util for util, _ in rows) / len(rows), "mem_gb": round(sum(memory for _, memory in rows), 2)}


def _shown(fields: str) -> list[list[str]]:
    """Fields of those that CUDA would show this process: on a machine of several, each agent has its own."""
    rows = _asked(f"index,uuid,{fields}")
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is not None:
        wanted = [one.strip() for one in shown.split(",") if one.strip()]
        rows = [row for row in rows if row[0] in wanted or any(row[1].startswith(one) for one in wanted)]
    return [row[2:] for row in rows]


def _asked(fields: str) -> list[list[str]]:
    try:
        told = subprocess.run(
            ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in told.splitlines()]
    return [row for row in rows if len(row) == fields.count(",") + 1]
