"""Rendered prompts and targets of a mixture as text, for training a tokenizer."""

import tempfile
from collections.abc import Iterator, Sequence

from etils import epath

from seqgpt_jax.atomic import GEN
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.label_stats import collect_label_stats
from seqgpt_jax.data.prepare.shards import ShardReport, render_shard, shards
from seqgpt_jax.data.prepare.state import PreparationState
from seqgpt_jax.data.raw.files import read_instances
from seqgpt_jax.data.raw.task_spec import TaskSpec


def rendered_examples(spec: TaskSpec, config: PrepareConfig, epoch: int) -> Iterator[tuple[str, str, str]]:
    """(id, prompt, target) of one split in file order; what gives no example is left out: `prepare` counts it."""
    with tempfile.TemporaryDirectory() as folder:
        state = PreparationState(epath.Path(folder))
        for split in spec.splits:
            state.write_instances(
                spec.name, split, read_instances(spec, split, config.data_folder(), config.bad_records)
            )
        stats = collect_label_stats(spec, config, lambda split: state.instances(spec.name, split))
        for shard in shards(state.instances(spec.name, config.split), stats, epoch):
            for id, _, prompt, target in render_shard(shard, stats.label_set, config, ShardReport()):
                yield id, prompt, target


def training_strings(config: PrepareConfig, specs: Sequence[TaskSpec]) -> Iterator[str]:
    """Prompts (without `[GEN]`) and targets of one epoch of training, for a tokenizer to learn from."""
    for spec in specs:
        for _, prompt, target in rendered_examples(spec, config, epoch=0):
            yield prompt.removesuffix(GEN)
            yield target
