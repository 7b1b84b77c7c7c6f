"""Fixtures of the training tests: a tiny model, batches with real arrays, a real tokenizer, and one call of `train`."""

import functools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.io import model_folder
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.lora import LoraConfig
from seqgpt_jax.models.parameters import create, create_adapter, params_of
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.initial_state import initial_state
from seqgpt_jax.training.loop import Outcome, train
from seqgpt_jax.training.multihost.hosts import SINGLE_HOST, Hosts
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import MeshConfig, batch_sharding, make_mesh
from seqgpt_jax.training.step import StepMetrics, TrainState, make_train_step

MODEL = BloomConfig(vocab_size=288, hidden_size=16, n_layer=2, n_head=4)
OPTIMIZER = OptimizerConfig(learning_rate=1e-2, warmup_fraction=0.2)
EIGHT_DEVICES = MeshConfig()
ROWS, LENGTH, TARGETS = 8, 24, 10
CLS, NER = FAMILIES.index("CLS"), FAMILIES.index("NER")


class TinyBatches:
    """Two texts packed into each row, of NER and of CLS, and some padding; batch s is a function of s alone."""

    def __init__(self, total_steps: int = 6, *, process_index: int = 0, process_count: int = 1) -> None:
        self.total_steps = total_steps
        rows = ROWS // process_count
        self._here = slice(process_index * rows, (process_index + 1) * rows)

    def batch(self, step: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(step)
        tokens, positions, segments = (np.zeros((ROWS, LENGTH), np.int32) for _ in range(3))
        where, ids = (np.zeros((ROWS, TARGETS), np.int32) for _ in range(2))
        families = np.full((ROWS, TARGETS), -1, np.int32)
        weights = np.zeros((ROWS, TARGETS), np.float32)
        for row in range(ROWS):
            first, second = rng.integers(7, 12, 2)
            text = rng.integers(1, MODEL.vocab_size, first + second)
            tokens[row, : first + second] = text
            positions[row, : first + second] = [*range(first), *range(second)]
            segments[row, : first + second] = [1] * first + [2] * second
            count = int(rng.integers(2, TARGETS // 2 + 1))
            predicting = [*range(first - count, first), *range(first + second - count, first + second)]
            where[row, : 2 * count] = predicting
            ids[row, : 2 * count] = rng.integers(1, MODEL.vocab_size, 2 * count)
            weights[row, : 2 * count] = 1.0
            families[row, : 2 * count] = [NER] * count + [CLS] * count
        arrays = (tokens, positions, segments, where, ids, weights, families)
        names = ("tokens", "positions", "segment_ids", "target_positions", "target_ids", "target_weights")
        names += ("target_families",)
        return dict(zip(names, arrays, strict=True))

    def iterate(self, start_step: int) -> Iterator[dict[str, np.ndarray]]:
        for step in range(start_step, self.total_steps):
            yield {name: array[self._here] for name, array in self.batch(step).items()}

    def example_ids(self, step: int) -> list[str]:
        return [f"news/{step}-{row}" for row in range(ROWS)]


class StoppedBatches(TinyBatches):
    """The machine is taken away while step 4 is being prepared."""

    def iterate(self, start_step: int) -> Iterator[dict[str, np.ndarray]]:
        for step, batch in enumerate(super().iterate(start_step), start=start_step + 1):
            if step == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch


@functools.cache
def tokenizer() -> Any:
    return train_tokenizer(["one two three"], 264)


def tiny_train(
    run_dir: Path,
    *,
    model: BloomConfig = MODEL,
    optimizer: OptimizerConfig = OPTIMIZER,
    mesh: MeshConfig = EIGHT_DEVICES,
    batches: Any = TinyBatches,
    fingerprint: str = "data-1",
    open_validation: Any = None,
    validation_fingerprint: str = "",
    hosts: Hosts = SINGLE_HOST,
    lora: LoraConfig | None = None,
    **settings: Any,
) -> Outcome:
    """`train` with settings for a test; `settings` are fields of TrainConfig."""
    settings = {"batch_size": ROWS, "length": LENGTH, "log_every": 2, "save_every": 3, **settings}
    return train(
        TrainConfig(**settings),
        model,
        optimizer,
        mesh,
        open_batches=batches,
        data_fingerprint=fingerprint,
        tokenizer=tokenizer(),
        run_dir=run_dir,
        open_validation=open_validation,
        validation_fingerprint=validation_fingerprint,
        hosts=hosts,
        lora=lora,
    )


def take_steps(
    mesh: Mesh,
    batches: list[dict[str, np.ndarray]],
    *,
    model: BloomConfig = MODEL,
    optimizer: OptimizerConfig = OPTIMIZER,
    steps: int = 10,
    lora: LoraConfig | None = None,
    **options: Any,
) -> tuple[TrainState, list[StepMetrics]]:
    """State and metrics, as host arrays, after one update for each batch."""
    rules = ShardingRules()
    schedule = make_schedule(optimizer, steps)
    chain = make_optimizer(optimizer, schedule)
    with use_sharding(mesh, rules):
        params, frozen = params_of(create(model, 0, mesh=mesh, rules=rules)), None
        if lora:
            params, frozen = create_adapter(model, lora, 0, mesh=mesh, rules=rules), params
        state = initial_state(params, model, chain, mesh, rules, lora, frozen)
        step = make_train_step(model, chain, schedule, mesh, lora=lora, **options)
        metrics = []
        for batch in batches:
            state, one = step(state, jax.device_put(batch, batch_sharding(mesh, rules)))
            metrics.append(one)
    return jax.device_get((state, metrics))


def mesh_of(data: int, fsdp: int, tensor: int, replica: int = 1) -> Mesh:
    return make_mesh(MeshConfig(data, fsdp, tensor, replica), jax.devices()[: data * fsdp * tensor * replica])


def checkpoint_params(run_dir: Path, step: int) -> Any:
    """The parameters of a checkpoint as host arrays."""
    config = model_folder.read_run_config(run_dir)
    return jax.device_get(model_folder.restore_params(run_dir, config, step=step)[0])


def assert_bit_equal(one: Any, other: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)), one, other)
