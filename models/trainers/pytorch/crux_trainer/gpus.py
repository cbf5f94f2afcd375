"""The GPUs of this machine, without loading CUDA into the agent."""

from __future__ import annotations

import os
import subprocess
from typing import Any


def gpus() -> list[dict[str, Any]]:
    """Name and memory of those that may be used; none where there is no driver."""
    rows = _asked("index,uuid,name,memory.total")
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is not None:
        wanted = [one.strip() for one in shown.split(",") if one.strip()]
        rows = [row for row in rows if row[0] in wanted or any(row[1].startswith(one) for one in wanted)]
    return [{"name": name, "mem_gb": round(float(memory) / 1024, 1)} for _, _, name, memory in rows]


def load() -> dict[str, float] | None:
    """How busy the first of them is."""
    rows = _asked("utilization.gpu,memory.used")
    if not rows:
        return None
    try:
        return {"util": float(rows[0][0]) / 100, "mem_gb": round(float(rows[0][1]) / 1024, 2)}
    except ValueError:
        return None


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
