"""Records of parts, and the time that is left."""

import pytest

from seqgpt_jax.ablation.progress import PartError, PartRecord, duration, finish, read_record, start, time_left
from seqgpt_jax.ablation.sweep import expand
from tests.ablation.sweeps import two_stages


@pytest.fixture
def sweep(tmp_path):
    return expand(two_stages(), tmp_path)


def test_a_part_is_started_again_and_finished(sweep) -> None:
    part = sweep.parts["ft_ft_seed0"]
    assert read_record(sweep, part) is None
    first = start(sweep, part, None)
    again = start(sweep, part, read_record(sweep, part))
    assert (first.attempts, again.attempts, again.done) == (1, 2, False)
    finish(sweep, part, again, 12.5)
    assert read_record(sweep, part) == PartRecord(part.text, True, 12.5, 2)


def test_a_folder_of_another_command_is_refused(sweep, tmp_path) -> None:
    part = sweep.parts["ft_ft_seed0"]
    start(sweep, part, None)
    other = expand(two_stages(settings={"Train.steps": 6}), tmp_path)
    with pytest.raises(PartError, match=r"(?s)there: .*steps=5.*here: .*steps=6.*Give another --work, or remove"):
        read_record(other, other.parts["ft_ft_seed0"])
    (sweep.place(part) / "ablation_part.json").write_text("{", encoding="utf-8")
    with pytest.raises(PartError, match="cannot be read"):
        read_record(sweep, part)


def test_time_left_follows_the_steps_of_the_stage(sweep) -> None:
    parts = sweep.parts
    steps = {"pt_ft_pt_seed0": 100, "pt_ft_ft_seed0": 200, "pt_ft_more_ft_seed0": 400, "ft_ft_seed0": 200}
    left = [part for part in parts.values() if part.name != "pt_ft_pt_seed0"]
    assert time_left(left, {}, sweep, steps) == (
        0,
        ["train ft", "evaluate held-in", "evaluate held-out"],
    )
    # No FT is timed: the rate of PT.
    finished = {"pt_ft_pt_seed0": PartRecord("", True, 10.0)}
    seconds, unknown = time_left(left, finished, sweep, steps)
    assert seconds == pytest.approx(800 * 0.1)
    assert unknown == ["evaluate held-in", "evaluate held-out"]
    # One that was resumed says less than a whole one.
    finished |= {"pt_ft_ft_seed0": PartRecord("", True, 60.0), "ft_ft_seed0": PartRecord("", True, 1.0, attempts=2)}
    finished |= {"ft_seed0_scores_held-in": PartRecord("", True, 5.0)}
    left = [part for part in parts.values() if part.name not in finished]
    assert time_left(left, finished, sweep, steps) == (pytest.approx(400 * 0.3 + 2 * 5 + 3 * 5), [])


def test_without_steps_trainings_take_equally_long(sweep) -> None:
    finished = {"pt_ft_ft_seed0": PartRecord("", True, 60.0)}
    seconds, _ = time_left([sweep.parts["ft_ft_seed0"]], finished, sweep, {"ft_ft_seed0": None})
    assert seconds == 60


def test_durations_are_words() -> None:
    assert [duration(seconds) for seconds in (40, 720, 12240)] == ["40 s", "12 min", "3.4 h"]
