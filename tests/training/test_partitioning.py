import dataclasses

import jax
import pytest
from jax.sharding import PartitionSpec

from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import (
    MeshConfig,
    Rules,
    check_batch,
    host_rows,
    make_mesh,
    param_shardings,
    state_shardings,
)
from tests.training.runs import MODEL, mesh_of


def test_all_devices_shard_parameters_by_default():
    assert dict(make_mesh(MeshConfig()).shape) == {"data": 1, "fsdp": 8, "tensor": 1}
    assert dict(make_mesh(MeshConfig(data=2, fsdp=-1, tensor=2)).shape) == {"data": 2, "fsdp": 2, "tensor": 2}


def test_a_mesh_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="3 x -1 x 1 does not fit 8 devices"):
        make_mesh(MeshConfig(data=3))
    with pytest.raises(ValueError, match="2 x 2 x 1 does not fit 8 devices"):
        make_mesh(MeshConfig(data=2, fsdp=2, tensor=1))
    with pytest.raises(ValueError, match="only one"):
        MeshConfig(data=-1, fsdp=-1)
    with pytest.raises(ValueError, match=r"Mesh\.tensor = 0"):
        MeshConfig(tensor=0)


def test_rules_name_the_closest_axis():
    with pytest.raises(ValueError, match=r"no rule for the logical axis 'embeds'; closest: embed"):
        Rules().spec("vocab", "embeds")


def test_rules_refuse_a_mesh_axis_used_twice():
    assert Rules().spec("batch", "length", None) == PartitionSpec(("data", "fsdp"), None, None)
    with pytest.raises(ValueError, match="'fsdp' twice"):
        Rules().spec("batch", "embed")
    with pytest.raises(ValueError, match="'tensor' twice"):
        Rules(embed="tensor").spec("vocab", "embed")


def test_every_parameter_and_its_moments_lie_by_the_rules():
    mesh = mesh_of(2, 2, 2)
    config = OptimizerConfig()
    params, opt_state = state_shardings(MODEL, make_optimizer(config, make_schedule(config, 5)), mesh, Rules())
    kernel = params["layers"]["attention"]["query_key_value"]["kernel"]
    assert kernel.spec == PartitionSpec(None, "fsdp", "tensor", None, None)
    assert params["word_embeddings"].spec == PartitionSpec("tensor", "fsdp")
    adam = opt_state[1]
    assert adam.mu == params
    assert adam.nu == params
    assert adam.count.spec == PartitionSpec()


def test_a_parameter_that_cannot_be_split_is_named():
    with pytest.raises(ValueError, match=r"parameter layers\.attention\.dense\.kernel .*'heads'.*partitioned 8 times"):
        param_shardings(dataclasses.replace(MODEL, hidden_size=24, n_head=4), mesh_of(1, 1, 8), Rules())


def test_batch_size_must_divide():
    check_batch(16, 2, mesh_of(2, 2, 2), Rules())
    with pytest.raises(ValueError, match=r"Train\.batch_size = 12 .* 2 micro-batches .* 4 devices .* multiple of 8"):
        check_batch(12, 2, mesh_of(2, 2, 2), Rules())


def test_one_host_feeds_all_rows():
    assert host_rows(mesh_of(2, 2, 2), Rules(), 8) == (0, 1)


def test_default_rules_cover_what_the_model_names():
    """An activation's axis without a rule would be found only while tracing on a mesh."""
    assert {"vocab", "embed", "mlp", "heads", "qkv", "head_dim", "layers", "batch", "length"} == {
        name for name, _ in Rules().pairs()
    }
    assert len(jax.tree.leaves(param_shardings(MODEL, mesh_of(1, 1, 1), Rules()))) > 5
