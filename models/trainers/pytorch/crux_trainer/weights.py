"""Files of weights a plant has put beside the trainer. Nothing is ever fetched from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.pth?")


def weights_in(folder: Path | None) -> dict[str, Path]:
    """`*.pt` and `*.pth` in a folder, by their name; a choice is one of these names, so no path leads elsewhere."""
    if not folder or not folder.is_dir():
        return {}
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_file() and _NAME.fullmatch(path.name)}
