"""Registers every task and mixture with SeqIO: `import seqgpt_jax.tasks.seqio_tasks`.

    import seqio
    import seqgpt_jax.tasks.seqio_tasks as seqio_tasks
    seqio_tasks.register(tokenizer="runs/quickstart/tokenizer", quota=1000)
    dataset = seqio.get_mixture_or_task("quickstart_ft").get_dataset(
        sequence_length={"inputs": 1024, "targets": 256}, split="train", seed=0)

The examples are those of `python -m seqgpt_jax.prepare` with the same settings; the seed given to
SeqIO is the number of the epoch that is drawn. A mixture's rates are the examples that survive
the quotas, so that drawing is uniform over the union (SeqGPT, section 2.3).
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import seqio
import tensorflow as tf

from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.training_text import rendered_examples
from seqgpt_jax.data.preprocessors import prompts_to_ids
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.data.vocabulary import HFVocabulary
from seqgpt_jax.tasks import catalogue


def examples(spec: TaskSpec, config: PrepareConfig, epoch: int) -> Iterator[dict[str, str]]:
    """Elements {"id", "inputs", "targets"} of one split, in file order; what gives none is left out."""
    for id, prompt, target in rendered_examples(spec, config, epoch):
        yield {"id": id, "inputs": prompt, "targets": target}


def _dataset(
    split: str, shuffle_files: bool, seed: int | None = None, *, spec: TaskSpec, config: PrepareConfig
) -> tf.data.Dataset:
    del shuffle_files  # one stream in file order; SeqIO shuffles behind it
    text = tf.TensorSpec([], tf.string)
    return tf.data.Dataset.from_generator(
        lambda: examples(spec, replace(config, split=split), seed or 0),
        output_signature={"id": text, "inputs": text, "targets": text},
    )


def _rate(task: seqio.Task, *, spec: TaskSpec, config: PrepareConfig) -> float:
    del task
    return float(sum(1 for _ in examples(spec, config, epoch=0)))


def register(mixtures: Mapping[str, Sequence[str]] | None = None, **settings: Any) -> None:
    """(Re-)registers all tasks, own data among them, with these fields of `PrepareConfig`, and mixtures (None: all)."""
    config = PrepareConfig(mixture="seqio", **settings)
    tasks, all_mixtures = catalogue(config)
    mixtures = all_mixtures if mixtures is None else mixtures
    vocabulary = HFVocabulary(config.tokenizer)
    features = {
        "inputs": seqio.Feature(vocabulary, add_eos=False, required=True),
        "targets": seqio.Feature(vocabulary, add_eos=True, required=True),
    }
    for name in [*seqio.MixtureRegistry.names()]:
        if name in all_mixtures or name in mixtures:
            seqio.MixtureRegistry.remove(name)
    for name, spec in tasks.items():
        if name in seqio.TaskRegistry.names():
            seqio.TaskRegistry.remove(name)
        source = seqio.FunctionDataSource(
            functools.partial(_dataset, spec=spec, config=config), splits=list(spec.splits)
        )
        seqio.TaskRegistry.add(name, source=source, preprocessors=prompts_to_ids(), output_features=features)
    for name, members in mixtures.items():
        rates = [(member, functools.partial(_rate, spec=tasks[member], config=config)) for member in members]
        seqio.MixtureRegistry.add(name, rates)


register(tokenizer="DAMO-NLP/SeqGPT-560M")
