import hashlib
import io
import json
import tarfile

import pytest

from crux_trainer.errors import TrainingError
from crux_trainer.tars import pack_result, unpack_job


def tar_of(path, files, link=None):
    with tarfile.open(path, "w") as out:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            out.addfile(info)
    return path


def job_files():
    sha = lambda content: hashlib.sha256(content).hexdigest()  # noqa: E731
    job, picture = b"{}", b"picture"
    bundle = json.dumps({"v": 1, "files": [{"path": "job.json", "sha256": sha(job), "size": 2}]}).encode()
    ticket = json.dumps({"v": 1, "job_id": "x", "bundle": sha(bundle)}).encode()
    return {"ticket.json": ticket, "bundle.json": bundle, "job.json": job, f"blobs/{sha(picture)}": picture}


def test_a_job_comes_out_as_it_went_in(tmp_path):
    unpack_job(tar_of(tmp_path / "job.tar", job_files()), tmp_path / "work")
    assert (tmp_path / "work/bundle/job.json").read_bytes() == b"{}"
    assert len(list((tmp_path / "work/bundle/blobs").iterdir())) == 1


@pytest.mark.parametrize(
    ("files", "link"),
    [
        ({"../evil": b"x"}, None),
        ({"/etc/evil": b"x"}, None),
        ({"blobs/" + "0" * 64: b"x"}, None),
        ({"job.json": b"other"}, None),
        ({"ticket.json": b'{"bundle":"0"}'}, None),
        ({}, "job.json"),
        ({}, "blobs/" + "1" * 64),
    ],
)
def test_a_file_that_is_no_honest_bundle_is_refused(tmp_path, files, link):
    made = {**job_files(), **files}
    if link in made:
        del made[link]
    with pytest.raises(TrainingError):
        unpack_job(tar_of(tmp_path / "job.tar", made, link), tmp_path / "work")
    assert not (tmp_path / "evil").exists()


def test_a_cut_off_file_is_refused(tmp_path):
    whole = tar_of(tmp_path / "job.tar", job_files()).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:1700])
    with pytest.raises(TrainingError):
        unpack_job(tmp_path / "cut.tar", tmp_path / "work")


def test_a_result_has_its_manifest_first(tmp_path):
    (tmp_path / "result").mkdir()
    (tmp_path / "result/model.onnx").write_bytes(b"m")
    (tmp_path / "result/manifest.json").write_text(json.dumps({"files": [{"path": "model.onnx"}]}))
    pack_result(tmp_path / "result", tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as made:
        assert made.getnames() == ["manifest.json", "model.onnx"]
