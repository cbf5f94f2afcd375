"""Job and result bundles as one file, for plants whose trainer has no wire to the hub."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from pathlib import Path

from crux_trainer.errors import TrainingError
from crux_trainer.files import read_json

_PAPERS = ("ticket.json", "bundle.json", "job.json", "dataset.json", "samples.jsonl", "policy.json")
_BLOB = re.compile(r"blobs/([0-9a-f]{64})")
_LONGEST_PAPER = 4 * 1024**3


def unpack_job(tar: Path, folder: Path) -> None:
    """`folder/bundle` and `folder/ticket.json`. Names, kinds, sizes and digests are checked; nothing else is written."""
    bundle = folder / "bundle"
    (bundle / "blobs").mkdir(parents=True)
    digests: dict[str, str] = {}
    try:
        with tarfile.open(tar, "r:*") as source:
            for member in source:
                blob = _BLOB.fullmatch(member.name)
                if member.isdir() and member.name.rstrip("/") in (".", "blobs"):
                    continue
                if not member.isreg() or not (blob or member.name in _PAPERS) or member.size > _LONGEST_PAPER:
                    raise TrainingError("bad_job", f"{member.name[:100]!r} does not belong into a job bundle")
                target = folder / member.name if member.name == "ticket.json" else bundle / member.name
                stream, digest = source.extractfile(member), hashlib.sha256()
                with open(target, "wb") as out:
                    while stream and (data := stream.read(1 << 20)):
                        digest.update(data)
                        out.write(data)
                digests[member.name] = digest.hexdigest()
                if blob and blob.group(1) != digest.hexdigest():
                    raise TrainingError("bad_job", f"{member.name} is not what its name says")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise TrainingError("bad_job", f"{tar.name} cannot be read: {error}") from error
    for name in ("ticket.json", "bundle.json"):
        if name not in digests:
            raise TrainingError("bad_job", f"{tar.name} has no {name}")
    if read_json(folder / "ticket.json").get("bundle") != digests["bundle.json"]:
        raise TrainingError("bad_job", "the bundle is not the one the ticket names")
    for file in read_json(bundle / "bundle.json")["files"]:
        if digests.get(file["path"]) != file["sha256"]:
            raise TrainingError("bad_job", f"{file['path']} is not the file the bundle names")


def pack_result(result: Path, tar: Path) -> None:
    """`manifest.json` first, then the files it names."""
    part = tar.with_name(f"{tar.name}.part")
    with tarfile.open(part, "w") as out:
        for name in ("manifest.json", *(file["path"] for file in read_json(result / "manifest.json")["files"])):
            out.add(result / name, name)
    os.replace(part, tar)
