"""Rendered prompts and targets of a mixture as text, for training a tokenizer."""

import functools
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


def training_strings(config: PrepareConfig, specs: Sequence[TaskSpec]) -> Iterator[str]:
    """Prompts (without `[GEN]`) and targets of the first epoch of training, for a tokenizer to learn from.

    They come in file order; an instance that gives no example is left out, and counted when `prepare` drops it.
    """
    for spec in specs:
        with tempfile.TemporaryDirectory() as folder:
            state = PreparationState(epath.Path(folder))
            for split in spec.splits:
                instances = read_instances(spec, split, config.data_folder(), config.bad_records)
                state.write_instances(spec.name, split, instances)
            stats = collect_label_stats(spec, config, functools.partial(state.instances, spec.name))
            for shard in shards(state.instances(spec.name, config.split), stats, epoch=0):
                for _, _, prompt, target in render_shard(shard, stats.label_set, config, ShardReport()):
                    yield prompt.removesuffix(GEN)
                    yield target
