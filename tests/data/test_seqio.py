"""SeqIO gives what the prepared store holds: the same examples, rates, epochs and scores."""

import dataclasses
import functools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

seqio = pytest.importorskip("seqio", reason="SeqIO is an extra: pip install 'seqgpt_jax[seqio]'")

import tensorflow as tf  # noqa: E402

from seqgpt_jax.atomic import GEN  # noqa: E402
from seqgpt_jax.data.prepare import shards  # noqa: E402
from seqgpt_jax.data.prepare.config import PrepareConfig  # noqa: E402
from seqgpt_jax.data.prepare.pipeline import prepare  # noqa: E402
from seqgpt_jax.data.prepare.resolve import resolve  # noqa: E402
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation  # noqa: E402
from seqgpt_jax.data.store import EvalStore, StoreError, TrainStore  # noqa: E402
from seqgpt_jax.data.tokenizer import encode_prompts  # noqa: E402
from seqgpt_jax.data.vocabulary import HFVocabulary  # noqa: E402
from seqgpt_jax.evaluation.predictions import read_predictions  # noqa: E402
from seqgpt_jax.evaluation.scores import compute_scores  # noqa: E402
from seqgpt_jax.io.tokenizer import save_tokenizer  # noqa: E402
from seqgpt_jax.tasks import seqio_tasks  # noqa: E402
from tests.data.small_tasks import ENTITIES, TOPICS, small_tokenizer  # noqa: E402
from tests.data.tokenizer_kinds import imported  # noqa: E402
from tests.tasks.test_real_files import DATA  # noqa: E402

# Shorter than the longest prompts of `small_tasks`, so that truncation has something to do.
PROMPT, TARGET = 38, 24
LENGTHS = {"inputs": PROMPT, "targets": TARGET}


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> PrepareConfig:
    root = tmp_path_factory.mktemp("seqio")
    save_tokenizer(small_tokenizer(), root / "tokenizer")
    return PrepareConfig(
        mixture="small",
        tokenizer=str(root / "tokenizer"),
        output_dir=str(root / "prepared"),
        epochs=2,
        quota=30,
        seed=4,
        max_prompt_tokens=PROMPT,
        max_target_tokens=TARGET,
        empty_extractions=0.0,
        empty_classifications=0.0,
    )


def prepared(config: PrepareConfig, **settings) -> Path:
    config = dataclasses.replace(config, **settings)
    return prepare(ResolvedPreparation(config, (ENTITIES, TOPICS), small_tokenizer()))


@pytest.fixture(scope="module")
def stores(config) -> tuple[TrainStore, EvalStore]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_INSTANCES", 5)  # several files a task
        return TrainStore(prepared(config)), EvalStore(prepared(config, split="test", max_prompt_tokens=256))


@pytest.fixture
def mixture(stores) -> seqio.Mixture:
    return seqio_tasks.register(store=[store.folder for store in stores])


def stored(store: TrainStore, task: str, epoch: int) -> list[tuple]:
    """(id, prompt ids, target ids) of a task in one sampled epoch, in the store's order."""
    number = list(store.manifest["tasks"]).index(task)
    records = store.read(epoch, range(store.manifest["examples_per_epoch"][epoch]))
    return [(r.id, r.prompt_ids.tolist(), r.target_ids.tolist()) for r in records if r.task == number]


def elements(dataset: tf.data.Dataset) -> list[tuple]:
    return [(e["id"].decode(), e["inputs"].tolist(), e["targets"].tolist()) for e in dataset.as_numpy_iterator()]


def assert_passes_are_epochs(store: TrainStore, task: str, lengths: dict[str, int]) -> None:
    """Three passes of a task of a two-epoch store are its epochs 0, 1, 0, example by example."""
    dataset = seqio.get_mixture_or_task(seqio_tasks.task_name(task)).get_dataset(
        lengths, split="train", shuffle=False, num_epochs=3
    )
    first, second = stored(store, task, 0), stored(store, task, 1)
    assert len(first) > 10
    assert first != second
    assert elements(dataset) == first + second + first


@pytest.mark.parametrize("task", ["entities", "topics"])
def test_each_pass_is_the_next_sampled_epoch(task, stores, mixture) -> None:
    assert_passes_are_epochs(stores[0], task, LENGTHS)


def test_truncation_is_that_of_prepare(stores, mixture) -> None:
    assert stores[0].manifest["tasks"]["entities"]["texts_in_windows"] > 0
    dataset = mixture.get_dataset(LENGTHS, split="train", shuffle=False, num_epochs=1, passthrough_features=["id"])
    gen = small_tokenizer().convert_tokens_to_ids(GEN)
    prompts = [element["inputs"] for element in dataset.as_numpy_iterator()]
    assert max(map(len, prompts)) == PROMPT
    assert all(prompt[-1] == gen for prompt in prompts)
    for name, allowed in (("inputs", PROMPT - 1), ("targets", 3)):
        with pytest.raises(ValueError, match=rf"{name} have up to \d+ tokens, sequence_length allows {allowed}"):
            mixture.get_dataset(LENGTHS | {name: allowed}, split="train")
        with pytest.raises(ValueError, match=f"{name} have up to"):
            seqio.get_mixture_or_task("entities").get_dataset(LENGTHS | {name: allowed}, split="train")


def test_real_data_with_quota_decontamination_truncation_and_epochs(tmp_path) -> None:
    if not (DATA / "conll04").is_dir():
        pytest.skip(f"no real data: {DATA} has no folder conll04 and SEQGPT_DATA_DIR names no other")
    from seqgpt_jax import tasks

    config = PrepareConfig(
        mixture="conll04",
        data_dir=str(DATA),
        tokenizer=str(tmp_path / "tokenizer"),
        tokenizer_vocab_size=2000,
        tokenizer_mixture="conll04",
        evaluation_mixtures=("conll04",),
        output_dir=str(tmp_path),
        epochs=2,
        quota=60,
        max_prompt_tokens=64,
        max_target_tokens=40,
    )
    store = TrainStore(prepare(resolve(config, tasks)))
    spans = store.manifest["tasks"]["conll04.spans"]
    assert min(spans["drops"]["leak"], spans["texts_in_windows"], spans["examples_without_answer"]) > 0
    seqio_tasks.register(store=store.folder)
    lengths = {"inputs": 64, "targets": 40}
    for task in ("conll04.spans", "conll04.typing"):
        assert_passes_are_epochs(store, task, lengths)
    mixture = seqio.get_mixture_or_task("conll04")
    assert {task.name: mixture.get_rate(task) for task in mixture.tasks} == store.manifest["rates"]


def test_seed_is_the_order_and_not_the_epoch(stores, mixture) -> None:
    task = seqio.get_mixture_or_task("entities")

    def read(seed: int, passes: int = 1) -> list[tuple]:
        return elements(task.get_dataset(LENGTHS, split="train", shuffle=True, seed=seed, num_epochs=passes))

    first, second = stored(stores[0], "entities", 0), stored(stores[0], "entities", 1)
    assert read(42) == read(42) != read(43)
    assert sorted(read(42)) == sorted(read(43)) == sorted(first)
    assert read(42) != first
    three = read(42, passes=3)
    assert three[: len(first)] == read(42)
    assert sorted(three[len(first) : len(first) + len(second)]) == sorted(second)
    last = three[len(first) + len(second) :]
    assert sorted(last) == sorted(first)
    assert last != read(42)
    unseeded = [elements(task.get_dataset(LENGTHS, split="train", shuffle=True, seed=None)) for _ in range(3)]
    assert any(order != unseeded[0] for order in unseeded[1:])


def test_an_iterator_resumes_from_its_checkpoint(mixture, tmp_path) -> None:
    dataset = mixture.get_dataset(LENGTHS, split="train", shuffle=True, seed=1, passthrough_features=["id"])
    iterator = iter(dataset)
    for _ in range(70):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "iterator"))
    expected = [next(iterator)["id"].numpy() for _ in range(70)]
    again = iter(dataset)
    tf.train.Checkpoint(iterator=again).restore(path)
    assert [next(again)["id"].numpy() for _ in range(70)] == expected
    assert len(set(expected)) > 20


def test_hosts_read_whole_files_or_single_records(stores, mixture) -> None:
    task = seqio.get_mixture_or_task("entities")
    examples = stored(stores[0], "entities", 0)
    files = task.source.list_shards("train")
    assert len(files) == len({Path(file).name for file in files}) > 2
    assert all(Path(file).is_file() for file in files)
    for hosts in (2, len(files), len(files) + 1, len(examples) + 3):
        parts = [
            elements(task.get_dataset(LENGTHS, split="train", shuffle=False, shard_info=seqio.ShardInfo(host, hosts)))
            for host in range(hosts)
        ]
        assert sorted(example for part in parts for example in part) == sorted(examples)
        if hosts == len(files):  # a host has the examples of its file
            assert [example for part in parts for example in part] == examples
            # Five instances, of which a few give two examples.
            assert max(len(part) for part in parts) <= 8
        if hosts > len(files):
            assert max(map(len, parts)) - min(map(len, parts)) <= 1
    with pytest.raises(ValueError, match="fewer examples than shards"):
        task.get_dataset(LENGTHS, split="train", num_epochs=None, shard_info=seqio.ShardInfo(hosts - 1, hosts))


def test_rates_are_numbers_that_seqio_can_scale_and_nest(stores, mixture) -> None:
    rates = stores[0].manifest["rates"]
    assert mixture.name == "small"
    assert {task.name: mixture.get_rate(task) for task in mixture.tasks} == rates
    assert mixture.num_input_examples("train") == mixture.total_rate == sum(rates.values())
    assert mixture.num_input_examples("test") == stores[1].manifest["examples"]
    assert set(mixture.splits) == {"train", "test"}
    for name in ("small_warm", "small_nested"):
        seqio.MixtureRegistry.remove(name)
    rate = functools.partial(seqio.mixing_rate_num_examples, temperature=2.0, maximum=30)
    warm = seqio.MixtureRegistry.add("small_warm", [*rates], default_rate=rate)
    assert warm.total_rate == pytest.approx(sum(min(number, 30) ** 0.5 for number in rates.values()))
    nested = seqio.MixtureRegistry.add("small_nested", [("small", 3.0), ("topics", 1.0)])
    topics = seqio.get_mixture_or_task("topics")
    assert nested.get_rate(topics) == pytest.approx(3 * rates["topics"] / sum(rates.values()) + 1)
    for name in ("small", "small_warm", "small_nested"):
        mixed = seqio.get_mixture_or_task(name)
        dataset = mixed.get_dataset(LENGTHS, split="train", seed=0, passthrough_features=["id"])
        counts = Counter(e["id"].decode().split("/")[0] for e in dataset.take(1500).as_numpy_iterator())
        for task in mixed.tasks:
            assert counts[task.name] / 1500 == pytest.approx(mixed.get_rate(task) / mixed.total_rate, abs=0.05)


def test_mixture_is_packed_by_seqio_itself(mixture) -> None:
    dataset = seqio.get_dataset(
        "small",
        task_feature_lengths={"inputs": 3 * PROMPT, "targets": TARGET},
        dataset_split="train",
        shuffle=True,
        seed=0,
        num_epochs=None,
        feature_converter=seqio.PrefixLMFeatureConverter(pack=True),
        batch_size=4,
    )
    batch = next(iter(dataset.take(1).as_numpy_iterator()))
    assert batch["decoder_target_tokens"].shape == (4, 3 * PROMPT + TARGET)
    assert batch["decoder_segment_ids"].max() > 1
    assert 0 < batch["decoder_loss_weights"].sum() < batch["decoder_target_tokens"].size / 2


def test_elements_have_texts_beside_ids(stores, mixture) -> None:
    vocabulary = mixture.output_features["inputs"].vocabulary
    for split in ("train", "test"):
        for name in ("entities", "topics"):
            dataset = seqio.get_mixture_or_task(name).get_dataset(None, split=split, shuffle=False)
            elements_of_task = list(dataset.as_numpy_iterator())
            assert len(elements_of_task) > 5
            for element in elements_of_task:
                assert element["inputs"].dtype == element["targets"].dtype == np.int32
                assert element["targets"][-1] == vocabulary.eos_id
                assert element["inputs_pretokenized"].decode() == vocabulary.decode(element["inputs"])
                assert element["targets_pretokenized"].decode() == vocabulary.decode(element["targets"])
                assert element["inputs_pretokenized"].endswith(GEN.encode())
    records = [record for record in stores[1] if record.task == "entities"]
    element = next(
        iter(seqio.get_mixture_or_task("entities").get_dataset(None, "test", shuffle=False).as_numpy_iterator())
    )
    assert tuple(label.decode() for label in element["labels"]) == records[0].labels
    assert (element["id"].decode(), element["text"].decode()) == (records[0].id, records[0].text)
    assert element["inputs"].tolist() == records[0].prompt_ids


def test_caching_is_declared(mixture) -> None:
    task = seqio.get_mixture_or_task("topics")
    assert task.supports_caching
    assert not task.requires_caching
    cached = task.preprocess_precache(task.source.get_dataset("train", shuffle=False))
    assert elements(cached) == elements(task.get_dataset(None, "train", shuffle=False))


@pytest.mark.parametrize("name", ["small", "topics"])
def test_evaluator_has_our_scores(name, stores, mixture, tmp_path) -> None:
    evaluator = seqio.Evaluator(
        name,
        seqio.PrefixLMFeatureConverter(pack=False),
        eval_split="test",
        logger_cls=[seqio.JSONLogger],
        log_dir=str(tmp_path),
    )
    assert {task.name for task in evaluator.eval_tasks} == ({"entities", "topics"} if name == "small" else {name})
    tokenizer = small_tokenizer()
    records = {task: [r for r in stores[1] if r.task == task] for task in ("entities", "topics")}

    def outputs(task: str, oracle: bool) -> list[str]:
        """The gold answers, or with those of three prompts in a wrong order and a broken one."""
        targets = [record.target for record in records[task]]
        return targets if oracle else [*targets[1:4], *targets[3:-1], "food\tfood\nnothing"]

    def evaluate(oracle: bool) -> dict[str, dict[str, float]]:
        """As a model would be scored: it answers with ids, padded with 0 after `</s>`."""
        rows = {}
        for task in records:
            ids = [[*row, tokenizer.eos_token_id] for row in tokenizer(outputs(task, oracle))["input_ids"]]
            rows[task] = [row + [0] * (64 - len(row)) for row in ids]
        order = iter([task.name for task in evaluator.eval_tasks])

        def predict(dataset: tf.data.Dataset) -> list[tuple[int, list[int]]]:
            answers = rows[next(order)]
            return [(int(number), answers[int(number)]) for number, _ in dataset.as_numpy_iterator()]

        metrics, _ = evaluator.evaluate(compute_metrics=True, step=0, predict_fn=predict)
        return metrics.result()

    for task, metrics in evaluate(oracle=True).items():
        assert set(metrics.values()) == {100.0} or (task == "topics" and metrics["rouge_paper"] < 100)
        assert metrics["paper_score"] == metrics["f1"] == metrics["well_formed"] == 100.0
    for task, metrics in evaluate(oracle=False).items():
        pairs = zip(records[task], outputs(task, oracle=False), strict=True)
        ours = compute_scores(read_predictions(pairs)).overall
        assert metrics["f1"] == pytest.approx(100 * ours.f1)
        assert metrics["paper_score"] == pytest.approx(100 * ours.paper_score("fixed"))
        assert metrics["rouge_paper"] == pytest.approx(100 * ours.rouge["paper"])
        assert metrics["well_formed"] == pytest.approx(100 * ours.well_formed)
        assert 0 < metrics["f1"] < 100
    logged = (tmp_path / "topics-000000.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(logged) == len(records["topics"])
    train = seqio.Evaluator("topics", seqio.PrefixLMFeatureConverter(pack=False), eval_split="train")
    with pytest.raises(ValueError, match="only splits of evaluation stores"):
        train.evaluate(compute_metrics=True, predict_fn=lambda dataset: [(n, [2]) for n, _ in enumerate(dataset)])[
            0
        ].result()


def test_what_cannot_be_registered_is_named(config, stores, mixture, tmp_path, monkeypatch) -> None:
    train, test = (store.folder for store in stores)
    monkeypatch.delenv("SEQGPT_STORE", raising=False)
    with pytest.raises(StoreError, match="set SEQGPT_STORE"):
        seqio_tasks.register()
    with pytest.raises(StoreError, match="no folder matches"):
        seqio_tasks.register(store=str(tmp_path / "nothing.*"))
    with pytest.raises(StoreError, match="nowhere"):
        seqio_tasks.register(store=tmp_path / "nowhere")
    other = prepared(config, seed=5)
    with pytest.raises(StoreError, match="both hold split train of task entities"):
        seqio_tasks.register(store=[train, other])
    vocabulary = small_tokenizer()
    vocabulary.add_tokens(["<more>"])
    save_tokenizer(vocabulary, tmp_path / "other")
    with pytest.raises(StoreError, match="prepared with another tokenizer"):
        seqio_tasks.register(store=train, tokenizer=str(tmp_path / "other"))
    # Patterns, several in one string, and a second call with other stores.
    assert seqio_tasks.register(store=f"{train.parent}/small.t[r]ain.{train.name[-10:]}{os.pathsep}{test}").splits
    assert set(seqio_tasks.register(store=other).splits) == {"train"}
    seqio.MixtureRegistry.remove("small")
    seqio.MixtureRegistry.add("small", [("topics", 1.0)])
    with pytest.raises(ValueError, match="duplicate provider: small"):
        seqio_tasks.register(store=train)
    seqio.MixtureRegistry.remove("small")


def test_gin_binds_the_store_for_t5x(stores, monkeypatch) -> None:
    gin = pytest.importorskip("gin")
    monkeypatch.delenv("SEQGPT_STORE", raising=False)
    seqio.MixtureRegistry.remove("small")

    @gin.configurable(module="t5x_like")
    def dataset_config(mixture_or_task_name=gin.REQUIRED):
        return mixture_or_task_name

    with gin.unlock_config():
        gin.parse_config(
            f"""
            from __gin__ import dynamic_registration
            from seqgpt_jax.tasks import seqio_tasks
            MIXTURE_OR_TASK_NAME = @seqio_tasks.register()
            seqio_tasks.register.store = '{stores[0].folder}'
            """
        )
        try:
            assert "small" not in seqio.MixtureRegistry.names()
            assert gin.query_parameter("%MIXTURE_OR_TASK_NAME").scoped_configurable_fn().name == "small"
        finally:
            gin.clear_config()


PROCESS = """
import os, sys
stores = os.environ.pop("SEQGPT_STORE")
import seqio
import seqgpt_jax.tasks.seqio_tasks as seqio_tasks
assert not [*seqio.TaskRegistry.names()], "registered at import"
os.environ["SEQGPT_STORE"] = stores
del sys.modules["seqgpt_jax.tasks.seqio_tasks"]
import seqgpt_jax.tasks.seqio_tasks
assert {*seqio.TaskRegistry.names()} == {"entities", "topics"}
mixture = seqio.get_mixture_or_task("small")
alive = [iter(mixture.get_dataset(split="train", seed=seed)) for seed in range(3)]
alive += [iter(task.get_dataset(split="train", num_epochs=None)) for task in mixture.tasks]
print(*(next(iterator)["inputs"].shape[0] > 0 for iterator in alive), flush=True)
"""


def test_environment_variable_registers_and_the_process_ends_with_live_iterators(stores, tmp_path) -> None:
    variables = os.environ | {"SEQGPT_STORE": os.pathsep.join(str(store.folder) for store in stores)}
    finished = subprocess.run(
        [sys.executable, "-c", PROCESS], env=variables, capture_output=True, text=True, timeout=240, cwd=tmp_path
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == ["True"] * 5


def test_without_seqio_the_extra_is_named(tmp_path) -> None:
    code = "import sys; sys.modules['seqio'] = None; import seqgpt_jax.tasks.seqio_tasks"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert "SeqIO is an extra: pip install 'seqgpt_jax[seqio]'" in finished.stderr


def test_vocabulary_round_trip(config) -> None:
    vocabulary = HFVocabulary(config.tokenizer)
    text = "输入: Ann 去了北京\t，"
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.decode_tf(vocabulary.encode_tf(text)).numpy().decode() == text
    assert vocabulary.decode([*vocabulary.encode(text), 2, 0, 0]) == text
    assert vocabulary.decode_batch([vocabulary.encode(text), [*vocabulary.encode("a"), 2]]) == [text, "a"]
    assert vocabulary.encode_batch([text, "a"]) == [vocabulary.encode(text), vocabulary.encode("a")]
    assert vocabulary.pad_id == 0
    assert vocabulary.eos_id == 2
    assert vocabulary.encode(GEN) == [vocabulary.vocab_size - 1]
    assert vocabulary == HFVocabulary(config.tokenizer) != HFVocabulary("other")


def test_a_vocabulary_whose_first_id_is_text_and_whose_prompts_have_a_start_token(tmp_path):
    tokenizer = imported("start_token")
    save_tokenizer(tokenizer, tmp_path)
    vocabulary, text = HFVocabulary(str(tmp_path)), f"输入: a!!b! 🙂\n输出: {GEN}"
    assert tokenizer.convert_tokens_to_ids("!") == 0
    (prompt,) = encode_prompts(tokenizer, [text])
    assert prompt[0] == vocabulary.bos_id
    assert vocabulary.decode_batch([prompt, vocabulary.encode(text)]) == [text, text]
    assert vocabulary.decode_batch([[*vocabulary.encode("!a"), vocabulary.eos_id, 0, 0]]) == ["!a"]
