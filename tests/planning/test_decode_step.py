"""That what is compiled for decoding has the shapes that the engine has."""

import dataclasses

import jax
from jax.sharding import SingleDeviceSharding

from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.devices import mesh_of, rules_for
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.llama_config import LlamaConfig
from seqgpt_jax.models.sharding import use_sharding
from seqgpt_jax.planning import decode_step
from seqgpt_jax.planning.roofline import decoding_flops
from seqgpt_jax.planning.tpu_compiler import shard_bytes
from tests.decoding.folders import tokenizer

MODEL = BloomConfig(hidden_size=64, n_layer=3, n_head=4, vocab_size=512)
DECODE = DecodeConfig(num_beams=2, batch_size=4)
CONTRACT = ModelContract(max_prompt_tokens=256, max_target_tokens=32)
# Without the choice of tokens, which is not in the formula.
FREE = dataclasses.replace(DECODE, constrained=False)
SIZES = {"batch_size": 4, "num_beams": 2, "prompt_length": 256, "answer_length": 32}


def here() -> SingleDeviceSharding:
    return SingleDeviceSharding(jax.devices()[0])


def test_the_automaton_is_one_that_the_grammar_makes() -> None:
    made = Grammar(tokenizer(), 512).automaton(
        [Prompt("ext", ("b", "c"), "输入: a\n抽取: b，c\n输出: [GEN]", source_text="a")], 3
    )
    planned = decode_step.abstract_automaton(3, 512, 256, here())
    assert jax.tree.structure(planned) == jax.tree.structure(made)
    leaves = zip(jax.tree.leaves_with_path(made), jax.tree.leaves(planned), strict=True)
    for (path, real), abstract in leaves:
        assert (real.dtype, real.ndim) == (abstract.dtype, abstract.ndim), path
        # Edges and lines depend on the labels.
        assert real.shape[0] == abstract.shape[0], path
    assert made.next_SxV.shape == planned.next_SxV.shape


def test_flops_are_those_that_xla_counts() -> None:
    mine = decoding_flops(MODEL, **SIZES)
    _, weights = decode_step.weights_on_chip(MODEL, here())
    prompts = decode_step.prompts(weights, DECODE, CONTRACT)
    # Norms, softmax and the choice of tokens are not in the formula.
    counted = decode_step.first_logits.lower(weights, prompts).cost_analysis()["flops"]
    assert 1.0 < counted / mine["prefill"] < 1.1
    step = decode_step.extend.lower(*decode_step.search(weights, FREE, CONTRACT), eos_id=decode_step.END_ID)
    assert 1.0 < step.cost_analysis()["flops"] / mine["step"] < 1.3


def test_the_cache_has_the_heads_of_keys_alone() -> None:
    sizes = {"vocab_size": 512, "hidden_size": 64, "mlp_size": 96, "n_layer": 3, "head_dim": 32, "max_length": 512}
    model = LlamaConfig(architecture="qwen3", n_head=4, n_kv_head=2, tied_head=False, **sizes)
    _, weights = decode_step.weights_on_chip(model, here())
    _, begun, answers, _ = decode_step.search(weights, DECODE, CONTRACT)
    assert [keys.shape for keys in begun.prompt.keys] == [(4, 2, 256, 32)] * 3
    assert [keys.shape for keys in answers.keys] == [(4, 2, 32 * 2, 32)] * 3
    mine = decoding_flops(model, **SIZES)
    step = decode_step.extend.lower(*decode_step.search(weights, FREE, CONTRACT), eos_id=decode_step.END_ID)
    assert 1.0 < step.cost_analysis()["flops"] / mine["step"] < 1.3


def test_a_model_over_two_chips_has_half_of_its_weights_and_caches_on_each() -> None:
    mesh, rules = mesh_of(2), rules_for(MODEL, 2)
    with use_sharding(mesh, rules):
        loaded, weights = decode_step.weights_on_mesh(MODEL, mesh, rules)
        arguments = decode_step.search(weights, DECODE, CONTRACT)
        compiled = decode_step.extend.lower(*arguments, eos_id=decode_step.END_ID).compile()
    alone, of_one = decode_step.weights_on_chip(MODEL, here())
    for split, whole in ((loaded, alone), (weights, of_one)):
        assert 0.5 < shard_bytes(split) / shard_bytes(whole) < 0.53  # norms and biases are on both
    _, begun, answers, _ = arguments
    for keys in (begun.prompt.keys[0], answers.keys[0]):
        assert keys.sharding.shard_shape(keys.shape)[1] == MODEL.n_head // 2
    # Each layer has a sum after attention and one after the MLP.
    assert compiled.as_text().count(" all-reduce(") >= 2 * MODEL.n_layer


def test_scales_of_int8_kernels_are_split_as_their_outputs() -> None:
    mesh, rules = mesh_of(2), rules_for(MODEL, 2)
    with use_sharding(mesh, rules):
        _, weights = decode_step.weights_on_mesh(MODEL, mesh, rules, "int8")
    mlp = weights.blocks[1].mlp
    scale = mlp.dense_h_to_4h.kernel_scale.get_raw_value()
    assert scale.sharding.shard_shape(scale.shape) == (2 * MODEL.hidden_size,)
    # The inputs of the second product are split, its outputs are not.
    scale, kernel = mlp.dense_4h_to_h.kernel_scale.get_raw_value(), mlp.dense_4h_to_h.kernel.get_raw_value()
    assert scale.sharding.shard_shape(scale.shape) == (MODEL.hidden_size,)
    assert kernel.sharding.shard_shape(kernel.shape) == (2 * MODEL.hidden_size, MODEL.hidden_size)
    _, of_one = decode_step.weights_on_chip(MODEL, here(), "int8")
    assert 0.5 < shard_bytes(weights) / shard_bytes(of_one) < 0.55


def test_what_is_there_at_the_start() -> None:
    for dtype, size in (("float32", 4), ("bfloat16", 2)):
        loaded, weights = decode_step.weights_on_chip(dataclasses.replace(MODEL, dtype=dtype), here())
        mlp = size * MODEL.n_layer * 4 * MODEL.hidden_size**2
        expected = {"weights as loaded": 4 * MODEL.num_params(), "the largest converted": mlp}
        assert decode_step.start_bytes(loaded, weights) == expected
