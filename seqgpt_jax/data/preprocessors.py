"""SeqIO preprocessors: `ds -> ds` functions for elements of prompt and target text."""

from collections.abc import Mapping

import seqio
import tensorflow as tf


def cut_prompts_left(dataset: tf.data.Dataset, sequence_length: Mapping[str, int] | None) -> tf.data.Dataset:
    """Prompts longer than `sequence_length["inputs"]` lose their start, so labels and `[GEN]` survive.

    >>> # sequence_length={"inputs": 3}
    >>> # {"inputs": [5, 6, 7, 8], "targets": [9, 2]} -> {"inputs": [6, 7, 8], "targets": [9, 2]}
    """
    if not sequence_length or sequence_length.get("inputs") is None:
        return dataset
    limit = sequence_length["inputs"]
    return dataset.map(
        lambda element: {**element, "inputs": element["inputs"][-limit:]}, num_parallel_calls=tf.data.AUTOTUNE
    )


def drop_long_targets(dataset: tf.data.Dataset, sequence_length: Mapping[str, int] | None) -> tf.data.Dataset:
    """A target that would be cut is dropped, not cut: half an answer teaches a wrong one."""
    if not sequence_length or sequence_length.get("targets") is None:
        return dataset
    limit = sequence_length["targets"]
    return dataset.filter(lambda element: tf.size(element["targets"]) <= limit)


def prompts_to_ids() -> list:
    """The preprocessors of every task: tokenise, end the target with `</s>`, fit the lengths."""
    return [
        seqio.preprocessors.tokenize,
        seqio.preprocessors.append_eos,
        cut_prompts_left,
        drop_long_targets,
    ]
