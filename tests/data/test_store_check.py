"""A store that the user names must be whole, and what the command asks for."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.store import StoreError, TrainStore
from seqgpt_jax.data.store_check import check_store_matches
from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.io.tokenizer import fingerprint
from tests.data.small_tasks import ENTITIES, TOPICS, small_tokenizer

BOUND = ("mixture", "tokenizer", "quota", "evaluation_mixtures", "output_dir")


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> PrepareConfig:
    folder = str(tmp_path_factory.mktemp("prepared"))
    return PrepareConfig("small", "-", output_dir=folder, epochs=2, quota=20, evaluation_mixtures=("small",))


@pytest.fixture(scope="module")
def folder(config, tokenizer) -> Path:
    return Path(prepare(ResolvedPreparation(config, (ENTITIES, TOPICS), tokenizer)))


def test_what_the_command_leaves_open_may_differ(folder, config, tokenizer) -> None:
    check_store_matches(TrainStore(folder), config, BOUND, tokenizer)
    elsewhere = dataclasses.replace(config, seed=5, output_dir="elsewhere", tokenizer="moved")
    check_store_matches(TrainStore(folder), elsewhere, BOUND, tokenizer)


def test_every_difference_is_named(folder, config, tokenizer) -> None:
    other = dataclasses.replace(config, mixture="large", quota=None)
    other_tokenizer = train_tokenizer(["other text"], 300)
    with pytest.raises(StoreError) as caught:
        check_store_matches(TrainStore(folder), other, BOUND, other_tokenizer)
    message = str(caught.value)
    assert "Prepare.mixture: 'small' in the store, 'large' in this command" in message
    assert "Prepare.quota: 20 in the store, None in this command" in message
    assert f"({len(other_tokenizer)} tokens) in Prepare.tokenizer = '-'" in message
    assert "seed" not in message


@dataclasses.dataclass
class Named:
    """As much of a store as the comparison reads."""

    folder: str
    manifest: dict


@pytest.mark.parametrize(
    ("of_store", "of_command", "told"),
    [
        ({"general_share": 0.3}, {"general_share": 0.0}, ["general_share: 0.3 in the store, 0.0 in this command"]),
        ({}, {"general_share": 0.3}, ["general_share: 0.0 in the store, 0.3 in this command"]),
        ({"subsets": True}, {"subsets": False}, ["subsets: True in the store, False in this command"]),
        ({}, {"subsets": False, "general_share": 0, "general_mixture": "other"}, []),
        ({"general_share": 0.3, "subsets": True}, {}, []),
    ],
)
def test_settings_that_are_left_out_of_a_store_are_as_by_default(config, tokenizer, of_store, of_command, told) -> None:
    settings = json.loads(json.dumps(dataclasses.replace(config, **of_store).content()))
    manifest = {"settings": settings, "tokenizer": {"fingerprint": fingerprint(tokenizer), "tokens": len(tokenizer)}}
    command = dataclasses.replace(config, **of_command)
    found = []
    try:
        check_store_matches(Named("store", manifest), command, (*BOUND, *of_command), tokenizer)
    except StoreError as error:
        found = [line.strip() for line in str(error).splitlines() if line.startswith("  ")]
    assert found == [f"Prepare.{line}" for line in told]


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("pattern", "harm", "message"),
    [
        ("epoch-0001/examples-0001-*", Path.unlink, r"there are \d+ examples of epoch 1, its manifest.json counts \d+"),
        ("epoch-0001/examples-*", Path.unlink, "there are 0 examples of epoch 1"),
        ("epoch-0001/examples-0001-*", cut_off, "a file of the examples of epoch 1 is truncated"),
        ("epoch-0001/index.npz", Path.unlink, "the index of epoch 1 cannot be read"),
        ("epoch-0001/index.npz", cut_off, "the index of epoch 1 cannot be read"),
    ],
)
def test_a_broken_copy_is_told_before_training(folder, tmp_path, pattern, harm, message) -> None:
    broken = Path(shutil.copytree(folder, tmp_path / "copy"))
    TrainStore(broken).check_complete()
    for path in list(broken.glob(pattern)):
        harm(path)
    with pytest.raises(StoreError, match=rf"{message}.*copy it again") as caught:
        TrainStore(broken).check_complete()
    assert str(broken) in str(caught.value)


def test_a_bucket_is_no_local_disk() -> None:
    with pytest.raises(StoreError, match="copy it to this machine"):
        TrainStore("gs://bucket/inputs/prepared/small")
