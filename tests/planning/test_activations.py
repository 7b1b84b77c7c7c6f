"""What blocks keep: derived from a trace, against what was measured, and against programs that were compiled."""

import dataclasses
import json
from pathlib import Path

import pytest

from seqgpt_jax.command_line import Configs
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.planning.activations import kept_activations
from seqgpt_jax.planning.mesh_search import guess_bytes
from seqgpt_jax.planning.train_step import Recipe

TABLE = Path(__file__).parents[2] / "benchmarks" / "results" / "plan_table.json"


def read(name: str, **fields) -> ModelConfig:
    return dataclasses.replace(Configs([f"{name}.gin"], [], uses=("Model",)).build("Model"), dtype="bfloat16", **fields)


def test_dots_keep_the_products_that_the_backward_pass_needs():
    D, H = 1024, 16
    kept = kept_activations(read("bloomz_560m"))
    # The residual stream before the block, and the product that ends attention; not the one that ends the block.
    assert kept.whole == 2 * 2 * D
    # Queries, keys, values and contexts in heads of 64 numbers, which take the room of 128; the MLP; a logsumexp.
    assert kept.split == 2 * (2 * 3 * D + 2 * D + 4 * D) + 4 * H


def test_grouped_queries_and_a_gated_mlp():
    model = read("qwen3_0_6b")
    D, K, H, G, F = 1024, 128, 16, 8, 3072
    kept = kept_activations(model)
    assert kept.whole == 2 * 2 * D
    assert kept.split == 2 * (K * (2 * H + 2 * G) + 2 * F) + 4 * H
    assert kept_activations(dataclasses.replace(model, attention="splash")) == kept


def test_full_rematerialization_keeps_the_residual_stream():
    model = read("qwen3_0_6b", remat="full")
    assert (kept_activations(model).whole, kept_activations(model).split) == (2 * 1024, 0)


@pytest.mark.parametrize("row", ["560m v5e-16", "qwen3_0_6b v5e-16", "qwen3_8b v5e-16"])
def test_the_guess_is_near_what_the_compiler_says(row):
    plan = json.loads(TABLE.read_text(encoding="utf-8"))["rows"][row]
    gin_file = plan["command"].split("--gin_file=")[1].split()[0]
    parts = ("Model", "Optimizer", "Train", "Mesh")
    configs = Configs([gin_file], [], uses=parts)
    guess = guess_bytes(Recipe(*map(configs.build, parts)), plan["mesh"])
    # Rows of before there was a peak have the sum.
    assert guess == pytest.approx(plan.get("peak_bytes_per_chip", plan["bytes_per_chip"]["total"]), rel=0.15)
