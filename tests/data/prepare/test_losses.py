"""What a preparation loses is said with the setting that helps; little is not."""

import dataclasses

import pytest

from seqgpt_jax.data.prepare import losses as module
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.losses import advice, losses
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.store import read_manifest
from tests.data.small_tasks import ENTITIES, TOPICS, small_tokenizer

SETTINGS = {"max_prompt_tokens": 128, "max_target_tokens": 32, "max_queries": 6, "max_labels": 9, "quota": None}
SETTINGS |= {"max_instances": None, "split": "train"}
TASK = dict.fromkeys(("instances", "within_quota", "examples"), 1000) | {"drops": {}, "truncated_prompts": 0}


def test_losses_above_one_percent_are_said():
    tasks = {
        "z": TASK | {"drops": {"span_too_long": 250}},
        "a": TASK | {"drops": {"target_too_long": 100, "leak": 5}},
        "b": TASK | {"drops": {"target_too_long": 11, "leak": 30}},
        "c": TASK | {"drops": {"target_too_long": 9}},
        "d": TASK | {"within_quota": 400},
        "e": TASK
        | {"truncated_prompts": 20, "texts_in_windows": 30, "lost_spans": 4, "unreachable_spans": 90}
        | {"gold_spans": 1996},
    }
    assert losses(tasks, SETTINGS | {"quota": 7}) == [
        "z: 250 of 1,250 (20.0%) span_too_long: raise Prepare.max_target_tokens = 32, and Prepare.max_prompt_tokens "
        "where an answer is longer than a window",
        "a, b: 111 of 2,146 (5.2%) target_too_long: raise Prepare.max_target_tokens = 32, or ask for fewer labels at "
        "once, Prepare.max_queries",
        "b: 30 of 1,041 (2.9%) leak: they are in validation or test too; --gin.Prepare.evaluation_mixtures=() keeps "
        "them",
        "d: 600 of 1,000 (60.0%) instances are left out by Prepare.quota = 7: None takes all",
        "e: 20 of 1,000 (2.0%) prompts lost the start of their text: raise Prepare.max_prompt_tokens = 128",
        "e: 30 of 1,000 (3.0%) texts are cut into windows: Prepare.max_prompt_tokens = 128 decides how long one is",
        "e: 94 of 2,000 (4.7%) gold spans are in no prompt: raise Prepare.max_prompt_tokens = 128",
    ]
    assert losses({"a": TASK}, SETTINGS) == []
    # An epoch takes what the rates say, which no limit leaves out.
    for rates in ({"general_share": 0.3}, {"mixing": "temperature"}):
        assert losses({"d": tasks["d"]}, SETTINGS | {"mixing": "all", "quota": 7} | rates) == []
    assert losses({"d": tasks["d"]}, SETTINGS | {"split": "test", "max_instances": 5}) == []  # a sample, as asked for


def test_every_setting_that_is_named_is_one_of_preparation():
    names = {field.name for field in dataclasses.fields(PrepareConfig)}
    assert {name for name, _ in module._HELP.values() if name} <= names


def test_what_gives_no_example_is_said_with_its_setting(tmp_path):
    config = PrepareConfig("small", "-", output_dir=str(tmp_path), max_target_tokens=1)
    resolved = ResolvedPreparation(config, (ENTITIES, TOPICS), small_tokenizer())
    with pytest.raises(ValueError, match=r"no example at all; dropped: .*raise Prepare\.max_target_tokens = 1"):
        prepare(resolved)
    enough = dataclasses.replace(resolved, config=dataclasses.replace(config, max_target_tokens=64))
    assert [
        sentence.split(": ")[0] for sentence in losses(read_manifest(prepare(enough))["tasks"], config.content())
    ] == [
        "entities",
        "entities",
    ]
    assert advice({"x": {"made_up": 3}}, SETTINGS) == "made_up"
