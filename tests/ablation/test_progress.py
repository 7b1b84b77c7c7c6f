"""Records of parts, and the time that is left."""

import shutil

import pytest

from seqgpt_jax.ablation.progress import PartError, PartRecord, duration, finish, read_records, start, time_left
from seqgpt_jax.ablation.sweep import expand
from tests.ablation.sweeps import two_stages


@pytest.fixture
def sweep(tmp_path):
    return expand(two_stages(), tmp_path)


def settings_of(sweep, **changed):
    """What each part's command reads of gin; `changed` is kind -> lines."""
    return {name: changed.get(part.kind, ("Train.epochs = 1",)) for name, part in sweep.parts.items()}


def run(sweep, *names, **changed) -> None:
    """Starts and finishes these parts."""
    settings = settings_of(sweep, **changed)
    for name in names:
        part = sweep.parts[name]
        finish(sweep, part, start(sweep, part, read_records(sweep, settings), settings), 1.0)


def test_a_part_is_started_again_and_finished(sweep) -> None:
    part, settings = sweep.parts["ft_ft_seed0"], settings_of(sweep)
    assert read_records(sweep, settings) == {}
    first = start(sweep, part, {}, settings)
    again = start(sweep, part, read_records(sweep, settings), settings)
    assert (first.attempts, again.attempts, again.done) == (1, 2, False)
    finish(sweep, part, again, 12.5)
    expected = PartRecord(part.text, True, 12.5, 2, ("Train.epochs = 1",), first.id)
    assert read_records(sweep, settings) == {"ft_ft_seed0": expected}


def test_a_folder_of_another_command_is_refused(sweep, tmp_path) -> None:
    run(sweep, "ft_ft_seed0")
    other = expand(two_stages(settings={"Train.steps": 6}), tmp_path)
    with pytest.raises(PartError, match=r"(?s)there: .*steps=5.*here: .*steps=6.*Give another --work, or remove"):
        read_records(other, settings_of(other))
    (tmp_path / "ft_ft_seed0" / "ablation_part.json").write_text("{", encoding="utf-8")
    with pytest.raises(PartError, match=r"ft_ft_seed0 ablation_part\.json cannot be read"):
        read_records(sweep, settings_of(sweep))


def test_a_folder_of_another_gin_file_is_refused(sweep) -> None:
    run(sweep, "ft_ft_seed0", "ft_seed0_scores_held-in", ft=("Train.epochs = 1", "Train.length = 32"))
    with pytest.raises(PartError) as caught:
        read_records(sweep, settings_of(sweep, ft=("Train.epochs = 2", "Train.length = 32")))
    first, there, here, scores, _ = str(caught.value).splitlines()
    assert first.endswith(
        "ft_ft_seed0 was made with other settings of ft_cpu.gin, or of what it includes, than are now"
    )
    assert (there, here) == ("  there: Train.epochs = 1", "  here:  Train.epochs = 2")
    assert scores.endswith("ft_seed0_scores_held-in was made from ft_ft_seed0, which has to be trained anew")


CHAIN = ("pt_ft_pt_seed0", "pt_ft_ft_seed0", "pt_ft_seed0_scores_held-out")


@pytest.mark.parametrize("removed", CHAIN)
def test_what_was_made_from_a_removed_folder_is_refused_until_it_is_removed_too(sweep, removed) -> None:
    run(sweep, *CHAIN)
    settings = settings_of(sweep)
    assert [*read_records(sweep, settings)] == [*CHAIN]
    shutil.rmtree(sweep.folder / removed)
    following = CHAIN[CHAIN.index(removed) + 1 :]
    if following:
        with pytest.raises(PartError) as caught:
            read_records(sweep, settings)
        *folders, _ = str(caught.value).splitlines()
        assert [line.split()[0] for line in folders] == [str(sweep.folder / name) for name in following]
    for name in following:
        shutil.rmtree(sweep.folder / name)
    run(sweep, removed)
    assert [*read_records(sweep, settings)] == [*CHAIN[: CHAIN.index(removed) + 1]]


def test_scores_of_a_model_that_was_trained_anew_are_refused(sweep, tmp_path) -> None:
    run(sweep, "ft_ft_seed0", "ft_seed0_scores_held-in")
    (tmp_path / "ft_seed0_scores_held-in").rename(tmp_path / "aside")
    shutil.rmtree(tmp_path / "ft_ft_seed0")
    run(sweep, "ft_ft_seed0")
    (tmp_path / "aside").rename(tmp_path / "ft_seed0_scores_held-in")
    with pytest.raises(PartError, match="was made from an earlier ft_ft_seed0, which was trained anew"):
        read_records(sweep, settings_of(sweep))


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
