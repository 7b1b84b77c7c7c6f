"""Settings of an ablation: which value holds in which stage, and what is refused."""

import pytest

from tests.ablation.sweeps import two_stages


def test_settings_of_an_arm_win_and_scopes_choose_the_stage() -> None:
    config = two_stages(arms={"a": {"Train.steps": 7, "pt/Train.steps": 8, "CHECKPOINT": "x"}})
    assert config.settings_of("a", "pt") == {"Train.steps": 8, "CHECKPOINT": "x"}
    assert config.settings_of("a", "ft") == {"Train.steps": 7, "Prepare.quota": None, "CHECKPOINT": "x"}
    assert config.settings_of("a", "evaluate") == {"Decode.batch_size": 8}


def test_stages_are_in_their_order() -> None:
    config = two_stages(
        arms={"both": {"stages": ("ft", "pt")}, "one": {"stages": "ft"}, "none": {"stages": (), "model": "m"}}
    )
    assert [config.stages_of(arm) for arm in config.arms] == [("pt", "ft"), ("ft",), ()]


def test_arms_are_numbers_where_all_of_them_are() -> None:
    assert two_stages(arms={"4": {}, "1,000": {}}).numbers == (4, 1000)
    for other in ("all", "nan", "inf"):
        assert two_stages(arms={"4": {}, other: {}}).numbers is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": {}}, r"Ablation\.arms must be \{'NAME': …\} with at least one name"),
        ({"arms": {"a": 5}}, r"'a' must have settings such as \{'Train\.steps': 9\}, not 5"),
        ({"arms": {"a": {"stages": ("sft",)}}}, r"'a' has a stage 'sft'; Ablation\.stages has pt, ft"),
        ({"arms": {"a": {"stages": ()}}}, r"'a' needs stages to be trained in, or 'stages': \(\) and 'model'"),
        ({"arms": {"a": {"model": "m"}}}, r"'a' needs stages to be trained in, or 'stages': \(\) and 'model'"),
        ({"arms": {"a": {"sft/Train.steps": 5}}}, r"'a': sft/Train\.steps: there is no stage 'sft'"),
        ({"settings": {"steps": 5}}, r"Ablation\.settings: steps is neither Name\.field nor the name of a macro"),
        ({"stages": {"evaluate": "ft.gin"}}, "a stage needs another name than 'evaluate'"),
        ({"figure": "pie"}, r"Ablation\.figure must be one of mixtures, languages, families, data_sets, not 'pie'"),
        ({"seeds": (1, 1)}, r"Ablation\.seeds must be different whole numbers from 0, not \(1, 1\)"),
        ({"records": 0}, r"Ablation\.records must be at least 1"),
        ({"resamples": 0}, r"Ablation\.resamples must be at least 1"),
    ],
)
def test_bad_settings_name_the_arm(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        two_stages(**changes)
