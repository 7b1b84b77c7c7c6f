"""What is read from a program: a small one by hand, in the form that XLA writes for a TPU, and real ones of the CPU."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from seqgpt_jax.planning.hlo_costs import read_program
from seqgpt_jax.planning.hlo_text import array_bytes, tiled_bytes
from tests.training.runs import mesh_of

PROGRAM = """HloModule jit_train_step, is_scheduled=true

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[]{:T(128)} parameter(0)
  %y = f32[]{:T(128)} parameter(1)
  ROOT %sum = f32[]{:T(128)} add(%x, %y)
}

%all-reduce-scatter.1 (input: f32[8,64]) -> f32[2,64] {
  %input = f32[8,64]{1,0:T(8,128)} parameter(0)
  %all-reduce.1 = f32[8,64]{1,0:T(8,128)} all-reduce(%input), channel_id=1, replica_groups={{0,1,2,3}}, to_apply=%add
  %start = u32[] constant(0)
  ROOT %slice = f32[2,64]{1,0:T(8,128)S(1)} dynamic-slice(%all-reduce.1, %start, %start), dynamic_slice_sizes={2,64}
}

%async_collective_fusion.1 (a: bf16[16,64], b: bf16[64,64]) -> bf16[64,64] {
  %a = bf16[16,64]{1,0:T(8,128)(2,1)} parameter(0)
  %b = bf16[64,64]{1,0:T(8,128)(2,1)} parameter(1)
  %gather.1 = bf16[64,64]{1,0:T(8,128)(2,1)} all-gather(%a), channel_id=2, replica_groups=mesh['x'=4,'y'=2] {'x'}
  ROOT %negative = bf16[64,64]{1,0:T(8,128)(2,1)} negate(%b)
}

%stack_fusion (stack: f32[24,8,64], index: s32[]) -> f32[8,64] {
  %stack = f32[24,8,64]{2,1,0:T(8,128)} parameter(0)
  %index = s32[]{:T(128)} parameter(1)
  %zero = s32[]{:T(128)} constant(0)
  %layer = f32[1,8,64]{2,1,0:T(8,128)} dynamic-slice(%stack, %index, %zero, %zero), dynamic_slice_sizes={1,8,64}
  ROOT %flat = f32[8,64]{1,0:T(8,128)} bitcast(%layer)
}

%body (state: (s32[], f32[24,8,64])) -> (s32[], f32[24,8,64]) {
  %state = (s32[]{:T(128)}, f32[24,8,64]{2,1,0:T(8,128)}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%state), index=0
  %stack.2 = f32[24,8,64]{2,1,0:T(8,128)} get-tuple-element(%state), index=1
  %layer.2 = f32[8,64]{1,0:T(8,128)} fusion(%stack.2, %i), kind=kLoop, calls=%stack_fusion
  %fast = f32[8,64]{1,0:T(8,128)S(1)} negate(%layer.2)
  %scattered = f32[2,64]{1,0:T(8,128)S(1)} fusion(%fast), kind=kCustom, calls=%all-reduce-scatter.1
  ROOT %next = (s32[]{:T(128)}, f32[24,8,64]{2,1,0:T(8,128)}) tuple(%i, %stack.2)
}

%condition (state.1: (s32[], f32[24,8,64])) -> pred[] {
  %limit = s32[]{:T(128)} constant(24)
  %state.1 = (s32[]{:T(128)}, f32[24,8,64]{2,1,0:T(8,128)}) parameter(0)
  %i.1 = s32[]{:T(128)} get-tuple-element(%state.1), index=0
  ROOT %less = pred[]{:T(512)} compare(%i.1, %limit), direction=LT
}

ENTRY %main (p: (s32[], f32[24,8,64]), q: bf16[16,64], r: bf16[64,64]) -> bf16[64,64] {
  %p = (s32[]{:T(128)}, f32[24,8,64]{2,1,0:T(8,128)}) parameter(0)
  %q = bf16[16,64]{1,0:T(8,128)(2,1)S(1)} parameter(1)
  %r = bf16[64,64]{1,0:T(8,128)(2,1)S(1)} parameter(2)
  %loop = (s32[]{:T(128)}, /*index=1*/f32[24,8,64]{2,1,0:T(8,128)}) while(%p), condition=%condition, body=%body, metadata={op_name="jit(train_step)/transpose(jvp())/while"}
  %one = bf16[64,64]{1,0:T(8,128)(2,1)S(1)} fusion(%q, %r), kind=kOutput, calls=%async_collective_fusion.1
  ROOT %two = bf16[64,64]{1,0:T(8,128)(2,1)S(1)} fusion(%q, %one), kind=kOutput, calls=%async_collective_fusion.1
}
"""  # noqa: E501


KERNELS = """HloModule jit_f

ENTRY %main (q: bf16[4,256,64], k: bf16[4,256,128]) -> f32[4,256,64] {
  %q = bf16[4,256,64]{2,1,0:T(8,128)(2,1)} parameter(0)
  %k = bf16[4,256,128]{2,1,0:T(8,128)(2,1)} parameter(1)
  %fast = bf16[4,256,64]{2,1,0:T(8,128)(2,1)S(1)} custom-call(), custom_call_target="AllocateBuffer"
  %room = f32[4,256,64]{2,1,0:T(8,128)} custom-call(), custom_call_target="AllocateBuffer"
  %joined = bf16[4,256,128]{2,1,0:T(8,128)(2,1)} custom-call(%q, %k), custom_call_target="ConcatBitcast"
  ROOT %attention = f32[4,256,64]{2,1,0:T(8,128)} custom-call(%q, %k, %fast), custom_call_target="tpu_custom_call"
}
"""

# Two loops that go on while a flag is set, the second within a loop that counts to 16 by 2.
LOOPS = """HloModule jit_f

%inner_condition (s.1: (s32[], pred[], f32[256])) -> pred[] {{
  %s.1 = (s32[], pred[], f32[256]{{0:T(256)}}) parameter(0)
  %limit = s32[] constant(999)
  %i = s32[] get-tuple-element(%s.1), index=0
  %less = pred[] compare(%i, %limit), direction=LT
  %flag = pred[] get-tuple-element(%s.1), index=1
  ROOT %both = pred[] and(%flag, %less)
}}

%inner (s.2: (s32[], pred[], f32[256])) -> (s32[], pred[], f32[256]) {{
  %s.2 = (s32[], pred[], f32[256]{{0:T(256)}}) parameter(0)
  %x = f32[256]{{0:T(256)}} get-tuple-element(%s.2), index=2
  %used = f32[]{{:T(128)S(1)}} custom-call(%x), custom_call_target="tpu_custom_call"
  ROOT %same = (s32[], pred[], f32[256]{{0:T(256)}}) tuple(%s.2)
}}

%fused_compare (a: s32[], b: s32[]) -> pred[] {{
  %a = s32[] parameter(0)
  %b = s32[] parameter(1)
  ROOT %less.1 = pred[] compare(%a, %b), direction=LT
}}

%outer_condition (s.3: (s32[], pred[], f32[256])) -> pred[] {{
  %s.3 = (s32[], pred[], f32[256]{{0:T(256)}}) parameter(0)
  %limit.1 = s32[] constant(16)
  %i.1 = s32[] get-tuple-element(%s.3), index=0
  ROOT %fused = pred[] fusion(%i.1, %limit.1), kind=kLoop, calls=%fused_compare
}}

%outer (s.4: (s32[], pred[], f32[256])) -> (s32[], pred[], f32[256]) {{
  %s.4 = (s32[], pred[], f32[256]{{0:T(256)}}) parameter(0)
  %i.2 = s32[] get-tuple-element(%s.4), index=0
  %two.1 = s32[] constant(2)
  %next = s32[] add(%i.2, %two.1)
  %loop = (s32[], pred[], f32[256]{{0:T(256)}}) while(%s.4), condition=%inner_condition, body=%inner
  ROOT %all = (s32[], pred[], f32[256]{{0:T(256)}}) tuple(%next, %loop, %loop)
}}

ENTRY %main (p: (s32[], pred[], f32[256])) -> (s32[], pred[], f32[256]) {{
  %p = (s32[], pred[], f32[256]{{0:T(256)}}) parameter(0)
  %one = (s32[], pred[], f32[256]{{0:T(256)}}) while(%p), condition=%inner_condition, body=%inner, metadata={{op_name="{first}"}}
  ROOT %two = (s32[], pred[], f32[256]{{0:T(256)}}) while(%one), condition=%outer_condition, body=%outer, metadata={{op_name="{second}"}}
}}
"""  # noqa: E501


def test_collectives_by_kind_with_the_trips_of_their_loop():
    parts = read_program(PROGRAM)
    (scatter,) = parts["backward"].collectives
    # Of 8 x 64 float32 on each of four chips a chip needs its quarter from the three others.
    assert (scatter.kind, scatter.dtype, scatter.group, scatter.times) == ("reduce-scatter", "f32", 4, 24)
    assert scatter.bytes == 3 / 4 * 8 * 64 * 4
    # Two fusions share the channel of one all-gather.
    (gather,) = parts["rest"].collectives
    assert (gather.kind, gather.group, gather.times, gather.bytes) == ("all-gather", 4, 1, 3 / 4 * 64 * 64 * 2)


def test_a_loop_moves_a_slice_of_the_stack_at_each_trip_and_nothing_of_what_lies_on_the_core():
    part = read_program(PROGRAM)["backward"]
    # Rows of 64 lie in tiles of 128.
    layer = 8 * 128 * 4
    # Read of the slice and of its number, write of the layer, read of the layer.
    assert part.trips == 24
    assert part.hbm_bytes == 24 * (3 * layer + 4)


def test_a_kernel_moves_its_operands_and_results_in_whole_tiles_and_a_buffer_that_is_set_aside_nothing():
    query, key, context = 4 * 256 * 128 * 2, 4 * 256 * 128 * 2, 4 * 256 * 128 * 4
    assert read_program(KERNELS)["rest"].hbm_bytes == query + key + context
    assert tiled_bytes("bf16[4,256,64]{1,2,0:T(8,128)(2,1)}") == 4 * 256 * 64 * 2
    assert tiled_bytes("f32[3,5]") == 3 * 5 * 4


def test_a_loop_whose_trips_depend_on_data_runs_once_or_half_as_often_as_the_one_around_it():
    parts = read_program(LOOPS.format(first="jit(extend)/while", second="jit(train_step)/jvp()/while"))
    assert (parts["step"].trips, parts["step"].hbm_bytes) == (1, 256 * 4)
    # The counter, its step and their sum are 4 bytes each.
    assert (parts["forward"].trips, parts["forward"].hbm_bytes) == (8, 8 * (4.5 * 256 * 4 + 3 * 4))


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("jit(train_step)/jvp()/while", "forward"),
        ("jit(train_step)/transpose(jvp())/while", "backward"),
        ("jit(train_step)/jvp()/shard_map/while", "head"),
        ("jit(train_step)/transpose(jvp())/shard_map/while", "head"),
        ("jit(train_step)/while", "rest"),
        # What blockwise attention finds out once about the blocks of a row.
        ("jit(train_step)/shard_map/closed_call/while", "rest"),
        ("jit(prefill)/while", "rest"),
    ],
)
def test_a_loop_belongs_to_the_part_that_its_operation_is_of(path, part):
    parts = read_program(LOOPS.format(first="jit(f)/while", second=path))
    assert set(parts) == {"rest", part}
    assert parts[part].hbm_bytes >= 8 * 4.5 * 256 * 4


UNROLLED = """HloModule jit_f

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %sum = f32[] add(%x, %y)
}

%reshaped (w: bf16[16,128]) -> bf16[16,128,1] {
  %w = bf16[16,128]{1,0:T(8,128)(2,1)} parameter(0)
  ROOT %same = bf16[16,128,1]{1,0,2:T(8,128)(2,1)} bitcast(%w)
}

%layer (kernel: bf16[16,128], input: f32[8,16]) -> f32[8,128] {
  %kernel = bf16[16,128]{1,0:T(8,128)(2,1)} parameter(0)
  %input = f32[8,16]{1,0:T(8,128)S(1)} parameter(1)
  %wide = bf16[16,128,1]{1,0,2:T(8,128)(2,1)} fusion(%kernel), kind=kLoop, calls=%reshaped
  ROOT %out = f32[8,128]{1,0:T(8,128)S(1)} convolution(%input, %wide), dim_labels=bf_io0->bf
}

ENTRY %main (a: bf16[16,128], b: bf16[16,128], c: f32[8,16]) -> f32[8,128] {
  %a = bf16[16,128]{1,0:T(8,128)(2,1)} parameter(0)
  %b = bf16[16,128]{1,0:T(8,128)(2,1)} parameter(1)
  %c = f32[8,16]{1,0:T(8,128)S(1)} parameter(2)
  %first = f32[8,128]{1,0:T(8,128)S(1)} fusion(%a, %c), kind=kOutput, calls=%layer
  %one = f32[8,128]{1,0:T(8,128)S(1)} all-reduce(%first), channel_id=7, replica_groups={{0,1}}, to_apply=%add
  %second = f32[8,128]{1,0:T(8,128)S(1)} fusion(%b, %one), kind=kOutput, calls=%layer
  ROOT %two = f32[8,128]{1,0:T(8,128)S(1)} all-reduce(%second), channel_id=7, replica_groups={{0,1}}, to_apply=%add
}
"""


def test_layers_of_one_function_count_each_with_kernels_that_a_fusion_only_reshapes():
    rest = read_program(UNROLLED)["rest"]
    # Both kernels; all else lies on the core.
    assert rest.hbm_bytes == 2 * 2 * 16 * 128
    assert [collective.bytes for collective in rest.collectives] == [4 * 8 * 128] * 2


CONDITIONAL = """HloModule jit_f

%windowed (x: f32[8,128]) -> f32[8,128] {
  %x = f32[8,128]{1,0:T(8,128)} parameter(0)
  ROOT %small = f32[8,128]{1,0:T(8,128)S(1)} negate(%x)
}

%full (y: f32[8,128]) -> f32[8,128] {
  %y = f32[8,128]{1,0:T(8,128)} parameter(0)
  %twice = f32[8,128]{1,0:T(8,128)} negate(%y)
  ROOT %large = f32[8,128]{1,0:T(8,128)} negate(%twice)
}

ENTRY %main (p: pred[], a: f32[8,128]) -> f32[8,128] {
  %p = pred[]{:T(512)} parameter(0)
  %a = f32[8,128]{1,0:T(8,128)} parameter(1)
  ROOT %chosen = f32[8,128]{1,0:T(8,128)} conditional(%p, %a, %a), BRANCHES
}
"""


@pytest.mark.parametrize(
    "branches",
    ["true_computation=%windowed, false_computation=%full", "branch_computations={%windowed, %full}"],
)
def test_each_branch_of_a_conditional_counts_as_often_as_the_others(branches):
    rest = read_program(CONDITIONAL.replace("BRANCHES", branches))["rest"]
    assert rest.hbm_bytes == (1 + 4) / 2 * 4 * 8 * 128


def test_an_unknown_type_is_an_error():
    with pytest.raises(ValueError, match="'q7'"):
        array_bytes("q7[2,2]{1,0}")
    with pytest.raises(ValueError, match="no ENTRY"):
        read_program("HloModule x")


def test_a_real_program_of_eight_devices():
    mesh = mesh_of(1, 8, 1)
    split = NamedSharding(mesh, PartitionSpec("fsdp", None))

    def local(x):
        return jax.lax.fori_loop(0, 5, lambda _, y: jax.lax.psum(y, "fsdp") * 0.125, x)

    spec = PartitionSpec("fsdp", None)
    jitted = jax.jit(jax.shard_map(local, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))
    text = jitted.lower(jax.ShapeDtypeStruct((64, 32), jnp.float32, sharding=split)).compile().as_text()
    found = [one for part in read_program(text).values() for one in part.collectives]
    assert [(one.kind, one.group, one.times) for one in found] == [("all-reduce", 8, 5)]
    assert found[0].bytes == 2 * 7 / 8 * 8 * 32 * 4
