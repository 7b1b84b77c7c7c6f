"""Plan of decoding on one chip or a few, as `decode` and `evaluate` run it: prefill, and one step of beam search."""

import dataclasses
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from seqgpt_jax.decoding.cache import CACHE_AXES, PromptCache, empty_answers
from seqgpt_jax.decoding.constraints import Automaton
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.devices import mesh_of, rules_for
from seqgpt_jax.decoding.prompt_packing import PackedPrompts
from seqgpt_jax.decoding.step import begin, extend, for_decoding, prefill
from seqgpt_jax.decoding.text_copy import EDGES_PER_PLACE, TextCopy
from seqgpt_jax.decoding.value_states import value_states
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.parameters import abstract, from_params, param_shardings, params_of
from seqgpt_jax.models.sharding import ShardingRules, current_rules, use_sharding
from seqgpt_jax.planning.hlo_costs import read_program
from seqgpt_jax.planning.roofline import Phase, decoding_flops, phase
from seqgpt_jax.planning.slices import Slice
from seqgpt_jax.planning.tpu_compiler import Compiled, compile_program, shard_bytes, slice_devices
from seqgpt_jax.training.hardware import GIB

# Sizes of the automaton that says what an answer may be: edges, about one for each token of the labels; lines, one for
# each query.
EDGES, LINES = 256, 8
# Bytes of a text for each token that a prompt may have.
BYTES_PER_TOKEN = 4
END_ID = 2
_MOST_PER_HOST = 8
_REMEDY = (
    "lower Decode.batch_size, Decode.num_beams, Prepare.max_prompt_tokens or Prepare.max_target_tokens, raise "
    "Decode.devices, over which a model is split, set Decode.weight_dtype = 'int8', or take a chip with more memory"
)


@dataclass(frozen=True)
class DecodePlan:
    """What is known of decoding with one model on `devices` chips of a slice; the other chips are idle.

    All prompts are as long as they may be and all answers as well, so shorter ones need less and are faster; so are
    greedy extractions, which read several forced tokens a step and choose among the tokens of their batch.

    Attributes:
      topology: the slice.
      devices, weight_dtype, batch_size, num_beams, max_new_tokens, constrained: of `Decode`.
      max_prompt_tokens: of the model's contract.
      parameters: of the model.
      fits: whether both programs fit, with what else lies on the chip.
      bytes_per_chip: at the "start", of "prefill" and of "step", by kind; "total" too where it is known.
      hbm_bytes: of a chip.
      problem: why it does not fit.
      compile_seconds: on this machine.
      phases: "prefill", and one "step" of all beams of the batch.
      roofline_prefill_seconds, roofline_step_seconds: None where it does not fit.
      tokens_per_second: of answers, while steps run: one for each example and step, however many beams.
      examples_per_second: prefill and `max_new_tokens` steps for each batch.
    """

    topology: str
    devices: int
    weight_dtype: str | None
    batch_size: int
    num_beams: int
    max_prompt_tokens: int
    max_new_tokens: int
    constrained: bool
    parameters: int
    fits: bool
    bytes_per_chip: dict[str, dict[str, float]]
    hbm_bytes: int
    problem: str
    compile_seconds: float
    phases: list[Phase] = field(default_factory=list)
    roofline_prefill_seconds: float | None = None
    roofline_step_seconds: float | None = None
    tokens_per_second: float | None = None
    examples_per_second: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return dataclasses.asdict(self) | {"phases": [one.to_json() for one in self.phases]}


def plan_decoding(model: ModelConfig, decode: DecodeConfig, contract: ModelContract, slice_: Slice) -> DecodePlan:
    """Compiles both programs, unless the weights alone are too large, and draws up the plan.

    Raises:
      ValueError: the compiler knows no such slice, it has fewer chips than `Decode.devices`, or these divide none of
        the model's sizes.
    """
    chips = slice_devices(slice_)
    if decode.devices > _MOST_PER_HOST:
        raise ValueError(
            f"Decode.devices = {decode.devices}: a model is split over the chips of one host, which has "
            f"{_MOST_PER_HOST} at most"
        )
    if decode.devices == 1:
        chip = SingleDeviceSharding(chips[0])
        return _plan(model, decode, contract, slice_, *weights_on_chip(model, chip, decode.weight_dtype))
    mesh, rules = mesh_of(decode.devices, chips), rules_for(model, decode.devices)
    with use_sharding(mesh, rules):
        return _plan(model, decode, contract, slice_, *weights_on_mesh(model, mesh, rules, decode.weight_dtype))


def _plan(
    model: ModelConfig, decode: DecodeConfig, contract: ModelContract, slice_: Slice, loaded: Any, weights: Any
) -> DecodePlan:
    start = {"weights": shard_bytes(weights)} if decode.loads_on_host else start_bytes(loaded, weights)
    sizes = {"start": start, "step": {"weights": shard_bytes(weights)}}
    largest = max(sum(of.values()) for of in sizes.values())
    plan = DecodePlan(
        topology=slice_.name,
        devices=decode.devices,
        weight_dtype=decode.weight_dtype,
        batch_size=decode.batch_size,
        num_beams=decode.num_beams,
        max_prompt_tokens=contract.max_prompt_tokens,
        max_new_tokens=decode.answer_tokens(contract),
        constrained=decode.constrained,
        parameters=model.num_params(),
        fits=False,
        bytes_per_chip=sizes,
        hbm_bytes=slice_.chip.hbm_bytes,
        problem=f"the weights take {largest / GIB:.1f} GiB of a chip: {_REMEDY}",
        compile_seconds=0.0,
    )
    if largest > plan.hbm_bytes:
        return plan
    programs = {
        "prefill": compile_prefill(weights, decode, contract),
        "step": compile_search(weights, decode, contract),
    }
    sizes = {"start": sizes["start"]} | {name: one.bytes for name, one in programs.items()}
    problems = [one.problem for one in programs.values() if not one.fits]
    for name, of_name in sizes.items():
        if name not in programs or programs[name].fits:
            of_name["total"] = sum(of_name.values())
    plan = dataclasses.replace(
        plan,
        fits=not problems,
        bytes_per_chip=sizes,
        problem="\n".join([*problems, _REMEDY] if problems else []),
        compile_seconds=round(sum(one.seconds for one in programs.values()), 1),
    )
    return plan if problems else _with_times(plan, model, slice_, programs)


def _with_times(plan: DecodePlan, model: ModelConfig, slice_: Slice, programs: dict[str, Compiled]) -> DecodePlan:
    flops = decoding_flops(
        model,
        batch_size=plan.batch_size,
        num_beams=plan.num_beams,
        prompt_length=plan.max_prompt_tokens,
        answer_length=plan.max_new_tokens,
    )
    prefill_region = dataclasses.replace(read_program(programs["prefill"].text)["rest"], name="prefill")
    step = read_program(programs["step"].text)["step"]
    phases = [phase(region, flops[region.name] / plan.devices, slice_) for region in (prefill_region, step)]
    prefill_seconds, step_seconds = (one.seconds for one in phases)
    return dataclasses.replace(
        plan,
        phases=phases,
        roofline_prefill_seconds=prefill_seconds,
        roofline_step_seconds=step_seconds,
        tokens_per_second=plan.batch_size / step_seconds,
        examples_per_second=plan.batch_size / (prefill_seconds + plan.max_new_tokens * step_seconds),
    )


def weights_on_chip(
    model: ModelConfig, place: SingleDeviceSharding, weight_dtype: str | None = None
) -> tuple[Any, Any]:
    """(the weights as they are loaded, as the engine computes with them), abstract, on one chip."""
    loaded = abstract(model)
    return _placed(loaded, place), _placed(_for_decoding(loaded, weight_dtype), place)


def _for_decoding(loaded: Any, weight_dtype: str | None) -> Any:
    return jax.eval_shape(partial(for_decoding, weight_dtype=weight_dtype), loaded)


def weights_on_mesh(
    model: ModelConfig, mesh: Mesh, rules: ShardingRules, weight_dtype: str | None = None
) -> tuple[Any, Any]:
    """As `weights_on_chip`, split over a mesh; within `use_sharding`."""
    shapes, shardings = abstract(model), param_shardings(model, mesh, rules)
    params = jax.tree.map(lambda x, sharding: _array(x.shape, x.dtype, sharding), params_of(shapes), shardings)
    loaded = from_params(model, params)
    weights = _for_decoding(loaded, weight_dtype)
    spec_of = {
        jax.tree_util.keystr(path): leaf.sharding.spec[1:]
        for path, leaf in jax.tree_util.tree_flatten_with_path(loaded.layers)[0]
    }

    def cut(block: Any) -> Any:
        def placed(path: Any, leaf: Any) -> Any:
            # The scales of a kernel are split as its outputs, which are its last axes.
            spec = spec_of[jax.tree_util.keystr(path).replace("kernel_scale", "kernel")][-leaf.ndim :]
            return _array(leaf.shape, leaf.dtype, NamedSharding(mesh, PartitionSpec(*spec)))

        return jax.tree_util.tree_map_with_path(placed, block)

    rest = nnx.clone(loaded, variables=False)
    rest.layers = None
    backbone = jax.tree.map(lambda x, like: _array(x.shape, x.dtype, like.sharding), weights.backbone, rest)
    return loaded, weights._replace(backbone=backbone, blocks=tuple(map(cut, weights.blocks)))


def start_bytes(loaded: Any, weights: Any) -> dict[str, float]:
    """The most that is there while the engine takes the weights over: those as loaded, and the largest one converted.

    Arrays of layers are cut one after the other, what becomes int8 as it was loaded; of other arrays only those of
    another dtype are there twice.
    """
    cut = list(zip(*[jax.tree.leaves(block) for block in weights.blocks], strict=True))
    if any(leaves[0].dtype == jnp.int8 for leaves in cut):
        cut += [(leaf,) for leaf in jax.tree.leaves(loaded.layers)]
    as_loaded = {(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(loaded)}
    converted = [leaf for leaf in jax.tree.leaves(weights.backbone) if (leaf.shape, leaf.dtype) not in as_loaded]
    return {
        "weights as loaded": shard_bytes(loaded),
        "the largest converted": max(map(shard_bytes, [*cut, *converted])),
    }


def prompts(weights: Any, decode: DecodeConfig, contract: ModelContract) -> PackedPrompts:
    """What `prefill` takes beside the weights: each prompt fills its row."""
    place, shape = _place(weights), (decode.batch_size, contract.max_prompt_tokens)
    return PackedPrompts(*[_array(shape, jnp.int32, place)] * 4, None, _array(shape, jnp.bool_, place))


def search(weights: Any, decode: DecodeConfig, contract: ModelContract) -> tuple[Any, ...]:
    """What `extend` takes when there is room for the longest answers, by position."""
    place, batch, beams = _place(weights), decode.batch_size, decode.num_beams
    room = decode.answer_tokens(contract)
    vocab_size = weights.backbone.config.vocab_size
    cache, hidden = _placed(jax.eval_shape(prefill, weights, prompts(weights, decode, contract)), place)
    cache = _with_split_keys(cache)
    real, forbidden = _array((batch,), jnp.bool_, place), _array((vocab_size,), jnp.bool_, place)
    places = BYTES_PER_TOKEN * contract.max_prompt_tokens
    automaton = abstract_automaton(batch, vocab_size, places, place) if decode.constrained else None
    start = partial(begin, num_beams=beams, max_new_tokens=room, eos_id=END_ID)
    begun = _placed(jax.eval_shape(start, weights, cache, hidden, real, forbidden, automaton), place)
    answers = _placed(jax.eval_shape(partial(empty_answers, num_beams=beams, size=room), cache), place)
    return weights, begun._replace(prompt=cache), _with_split_keys(answers), forbidden


def _with_split_keys(cache: Any) -> Any:
    """A cache whose keys and values are split as their heads are."""
    place, rules = cache.keys[0].sharding, current_rules()
    if rules is None:
        return cache
    split = NamedSharding(place.mesh, rules.spec(*CACHE_AXES))
    return cache._replace(keys=_placed(cache.keys, split), values=_placed(cache.values, split))


@jax.jit
def first_logits(weights: Any, packed: PackedPrompts) -> tuple[PromptCache, jax.Array]:
    """The cache of the prompts, and float32 [B, V] logits of the first answer token.

    One program here; the engine runs one for each block, one after the other.
    """
    cache, hidden_Bx1xD = prefill(weights, packed)
    return cache, weights.backbone.logits(hidden_Bx1xD[:, 0])


def compile_prefill(weights: Any, decode: DecodeConfig, contract: ModelContract) -> Compiled:
    """The pass over the prompts."""
    batch = prompts(weights, decode, contract)
    return compile_program(first_logits, (weights, batch), {"weights": weights, "batch": batch})


def compile_search(weights: Any, decode: DecodeConfig, contract: ModelContract) -> Compiled:
    """The loop of steps."""
    arguments = search(weights, decode, contract)
    _, begun, answers, forbidden = arguments
    rest = begun._replace(prompt=None), forbidden
    kinds = {"weights": weights, "cache of prompts": begun.prompt, "cache of answers": answers, "search": rest}
    return compile_program(extend, arguments, kinds, eos_id=END_ID)


def abstract_automaton(batch_size: int, vocab_size: int, places: int, place: Sharding) -> Automaton:
    """What `Grammar.automaton` makes, of a usual size, for texts of `places` bytes."""
    states = len(value_states().ends_S)
    copy = TextCopy(
        *[_array((batch_size, EDGES_PER_PLACE * places), jnp.int32, place)] * 5,
        begins_BxP=_array((batch_size, places), jnp.bool_, place),
        free_B=_array((batch_size,), jnp.bool_, place),
        none_SxV=_array((states, vocab_size), jnp.bool_, place),
        none_need_S=_array((states + 2,), jnp.int32, place),
    )
    return Automaton(
        *[_array((batch_size, EDGES), jnp.int32, place)] * 6,
        start_B=_array((batch_size,), jnp.int32, place),
        rest_BxL=_array((batch_size, LINES), jnp.int32, place),
        next_SxV=_array((states, vocab_size), jnp.int8, place),
        distance_S=_array((states + 2,), jnp.int32, place),
        copy=copy,
    )


def _place(weights: Any) -> Sharding:
    """Where what is not split lies: on the chip, or on all of them."""
    place = jax.tree.leaves(weights)[0].sharding
    return place if isinstance(place, SingleDeviceSharding) else NamedSharding(place.mesh, PartitionSpec())


def _placed(tree: Any, place: Sharding) -> Any:
    return jax.tree.map(lambda x: _array(x.shape, x.dtype, place), tree)


def _array(shape: tuple[int, ...], dtype: Any, place: Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype, sharding=place)
