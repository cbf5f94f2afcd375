import math
from pathlib import Path

import numpy as np
import pytest
import torch

from crux_trainer.augment import Changes, View, changed
from crux_trainer.batches import Draw, draw_weights, draws_of
from crux_trainer.boxes import average_precision, found_in, suppressed
from crux_trainer.coreset import coreset_of
from crux_trainer.errors import TrainingError
from crux_trainer.gpus import gpus, load
from crux_trainer.figures import auroc, escape_at_overkill, operating, overkill_at_escape
from crux_trainer.launchers import launcher_of, start, work_line
from crux_trainer.outlines import box_of, draw_outline, mask_of
from crux_trainer.pictures import Frame, placed
from crux_trainer.reading import findings_of, score_of
from crux_trainer.thresholds import Point, logit, thresholds_of

STILL = Changes(False, False, False, 0, 0, 0, 0, 0)


def test_boxes_go_where_the_picture_goes():
    chance = np.random.default_rng(1)
    wild = Changes(True, True, True, 30, 0.1, 0.2, 0, 0)
    for seed in range(40):
        picture = torch.zeros(3, 64, 64)
        x, y = (int(v) for v in chance.integers(20, 36, 2))
        picture[:, y : y + 8, x : x + 8] = 1
        mask = picture[0].clone()
        boxes = torch.tensor([[x, y, x + 8, y + 8]], dtype=torch.float32)
        view = changed(View(picture, boxes, torch.tensor([2]), mask), wild, torch.Generator().manual_seed(seed))
        if not len(view.boxes):
            continue
        rows, columns = torch.nonzero(view.picture[0] > 0.5, as_tuple=True)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        # A turned square touches all four sides of the box around it.
        assert all(abs(float(a) - float(b)) < 2.5 for a, b in zip(seen, view.boxes[0])), seed
        assert (view.mask > 0.5).float().sub((view.picture[0] > 0.5).float()).abs().mean() < 0.02


def test_nothing_is_changed_when_nothing_may_be():
    picture = torch.rand(3, 32, 48)
    assert torch.allclose(changed(View(picture), STILL, torch.Generator()).picture, picture, atol=1e-5)


def test_the_same_seed_changes_a_picture_the_same_way():
    changes = Changes(True, False, False, 10, 0.1, 0.1, 0.2, 0.05)
    twice = [
        changed(View(torch.ones(3, 32, 32) * 0.5), changes, torch.Generator().manual_seed(7)).picture for _ in (1, 2)
    ]
    assert torch.equal(*twice)


def test_a_round_is_the_same_round_when_it_comes_again_and_processes_share_it():
    whole = Draw(range(10), [1.0] * 10, 2, 5)
    assert draws_of(whole, 3) == draws_of(whole, 3) != draws_of(whole, 4)
    halves = [draws_of(Draw(range(10), [1.0] * 10, 1, 5, rank, 2), 3) for rank in (0, 1)]
    assert sorted(halves[0] + halves[1]) == sorted(draws_of(whole, 3))


def test_rare_kinds_are_drawn_more_often():
    weights = draw_weights(["ok"] * 90 + ["dent"] * 10, [1.0] * 100, 1.0)
    drawn = [place for epoch in range(40) for place, _ in draws_of(Draw(range(100), weights, 10, 1), epoch)]
    assert 0.42 < sum(place >= 90 for place in drawn) / len(drawn) < 0.58


def test_thresholds_keep_their_promise_on_parts_never_seen():
    chance = np.random.default_rng(3)
    for _ in range(20):
        good, bad = chance.normal(-1, 1, 400), chance.normal(2.5, 1, 400)
        t_low, t_high = thresholds_of([Point(v, 1) for v in good], [Point(v, 1) for v in bad], 0.05, 0.05)
        assert t_low <= t_high
        fresh_good, fresh_bad = chance.normal(-1, 1, 4000), chance.normal(2.5, 1, 4000)
        assert (fresh_bad < logit(t_low)).mean() < 0.09
        assert (fresh_good >= logit(t_high)).mean() < 0.09


def test_thresholds_without_bad_parts_ask_rather_than_pass():
    t_low, t_high = thresholds_of([Point(v, 1) for v in (-3.0, -2.0)], [], 0.02, 0.02)
    assert logit(-2.0) < t_low < t_high
    assert thresholds_of([], [], 0.02, 0.02) == (0.25, 0.5)


def test_figures_of_separated_and_of_blind_models():
    assert auroc([0.1, 0.2, 0.8], [False, False, True]) == 1
    assert auroc([0.5, 0.5], [False, True]) == 0.5
    assert math.isnan(auroc([0.5], [True]))
    assert operating([0.1, 0.9], [False, True], 0.3, 0.6) == {
        "escape": 0,
        "overkill": 0,
        "undecided_ok": 0,
        "undecided_ng": 0,
    }
    assert operating([0.1], [True], 0.3, 0.6) == {"escape": 1, "undecided_ng": 0}
    assert (
        overkill_at_escape([0.1, 0.9], [False, True], 0.02) == escape_at_overkill([0.1, 0.9], [False, True], 0.02) == 0
    )


def test_of_what_lies_on_each_other_the_surest_stays():
    boxes = np.array([[0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30.0]])
    assert suppressed(boxes, np.array([0.5, 0.9, 0.4]), np.array([0, 0, 0]), 0.5) == [1, 2]
    assert len(suppressed(boxes, np.array([0.5, 0.9, 0.4]), np.array([0, 1, 0]), 0.5)) == 3


def test_average_precision_of_a_perfect_and_of_an_empty_answer():
    truth = [(np.array([[0, 0, 10, 10.0]]), np.array([0]))]
    dets = np.array([[5.0], [5.0], [10.0], [10.0], [0.9]])
    assert average_precision([found_in(dets, 0.05, 0.5)], truth) == 1
    assert average_precision([found_in(dets, 0.95, 0.5)], truth) == 0
    assert math.isnan(average_precision([found_in(dets, 0.95, 0.5)], [(np.zeros((0, 4)), np.zeros(0))]))


def test_a_coreset_covers_what_is_far_away():
    rows = torch.cat([torch.randn(500, 8) * 0.01, torch.full((1, 8), 9.0)])
    assert 500 in coreset_of(rows, 5, 1, lambda _: None).tolist()


def test_outlines_are_drawn_where_they_are():
    frame = Frame(40, 20, "stretch")
    place = placed(80, 40, frame)
    into = np.zeros((20, 40), np.uint8)
    draw_outline(into, {"type": "box", "box": [20, 10, 20, 10]}, 3, place, frame)
    rows, columns = np.nonzero(into)
    assert (columns.min(), rows.min()) == (10, 5) and abs(int((into == 3).sum()) - 50) < 25
    speck = np.zeros((20, 40), np.uint8)
    draw_outline(speck, {"type": "box", "box": [41, 21, 0.2, 0.2]}, 1, place, frame)
    assert speck.any()
    assert box_of({"type": "polygon", "points": [[1, 2], [5, 2], [3, 9]]}) == (1, 2, 5, 9)
    assert box_of({"type": "box", "box": [10, 10, 4, 2], "angle": 90}) == pytest.approx((11, 9, 13, 13))


def test_masks_in_the_run_lengths_of_coco_are_read():
    # 3 x 4, columns first: three off, two on, the rest off.
    mask = mask_of({"type": "mask", "size": [3, 4], "counts": "327"})
    assert mask.shape == (3, 4)
    assert [tuple(place) for place in np.argwhere(mask)] == [(0, 1), (1, 1)]
    with pytest.raises(TrainingError):
        mask_of({"type": "mask", "size": [3, 4], "counts": "3"})


def test_scores_are_read_as_the_hub_reads_them():
    classes = [{"id": 0, "verdict": "OK"}, {"id": 1, "verdict": "NG"}]

    def contract(decode, role):
        return {"decode": {"type": decode}, "outputs": [{"name": "y", "role": role}], "classes": classes}

    assert score_of({"y": np.array([[0.0, 0.0]])}, contract("softmax", "logits")) == 0.5
    mask = np.zeros((1, 2, 2, 2))
    mask[0, 1, 0, 0] = 3
    assert score_of({"y": mask}, contract("semantic", "mask")) == pytest.approx(1 / (1 + math.exp(-3)))
    assert score_of({"y": np.zeros((1, 2, 2, 2)) - [[[[0]], [[1]]]]}, contract("semantic", "mask")) == 0
    dets = np.array([[[5.0], [5], [2], [2], [0.9], [0.1]]])
    # The surest class of that box is a good one.
    assert score_of({"y": dets}, contract("yolo_v8", "dets")) == 0


def test_what_a_launcher_runs_elsewhere_is_told_where_the_pictures_are():
    line, env = work_line(Path("/shared/jobs/1"), None), {"CRUX_BLOBS": "/shared/blobs"}
    template = "sbatch --wait job.sh {folder}"
    assert launcher_of("command", template=template).command(Path("/a b"), line, env)[-1] == "/a b"


def test_what_ray_gets_has_a_name_by_which_it_is_taken_back(tmp_path):
    folder = tmp_path / "it's 1"
    folder.mkdir()
    launcher = launcher_of("ray", ray="http://head:8265", ray_gpus=1)
    assert launcher.withdraw(folder) is None
    line, env = work_line(folder, None), {"CRUX_BLOBS": "/shared/blobs"}
    first, again = (launcher.command(folder, line, env) for _ in range(2))
    assert first[:3] == ["ray", "job", "submit"] and first[first.index("--entrypoint-num-gpus") + 1] == "1"
    assert first[first.index("--") + 1 :] == ["env", "CRUX_BLOBS=/shared/blobs", "python", *line[1:]]
    name, other = (words[words.index("--submission-id") + 1] for words in (first, again))
    assert name != other and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert launcher.withdraw(folder) == ["ray", "job", "stop", "--address", "http://head:8265", "--no-wait", other]


def test_a_launcher_that_is_not_here_is_said(tmp_path):
    with pytest.raises(TrainingError, match="no-such-scheduler is not on this machine"):
        start(launcher_of("command", template="no-such-scheduler {work}"), tmp_path, None, {})


@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_where_it_is(seed):
    """Areas of a mask: against every place compared with every other."""
    chance = np.random.default_rng(seed)
    logits = np.where(chance.random((1, 2, 12, 16)) < 0.3, 3.0, -3.0)
    logits[:, 0] = 0
    contract = {
        "outputs": [{"name": "mask", "role": "mask"}],
        "classes": [{"id": 0, "key": "ok", "verdict": "OK"}, {"id": 1, "key": "dent", "verdict": "NG"}],
        "decode": {"type": "semantic"},
        "thresholds": {"t_low": 0.3, "t_high": 0.5},
    }
    found = findings_of({"mask": logits}, contract, 64, 48)
    places = {tuple(place) for place in np.argwhere(logits[0, 1] > 0)}
    groups: list[set] = []
    for y, x in places:
        near = [one for one in groups if one & {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)}]
        groups = [one for one in groups if one not in near] + [{(y, x)}.union(*near)]
    boxes = sorted(
        [4 * min(x for _, x in g), 4 * min(y for y, _ in g)]
        + [4 * (max(x for _, x in g) - min(x for _, x in g) + 1), 4 * (max(y for y, _ in g) - min(y for y, _ in g) + 1)]
        for g in groups
    )
    assert sorted(one["box"] for one in found) == boxes
    assert all(one["kind"] == "dent" and one["score"] == pytest.approx(1 / (1 + math.exp(-3))) for one in found)


def test_an_agent_tells_of_the_gpus_that_it_is_shown(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text(
        """#!/bin/sh
case "$1" in
  *memory.total*) printf '0, GPU-aa, A4000, 16384\\n1, GPU-bb, A4000, 16384\\n' ;;
  *) printf '0, GPU-aa, 90, 8192\\n1, GPU-bb, 10, 1024\\n' ;;
esac
"""
    )
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus() == [{"name": "A4000", "mem_gb": 16.0}] * 2
    assert load() == {"util": pytest.approx(0.5), "mem_gb": 9.0}
    for shown in ("1", "GPU-bb"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        assert gpus() == [{"name": "A4000", "mem_gb": 16.0}]
        assert load() == {"util": pytest.approx(0.1), "mem_gb": 1.0}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert (gpus(), load()) == ([], None)
