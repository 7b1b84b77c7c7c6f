import json
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import RecordWriter

from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.metric_sinks import MetricLogger, read_metrics, tfrecord
from seqgpt_jax.training.metrics import WindowMetrics
from seqgpt_jax.training.validation import ValidationResult

WINDOW = WindowMetrics(
    step=2,
    loss=2.0,
    learning_rate=1e-3,
    grad_norm=1.0,
    param_norm=5.0,
    tokens_per_second=60.0,
    supervised_per_second=10.0,
    packing=0.75,
    skipped=1,
    data_wait=0.1,
    seconds_per_step=1.0,
    eta_seconds=4.0,
    mfu=None,
    peak_memory_gib=3.5,
    family_loss={"NER": 1.5, "RE": 2.5},
)


def window(step: int) -> WindowMetrics:
    return WindowMetrics(**{**vars(WINDOW), "step": step})


def metric_logger(folder: Path, start_step: int = 0, messages: list[str] | None = None) -> MetricLogger:
    return MetricLogger(folder, start_step=start_step, log=[].append if messages is None else messages.append)


def events(folder: Path) -> list[Event]:
    """The events of all files, in the order in which the files were begun, read as TensorBoard does."""
    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        content, at = path.read_bytes(), 0
        while at < len(content):
            size = int.from_bytes(content[at : at + 8], "little")
            found.append(Event.FromString(content[at + 12 : at + 12 + size]))
            at += 16 + size
    return found


def test_a_resumed_run_forgets_what_it_does_again(tmp_path):
    first = metric_logger(tmp_path)
    for step in (2, 4, 6):
        first.write_window(window(step))
    first.write_skipped(3, float("nan"), 1.0, ["a"])
    first.write_skipped(5, float("inf"), 1.0, ["b"])
    first.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6]
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "lo')  # killed in the middle of a line
    second = metric_logger(tmp_path, start_step=4)
    second.write_window(window(6))
    second.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6]
    lines = [json.loads(line) for line in (tmp_path / "skipped.jsonl").read_text().splitlines()]
    assert lines == [{"step": 3, "loss": "nan", "grad_norm": "1.0", "ids": ["a"]}]


def test_tensorboard_gets_every_number_that_is_known(tmp_path):
    logger = metric_logger(tmp_path, start_step=1)
    logger.write_window(WINDOW)
    logger.close()
    version, start, point = events(tmp_path)
    assert version.file_version == "brain.Event:2"
    assert (start.step, start.session_log.status) == (2, 1)
    assert point.step == 2
    values = {value.tag: value.simple_value for value in point.summary.value}
    assert values["train/param_norm"] == 5.0
    assert values["train/peak_memory_gib"] == 3.5
    assert (values["train/loss/NER"], values["train/loss/RE"]) == (1.5, 2.5)
    known = {name for name, value in vars(WINDOW).items() if isinstance(value, int | float)} - {"step"}
    assert values.keys() == {f"train/{name}" for name in (*known, "loss/NER", "loss/RE")}
    (line,) = read_metrics(tmp_path)
    assert line.keys() == {*known, "step", "loss/NER", "loss/RE"}


def test_a_validation_is_a_line_and_points_of_its_own(tmp_path):
    logger = metric_logger(tmp_path)
    logger.write_validation(ValidationResult(step=2, loss=2.5, seconds=1.0, family_loss={"NER": 3.0}))
    logger.write_validation(ValidationResult(step=4, loss=None, seconds=1.0))
    logger.close()
    losses = {"validation/loss": 2.5, "validation/loss/NER": 3.0}
    assert read_metrics(tmp_path) == [{"step": 2, **losses}, {"step": 4}]
    _, _, point, empty = events(tmp_path)
    assert (point.step, {value.tag: value.simple_value for value in point.summary.value}) == (2, losses)
    assert not empty.summary.value
    resumed = metric_logger(tmp_path, start_step=3)
    resumed.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2]


def test_records_are_framed_as_another_library_frames_them(tmp_path):
    event = Event(wall_time=1.5, step=3, file_version="x")
    other = RecordWriter(str(tmp_path / "other"))
    other.write(event.SerializeToString())
    other.close()
    assert tfrecord(event) == (tmp_path / "other").read_bytes()


def test_what_a_full_disk_does_not_take_waits_and_is_not_lost(tmp_path, monkeypatch):
    """The disk takes five bytes more, then none, then all."""
    messages: list[str] = []
    logger = metric_logger(tmp_path, messages=messages)
    logger.write_window(window(2))
    room = [5]
    really_open = Path.open

    class Full:
        def __init__(self, file):
            self._file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._file.close()

        def write(self, content):
            if not room[0]:
                raise OSError(28, "No space left on device")
            taken = self._file.write(content[: room[0]])
            room[0] -= taken
            return taken

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, *args, **kwargs: Full(really_open(self, *args, **kwargs)))
        logger.write_window(window(4))
        logger.write_window(window(6))
    assert [line["step"] for line in read_metrics(tmp_path)] == [2]
    assert len(messages) == 2  # once a file, not once a line
    assert "metrics.jsonl could not be written" in messages[0]
    assert "No space left" in messages[0]
    logger.write_window(window(8))
    logger.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6, 8]
    assert [event.step for event in events(tmp_path)][2:] == [2, 4, 6, 8]


def test_lines_that_are_lost_are_reported(tmp_path):
    messages: list[str] = []
    logger = metric_logger(tmp_path, messages=messages)
    (tmp_path / "metrics.jsonl").mkdir()
    logger.write_window(WINDOW)
    logger.close()
    assert any("metrics.jsonl: lost the last" in line and "bytes" in line for line in messages)


@pytest.mark.parametrize("content", ["", '{"step": 2', '{"step": 2}\n{"st'])
def test_a_cut_off_line_is_left_out(tmp_path, content):
    (tmp_path / "metrics.jsonl").write_text(content)
    assert len(read_metrics(tmp_path)) == content.count("\n")


# ---- Experiment trackers


class Tracker:
    """A library with the interface that Weights & Biases and Trackio share; keeps what it is sent."""

    def __init__(self) -> None:
        self.inits: list[dict] = []
        self.points: list[tuple[int, dict]] = []
        self.finished = 0

    def init(self, **settings):
        self.inits.append(settings)
        return self

    def log(self, values, step):
        self.points.append((step, values))

    def finish(self):
        self.finished += 1


@pytest.mark.parametrize("library", ["wandb", "trackio"])
def test_a_tracker_gets_every_step_once_in_one_run(tmp_path, monkeypatch, library):
    tracker = Tracker()
    monkeypatch.setitem(sys.modules, library, tracker)
    settings = {"project": "p", "config": {"Train.seed": 0}, "log": print}
    first = MetricLogger(tmp_path, ("jsonl", library), start_step=0, **settings)
    for step in (2, 4, 6):
        first.write_window(window(step))
    first.write_validation(ValidationResult(step=6, loss=2.5, seconds=1.0))
    first.close()
    resumed = MetricLogger(tmp_path, ("jsonl", library), start_step=4, **settings)
    for step in (6, 8):  # step 6 is repeated, and was sent before
        resumed.write_window(window(step))
    resumed.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6, 8]
    assert [step for step, _ in tracker.points] == [2, 4, 6, 6, 8]
    assert tracker.points[0][1]["train/loss/NER"] == 1.5
    assert tracker.points[3][1] == {"validation/loss": 2.5}
    assert tracker.finished == 2
    run_id = (tmp_path / "tracking_id").read_text()
    assert run_id.startswith(f"{tmp_path.name}-")
    for given in tracker.inits:
        assert given["id" if library == "wandb" else "name"] == run_id
        assert (given["project"], given["resume"], given["config"]) == ("p", "allow", {"Train.seed": 0})


def test_a_tracker_that_is_not_installed_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ValueError, match=r"pip install 'seqgpt_jax\[wandb\]'"):
        MetricLogger(tmp_path, ("jsonl", "wandb"), start_step=0, log=print)
    with pytest.raises(ValueError, match=r"'wandb' without 'jsonl', by which a resumed run knows what it has sent"):
        MetricLogger(tmp_path, ("wandb",), start_step=0, log=print)
    assert not list(tmp_path.iterdir())


def test_sinks_are_those_of_the_settings(tmp_path):
    logger = MetricLogger(tmp_path, ("tensorboard",), start_step=0, log=print)
    logger.write_window(WINDOW)
    logger.close()
    assert [path.name for path in tmp_path.iterdir()] == ["tensorboard"]
    with pytest.raises(ValueError, match=r"Train\.metric_sinks must be of .*, not 'tensorbord'"):
        TrainConfig(metric_sinks=("jsonl", "tensorbord"))


def test_training_starts_without_pytorch():
    """tensorboardX would import it, which takes seconds; and it stays importable."""
    code = "import sys, seqgpt_jax.training.loop; assert 'torch' not in sys.modules; import torch; torch.zeros(1)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
