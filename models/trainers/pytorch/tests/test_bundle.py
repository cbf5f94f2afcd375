import json

import pytest
from kit import TINY, write_bundle

from crux_trainer.bundle import read_bundle
from crux_trainer.errors import TrainingError
from crux_trainer.params import read_params
from crux_trainer.recipes.all import RECIPES, recipe_of
from crux_trainer.splits import with_val


def changed(folder, name, change):
    value = json.loads((folder / name).read_text().splitlines()[0])
    change(value)
    (folder / name).write_text(json.dumps(value) + "\n")


def test_a_bundle_is_read_as_the_hub_writes_it(tmp_path):
    bundle = read_bundle(write_bundle(tmp_path, "torch.classify", "classification", TINY) / "bundle")
    assert bundle.job.kinds == ("spot", "scratch")
    assert {split: len(bundle.of(split)) for split in ("train", "val", "calib")} == {
        "train": 22,
        "val": 6,
        "calib": 8,
    }
    bad = next(sample for sample in bundle.samples if not sample.good)
    assert bad.regions[0].outline["type"] == "box"
    assert bundle.picture_of(bad).exists()


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("job.json", lambda job: job.update(v=2), "version 2"),
        ("job.json", lambda job: job.update(task="guessing"), "guessing"),
        ("job.json", lambda job: job.pop("recipe"), "recipe"),
        ("samples.jsonl", lambda line: line.update(path="../../etc/passwd"), "leads out"),
        ("samples.jsonl", lambda line: line.update(split="golden"), "golden"),
        ("samples.jsonl", lambda line: line.update(sha256="x"), "SHA-256"),
        ("samples.jsonl", lambda line: line["label"].update(verdict="maybe"), "verdict"),
        ("samples.jsonl", lambda line: line.update(split="calib"), "no picture to train on"),
    ],
)
def test_a_bundle_that_is_not_of_the_contract_is_refused_with_where(tmp_path, name, change, says):
    bundle = write_bundle(tmp_path, "torch.classify", "classification", TINY) / "bundle"
    changed(bundle, name, change)
    with pytest.raises(TrainingError, match=says):
        read_bundle(bundle)


def test_settings_are_filled_in_and_strange_ones_refused():
    table = RECIPES["torch.classify"].params(("resnet18.pth",))
    assert read_params(table, {"epochs": 3})["flip"] == "none"
    assert read_params(table, {"weights": "resnet18.pth"})["weights"] == "resnet18.pth"
    for given, says in (
        ({"epoch": 3}, "no setting named epoch"),
        ({"epochs": 0}, "not between"),
        ({"epochs": 1.5}, "whole"),
        ({"amp": 1}, "neither"),
        ({"weights": "../../x.pth"}, "none of"),
        ({"lr": float("nan")}, "not a number"),
    ):
        with pytest.raises(TrainingError, match=says):
            read_params(table, given)


def test_what_is_registered_fits_the_contract():
    for recipe in RECIPES.values():
        told = recipe.told(())
        assert len(told["params"]) <= 32
        for param in told["params"]:
            assert param["type"] in ("int", "number", "bool", "choice")
            assert param["type"] != "choice" or param["default"] in param["choices"]
            assert param["title"]["en"] and param["title"]["ko"]
    with pytest.raises(TrainingError):
        recipe_of("torch.classify", 99)


def test_without_val_whole_groups_are_held_out_and_calib_is_left_alone(tmp_path):
    from dataclasses import replace

    samples = read_bundle(write_bundle(tmp_path, "torch.classify", "classification", TINY) / "bundle").samples
    merged = [
        replace(s, split="train" if s.split == "val" else s.split, group=f"lot:{i // 4}") for i, s in enumerate(samples)
    ]
    split = with_val(merged)
    assert split == with_val(merged)
    held, learned = ({s.group for s in split if s.split == name} for name in ("val", "train"))
    assert held and learned and not held & learned
    assert [s for s in split if s.split == "calib"] == [s for s in merged if s.split == "calib"]
