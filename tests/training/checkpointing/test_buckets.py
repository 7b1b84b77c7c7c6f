"""Runs in a bucket: the real libraries against a real HTTP server on loopback; not tested on a real bucket."""

import dataclasses
import json
import signal
import sys
from http import HTTPStatus
from pathlib import Path

import pytest

from seqgpt_jax import decode, evaluate, export
from seqgpt_jax.io import model_folder, storage
from seqgpt_jax.io.model_folder import LoadingError
from seqgpt_jax.io.storage import StorageError, open_path
from seqgpt_jax.training import append_log
from seqgpt_jax.training.checkpointing.checkpointer import Checkpointer
from seqgpt_jax.training.checkpointing.metadata import CheckpointError
from seqgpt_jax.training.metric_sinks import MetricLogger, read_metrics
from tests.training.checkpointing.test_checkpointer import META, like
from tests.training.runs import MODEL, OPTIMIZER, assert_bit_equal, checkpoint_params, mesh_of, tiny_train
from tests.training.test_faults import two_checkpoints, wait_for_writers
from tests.training.test_loop import in_another_process
from tests.training.test_metric_sinks import events, window

RUN = "gs://bucket/runs/killed"
SETTINGS = {"save_every": 2, "keep": 2, "log_every": 1}


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    """On a disk, without interruption."""
    run_dir = tmp_path_factory.mktemp("straight")
    tiny_train(run_dir, **SETTINGS)
    return run_dir


@pytest.fixture(scope="module")
def killed(bucket) -> str:
    """A run that was killed when all of its second checkpoint was written but the file that makes it count; what the
    same command has said that went on."""
    code = f"""if True:
        import sys
        from tests.training.runs import *
        print(tiny_train({RUN!r}, profile_from=1, profile_steps=1, **{SETTINGS}))
        print("TensorFlow was imported:", "tensorflow" in sys.modules)
    """
    process = in_another_process(code)

    def kill(name: str) -> None:
        if name == "runs/killed/checkpoints/4/commit_success.txt":
            process.kill()
            process.wait()
            raise ConnectionError

    bucket.before_write = kill
    output, _ = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, output
    bucket.before_write = lambda name: None
    assert "runs/killed/checkpoints/4/params/manifest.ocdbt" in bucket.objects
    # Not taken for a checkpoint, neither by those who read nor by the run that goes on.
    assert_bit_equal(checkpoint_params(RUN, 2), model_folder.restore_params(RUN, MODEL)[0])
    with pytest.raises(LoadingError, match="no checkpoint of step 4; there are 2"):
        model_folder.load(RUN, step=4)
    process = in_another_process(code)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def test_killed_and_resumed_it_is_bit_for_bit_the_run_on_a_disk(bucket, killed, straight):
    assert "checkpoint 4 is incomplete (interrupted while saving): removing it" in killed
    assert "taking over from process " in killed
    assert "resumed from step 2" in killed
    assert "Outcome(step=6, steps=6, stopped=False)" in killed
    assert "TensorFlow was imported: False" in killed
    for step in (4, 6):
        assert_bit_equal(checkpoint_params(RUN, step), checkpoint_params(straight, step))
    there, here = (json.loads(_meta(run, 6)) for run in (RUN, straight))
    assert there == here
    there, here = (
        [{name: line[name] for name in ("step", "loss", "grad_norm", "packing")} for line in read_metrics(run)]
        for run in (RUN, straight)
    )
    assert there == here
    assert bucket.objects["runs/killed/loss.png"].startswith(b"\x89PNG")
    assert any(name.startswith("runs/killed/profile/") and name.endswith(".xplane.pb") for name in bucket.objects)
    assert not any("checkpoint-tmp" in name or ".partial" in name for name in bucket.objects)


def _meta(run: str | Path, step: int) -> str:
    return (open_path(run) / f"checkpoints/{step}/meta/metadata").read_text()


def test_the_board_of_every_life_is_there(bucket, killed, tmp_path):
    with storage.reading(open_path(RUN)) as local:
        points = [event.step for event in events(local) if event.summary.value]
    # What was logged before the checkpoint that counts; then the steps after it, which were done again.
    assert sorted(set(points)) == [1, 2, 3, 4, 5, 6]
    assert points[-4:] == [3, 4, 5, 6]


def test_a_run_there_is_exported_asked_and_scored_like_one_here(killed, straight, tmp_path, capsys):
    asked = ["--text=one two", "--task=cls", "--labels=one,two"]
    outputs = {}
    for name, run in (("there", RUN), ("here", straight)):
        assert export.main([f"--model={run}", f"--output={tmp_path / name / 'model'}", "--dtype=float32"]) == 0
        capsys.readouterr()
        assert decode.main([f"--model={run}", *asked, "--gin.Decode.max_new_tokens=16"]) == 0
        outputs[name] = capsys.readouterr().out
    assert outputs["there"] == outputs["here"]
    there, here = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "model").iterdir()} for name in ("there", "here")
    )
    assert there == here
    flags = ["--gin.Decode.max_new_tokens=32", "--gin.Decode.num_beams=1", "--gin.Evaluate.records=2"]
    flags += ["--gin.Evaluate.mixtures=('quick_zero_sa_en',)", f"--gin.Prepare.output_dir='{tmp_path / 'prepared'}'"]
    assert evaluate.main([f"--model={RUN}", f"--output={tmp_path / 'scores'}", *flags]) == 0
    assert json.loads((tmp_path / "scores/scores.json").read_text())["about"]["model"] == RUN


def test_another_run_starts_from_its_weights(killed, tmp_path):
    still = dataclasses.replace(OPTIMIZER, learning_rate=1e-30, weight_decay=0.0)
    tiny_train(tmp_path, init_from=RUN, optimizer=still, steps=1)
    assert_bit_equal(checkpoint_params(tmp_path, 1), checkpoint_params(RUN, 6))


def test_a_hugging_face_folder_there_is_refused(bucket, tmp_path):
    bucket.put("hf/config.json", b"{}", {})
    with pytest.raises(LoadingError, match="gs://bucket/hf is a Hugging Face folder, which is read from local disk"):
        model_folder.load("gs://bucket/hf")
    with pytest.raises(ValueError, match="copy it to this machine"):
        evaluate.main(["--model=gs://bucket/hf", f"--output={tmp_path}"])
    with pytest.raises(LoadingError, match="no folder 'gs://bucket/nothing'"):
        model_folder.load("gs://bucket/nothing")


# ---- Checkpointer


# TensorStore tells those who wait no more, when the first fault has ended a reading, of all further ones.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_corrupt_one_is_moved_aside_as_a_whole(bucket):
    run = "gs://bucket/runs/corrupt"
    states, messages = two_checkpoints(run), []
    inside = {name: bucket.objects[name] for name in bucket.objects if name.startswith("runs/corrupt/checkpoints/6/")}
    for name in [name for name in inside if "/params/" in name and "/d/" in name]:
        inside[name] = inside[name][:7] + b"?" * (len(inside[name]) - 7)
        bucket.put(name, inside[name], {})
    checkpoints = Checkpointer(run, keep=2, log=messages.append)
    state, meta = checkpoints.restore(like(mesh_of(1, 1, 1)), META)
    assert meta.step == 3
    assert_bit_equal(state, states[3])
    assert checkpoints.latest_step() == 3
    checkpoints.close()
    assert "falling back to checkpoint 3; corrupt checkpoints were moved to gs://bucket/runs/corrupt/cor" in messages[1]
    aside = "runs/corrupt/corrupt_checkpoints/6/"
    moved = {name: content for name, content in bucket.objects.items() if name.startswith(aside)}
    assert moved == {name.replace("/checkpoints/6/", "/corrupt_checkpoints/6/"): inside[name] for name in inside}
    assert not any(name.startswith("runs/corrupt/checkpoints/6/") for name in bucket.objects)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED])
@pytest.mark.parametrize("item", ["meta/", "params/", "params/ocdbt.process_0/d/"])
def test_denied_access_is_no_corruption(bucket, status, item):
    """Neither the error of gcsfs (meta) nor that of TensorStore (params) makes an intact checkpoint corrupt."""
    run = f"gs://bucket/runs/refused-{item.replace('/', '-')}{status}"
    two_checkpoints(run)
    before = dict(bucket.objects)
    checkpoints = Checkpointer(run, keep=2)
    denied = r"Forbidden|PERMISSION_DENIED|Unauthorized|UNAUTHENTICATED|Encountered error while reading"
    with bucket.refusing(status, only=f"/6/{item}"), pytest.raises(Exception, match=denied) as caught:
        checkpoints.restore(like(mesh_of(1, 1, 1)), META)
    assert not isinstance(caught.value, CheckpointError)
    assert bucket.objects == before
    assert checkpoints.restore(like(mesh_of(1, 1, 1)), META)[1].step == 6
    checkpoints.close()


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED])
def test_a_save_that_is_refused_costs_only_itself(bucket, status):
    run, messages = f"gs://bucket/runs/unwritten-{status}", []
    two_checkpoints(run)
    checkpoints = Checkpointer(run, keep=3, log=messages.append)
    state, _ = checkpoints.restore(like(mesh_of(1, 1, 1)), META)
    with bucket.refusing(status):
        checkpoints.save(state, dataclasses.replace(META, step=7))
        wait_for_writers()
        checkpoints.poll()
    assert "checkpoint 7 could not be saved" in messages[0]
    assert "training continues" in messages[1]
    checkpoints.save(state, dataclasses.replace(META, step=8))
    checkpoints.finish()
    assert checkpoints.latest_step() == 8
    checkpoints.close()
    assert sorted(path.name for path in open_path(f"{run}/checkpoints").iterdir()) == ["3", "6", "8"]


# ---- Logs


def test_a_growing_file_is_written_seldom_and_whole(bucket):
    run, messages = "gs://bucket/runs/logged", []
    logger = MetricLogger(run, start_step=0, log=messages.append)
    for step in range(1, 200):
        logger.write_window(window(step))
    assert bucket.writes["runs/logged/metrics.jsonl"] == 1
    assert [line["step"] for line in read_metrics(run)] == [1]
    logger.flush()
    assert bucket.writes["runs/logged/metrics.jsonl"] == 2
    assert [line["step"] for line in read_metrics(run)] == list(range(1, 200))
    logger.flush()  # nothing new
    assert bucket.writes["runs/logged/metrics.jsonl"] == 2
    logger.write_window(window(200))  # lost: the process is killed here
    again = MetricLogger(run, start_step=150, log=messages.append)
    assert [line["step"] for line in read_metrics(run)] == list(range(1, 151))
    again.write_skipped(151, float("nan"), 1.0, ["a"])
    again.write_window(window(152))
    again.close()
    assert [line["step"] for line in read_metrics(run)] == [*range(1, 151), 152]
    assert json.loads(bucket.objects["runs/logged/skipped.jsonl"])["step"] == 151
    assert not messages


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED])
def test_what_a_bucket_does_not_take_waits_and_is_reported_once(bucket, monkeypatch, status):
    monkeypatch.setattr(append_log, "_REWRITE_SECONDS", 0)
    run, messages = f"gs://bucket/runs/waits-{status}", []
    logger = MetricLogger(run, start_step=0, log=messages.append)
    logger.write_window(window(1))
    with bucket.refusing(status):
        logger.write_window(window(2))
        logger.flush()
    assert len(messages) == 2  # once a file, not once a line
    assert "metrics.jsonl could not be written" in messages[0]
    logger.flush()
    assert [line["step"] for line in read_metrics(run)] == [1, 2]
    with bucket.refusing(status):
        logger.write_window(window(3))
        logger.close()
    assert any("metrics.jsonl: lost the last" in line and "bytes" in line for line in messages)
    assert [line["step"] for line in read_metrics(run)] == [1, 2]


# ---- What is refused


def test_a_bucket_that_cannot_be_used_is_reported_at_once(bucket, monkeypatch):
    with pytest.raises(StorageError, match="there is no bucket gs://elsewhere"):
        open_path("gs://elsewhere/run")
    for path in ("s3://bucket/run", Path("gs://bucket/run")):
        with pytest.raises(StorageError, match="folders are local or begin with gs://"):
            open_path(path)
    storage._check_bucket.cache_clear()
    needed = r"roles/storage\.objectAdmin and roles/storage\.legacyBucketReader"
    with bucket.refusing(HTTPStatus.FORBIDDEN), pytest.raises(StorageError, match=needed):
        open_path(RUN)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "gcsfs", None)
        with pytest.raises(StorageError, match="pip install gcsfs"):
            open_path(RUN)
    assert str(open_path(RUN)) == RUN


def test_results_are_not_written_there(capsys):
    with pytest.raises(SystemExit):
        export.main(["--model=runs/ft", "--output=gs://bucket/exported"])
    assert "gs://bucket/exported is not a local path" in capsys.readouterr().err
