"""Runs that train adapters alone: checkpoints, resuming, the base model found again."""

import dataclasses
import functools
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from seqgpt_jax.io import model_folder
from seqgpt_jax.io.lora_folder import LORA_FILE, read_adapters, save_adapters
from seqgpt_jax.io.run_checkpoints import LoadingError
from seqgpt_jax.models.lora import LoraConfig, merged
from seqgpt_jax.models.parameters import params_of
from seqgpt_jax.models.registry import make_config
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.checkpointing.metadata import CheckpointError
from seqgpt_jax.training.initial_state import abstract_state
from seqgpt_jax.training.optimizer import make_optimizer, make_schedule
from seqgpt_jax.training.step import make_train_step
from tests.training.runs import (
    MODEL,
    OPTIMIZER,
    StoppedBatches,
    TinyBatches,
    assert_bit_equal,
    mesh_of,
    take_steps,
    tiny_train,
)

LORA = LoraConfig(rank=2, alpha=8.0, targets=("query_key_value", "dense_4h_to_h"))


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    run_dir = tmp_path_factory.mktemp("base")
    tiny_train(run_dir, batches=functools.partial(TinyBatches, 2))
    return run_dir


@pytest.fixture(scope="module")
def straight(base, tmp_path_factory) -> Path:
    """A run of six steps without interruption."""
    run_dir = tmp_path_factory.mktemp("straight")
    tiny_train(run_dir, lora=LORA, init_from=str(base), open_validation=TinyBatches, validate_every=3)
    return run_dir


def adapter_of(run_dir: Path, step: int | None = None) -> dict:
    return model_folder.load_adapter(run_dir, read_adapters(run_dir), step=step)[0]


def test_checkpoints_hold_the_adapters_alone(straight):
    sums = json.loads((straight / "checkpoints/6/meta/metadata").read_text())["sums"]
    weights = [name for name in sums if ".count" not in name]
    assert {name.rpartition(".")[2] for name in weights} == {"lora_a", "lora_b"}
    assert len(weights) == 3 * 2 * 2  # weights and two moments, of two linear maps, both factors
    adapter = flatten_dict(adapter_of(straight))
    assert {path[-2] for path in adapter} == set(LORA.targets)
    for path, leaf in adapter.items():
        assert np.abs(leaf - flatten_dict(adapter_of(straight, 3))[path]).max() > 0


def test_a_training_without_adapters_forgets_those_of_one_that_left_no_checkpoint(straight, tmp_path):
    save_adapters(tmp_path, read_adapters(straight))
    tiny_train(tmp_path, batches=functools.partial(TinyBatches, 2))
    assert read_adapters(tmp_path) is None
    assert model_folder.load(tmp_path).config == MODEL


def test_a_run_is_loaded_as_the_base_with_its_adapters(base, straight):
    weights = params_of(model_folder.load(base).model)
    loaded = model_folder.load(straight)
    assert loaded.config == MODEL
    assert_bit_equal(params_of(loaded.model), merged(weights, adapter_of(straight), LORA, "float32"))
    halves = params_of(model_folder.load(straight, step="best", dtype="bfloat16").model)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(halves)} == {"bfloat16"}


def test_stopped_and_resumed_it_is_bit_for_bit_the_same(base, straight, tmp_path, capsys):
    train = functools.partial(tiny_train, tmp_path, lora=LORA, init_from=str(base))
    train(batches=StoppedBatches, open_validation=TinyBatches, validate_every=3)
    # Wherever the base model is now.
    moved = tmp_path / "moved"
    shutil.copytree(base, moved)
    train(init_from=str(moved), open_validation=TinyBatches, validate_every=3)
    output = capsys.readouterr().out
    assert "LoRA: 576 of 11,808 parameters are trained" in output
    assert "resumed from step 4" in output
    assert_bit_equal(adapter_of(tmp_path, 6), adapter_of(straight, 6))
    metas = [json.loads((run / "checkpoints/6/meta/metadata").read_text()) for run in (straight, tmp_path)]
    assert metas[0] == metas[1]


def test_adapters_on_adapters_know_their_base_on_any_mesh(straight, tmp_path):
    """What a base and its adapters add up to has other last bits on another mesh."""
    tiny_train(tmp_path, lora=LORA, init_from=str(straight))
    weights = params_of(model_folder.load(straight).model)
    other = jax.tree.map(lambda leaf: leaf * 1.0000001, weights)
    known = read_adapters(tmp_path).base_fingerprint
    assert {model_folder.base_fingerprint(straight, params) for params in (weights, other)} == {known}
    loaded = model_folder.load(tmp_path)
    assert_bit_equal(params_of(loaded.model), merged(weights, adapter_of(tmp_path), LORA, "float32"))


def test_other_adapters_or_another_base_cannot_resume(base, straight, tmp_path):
    train = functools.partial(tiny_train, straight, init_from=str(base), open_validation=TinyBatches, validate_every=3)
    with pytest.raises(CheckpointError, match=r"Lora\.alpha: 8\.0 in the checkpoint, 4\.0 in this run"):
        train(lora=dataclasses.replace(LORA, alpha=4.0))
    with pytest.raises(CheckpointError, match=r"Lora\.rank: 2 in the checkpoint, None in this run"):
        train()
    tiny_train(tmp_path, batches=functools.partial(TinyBatches, 1))
    with pytest.raises(CheckpointError, match=r"fingerprint of the weights in Train\.init_from: '"):
        train(lora=LORA, init_from=str(tmp_path))
    with pytest.raises(LoadingError, match=r"Train\.init_from = '.*gone': no folder"):
        train(lora=LORA, init_from=str(tmp_path / "gone"))
    with pytest.raises(ValueError, match=r"Lora\.rank = 2 .* Train\.init_from"):
        train(lora=LORA, init_from=None)


def test_a_missing_or_changed_base_is_named(base, straight, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(straight, run_dir)
    values = json.loads((run_dir / LORA_FILE).read_text())
    assert values["base"] == str(base)
    (run_dir / LORA_FILE).write_text(json.dumps(values | {"base": str(tmp_path / "gone")}))
    with pytest.raises(LoadingError, match=r"of the model in .*gone, which cannot be loaded .* path .*lora\.json"):
        model_folder.load(run_dir)
    (run_dir / LORA_FILE).write_text(json.dumps(values | {"base_fingerprint": "0" * 16}))
    with pytest.raises(LoadingError, match=r"other weights than .* holds now .* path .*lora\.json"):
        model_folder.load(run_dir)
    (run_dir / LORA_FILE).write_text("{}")
    with pytest.raises(LoadingError, match=r"lora\.json does not describe adapters"):
        model_folder.load(run_dir)


@pytest.mark.parametrize("name", ["bloom", "qwen2"])
def test_adapters_train_alike_on_every_mesh(name):
    grouped = {"mlp_size": 32, "n_kv_head": 2, "head_dim": 4, "max_length": 64, "tied_head": True}
    sizes = {"vocab_size": 288, "hidden_size": 16, "n_layer": 2, "n_head": 4}
    model = make_config(name, **sizes, **(grouped if name != "bloom" else {}))
    batches = [TinyBatches().batch(step) for step in range(3)]
    lora = LoraConfig(rank=2)
    one, metrics = take_steps(mesh_of(1, 1, 1), batches, model=model, lora=lora)
    eight, sharded = take_steps(mesh_of(2, 2, 2), batches, model=model, lora=lora, accumulate=2)
    np.testing.assert_allclose([m.loss for m in sharded], [m.loss for m in metrics], rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), one.params, eight.params)
    assert_bit_equal(one.frozen, eight.frozen)


def test_the_base_has_no_gradient():
    """A step of adapters leaves out the products that make gradients of kernels, and the room for these."""
    model = dataclasses.replace(MODEL, hidden_size=64, vocab_size=2048)
    rules, mesh, schedule = ShardingRules(), mesh_of(1, 1, 1), make_schedule(OPTIMIZER, 5)
    optimizer, batch = make_optimizer(OPTIMIZER, schedule), TinyBatches().batch(0)
    compiled = {}
    for lora in (None, LORA):
        with use_sharding(mesh, rules):
            state = abstract_state(model, optimizer, mesh, rules, lora)
            compiled[lora] = make_train_step(model, optimizer, schedule, mesh, lora=lora).lower(state, batch).compile()
    flops = [step.cost_analysis()["flops"] for step in compiled.values()]
    assert flops[1] < 0.75 * flops[0]
    room = [step.memory_analysis().temp_size_in_bytes for step in compiled.values()]
    assert room[1] < room[0] - 4 * model.num_params()
