"""The commands of a sweep: what arms share, what follows from what, and that a shell and gin read them back."""

import shlex
from pathlib import Path

import pytest
from gin import config as gin_config

from seqgpt_jax.ablation.sweep import Key, expand
from tests.ablation.sweeps import two_stages

WORK = Path("runs/x")


def test_a_common_stage_is_trained_once_for_each_seed() -> None:
    sweep = expand(two_stages(seeds=(0, 3)), WORK)
    trained = [name for name, part in sweep.parts.items() if part.command == "train"]
    of_seed = ["pt_ft_pt", "pt_ft_ft", "pt_ft_more_ft", "ft_ft"]
    assert trained == [f"{name}_seed{seed}" for seed in (0, 3) for name in of_seed]
    both, more = sweep.parts["pt_ft_ft_seed0"], sweep.parts["pt_ft_more_ft_seed0"]
    assert both.needs is more.needs is sweep.parts["pt_ft_pt_seed0"]
    assert both.bindings["Train.init_from"] == "runs/x/pt_ft_pt_seed0"
    assert "Train.init_from" not in sweep.parts["ft_ft_seed0"].bindings
    assert (more.bindings["Train.steps"], more.bindings["Prepare.seed"]) == (9, 0)
    assert len(sweep.parts) == 2 * (4 + 3 * 2)
    assert [*sweep.scores["held-out"]] == [Key(arm, seed) for seed in (0, 3) for arm in sweep.config.arms]


def test_equal_arms_share_everything() -> None:
    sweep = expand(two_stages(arms={"a": {}, "b": {"Train.steps": 5}}), WORK)
    assert len(sweep.parts) == 2 + 2
    assert sweep.scores["held-in"][Key("a", 0)] is sweep.scores["held-in"][Key("b", 0)]


def test_a_model_is_scored_as_it_is_once_for_all_seeds() -> None:
    sweep = expand(two_stages(arms={"before": {"stages": (), "model": "imported/x"}}, seeds=(0, 1)), WORK)
    assert [part.command for part in sweep.parts.values()] == ["evaluate"] * 2
    assert {part.flags[0] for part in sweep.parts.values()} == {"--model=imported/x"}


def test_jobs_are_a_training_with_its_evaluations_in_rounds() -> None:
    first, second = expand(two_stages(), WORK).jobs()
    assert [*first] == ["pt_ft_pt_seed0", "ft_ft_seed0"]
    assert [part.command for part in first["pt_ft_pt_seed0"]] == ["train"]
    assert [*second] == ["pt_ft_ft_seed0", "pt_ft_more_ft_seed0"]
    assert [part.command for part in second["pt_ft_ft_seed0"]] == ["train", "evaluate", "evaluate"]


def test_commands_are_read_back_by_a_shell_and_by_gin() -> None:
    values = {"Prepare.mixture": "ft_cpu+x-y", "Train.init_from": "my runs/é's $HOME", "Prepare.modules": ("a", "b")}
    values |= {"Prepare.quota": None, "Prepare.own_format": "None", "Train.steps": 5, "Model.initializer_range": 0.5}
    sweep = expand(two_stages(arms={"a": values}, stages={"ft": "ft_cpu.gin"}), WORK)
    part = sweep.parts["a_ft_seed0"]
    assert shlex.split(part.text) == ["python", *part.words]
    read = {}
    for word in part.words:
        if word.startswith("--gin."):
            name, _, value = word.removeprefix("--gin.").partition("=")
            try:
                read[name] = gin_config.parse_value(value)
            except (SyntaxError, ValueError):
                read[name] = value  # as the commands do
    assert {name: read[name] for name in values} == values
    assert sweep.parts["a_seed0_scores_held-in"].text == (
        "python -m seqgpt_jax.evaluate --gin_file=eval_cpu.gin --model=runs/x/a_ft_seed0 "
        "--output=runs/x/a_seed0_scores_held-in --gin.Evaluate.mixtures=\"('ft_cpu',)\" --gin.Evaluate.records=48 "
        "--gin.Decode.batch_size=8"
    )


def test_names_that_would_share_a_folder_are_refused() -> None:
    with pytest.raises(ValueError, match="'a b' and 'A_b' would have one folder, a_b: rename one of them"):
        expand(two_stages(arms={"a b": {}, "A_b": {"Train.steps": 1}}), WORK)


def test_parts_of_arms_and_stages_that_would_share_a_folder_are_refused() -> None:
    arms = {"a": {"stages": ("b_c",)}, "a b": {"stages": ("c",)}}
    message = (
        "train b_c of arm 'a' and train c of arm 'a b' would have one folder, a_b_c_seed0: rename an arm or a stage"
    )
    with pytest.raises(ValueError, match=message):
        expand(two_stages(arms=arms, stages={"b_c": "ft_cpu.gin", "c": "ft_cpu.gin"}, settings={}), WORK)
