"""Every recipe, tiny and on the CPU, from a bundle to a result. With CRUX_RESULTS set the results stay there."""

import json
import os
from pathlib import Path

import onnx
import pytest
import torch
from kit import TINY, write_bundle

from crux_trainer.desk import Desk
from crux_trainer.recipes.all import RECIPES
from crux_trainer.work import CANCELLED, FAILED, work

TASKS = {
    "torch.anomaly": ("anomaly", {"bank_rows": 300, "epochs": 1}),
    "torch.classify": ("classification", {"epochs": 6, "lr": 0.003}),
    "torch.detect": ("detection", {"head_width": "32", "epochs": 1}),
    "torch.segment": ("segmentation", {"head_width": "16", "epochs": 4, "lr": 0.01}),
}


@pytest.fixture
def place(tmp_path):
    kept = os.environ.get("CRUX_RESULTS")
    return Path(kept) if kept else tmp_path


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_a_recipe_makes_a_result(place, recipe):
    task, params = TASKS[recipe]
    folder = write_bundle(place / recipe, recipe, task, {**TINY, **params})
    (folder / "ticket.json").write_text(
        json.dumps({"v": 1, "job_id": "01234567-89ab-7def-8123-456789abcdef", "bundle": "cd" * 32})
    )
    # What is no checkpoint is no reason to give up.
    (folder / "checkpoint.pt").write_bytes(b"not a checkpoint")
    assert work(folder) == 0, (folder / "failed.json").read_text()
    manifest = json.loads((folder / "result/manifest.json").read_text())
    assert manifest["job_id"] and manifest["contract"]["task"] == task
    assert manifest["metrics"]["int8/fused"] == 1
    model = onnx.load(str(folder / "result/model.onnx"))
    stamped = next(one.value for one in model.metadata_props if one.key == "crux.contract")
    assert json.loads(stamped) == manifest["contract"] == json.loads((folder / "result/crux.json").read_text())
    assert {file["path"] for file in manifest["files"]} >= {"model.onnx", "model.int8.onnx", "parity/00.png"}
    phases = [json.loads(line).get("phase") for line in (folder / "events.jsonl").read_text().splitlines()]
    assert phases[-1] == "done" and "validate" in phases


def test_a_training_that_was_killed_ends_as_one_that_was_not(tmp_path, monkeypatch):
    """The state after round two is the same, in one go or in two: nothing depends on what was in memory."""
    import crux_trainer.desk as desk_module

    whole = write_bundle(tmp_path / "whole", "torch.classify", "classification", {**TINY, "epochs": 2, "int8": False})
    assert work(whole) == 0
    cut = write_bundle(tmp_path / "cut", "torch.classify", "classification", {**TINY, "epochs": 2, "int8": False})
    written = desk_module.Desk.wrote_checkpoint

    class Killed(BaseException):
        pass

    def kill(desk: Desk, step: int) -> None:
        written(desk, step)
        raise Killed

    monkeypatch.setattr(desk_module.Desk, "wrote_checkpoint", kill)
    with pytest.raises(Killed):
        work(cut)
    monkeypatch.undo()
    assert work(cut) == 0
    states = [torch.load(folder / "checkpoint.pt", weights_only=True)["model"] for folder in (whole, cut)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_training_nobody_wants_any_more_stops_and_one_that_cannot_be_says_why(tmp_path):
    folder = write_bundle(tmp_path, "torch.classify", "classification", TINY)
    (folder / "cancel").touch()
    assert work(folder) == CANCELLED
    (folder / "cancel").unlink()
    os.utime((folder / "bundle/job.json"))
    (folder / "alive").touch()
    os.utime(folder / "alive", (0, 0))
    assert work(folder) == CANCELLED
    (folder / "alive").unlink()
    job = json.loads((folder / "bundle/job.json").read_text())
    job["recipe"]["params"]["nonsense"] = 1
    (folder / "bundle/job.json").write_text(json.dumps(job))
    assert work(folder) == FAILED
    failed = json.loads((folder / "failed.json").read_text())
    assert failed["class"] == "bad_params" and not failed["retryable"]
