import json
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import RecordWriter

from seqgpt_jax.training import metric_writers
from seqgpt_jax.training.metric_writers import MetricsWriter, read_metrics
from seqgpt_jax.training.metrics import Window
from seqgpt_jax.training.validation import Score

WINDOW = Window(
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


def window(step: int) -> Window:
    return Window(**{**vars(WINDOW), "step": step})


def writer(folder: Path, start_step: int = 0, said: list[str] | None = None) -> MetricsWriter:
    return MetricsWriter(folder, start_step=start_step, say=[].append if said is None else said.append)


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
    first = writer(tmp_path)
    for step in (2, 4, 6):
        first.write(window(step))
    first.skipped(3, float("nan"), 1.0, ["a"])
    first.skipped(5, float("inf"), 1.0, ["b"])
    first.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6]
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "lo')  # killed in the middle of a line
    second = writer(tmp_path, start_step=4)
    second.write(window(6))
    second.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6]
    lines = [json.loads(line) for line in (tmp_path / "skipped.jsonl").read_text().splitlines()]
    assert lines == [{"step": 3, "loss": "nan", "grad_norm": "1.0", "ids": ["a"]}]


def test_tensorboard_gets_every_number_that_is_known(tmp_path):
    made = writer(tmp_path, start_step=1)
    made.write(WINDOW)
    made.close()
    version, start, point = events(tmp_path)
    assert version.file_version == "brain.Event:2"
    assert (start.step, start.session_log.status) == (2, 1)
    assert point.step == 2
    values = {value.tag: value.simple_value for value in point.summary.value}
    assert values["train/param_norm"] == 5.0
    assert values["train/peak_memory_gib"] == 3.5
    assert (values["train/loss/NER"], values["train/loss/RE"]) == (1.5, 2.5)
    told = {name for name, value in vars(WINDOW).items() if isinstance(value, int | float)} - {"step"}
    assert values.keys() == {f"train/{name}" for name in (*told, "loss/NER", "loss/RE")}
    (line,) = read_metrics(tmp_path)
    assert line.keys() == {*told, "step", "loss/NER", "loss/RE"}


def test_a_validation_is_a_line_and_points_of_its_own(tmp_path):
    made = writer(tmp_path)
    made.validated(Score(step=2, loss=2.5, seconds=1.0, family_loss={"NER": 3.0}))
    made.validated(Score(step=4, loss=None, seconds=1.0))
    made.close()
    scored = {"validation/loss": 2.5, "validation/loss/NER": 3.0}
    assert read_metrics(tmp_path) == [{"step": 2, **scored}, {"step": 4}]
    _, _, point, empty = events(tmp_path)
    assert (point.step, {value.tag: value.simple_value for value in point.summary.value}) == (2, scored)
    assert not empty.summary.value
    resumed = writer(tmp_path, start_step=3)
    resumed.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2]


def test_records_are_framed_as_another_library_frames_them(tmp_path):
    event = Event(wall_time=1.5, step=3, file_version="x")
    other = RecordWriter(str(tmp_path / "other"))
    other.write(event.SerializeToString())
    other.close()
    assert metric_writers._record(event) == (tmp_path / "other").read_bytes()


def test_what_a_full_disk_does_not_take_waits_and_is_not_lost(tmp_path, monkeypatch):
    """The disk takes five bytes more, then none, then all."""
    said: list[str] = []
    made = writer(tmp_path, said=said)
    made.write(window(2))
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
        made.write(window(4))
        made.write(window(6))
    assert [line["step"] for line in read_metrics(tmp_path)] == [2]
    assert len(said) == 2  # once a file, not once a line
    assert "metrics.jsonl cannot be written" in said[0]
    assert "No space left" in said[0]
    made.write(window(8))
    made.close()
    assert [line["step"] for line in read_metrics(tmp_path)] == [2, 4, 6, 8]
    assert [event.step for event in events(tmp_path)][2:] == [2, 4, 6, 8]


def test_lines_that_never_found_room_are_told(tmp_path):
    said: list[str] = []
    made = writer(tmp_path, said=said)
    (tmp_path / "metrics.jsonl").mkdir()
    made.write(WINDOW)
    made.close()
    assert any("metrics.jsonl: the last" in line and "bytes are lost" in line for line in said)


@pytest.mark.parametrize("content", ["", '{"step": 2', '{"step": 2}\n{"st'])
def test_a_cut_off_line_is_left_out(tmp_path, content):
    (tmp_path / "metrics.jsonl").write_text(content)
    assert len(read_metrics(tmp_path)) == content.count("\n")
