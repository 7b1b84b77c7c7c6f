"""Mixing rates: exact, nested, the same for any number of workers, and nothing changes without them."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from seqgpt_jax.console.prepared_data import general_line
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.mixing import TaskMixing, epoch_instances, mixing_weights, with_general_share
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.store import TrainStore
from tests.data.prepare.test_pipeline import assert_same_files
from tests.data.small_tasks import ENTITIES, TOPICS, small_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return small_tokenizer()


@pytest.fixture
def config(tmp_path) -> PrepareConfig:
    settings = {"output_dir": str(tmp_path), "epochs": 2, "seed": 4}
    return PrepareConfig("small", "-", **settings, empty_extractions=0.0, empty_classifications=0.0)


def store_of(config: PrepareConfig, tokenizer, **settings) -> TrainStore:
    return TrainStore(
        prepare(ResolvedPreparation(dataclasses.replace(config, **settings), (ENTITIES, TOPICS), tokenizer))
    )


def instances(store: TrainStore, epoch: int) -> dict[str, list[str]]:
    """Task -> ids of the instances of its examples."""
    ids: dict[str, list[str]] = {"entities": [], "topics": []}
    for record in store.read(epoch, range(store.manifest["examples_per_epoch"][epoch])):
        ids[record.id.split("/")[0]].append(record.id.rsplit("#", 1)[0])
    return ids


def test_weights_are_those_of_t5() -> None:
    sizes = [10_000, 400, 0, 25]
    assert mixing_weights(sizes, "all", 2.0, None) == [size / sum(sizes) for size in sizes]
    assert mixing_weights(sizes, "proportional", 9.0, 400) == pytest.approx([400 / 825, 400 / 825, 0, 25 / 825])
    assert mixing_weights(sizes, "temperature", 2.0, None) == pytest.approx([100 / 125, 20 / 125, 0, 5 / 125])
    assert mixing_weights(sizes, "temperature", 1.0, None) == pytest.approx(mixing_weights(sizes, "all", 1.0, None))
    assert mixing_weights(sizes, "temperature", 1e9, None) == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])


def test_an_epoch_keeps_its_size_and_every_task() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        sizes = [int(size) for size in rng.choice([0, 1, 2, 7, 100, 3001], size=rng.integers(1, 9))]
        if not sum(sizes):
            continue
        shares = mixing_weights(sizes, "temperature", float(rng.choice([0.3, 1.0, 2.0, 5.0])), rng.choice([None, 5]))
        numbers = epoch_instances(sizes, shares)
        assert sum(numbers) == sum(sizes)
        assert all((number >= 1) == (size > 0) for number, size in zip(numbers, sizes, strict=True))
        if all(share * sum(sizes) >= 1 for share, size in zip(shares, sizes, strict=True) if size):
            assert all(abs(n - share * sum(sizes)) < 1 for n, share in zip(numbers, shares, strict=True))
    assert epoch_instances([1, 1, 98], [0.0, 0.0, 1.0]) == [1, 1, 98]


def test_a_larger_share_keeps_all_of_a_smaller_one() -> None:
    ids = [f"task/{number}" for number in range(200)]
    before: set[str] = set()
    for number in (1, 30, 31, 150, 199):
        (quota, other) = TaskMixing.of(ids, len(ids), number, epochs=2, seed=3).extra
        kept = {id for id in ids if quota.keep(id, {})}
        assert len(kept) == number
        assert before < kept
        assert {id for id in ids if other.keep(id, {})} != kept
        before = kept
    mixing = TaskMixing.of(ids, len(ids), 470, epochs=2, seed=3)
    assert TaskMixing.unpacked(mixing.packed()) == mixing
    assert mixing.repeats == 2
    assert sum(bool(mixing.extra[0].keep(id, {})) for id in ids) == 70


def test_rates_are_exact_in_every_epoch_and_repetitions_are_sampled_anew(config, tokenizer) -> None:
    plain = store_of(config, tokenizer, quota=4)
    assert "mixing" not in plain.manifest
    # 4 entities with two labels each, 3 topics of 4: as many of both is 8 of 16.
    sizes = {task: len(set(ids)) for task, ids in instances(plain, 0).items()}
    store = store_of(config, tokenizer, quota=4, mixing="temperature", temperature=1e9)
    report = store.manifest["mixing"]
    half = sum(sizes.values()) / 2
    assert sizes["entities"] < half < sizes["topics"]
    seen = {task: Counter() for task in sizes}
    for epoch in (0, 1):
        of_epoch = instances(store, epoch)
        for task, ids in of_epoch.items():
            assert len(set(ids)) == len(ids) == report[task]["instances"]
            assert abs(len(ids) - half) <= 1
            assert report[task]["rate"] == pytest.approx(0.5)
            assert report[task]["examples_rate"][epoch] == len(ids) / sum(map(len, of_epoch.values()))
            seen[task].update(ids)
        assert {id.split("~")[0] for id in of_epoch["entities"]} == set(instances(plain, 0)["entities"])
        assert any("~1" in id for id in of_epoch["entities"])
        assert set(of_epoch["topics"]) < set(instances(plain, 0)["topics"])
    assert len(seen["topics"]) > report["topics"]["instances"]  # another choice in each epoch
    records = {record.id: record for record in store.read(0, range(store.manifest["examples"]))}
    repeated = [id for id in records if "~1" in id]
    prompts = [(records[id].prompt_ids.tolist(), records[id.replace("~1", "")].prompt_ids.tolist()) for id in repeated]
    assert any(first != second for first, second in prompts)
    # What comes once is as it was, label for label.
    originals = {record.id: record.prompt_ids.tolist() for record in plain.read(0, range(plain.manifest["examples"]))}
    assert all(record.prompt_ids.tolist() == originals[id] for id, record in records.items() if "~" not in id)


def test_a_limit_counts_and_any_number_of_workers_makes_one_store(config, tokenizer, tmp_path) -> None:
    settings = {"mixing": "proportional", "mixing_maximum": 20, "quota": 15}
    first = store_of(config, tokenizer, **settings, workers=1)
    second = store_of(config, tokenizer, **settings, workers=3, output_dir=str(tmp_path / "three"))
    assert_same_files(first.folder, second.folder)
    # min(42, 20) texts of three topics, min(15, 20) of entities, of 57 in all.
    assert first.manifest["mixing"]["topics"]["rate"] == pytest.approx(20 / 35)
    assert [first.manifest["mixing"][task]["instances"] for task in ("entities", "topics")] == [24, 33]


def test_general_data_get_their_share_and_own_data_stay_whole(config, tokenizer) -> None:
    def store(share: float, **settings) -> TrainStore:
        changed = dataclasses.replace(config, general_share=share, **settings)
        return TrainStore(
            prepare(ResolvedPreparation(changed, (ENTITIES, TOPICS), tokenizer, general=frozenset({"topics"})))
        )

    alone = instances(store_of(config, tokenizer), 0)
    quarter = store(0.25)
    own = quarter.manifest["tasks"]["entities"]["within_quota"]
    general = round(own / 3)
    assert quarter.manifest["general"] == ["topics"]
    assert [quarter.manifest["mixing"][task]["instances"] for task in ("entities", "topics")] == [own, general]
    first, second = (instances(quarter, epoch) for epoch in range(2))
    assert sorted(first["entities"]) == sorted(alone["entities"])
    assert len(set(first["topics"])) == len(set(second["topics"])) == general
    assert set(first["topics"]) != set(second["topics"])
    # More than there is: all of it, and none twice.
    everything = store(0.9)
    assert sorted(instances(everything, 0)["topics"]) == sorted(alone["topics"])
    line = general_line(quarter.manifest["general"], quarter.manifest["mixing"])
    assert f"{general} of {own + general} instances (25%) of 1 tasks" in line


def test_general_shares_are_even_over_tasks_as_far_as_their_sizes_allow() -> None:
    assert with_general_share([70, 3, 0, 900, 40], [False, True, True, True, True], 0.3) == [70, 3, 0, 14, 13]
    assert with_general_share([70, 3, 9], [False, True, True], 0.5) == [70, 3, 9]
    assert with_general_share([7, 5], [False, True], 0.0) == [7, 0]


def test_training_splits_alone_are_mixed_and_wrong_settings_are_named(config, tokenizer) -> None:
    folder = prepare(
        ResolvedPreparation(
            dataclasses.replace(config, split="test", mixing="temperature"), (ENTITIES, TOPICS), tokenizer
        )
    )
    assert "~" not in folder.joinpath("manifest.json").read_text(encoding="utf-8")
    for settings, message in (
        ({"mixing": "sqrt"}, "Prepare.mixing must be one of all, proportional, temperature"),
        ({"general_share": 1.0}, "Prepare.general_share must be at least 0 and below 1"),
        ({"mixing": "proportional", "general_share": 0.3}, "both set rates"),
        ({"temperature": 0.0}, "Prepare.temperature must be positive"),
        ({"mixing_maximum": 5}, "set Prepare.mixing too"),
        ({"mixing": "proportional", "mixing_maximum": 0}, "Prepare.mixing_maximum must be None or a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(config, **settings)
