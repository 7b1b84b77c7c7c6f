"""Folders of the Llama family and of Gemma 3: imported and exported bit by bit, read by `transformers` again."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from seqgpt_jax.io.hf_checkpoint import (
    WeightsError,
    import_model,
    load_params,
    params_to_hf,
    read_config,
    read_source,
    save_folder,
)
from seqgpt_jax.io.tensor_files import read_tensors
from seqgpt_jax.models.registry import config_from_hf
from seqgpt_jax.models.rotary import Rotary
from tests.models import peers

TOKENS = np.random.default_rng(0).integers(4, peers.VOCAB, (2, 40))


LINEAR = {"rope_type": "linear", "factor": 2.0}


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_tables_of_angles_that_old_folders_store_are_left_out(tmp_path):
    peer = peers.make_rotary("llama")
    angles = {f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": torch.ones(4) for layer in range(2)}
    peer.save_pretrained(tmp_path / "in", state_dict=dict(peer.state_dict()))
    save_file(
        load_file(tmp_path / "in/model.safetensors") | angles, tmp_path / "in/model.safetensors", {"format": "pt"}
    )
    config = config_from_hf(read_config(tmp_path / "in"))
    tensors = params_to_hf(load_params(tmp_path / "in", config), config, "float32")
    assert tensors.keys() == read_tensors(tmp_path / "in").keys() - angles.keys()


def test_yarn_says_how_far_it_reaches(tmp_path):
    """From that, and the length before, transformers 4 computes the factor."""
    rope = {"rope_type": "yarn", "factor": 4.0}
    values = peers.make_rotary("llama").config.to_dict() | {"max_position_embeddings": 4096, "rope_parameters": rope}
    exported = config_from_hf(values).to_hf()
    assert exported["max_position_embeddings"] == 16_384
    assert exported["rope_scaling"]["original_max_position_embeddings"] == 4096


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", peers.ROTARY_KINDS)
def test_round_trip_keeps_every_bit(tmp_path, kind, dtype):
    peer = peers.make_rotary(kind).to(getattr(torch, dtype))
    peer.save_pretrained(tmp_path / "in")
    peers.make_tokenizer().save_pretrained(tmp_path / "in")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "in")
    import_model(read_source(tmp_path / "in"), tmp_path / "imported", tokenizer)
    config = config_from_hf(read_config(tmp_path / "imported"), param_dtype=dtype)
    tensors = params_to_hf(load_params(tmp_path / "imported", config), config, dtype)
    save_folder(tmp_path / "exported", config, tensors, tokenizer)
    before, after = read_tensors(tmp_path / "in"), read_tensors(tmp_path / "exported")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert tensor.read().tobytes() == after[name].read().tobytes(), name
    peer = AutoModelForCausalLM.from_pretrained(tmp_path / "in", dtype=getattr(torch, dtype)).eval()
    for folder in ("imported", "exported"):
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path / folder, dtype=getattr(torch, dtype)).eval()
        assert type(loaded) is type(peer)
        np.testing.assert_array_equal(peers.run_peer(loaded, TOKENS), peers.run_peer(peer, TOKENS))
        assert config_from_hf(read_config(tmp_path / folder)) == config_from_hf(read_config(tmp_path / "in"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attn_logit_softcapping": 50.0}, r"attn_logit_softcapping=50.0; only None"),
        ({"query_pre_attn_scalar": 168}, "query_pre_attn_scalar=168; only 20"),
        ({"hidden_activation": "silu"}, "hidden_activation='silu'; only 'gelu_pytorch_tanh'"),
        ({"sliding_window": None}, "config.json lacks sliding_window"),
        (
            {"num_hidden_layers": 4, "layer_types": ["full_attention", *["sliding_attention"] * 3]},
            "layer_types with full_attention in other layers",
        ),
        (
            {"rope_parameters": {"full_attention": LINEAR, "sliding_attention": LINEAR}},
            "rope_type='linear' for full attention and 'linear' for sliding",
        ),
    ],
)
def test_variants_of_gemma_that_are_not_computed_are_refused_by_name(tmp_path, change, message):
    peers.save_rotary(tmp_path, "gemma3_text")
    edit(tmp_path, **change)
    with pytest.raises(ValueError, match=message):
        config_from_hf(read_config(tmp_path))


def test_gemma_in_the_form_of_older_files(tmp_path):
    """`rope_theta` and `rope_local_base_freq` in place of `rope_parameters`, and a number in place of `layer_types`."""
    peers.save_rotary(tmp_path, "gemma3_text")
    new = read_config(tmp_path)
    old = {key: value for key, value in new.items() if key not in ("rope_parameters", "layer_types")}
    old |= {"rope_theta": 1e5, "rope_local_base_freq": 100.0, "sliding_window_pattern": 3}
    old |= {"rope_scaling": {"rope_type": "linear", "factor": 2.0}}
    assert config_from_hf(old) == config_from_hf(new)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attention_bias": True}, "attention_bias=True; only False"),
        ({"hidden_act": "gelu"}, "hidden_act='gelu'; only 'silu'"),
        ({"intermediate_size": None}, "config.json lacks intermediate_size"),
        (
            {"rope_parameters": {"rope_type": "longrope", "factor": 2}},
            "rope_type='longrope'; supported: default, linear",
        ),
        ({"rope_parameters": {"rope_type": "llama3", "factor": 2.0}}, r"needs Model\.rope_high_freq_factor"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 2.0, "mscale": 1.0}}, "rope settings mscale"),
        ({"sliding_window": 8, "layer_types": ["sliding_attention"] * 3}, "sliding_window=8; only full attention"),
        ({"num_key_value_heads": 4}, "n_kv_head = 4 does not divide n_head = 6"),
        ({"model_type": "gpt2"}, "model_type='gpt2'; supported: bloom, llama, mistral, qwen2, qwen3, gemma3_text"),
    ],
)
def test_variants_that_are_not_computed_are_refused_by_name(tmp_path, change, message):
    peers.save_rotary(tmp_path, "llama")
    edit(tmp_path, **change)
    with pytest.raises(ValueError, match=message):
        config_from_hf(read_config(tmp_path))


def test_tied_and_untied_heads_are_told_apart(tmp_path):
    peers.save_rotary(tmp_path / "untied", "mistral")
    edit(tmp_path / "untied", tie_word_embeddings=True)
    config = config_from_hf(read_config(tmp_path / "untied"))
    with pytest.raises(WeightsError, match=r"lm_head.weight.* differs from model\.embed_tokens\.weight"):
        load_params(tmp_path / "untied", config)
    peers.save_rotary(tmp_path / "tied", "qwen2")
    edit(tmp_path / "tied", tie_word_embeddings=False)
    config = config_from_hf(read_config(tmp_path / "tied"))
    with pytest.raises(WeightsError, match=r"missing: lm_head\.weight \[512, 48\]"):
        load_params(tmp_path / "tied", config)


def test_settings_of_before_transformers_5_are_read():
    old = {"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 4.0}}
    assert Rotary.from_hf(old) == Rotary(theta=5e5, scaling="linear", factor=4.0)
    assert Rotary.from_hf(Rotary.from_hf(old).to_hf()) == Rotary.from_hf(old)
