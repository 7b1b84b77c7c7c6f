"""Watching a run: real tiny trainings, and a watch that is killed."""

import contextlib
import functools
import json
import shutil
import subprocess
import sys
import threading
import time

import pytest

from seqgpt_jax import evaluate, watch
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.evaluation.watch_table import WatchTable
from seqgpt_jax.evaluation.watching import watch as watch_run
from seqgpt_jax.io.exclusive_file import FileInUseError, open_alone
from seqgpt_jax.io.run_checkpoints import complete_steps, is_last
from tests.evaluation.records import two_data_sets, write_store
from tests.training.runs import StoppedBatches, TinyBatches, tiny_train

FAST = ("--gin.Decode.num_beams=1", "--gin.Decode.max_new_tokens=32", "--gin.Evaluate.resamples=10")
FAST += ("--gin.Evaluate.records=2", "--poll=0.1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with checkpoints of steps 2, 4 and 6, its last, and data for it."""
    folder = tmp_path_factory.mktemp("watch")
    tiny_train(folder / "run", save_every=2, keep=5)
    write_store(folder / "store", two_data_sets())
    return folder


@pytest.fixture
def run(finished, tmp_path):
    shutil.copytree(finished / "run", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def one_evaluation(finished, tmp_path_factory):
    """The scores.json of step 6."""
    out = tmp_path_factory.mktemp("alone")
    flags = [f"--model={finished / 'run'}", "--step=6", f"--output={out}", f"--data={finished / 'store'}", *FAST[:-1]]
    assert evaluate.main(flags) == 0
    return out / "scores.json"


def flags_of(run, finished, *more):
    return [f"--model={run}", f"--data={finished / 'store'}", *FAST, *more]


def ledger(run):
    return json.loads((run / "watch" / "scores.json").read_text(encoding="utf-8"))


def start(run, finished):
    command = [sys.executable, "-m", "seqgpt_jax.watch", *flags_of(run, finished)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError):
            if condition():
                return
        time.sleep(0.02)
    pytest.fail("it did not happen")


def test_what_is_there_is_scored_once_as_evaluate_scores_it(run, finished, one_evaluation, monkeypatch, capsys):
    assert watch.main(flags_of(run, finished)) == 0  # the training has ended: so does the watch
    content = ledger(run)
    assert (list(content["steps"]), content["skipped"]) == (["2", "4", "6"], {})
    alone = json.loads(one_evaluation.read_text(encoding="utf-8"))
    ours = json.loads((run / "watch/step_6/scores.json").read_text(encoding="utf-8"))
    assert ours == alone | {"about": alone["about"] | {"model": str(run)}}
    row = content["steps"]["6"]
    assert (row["f1"], row["f1_interval"]) == (alone["overall"]["f1"], alone["overall"]["f1_interval"])
    assert [one["name"] for one in row["datasets"]] == [one["name"] for one in alone["datasets"]]
    f1 = {int(step): one["f1"] for step, one in content["steps"].items()}
    assert content["best"] == max(f1, key=lambda step: (f1[step], -step))
    page = (run / "watch/scores.md").read_text(encoding="utf-8")
    assert f"--step={content['best']} names it" in page
    assert all(f"[{step}](step_{step}/report.html)" in page for step in f1)
    assert (run / "watch/scores.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    monkeypatch.setattr(evaluate, "main", lambda _: pytest.fail("scored again"))
    assert watch.main(flags_of(run, finished, "--once")) == 0
    assert "3 steps are scored already" in capsys.readouterr().out
    assert ledger(run) == content


class SlowBatches(TinyBatches):
    def iterate(self, start_step):
        for batch in super().iterate(start_step):
            time.sleep(0.5)
            yield batch


def test_a_watch_beside_a_training_ends_with_it(finished, tmp_path):
    run = tmp_path / "run"
    process = start(run, finished)
    try:
        tiny_train(run, batches=SlowBatches, save_every=1, keep=2)
        output, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, output
    content = ledger(run)
    assert "6" in content["steps"]
    assert not content["steps"].keys() & content["skipped"].keys()
    for step, reason in content["skipped"].items():
        assert step in output
        assert reason
    assert {path.name for path in (run / "watch").glob("step_*")} == {f"step_{step}" for step in content["steps"]}


def test_a_killed_watch_continues_with_the_step_that_it_was_at(run, finished):
    process = start(run, finished)
    try:
        # Step 2 is in the table, step 4 has begun.
        until(lambda: "2" in ledger(run)["steps"] and "4" not in ledger(run)["steps"])
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -9
    before = ledger(run)
    first = (run / "watch/step_2/scores.json").stat().st_mtime_ns
    half = run / "watch/step_4"
    half.mkdir(exist_ok=True)
    (half / "scores.json").write_text("{", encoding="utf-8")
    (half / "left_behind").touch()
    assert watch.main(flags_of(run, finished)) == 0
    content = ledger(run)
    assert list(content["steps"]) == ["2", "4", "6"]
    assert content["steps"]["2"] == before["steps"]["2"]
    assert (run / "watch/step_2/scores.json").stat().st_mtime_ns == first
    assert not (half / "left_behind").exists()
    assert json.loads((half / "scores.json").read_text(encoding="utf-8"))["about"]["step"] == 4


@pytest.mark.parametrize("late", [False, True], ids=["before", "while"])
def test_a_checkpoint_that_is_deleted_is_left_out(run, finished, monkeypatch, capsys, late):
    """Before it is opened, or while it is read, when it looks corrupt at first."""
    real, checkpoint = evaluate.main, run / "checkpoints" / "4"

    def main(argv):
        if "--step=4" in argv:
            shutil.rmtree(checkpoint / "params" if late else checkpoint)
            threading.Timer(1.0, shutil.rmtree, [checkpoint], {"ignore_errors": True}).start()
        return real(argv)

    monkeypatch.setattr(evaluate, "main", main)
    shutil.rmtree(run / "checkpoints" / "2")
    assert watch.main(flags_of(run, finished)) == 0
    assert "step 4 has no score: its checkpoint was deleted before it was read" in capsys.readouterr().out
    content = ledger(run)
    assert (list(content["steps"]), list(content["skipped"])) == (["6"], ["4"])
    assert not (run / "watch/step_4").exists()


def test_a_corrupt_checkpoint_is_left_out_and_any_other_error_ends_the_watch(run, finished, monkeypatch, capsys):
    shutil.rmtree(run / "checkpoints/2")
    for path in (run / "checkpoints/4/params").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    assert watch.main(flags_of(run, finished)) == 0
    assert "step 4 has no score: corrupt checkpoint" in capsys.readouterr().out
    assert (list(ledger(run)["steps"]), list(ledger(run)["skipped"])) == (["6"], ["4"])
    shutil.rmtree(run / "watch")
    shutil.rmtree(run / "tokenizer")
    with pytest.raises(ValueError, match="tokenizer"):
        watch.main(flags_of(run, finished))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was interrupted: its training has more steps than checkpoints."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    tiny_train(folder, batches=functools.partial(StoppedBatches, 100), save_every=2, keep=5)
    assert complete_steps(folder) == [4, 2]
    assert not is_last(folder, 4)
    return folder


def test_a_watch_that_falls_behind_skips_to_the_newest(stopped, one_evaluation, tmp_path):
    run, said, asked = tmp_path / "run", [], []
    shutil.copytree(stopped, run)

    def save(step):  # complete at once, as Orbax does it
        shutil.copytree(run / "checkpoints/2", run / "checkpoints" / f"new{step}")
        (run / "checkpoints" / f"new{step}").rename(run / "checkpoints" / str(step))

    def score(step, folder):
        asked.append(step)
        for new in {2: [6], 4: [8, 10, 12], 12: [14]}.get(step, ()):
            save(new)
        folder.mkdir(parents=True)
        shutil.copy(one_evaluation, folder / "scores.json")

    table = WatchTable(tmp_path / "out", "run", {})
    watch_run(run, table, score, poll=0.01, until_step=14, log=said.append)
    assert asked == [2, 4, 12, 14]
    assert list(table.skipped) == [6, 8, 10]
    assert any("skipping to step 12, without a score for 6, 8, 10" in line for line in said)
    assert "## Without a score" in (tmp_path / "out/scores.md").read_text(encoding="utf-8")
    # They can be scored later.
    watch_run(run, WatchTable(tmp_path / "out", "run", {}), score, poll=0.01, once=True, log=said.append)
    assert asked[4:] == [6, 8, 10]
    assert WatchTable(tmp_path / "out", "run", {}).skipped == {}


def test_a_watch_scores_all_that_are_there_in_the_beginning(stopped, one_evaluation, tmp_path):
    run, asked = tmp_path / "run", []
    shutil.copytree(stopped, run)

    def score(step, folder):
        asked.append(step)
        for new in {2: [6, 8]}.get(step, ()):
            shutil.copytree(run / "checkpoints/2", run / "checkpoints" / f"new{new}")
            (run / "checkpoints" / f"new{new}").rename(run / "checkpoints" / str(new))
        folder.mkdir(parents=True)
        shutil.copy(one_evaluation, folder / "scores.json")

    table = WatchTable(tmp_path / "out", "run", {})
    watch_run(run, table, score, poll=0.01, until_step=8)
    assert asked == [2, 4, 8]
    assert list(table.skipped) == [6]


def test_a_checkpoint_of_another_training_is_scored_again(stopped, finished, one_evaluation, tmp_path):
    run, asked = tmp_path / "run", []

    def score(step, folder):
        asked.append(step)
        folder.mkdir(parents=True)
        shutil.copy(one_evaluation, folder / "scores.json")

    for source in (stopped, finished / "run"):
        shutil.copytree(source, run)
        watch_run(run, WatchTable(tmp_path / "out", "run", {}), score, poll=0.01, once=True, log=str)
        shutil.rmtree(run)
    assert asked == [2, 4, 2, 4, 6]


def test_the_best_step_is_the_oldest_with_the_highest_f1(one_evaluation, tmp_path):
    table = WatchTable(tmp_path / "out", "run", {})
    numbers = json.loads(one_evaluation.read_text(encoding="utf-8"))
    for step, f1 in ((5, 20.0), (100, 70.0), (20, 70.0), (30, 60.0)):
        numbers["overall"] |= {"f1": f1, "f1_interval": [f1 - 1, f1 + 2]}
        (tmp_path / "scores.json").write_text(json.dumps(numbers), encoding="utf-8")
        table.add(step, "", tmp_path)
    assert table.best == 20
    assert table.best_line([20]) == "best of 4 by F1: step 20, F1 70.0 (69.0 to 72.0); --step=20 names it"
    assert "its checkpoint has been deleted" in table.best_line([100])
    numbers["about"]["data"] = ["another"]
    (tmp_path / "scores.json").write_text(json.dumps(numbers), encoding="utf-8")
    with pytest.raises(ValueError, match="was asked another, the steps before it store"):
        table.add(40, "", tmp_path)


def test_what_cannot_be_watched_is_reported_at_once(run, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "main", lambda _: pytest.fail("scored"))
    with pytest.raises(UsageError, match="holds no checkpoint yet: leave out --once"):
        watch.main(flags_of(tmp_path / "nowhere", finished, "--once"))
    with pytest.raises(UsageError, match="nothing to evaluate on"):
        watch.main([f"--model={run}"])
    with pytest.raises(UsageError, match="Endpoint is not used by this command"):
        watch.main(flags_of(run, finished, "--gin.Endpoint.max_queries=1"))
    with pytest.raises(ValueError, match="no prepared folder"):
        watch.main([f"--model={run}", f"--data={tmp_path / 'nowhere'}"])
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="is a Hugging Face folder, which has no checkpoints"):
        watch.main(flags_of(tmp_path, finished))
    output = f"--output={tmp_path / 'out'}"
    (tmp_path / "out").mkdir()
    (tmp_path / "out/scores.json").write_text('{"about": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match="is not what `watch` writes"):
        watch.main(flags_of(run, finished, output))
    for wrong in ("--poll=0", "--poll=soon", "--poll=nan"):
        with pytest.raises(SystemExit):
            watch.main(flags_of(run, finished, wrong))


def test_scores_with_other_settings_and_a_second_watch_are_refused(run, finished, one_evaluation):
    flags = flags_of(run, finished)
    (run / "checkpoints/6").rename(run / "six")
    assert watch.main([*flags, "--once"]) == 0
    with pytest.raises(ValueError, match=r"scores with Evaluate\.records = 2, now it is 3"):
        watch.main([*flags, "--once", "--gin.Evaluate.records=3"])
    with open_alone(run / "watch/watch.lock"), pytest.raises(FileInUseError):
        watch.main([*flags, "--once"])


def test_help_shows_an_example():
    shown = subprocess.run(
        [sys.executable, "-m", "seqgpt_jax.watch", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "python -m seqgpt_jax.watch --model=runs/ft --gin_file=eval.gin" in shown
    assert "--until_step" in shown
