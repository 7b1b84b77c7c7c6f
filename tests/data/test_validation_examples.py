"""Evaluation data in the batches of training: every prompt once, its target after it, nothing drawn."""

import dataclasses

import numpy as np
import pytest

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.data.batches import Batches
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.store import EvalStore
from seqgpt_jax.data.validation_examples import ValidationExamples
from tests.data.small_tasks import ENTITIES, TOPICS, small_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


@pytest.fixture(scope="module")
def store(tmp_path_factory, tokenizer) -> EvalStore:
    folder = str(tmp_path_factory.mktemp("prepared"))
    return EvalStore(
        prepare(
            ResolvedPreparation(
                PrepareConfig("small", "-", split="test", output_dir=folder), (ENTITIES, TOPICS), tokenizer
            )
        )
    )


def test_every_prompt_is_read_once_with_its_target(store, tokenizer) -> None:
    examples = ValidationExamples(store, tokenizer, length=128)
    batches = Batches(examples, length=128, batch_size=2, seed=0)
    ids = [id for step in range(batches.total_steps) for id in batches.example_ids(step)]
    assert sorted(ids) == sorted(record.id for record in store)
    assert examples.left_out == 0
    assert examples.summary().startswith(f"{len(store)} prompts of small.test.")
    for record, example in zip(store, examples.read(0, range(len(store))), strict=True):
        assert tokenizer.decode(example.prompt_ids) == record.prompt
        assert tokenizer.decode(example.target_ids[:-1]) == record.target
        assert example.target_ids[-1] == tokenizer.eos_token_id
    sizes = [(len(example.prompt_ids), len(example.target_ids)) for example in examples.read(0, range(len(store)))]
    assert np.array_equal(np.stack(examples.lengths(0), axis=1), sizes)


def test_its_batches_are_those_of_training(store, tokenizer) -> None:
    examples = ValidationExamples(store, tokenizer, length=128)
    whole = list(Batches(examples, length=128, batch_size=4, seed=0).iterate())
    families = np.concatenate([batch["target_families"] for batch in whole])
    for family in ("NER", "CLS"):
        wanted = sum(len(tokenizer(record.target).input_ids) + 1 for record in store if record.family == family)
        assert (families == FAMILIES.index(family)).sum() == wanted
    halves = [Batches(examples, length=128, batch_size=4, seed=0, process_index=n, process_count=2) for n in range(2)]
    for batch, *parts in zip(whole, *(half.iterate() for half in halves), strict=True):
        for name, array in batch.items():
            assert np.array_equal(np.concatenate([part[name] for part in parts]), array)


def test_what_training_would_drop_is_left_out_and_counted(store, tokenizer) -> None:
    prompts, targets = store.lengths(0)
    length = int(np.median(prompts + targets))
    examples = ValidationExamples(store, tokenizer, length=length)
    assert examples.left_out == (prompts + targets - 1 > length).sum() > 0
    assert f"{examples.left_out} that are too long" in examples.summary()
    assert Batches(examples, length=length, batch_size=2, seed=0).total_steps > 0
    short = dict(store.manifest, settings=store.manifest["settings"] | {"max_target_tokens": int(targets.min())})
    strict = EvalStore(store.folder)
    strict.manifest = short
    assert ValidationExamples(strict, tokenizer, length=128).left_out == (targets > targets.min()).sum() > 0
    with pytest.raises(ValueError, match=r"no prompt with its target fits into Train\.length = 8"):
        ValidationExamples(store, tokenizer, length=8)


def test_a_limit_gives_every_task_its_share(store, tokenizer) -> None:
    config = PrepareConfig("small", "-", split="test", output_dir=str(store.folder.parent), max_instances=5)
    for one in (config, dataclasses.replace(config, epochs=3)):  # nothing is drawn: no epochs
        few = EvalStore(prepare(ResolvedPreparation(one, (ENTITIES, TOPICS), tokenizer)))
        assert [task["within_quota"] for task in few.manifest["tasks"].values()] == [5, 5]
        assert {record.id for record in few} < {record.id for record in store}
