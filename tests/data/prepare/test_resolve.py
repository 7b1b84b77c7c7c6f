"""From settings to a store: everything is looked up once, and a store that is there is used again."""

import dataclasses
from pathlib import Path

import pytest

from seqgpt_jax.data.prepare import resolve as module
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolve import open_store, resolve
from seqgpt_jax.data.raw.files import DataNotFound
from seqgpt_jax.data.store import EvalStore, StoreError, TrainStore
from seqgpt_jax.io.tokenizer import TokenizerError
from tests.data.small_tasks import ENTITIES, TOPICS


class Registry:
    """Looks up the small tasks, and counts how often."""

    def __init__(self, evaluation=()) -> None:
        self.lookups, self.evaluation = 0, evaluation

    def find(self, config):
        self.lookups += 1
        return [ENTITIES, TOPICS]

    def evaluation_tasks(self, config):
        return list(self.evaluation)


@pytest.fixture
def config(tmp_path) -> PrepareConfig:
    return PrepareConfig(
        mixture="small",
        tokenizer=str(tmp_path / "tokenizer"),
        tokenizer_vocab_size=400,
        tokenizer_mixture="small",
        output_dir=str(tmp_path / "prepared"),
    )


def test_a_store_is_prepared_once_and_its_tokenizer_trained_once(config, monkeypatch) -> None:
    prepared = []

    def count(preparation):
        if not preparation.is_prepared:
            prepared.append(preparation.config.split)
        return prepare(preparation)

    store, tokenizer = open_store(TrainStore, config, Registry(), prepare=count)
    assert len(tokenizer) == 400
    monkeypatch.setattr(module, "train_tokenizer", lambda *args: pytest.fail("trained again"))
    registry = Registry()
    again, _ = open_store(TrainStore, config, registry, prepare=count)
    assert (again.folder, registry.lookups) == (store.folder, 1)
    test, _ = open_store(EvalStore, dataclasses.replace(config, split="test"), Registry(), prepare=count)
    assert prepared == ["train", "test"]
    assert test.manifest["tokenizer"] == store.manifest["tokenizer"]


def test_a_named_store_looks_nothing_up(config) -> None:
    store, _ = open_store(TrainStore, config, Registry())
    named, tokenizer = open_store(TrainStore, config, None, folder=str(store.folder), bound=("quota",))
    assert named.folder == store.folder
    assert len(tokenizer) == 400
    with pytest.raises(StoreError, match=r"Prepare\.quota: None in the store, 3 in this command"):
        open_store(TrainStore, dataclasses.replace(config, quota=3), None, folder=str(store.folder), bound=("quota",))


def test_a_tokenizer_of_other_settings_is_refused(config) -> None:
    resolve(config, Registry())
    with pytest.raises(TokenizerError, match="of small with 400 ids, not of small with 500"):
        resolve(dataclasses.replace(config, tokenizer_vocab_size=500), Registry())


def test_missing_files_are_named_before_a_tokenizer_is_trained(config, tmp_path) -> None:
    absent = dataclasses.replace(TOPICS, name="absent", dataset=None, splits={"test": ("a.tsv",)})
    config = dataclasses.replace(config, data_dir=str(tmp_path), evaluation_mixtures=("absent",))
    with pytest.raises(DataNotFound, match=r"absent/a\.tsv.*They are only compared with"):
        resolve(config, Registry([absent]))
    assert not Path(config.tokenizer).exists()
    resolve(dataclasses.replace(config, split="test"), Registry([absent]))
