"""The `ft_cpu` mixture of real files: any number of workers, the same store; quotas that the store itself proves."""

from collections import Counter
from pathlib import Path

import pytest

from seqgpt_jax.atomic import TEMPLATES, Classification
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.store import TrainStore
from seqgpt_jax.tasks import evaluation_tasks, find
from tests.data.prepare.test_pipeline import assert_same_files
from tests.data.small_tasks import small_tokenizer
from tests.tasks.test_real_files import DATA

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data: {DATA} is no folder and SEQGPT_DATA_DIR names none"),
]
QUOTA = 40


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> list[Path]:
    """Made by one process and by three."""

    def store(workers: int) -> Path:
        config = PrepareConfig(
            mixture="ft_cpu",
            subsets=True,
            tokenizer="-",
            data_dir=str(DATA),
            output_dir=str(tmp_path_factory.mktemp(f"by-{workers}")),
            quota=QUOTA,
            evaluation_mixtures=("ft_cpu", "held_out_cpu"),
            # A tokenizer of 400 ids needs more of them for a text.
            max_prompt_tokens=16_384,
            max_target_tokens=4096,
            workers=workers,
        )
        return prepare(
            ResolvedPreparation(config, find(config), small_tokenizer(), evaluation=evaluation_tasks(config))
        )

    return [store(1), store(3)]


def test_one_and_three_workers_make_the_same_store(stores) -> None:
    assert_same_files(*stores)


def test_no_quota_is_exceeded_and_none_is_missed(stores) -> None:
    """Read back from the ids that are stored, not from what the manifest says."""
    store, tokenizer = TrainStore(stores[0]), small_tokenizer()
    names, used = list(store.manifest["tasks"]), Counter()
    for start in range(0, store.manifest["examples"], 1000):
        for record in store.read(0, range(start, min(start + 1000, store.manifest["examples"]))):
            prompt, target = tokenizer.decode(record.prompt_ids), tokenizer.decode(record.target_ids[:-1])
            example = TEMPLATES["chinese"].parse(prompt, target)
            if isinstance(example, Classification):
                gold = example.answers
            else:
                gold = [label for label, spans in zip(example.labels, example.answers, strict=True) if spans]
            used.update((names[record.task], label) for label in gold)
    assert max(used.values()) == QUOTA
    for name, task in store.manifest["tasks"].items():
        if task["family"] == "MRC":  # a question is no label: the quota is on the questions of a data set
            assert task["within_quota"] == min(task["instances"], QUOTA)
            continue
        assert {label for label, (all_of_it, _) in task["label_counts"].items() if all_of_it} == {
            label for other, label in used if other == name
        }
        for label, (all_of_it, within) in task["label_counts"].items():
            assert used[name, label] == within == min(all_of_it, QUOTA), (name, label)


def test_every_loss_is_counted(stores) -> None:
    """What was read is kept, over its quotas, or dropped with a reason."""
    manifest = TrainStore(stores[0]).manifest
    drops = Counter()
    for task in manifest["tasks"].values():
        drops.update(task["drops"])
        assert task["examples"] >= task["within_quota"] - sum(task["drops"].values())
    assert drops["leak"] > 500
    assert {"no_gold_label", "empty_question"} <= set(drops)
