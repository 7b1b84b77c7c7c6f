"""What is asked of the TPU's compiler: chips, their memory, and sizes of programs."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import SingleDeviceSharding

from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.planning.hlo_text import read_computations, tiled_bytes
from seqgpt_jax.planning.slices import parse_slice, usual_shape
from seqgpt_jax.planning.tpu_compiler import compile_program, slice_devices
from seqgpt_jax.training.hardware import CHIPS
from seqgpt_jax.training.partitioning import MeshConfig, host_rows, make_mesh
from tests.planning.compiler import needs_compiler

pytestmark = [needs_compiler, pytest.mark.usefixtures("compiler")]


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_has_the_memory_that_the_compiler_says(name) -> None:
    chip = CHIPS[name]
    devices = slice_devices(parse_slice(f"{name}:{'x'.join(map(str, usual_shape(4, len(chip.pod))))}"))
    assert [device.device_kind for device in devices] == [chip.device_kind] * 4
    large = jax.ShapeDtypeStruct((chip.hbm_bytes,), jnp.int8, sharding=SingleDeviceSharding(devices[0]))
    compiled = compile_program(jax.jit(jnp.negative), (large,), {"x": large})
    assert not compiled.fits
    assert compiled.bytes["available"] == pytest.approx(chip.hbm_bytes)


def test_sizes_in_tiles_are_those_that_the_compiler_reserves() -> None:
    place = SingleDeviceSharding(slice_devices(parse_slice("v5e:1x1"))[0])
    shapes = {"x": ((3, 5, 64), jnp.bfloat16), "y": ((64, 3), jnp.float32), "z": ((1000,), jnp.float32)}
    arrays = {name: jax.ShapeDtypeStruct(*one, sharding=place) for name, one in shapes.items()}
    compiled = compile_program(jax.jit(lambda *xs: [2 * x for x in xs]), tuple(arrays.values()), arrays)
    computations, entry = read_computations(compiled.text)
    parameters = [one for one in computations[entry].values() if one.opcode == "parameter"]
    reserved = sum(compiled.bytes[name] for name in ("x", "y", "z", "padding of arguments"))
    assert sum(tiled_bytes(one.shape) for one in parameters) == pytest.approx(reserved, rel=0.1)
    assert reserved > 1.5 * sum(compiled.bytes[name] for name in arrays)


@pytest.mark.parametrize("name", ["v5e:4x4", "v5e:8x8", "v6e:4x4", "v4:2x2x4", "v5p:4x8x8"])
def test_each_host_of_a_slice_feeds_its_own_part_of_the_batch(name) -> None:
    """JAX orders chips along the rings of a slice: those of a host, a square, are no neighbours in the mesh."""
    devices = slice_devices(parse_slice(name))
    hosts = sorted({device.process_index for device in devices})
    rows = 4 * len(devices)
    whole = make_mesh(MeshConfig(), devices)
    assert sorted(host_rows(whole, ShardingRules(), rows, host) for host in hosts) == [
        (part, len(hosts)) for part in range(len(hosts))
    ]
    split = [host_rows(make_mesh(MeshConfig(tensor=4), devices), ShardingRules(), rows, host) for host in hosts]
    assert {count for _, count in split} == {len({part for part, _ in split})}
    assert len(split) > 1


def test_a_slice_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"--topology=v5e:3x5: .*not divisible"):
        slice_devices(parse_slice("v5e:3x5"))
