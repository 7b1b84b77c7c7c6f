"""Our side of the training benchmarks: the step that `train` compiles, on one device."""

import contextlib
import time
from pathlib import Path
from typing import Any

import batches
import jax
import numpy as np

from seqgpt_jax.io.hf_checkpoint import load_params, params_to_hf, read_config
from seqgpt_jax.models.parameters import param_shardings
from seqgpt_jax.models.registry import config_from_hf
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.initial_state import initial_state, owned_by_devices
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import MeshConfig, batch_sharding, make_mesh
from seqgpt_jax.training.step import batch_loss, compile_once, make_train_step

# AdamW and clipping as on the peer's side.
OPTIMIZER = OptimizerConfig(learning_rate=1e-4, schedule="constant", warmup_fraction=0.0, weight_decay=0.01, b2=0.999)


class Training:
    """A model that is trained."""

    def __init__(self, folder: str, dtype: str, remat: str) -> None:
        values = read_config(Path(folder))
        self.config = config_from_hf(values | {}, dtype=dtype)
        self.config = type(self.config)(**{**vars(self.config), "remat": remat})
        self.mesh, self.rules = make_mesh(MeshConfig(), jax.devices()[:1]), ShardingRules()
        self.params = load_params(Path(folder), self.config, param_shardings(self.config, self.mesh, self.rules))

    def put(self, batch: dict[str, np.ndarray]) -> dict[str, jax.Array]:
        return jax.device_put(batch, batch_sharding(self.mesh, self.rules))

    def sharded(self) -> contextlib.AbstractContextManager:
        return use_sharding(self.mesh, self.rules)


def steps(folder: str, dtype: str, rows: int, length: int, number: int, remat: str) -> dict[str, Any]:
    """Seconds of `number` steps on one padded batch, after one that warms up; losses and norms of all."""
    training = Training(folder, dtype, remat)
    sequences = batches.padded_sequences(rows, length, training.config.vocab_size)
    (batch,) = batches.ours(sequences, length, rows, packed=False)
    seconds, losses, norms = _run(training, [batch] * (1 + number))
    sizes = [len(p) + len(t) - 1 for p, t in sequences]
    flops = training.config.train_flops(
        tokens=sum(sizes), supervised=sum(len(t) for _, t in sequences), keys=sum(n * (n + 1) / 2 for n in sizes)
    )
    return {"seconds": seconds[1:], "losses": losses, "norms": norms, "flops": flops}


def epoch(
    folder: str, dtype: str, lengths: str, examples: int, longest: int, length: int, rows: int, remat: str
) -> dict[str, Any]:
    """Examples a second of one pass over examples of real lengths, packed into rows, after a step that warms up."""
    training = Training(folder, dtype, remat)
    sequences = batches.real_sequences(lengths, examples, longest, training.config.vocab_size)
    found = batches.ours(sequences, length, rows, packed=True)
    seconds, losses, _ = _run(training, [found[0], *found])
    real = sum(int((batch["segment_ids"] > 0).sum()) for batch in found)
    return {
        "examples_per_second": len(sequences) / sum(seconds[1:]),
        "steps": len(found),
        "fill": real / sum(batch["segment_ids"].size for batch in found),
        "losses": losses,
    }


def _run(training: Training, every: list[dict[str, np.ndarray]]) -> tuple[list[float], list[float], list[float]]:
    schedule = make_schedule(OPTIMIZER, 1000)
    optimizer = make_optimizer(OPTIMIZER, schedule)
    seconds, losses, norms = [], [], []
    with training.sharded():
        params = owned_by_devices(training.params)
        state = initial_state(params, training.config, optimizer, training.mesh, training.rules)
        training.params = params = None  # the step takes them over
        step = make_train_step(training.config, optimizer, schedule, training.mesh)
        step = compile_once(step, state, training.put(every[0]))
        for batch in every:
            start = time.perf_counter()
            state, metrics = step(state, training.put(batch))
            jax.block_until_ready((state, metrics))
            seconds.append(time.perf_counter() - start)
            losses.append(float(metrics.loss))
            norms.append(float(metrics.grad_norm))
    return seconds, losses, norms


def check(folder: str, kind: str, rows: int, length: int, lengths: str = "", examples: int = 0) -> dict[str, Any]:
    """Loss in float32 of what is trained on, and samples of its gradient by Hugging Face name."""
    training = Training(folder, "float32", "dots")
    vocab_size = training.config.vocab_size
    if kind == "padded":
        sequences = batches.padded_sequences(rows, length, vocab_size)
    else:
        sequences = batches.real_sequences(lengths, examples, length, vocab_size)
    found = batches.ours(sequences, length, rows, packed=kind == "packed")
    weights = sum(float(batch["target_weights"].sum()) for batch in found)
    function = jax.jit(jax.value_and_grad(lambda params, batch: batch_loss(training.config, params, batch).loss))
    with training.sharded():
        total, gradient = 0.0, None
        for batch in found:
            loss, more = function(training.params, training.put(batch))
            total += float(loss)
            gradient = more if gradient is None else jax.tree.map(np.add, gradient, more)
    tensors = params_to_hf(jax.tree.map(lambda leaf: np.asarray(leaf) / weights, gradient), training.config, "float32")
    return {"loss": total / weights, "gradient": {name: batches.sampled(one.read()) for name, one in tensors.items()}}
