import dataclasses
from unittest import mock

import pytest

from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.llama_config import LlamaConfig
from seqgpt_jax.planning import mesh_search, workload
from seqgpt_jax.planning.mesh_search import best_plan, candidates, changes, variants
from seqgpt_jax.planning.slices import Slice, parse_slice
from seqgpt_jax.planning.train_step import Recipe
from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.hardware import GIB
from seqgpt_jax.training.optimizer import OptimizerConfig
from seqgpt_jax.training.partitioning import MeshConfig
from tests.planning.compiler import needs_compiler

MODEL = BloomConfig(hidden_size=64, n_layer=2, n_head=4, vocab_size=512, dtype="bfloat16")
GROUPED = LlamaConfig(
    architecture="qwen3", vocab_size=512, hidden_size=64, mlp_size=96, n_layer=2, n_head=4, n_kv_head=4, head_dim=32,
    max_length=512, tied_head=True, dtype="bfloat16",
)  # fmt: skip
RECIPE = Recipe(MODEL, OptimizerConfig(), TrainConfig(batch_size=16, length=256), MeshConfig())
SLICE = parse_slice("v5e:2x2")


def found(recipe: Recipe, slice_: Slice = SLICE) -> list:
    return list(candidates(recipe, slice_, workload.assumed(recipe.train)))


def with_memory(gib: float) -> Slice:
    """The slice with other chips, which exist nowhere: what fits according to the guess is up to the test."""
    return dataclasses.replace(SLICE, chip=dataclasses.replace(SLICE.chip, hbm_bytes=round(gib * GIB)))


def test_candidates_are_all_meshes_and_numbers_of_micro_batches_that_divide():
    meshes = {(c.recipe.mesh.data, c.recipe.mesh.fsdp, c.recipe.mesh.tensor) for c in found(RECIPE)}
    assert meshes == {(4, 1, 1), (2, 2, 1), (1, 4, 1), (2, 1, 2), (1, 2, 2), (1, 1, 4)}
    whole = [c.recipe.train.accumulate for c in found(RECIPE) if c.recipe.mesh.fsdp == 4]
    # Down to one row on each chip.
    assert whole == [1, 2, 4]
    one_head = RECIPE.replaced("model", n_head=1, vocab_size=510)
    assert {(c.recipe.mesh.fsdp, c.recipe.mesh.tensor) for c in found(one_head)} == {(1, 1), (2, 1)}
    assert not found(one_head.replaced("train", batch_size=3))


@pytest.mark.parametrize(
    ("fields", "most"), [({}, 4), ({"n_kv_head": 2}, 2), ({"n_kv_head": 1}, 1), ({"mlp_size": 102}, 2)]
)
def test_the_tensor_axis_divides_heads_of_keys_and_the_mlp(fields, most):
    model = dataclasses.replace(GROUPED, **fields)
    assert max(c.recipe.mesh.tensor for c in found(dataclasses.replace(RECIPE, model=model))) == most


def test_what_needs_less_memory_is_guessed_to():
    def least(recipe: Recipe) -> float:
        return min(one.bytes for one in found(recipe))

    tried = list(variants(RECIPE.replaced("model", remat="none"), SLICE.chips))
    sizes = [least(recipe) for recipe in tried]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes[:4])) == 4
    by_accumulate = [one.bytes - 16 * MODEL.num_params() / 4 for one in found(RECIPE) if one.recipe.mesh.fsdp == 4]
    assert by_accumulate == sorted(by_accumulate, reverse=True)


def test_what_is_tried_leaves_the_result_alone_as_long_as_it_can():
    recipe = RECIPE.replaced("model", remat="dots")
    tried = [changes(recipe, one) for one in variants(recipe, 4)]
    assert tried[:4] == [
        {},
        {"Model.attention": "splash"},
        {"Model.attention": "splash", "Model.remat": "full"},
        {"Model.attention": "splash", "Model.remat": "full", "Optimizer.moment_dtype": "bfloat16"},
    ]
    assert [one["Train.batch_size"] for one in tried[4:]] == [12, 4]
    # A kernel that cannot take the length is not tried, and a batch smaller than the chips is raised to them.
    recipe = RECIPE.replaced("train", length=200, batch_size=3)
    tried = [changes(recipe, one) for one in variants(recipe, 4)]
    assert tried[1] == {"Model.remat": "full"}
    assert [one["Train.batch_size"] for one in tried if "Train.batch_size" in one] == [4]


@needs_compiler
@pytest.mark.usefixtures("compiler")
@pytest.mark.filterwarnings("ignore:Error reading persistent compilation cache")
def test_a_plan_says_what_it_changes():
    recipe = RECIPE.replaced("model", attention="blockwise", remat="none").replaced("mesh", fsdp=2)
    said: list[str] = []
    needed = {
        remat: min(one.bytes for one in found(recipe.replaced("model", remat=remat))) for remat in ("none", "full")
    }
    slice_ = with_memory((needed["none"] + needed["full"]) / 2 / GIB)
    plan = best_plan(recipe, slice_, workload.assumed, said.append)
    assert (plan.fits, plan.remat, plan.changes["Model.remat"]) == (True, "full", "full")
    assert plan.mesh == {"replica": 1} | {
        name: plan.changes.get(f"Mesh.{name}", 1) for name in ("data", "fsdp", "tensor")
    }
    assert len(said) == 1
    assert said[0].startswith("trying Mesh.")
    assert "Model.remat full" in said[0]


def test_each_way_to_need_less_memory_is_compiled(monkeypatch):
    """The guess is a little too low for all of them, so that those of one remat alone would use up the attempts."""
    recipe, tried = RECIPE.replaced("model", attention="blockwise", remat="dots"), []
    slice_ = with_memory(1.02 * max(one.bytes for one in found(recipe)) / GIB)

    def plan(asked, one, *_):
        tried.append(one.recipe.model.remat)
        return mock.Mock(fits=one.recipe.model.remat == "full", bytes_per_chip={"needed": 0.0})

    monkeypatch.setattr(mesh_search, "_plan", plan)
    assert best_plan(recipe, slice_, workload.assumed).fits
    assert tried == ["dots"] * 4 + ["full"]


@needs_compiler
@pytest.mark.usefixtures("compiler")
def test_where_nothing_fits_the_smallest_is_compiled_and_says_by_how_much():
    large = BloomConfig(hidden_size=8192, n_layer=8, n_head=64, dtype="bfloat16")
    recipe = dataclasses.replace(RECIPE, model=large)
    plan = best_plan(recipe, parse_slice("v5e:1x1"), workload.assumed)
    assert not plan.fits
    assert plan.bytes_per_chip["needed"] > plan.bytes_per_chip["available"]
    assert plan.problem.endswith("nothing that was tried fits: take a larger slice, or chips with more memory")
