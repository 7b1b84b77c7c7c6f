import dataclasses

import jax
import pytest
from jax.sharding import PartitionSpec

from seqgpt_jax.models.parameters import param_shardings
from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import (
    MeshConfig,
    batch_sharding,
    check_batch,
    host_rows,
    make_mesh,
    state_shardings,
)
from tests.training.runs import MODEL, TinyBatches, mesh_of, take_steps
from tests.training.test_step import STEADY, assert_same_training


def test_all_devices_shard_parameters_by_default():
    assert dict(make_mesh(MeshConfig()).shape) == {"replica": 1, "data": 1, "fsdp": 8, "tensor": 1}
    shape = make_mesh(MeshConfig(data=2, fsdp=-1, tensor=2)).shape
    assert dict(shape) == {"replica": 1, "data": 2, "fsdp": 2, "tensor": 2}


def test_a_mesh_that_does_not_fit_is_refused():
    with pytest.raises(
        ValueError, match=r"Mesh\.replica x Mesh\.data .* = 1 x 3 x -1 x 1 does not fit 8 devices.* others divide"
    ):
        make_mesh(MeshConfig(data=3))
    with pytest.raises(ValueError, match="1 x 2 x 2 x 1 does not fit 8 devices"):
        make_mesh(MeshConfig(data=2, fsdp=2, tensor=1))
    with pytest.raises(ValueError, match="only one"):
        MeshConfig(data=-1, fsdp=-1)
    with pytest.raises(ValueError, match=r"Mesh\.tensor = 0"):
        MeshConfig(tensor=0)


@dataclasses.dataclass(frozen=True)
class SliceDevice:
    """What a mesh asks of a device."""

    id: int
    slice_index: int
    platform: str = "cpu"
    device_kind: str = "cpu"
    process_index: int = 0


def slice_devices(*slices: int) -> list[SliceDevice]:
    return [SliceDevice(number, index) for number, index in enumerate(slices)]


def test_nothing_but_the_replica_axis_crosses_slices():
    mesh = make_mesh(MeshConfig(replica=-1, data=1, fsdp=2, tensor=2), slice_devices(2, 5, 5, 2, 2, 5, 2, 5))
    assert dict(mesh.shape) == {"replica": 2, "data": 1, "fsdp": 2, "tensor": 2}
    assert [{device.slice_index for device in part.flat} for part in mesh.devices] == [{2}, {5}]
    assert len({device.id for device in mesh.devices.flat}) == 8


def test_slices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"Mesh\.replica = 1, but the 4 devices are of 2 slices: set it to 2"):
        make_mesh(MeshConfig(), slice_devices(0, 0, 1, 1))
    with pytest.raises(ValueError, match=r"Mesh\.replica = 4, but the 4 devices are of 2 slices"):
        make_mesh(MeshConfig(replica=4), slice_devices(0, 0, 1, 1))
    with pytest.raises(ValueError, match=r"slices of different sizes .* \{0: 3, 1: 1\}"):
        make_mesh(MeshConfig(replica=2), slice_devices(0, 0, 0, 1))


def replicas_of(replica: int, data: int, fsdp: int, tensor: int) -> jax.sharding.Mesh:
    return make_mesh(MeshConfig(data, fsdp, tensor, replica))


def test_replicas_split_the_batch_and_no_parameter():
    mesh, rules = replicas_of(2, 1, 2, 2), ShardingRules()
    assert batch_sharding(mesh, rules).shard_shape((8, 24)) == (2, 24)
    whole = param_shardings(MODEL, mesh_of(1, 2, 2), rules)
    split = param_shardings(MODEL, mesh, rules)
    assert jax.tree.map(lambda place: place.spec, split) == jax.tree.map(lambda place: place.spec, whole)
    assert host_rows(mesh, rules, 8) == (0, 1)
    with pytest.raises(ValueError, match=r"over 4 devices \(mesh axes replica, data, fsdp\)"):
        check_batch(6, 1, mesh, rules)


@pytest.fixture(scope="module")
def eight_heads():
    batches = [TinyBatches().batch(step) for step in range(3)]
    model = dataclasses.replace(MODEL, n_head=8)  # so that a tensor axis of eight can split them
    return model, batches, take_steps(mesh_of(1, 1, 1), batches, model=model, optimizer=STEADY)


@pytest.mark.parametrize("shape", [(1, 1, 1, 8), (2, 1, 2, 2)])
def test_replicas_and_a_wide_tensor_axis_train_like_one_device(shape, eight_heads):
    """The other meshes are in test_step.py."""
    model, batches, expected = eight_heads
    assert_same_training(take_steps(replicas_of(*shape), batches, model=model, optimizer=STEADY), expected)


def test_rules_name_the_closest_axis():
    with pytest.raises(ValueError, match=r"no rule for the logical axis 'embeds'; closest: embed"):
        ShardingRules().spec("vocab", "embeds")


def test_rules_refuse_a_mesh_axis_used_twice():
    assert ShardingRules().spec("batch", "length", None) == PartitionSpec(("replica", "data", "fsdp"), None, None)
    with pytest.raises(ValueError, match="'fsdp' twice"):
        ShardingRules().spec("batch", "embed")
    with pytest.raises(ValueError, match="'tensor' twice"):
        ShardingRules(embed="tensor").spec("vocab", "embed")


def test_every_parameter_and_its_moments_lie_by_the_rules():
    mesh = mesh_of(2, 2, 2)
    config = OptimizerConfig()
    params, opt_state = state_shardings(MODEL, make_optimizer(config, make_schedule(config, 5)), mesh, ShardingRules())
    kernel = params["layers"]["attention"]["query_key_value"]["kernel"]
    assert kernel.spec == PartitionSpec(None, "fsdp", "tensor", None, None)
    assert params["word_embeddings"].spec == PartitionSpec(("tensor", "fsdp"), None)
    adam = opt_state[1]
    assert adam.mu == params
    assert adam.nu == params
    assert adam.count.spec == PartitionSpec()


def test_a_parameter_that_cannot_be_split_is_named():
    with pytest.raises(ValueError, match=r"parameter layers\.attention\.dense\.kernel .*'heads'.*partitioned 8 times"):
        param_shardings(dataclasses.replace(MODEL, hidden_size=24, n_head=4), mesh_of(1, 1, 8), ShardingRules())
    with pytest.raises(ValueError, match=r"word_embeddings .* product divides Model\.vocab_size = 300"):
        param_shardings(dataclasses.replace(MODEL, vocab_size=300), mesh_of(1, 4, 2), ShardingRules())


def test_batch_size_must_divide():
    check_batch(16, 2, mesh_of(2, 2, 2), ShardingRules())
    with pytest.raises(ValueError, match=r"Train\.batch_size = 12 .* 2 micro-batches .* 4 devices .* multiple of 8"):
        check_batch(12, 2, mesh_of(2, 2, 2), ShardingRules())


def test_one_host_feeds_all_rows():
    assert host_rows(mesh_of(2, 2, 2), ShardingRules(), 8) == (0, 1)


def parts(*processes: int, tensor: int = 1) -> list[tuple[int, int]]:
    """What each process feeds, by the processes of the devices in the order of the mesh."""
    devices = [SliceDevice(number, 0, process_index=process) for number, process in enumerate(processes)]
    mesh = make_mesh(MeshConfig(tensor=tensor), devices)
    return [host_rows(mesh, ShardingRules(), 8, process) for process in sorted(set(processes))]


def test_hosts_feed_parts_of_the_batch_wherever_their_devices_are():
    assert parts(0, 0, 1, 1) == [(0, 2), (1, 2)]
    assert parts(1, 0, 0, 1) == [(1, 2), (0, 2)]  # process 1 has the first and the last rows
    assert parts(0, 1, 0, 1, 2, 3, 2, 3, tensor=2) == [(0, 2), (0, 2), (1, 2), (1, 2)]
    # Processes 0 and 1 share some rows, and have others alone: all feed the whole batch.
    assert parts(0, 1, 0, 0, 1, 1, 2, 2, tensor=2) == [(0, 1)] * 3


def test_default_rules_cover_what_the_model_names():
    """An activation's axis without a rule would be found only while tracing on a mesh."""
    activations, kernels = (
        {"batch", "length"},
        {"vocab", "embed", "mlp", "heads", "kv_heads", "qkv", "head_dim", "layers"},
    )
    assert activations | kernels == {field.name for field in dataclasses.fields(ShardingRules)}
    assert len(jax.tree.leaves(param_shardings(MODEL, mesh_of(1, 1, 1), ShardingRules()))) > 5
