"""Recipes by size, and one that is compiled. The compiler's results for others are in benchmarks/results/."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import seqgpt_jax.configs
from seqgpt_jax.command_line import Configs
from seqgpt_jax.models import flash_attention
from seqgpt_jax.planning.slices import parse_slice
from tests.planning.compiler import needs_compiler

FOLDER = Path(seqgpt_jax.configs.__file__).parent / "runs"
TABLE = Path(__file__).parents[2] / "benchmarks" / "results" / "plan_table.json"
SIZES = (
    *("560m", "1b7", "3b", "7b1", "176b"),
    *("qwen3_0_6b", "qwen3_1_7b", "qwen3_4b", "qwen3_8b"),
    *("smollm2_135m", "smollm2_360m", "smollm2_1_7b"),
    *("llama3_2_1b", "llama3_2_3b"),
    *("gemma3_270m", "gemma3_1b"),
)
RECIPES = [f"{stage}_{size}" for stage in ("pt", "ft") for size in SIZES]


def build(recipe: str, *names: str) -> list:
    configs = Configs([f"{recipe}.gin"], [], uses=("Prepare", "Model", "Optimizer", "Mesh", "Train"))
    return [configs.build(name) for name in names]


def topology(recipe: str) -> str:
    """The slice in the comment at the head of the recipe."""
    return re.search(r"--topology=(\S+)", (FOLDER / f"{recipe}.gin").read_text(encoding="utf-8"))[1]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_suits_the_slice_that_it_names(recipe):
    model, train, mesh, prepare = build(recipe, "Model", "Train", "Mesh", "Prepare")
    chips = parse_slice(topology(recipe)).chips
    assert mesh.fsdp == -1
    assert train.batch_size % (train.accumulate * chips) == 0
    assert model.vocab_size % chips == 0
    assert model.attention == "splash"
    assert train.length % flash_attention.SPLASH_BLOCKS[0] == 0
    # No example that was prepared is too long for a row.
    assert prepare.max_prompt_tokens + prepare.max_target_tokens <= train.length


@pytest.mark.parametrize("size", SIZES)
def test_both_stages_train_the_same_step(size):
    pt, ft = (build(f"{stage}_{size}", "Model", "Optimizer", "Mesh") for stage in ("pt", "ft"))
    assert pt == ft
    rows = [
        (train.batch_size, train.length) for (train,) in (build(f"{stage}_{size}", "Train") for stage in ("pt", "ft"))
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("size", SIZES)
def test_the_table_has_every_recipe_as_it_is(size):
    """Whoever changes a recipe compiles it again: python benchmarks/plan_table.py --only=SIZE --again."""
    model, train = build(f"ft_{size}", "Model", "Train")
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["rows"].values()
    flags = f"--gin_file=ft_{size}.gin --topology={topology(f'ft_{size}')}"
    (row,) = [row for row in rows if row["command"].split(" -m seqgpt_jax.plan ")[1].startswith(flags)]
    assert row["fits"]
    planned = {name: row[name] for name in ("batch_size", "length", "accumulate", "remat", "attention", "parameters")}
    assert planned == {
        "batch_size": train.batch_size,
        "length": train.length,
        "accumulate": train.accumulate,
        "remat": model.remat,
        "attention": model.attention,
        "parameters": model.num_params(),
    }


@pytest.mark.slow
@needs_compiler
def test_a_recipe_with_grouped_queries_compiles_and_fits():
    flags = ("--gin_file=ft_qwen3_0_6b.gin", "--topology=v5e:2x2", "--gin.Train.batch_size=8", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "seqgpt_jax.plan", *flags], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["fits"], plan["parameters"], plan["mesh"]["fsdp"]) == (True, 596_049_920, 4)
    assert 1.0 < plan["block_flops_ratio"] < 1.06
    assert {phase["name"] for phase in plan["phases"]} >= {"forward", "backward", "rest"}
