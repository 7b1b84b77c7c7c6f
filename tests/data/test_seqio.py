"""SeqIO's own API gives the examples that `prepare` stores."""

import numpy as np
import pytest

seqio = pytest.importorskip("seqio", reason="SeqIO is installed with the package; without it nothing here can run")

from seqgpt_jax.atomic import GEN  # noqa: E402
from seqgpt_jax.data.prepare.config import PrepareConfig  # noqa: E402
from seqgpt_jax.data.prepare.pipeline import prepare  # noqa: E402
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation  # noqa: E402
from seqgpt_jax.data.store import TrainStore  # noqa: E402
from seqgpt_jax.data.vocabulary import HFVocabulary  # noqa: E402
from seqgpt_jax.io.tokenizer import save_tokenizer  # noqa: E402
from seqgpt_jax.tasks import find, seqio_tasks  # noqa: E402
from tests.data.small_tasks import small_tokenizer  # noqa: E402

LENGTHS = {"inputs": 160, "targets": 80}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(small_tokenizer(), path)
    return str(path)


@pytest.mark.parametrize("task", ["quick_ner_zh", "quick_sa_en"])
def test_task_gives_what_prepare_stores(task, folder, tmp_path) -> None:
    seqio_tasks.register(tokenizer=folder, quota=20, seed=2)
    dataset = seqio.get_mixture_or_task(task).get_dataset(LENGTHS, split="train", shuffle=False, seed=None)
    config = PrepareConfig(
        mixture=task,
        tokenizer=folder,
        quota=20,
        seed=2,
        output_dir=str(tmp_path),
        max_prompt_tokens=LENGTHS["inputs"],
        max_target_tokens=LENGTHS["targets"],
    )
    store = TrainStore(prepare(ResolvedPreparation(config, find(config), small_tokenizer())))
    stored = store.read(0, range(store.manifest["examples"]))
    elements = list(dataset.as_numpy_iterator())
    assert len(elements) == len(stored) > 20
    for element, record in zip(elements, stored, strict=True):
        assert np.array_equal(element["inputs"], record.prompt_ids)
        assert np.array_equal(element["targets"], record.target_ids)


def test_mixture_is_packed_by_seqio_itself(folder) -> None:
    seqio_tasks.register(tokenizer=folder, quota=5, mixtures={"two": ("quick_sa_en", "quick_ner_zh")})
    dataset = seqio.get_dataset(
        "two",
        task_feature_lengths={"inputs": 96, "targets": 64},
        dataset_split="train",
        shuffle=False,
        feature_converter=seqio.PrefixLMFeatureConverter(pack=True),
    )
    batch = next(iter(dataset.take(1).as_numpy_iterator()))
    assert batch["decoder_target_tokens"].shape == (160,)
    assert batch["decoder_loss_weights"].sum() > 0


def test_mixture_rates_are_what_survives_the_quotas(folder) -> None:
    seqio_tasks.register(tokenizer=folder, quota=5)
    mixture = seqio.get_mixture_or_task("quickstart_held_out")
    assert {task.name for task in mixture.tasks} >= {"quick_zero_ner_en", "quick_zero_sa_zh"}
    sentiment = seqio.get_mixture_or_task("quick_sa_en")
    assert seqio.get_mixture_or_task("quickstart_ft").get_rate(sentiment) == 15  # three labels


def test_vocabulary_round_trip(folder) -> None:
    vocabulary = HFVocabulary(folder)
    text = "输入: Ann 去了北京\t，"
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.decode_tf(vocabulary.encode_tf(text)).numpy().decode() == text
    assert vocabulary.pad_id == 0
    assert vocabulary.eos_id == 2
    assert vocabulary.encode(GEN) == [vocabulary.vocab_size - 1]
    assert vocabulary == HFVocabulary(folder) != HFVocabulary("other")
