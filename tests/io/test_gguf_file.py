"""GGUF files against the models they were written from, and against `transformers`' own reading of them."""

import sys

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, quants
from transformers import AutoConfig, AutoModelForCausalLM

from seqgpt_jax import import_hf
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.io.gguf_file import GgufFileError, read_gguf
from seqgpt_jax.io.hf_checkpoint import WeightsError
from seqgpt_jax.io.model_folder import load
from tests.io import gguf_samples as samples

TYPES = GGMLQuantizationType
VARIANTS = {
    "llama": ("llama", {}),
    "llama, head apart, biased": ("llama", {"tie_word_embeddings": False, "attention_bias": True, "mlp_bias": True}),
    "mistral": ("mistral", {"sliding_window": None}),
    "qwen2": ("qwen2", {"num_key_value_heads": 1}),
    "qwen3": ("qwen3", {"head_dim": 32}),
    "gemma3": ("gemma3_text", {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 6}),
}


@pytest.fixture(scope="module")
def llama():
    return samples.make_model("llama")


@pytest.mark.parametrize("variant", VARIANTS)
def test_config_and_tensors_are_those_of_the_model(variant, tmp_path):
    model_type, changes = VARIANTS[variant]
    model = samples.make_model(model_type, **changes)
    # llama.cpp writes Mistral's models as Llama's.
    architecture = {"mistral": "llama", "gemma3_text": "gemma3"}.get(model_type, model_type)
    path = samples.write(tmp_path / "tiny.gguf", model, architecture=architecture)
    read = read_gguf(path)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del weights["lm_head.weight"]
    assert read.tensors.keys() == weights.keys()
    for name, tensor in read.tensors.items():
        value = tensor.read()
        assert (tensor.shape, tensor.dtype) == (value.shape, value.dtype)
        # What is added to the scales of Gemma's norms rounds them.
        rounding = 2e-7 if architecture == "gemma3" and "norm" in name else 0
        np.testing.assert_allclose(value, weights[name], rtol=0, atol=rounding, err_msg=name)

    config = AutoConfig.for_model(**read.config)
    assert config.architectures == [type(model).__name__] or model_type == "mistral"
    for key in (*samples.SIZES.keys() - {"rope_theta"}, "tie_word_embeddings", "rope_parameters"):
        assert getattr(config, key) == getattr(model.config, key), key
    loaded = AutoModelForCausalLM.from_config(config).eval()
    loaded.load_state_dict(model.state_dict())
    tokens = torch.arange(20)[None] * 7 % samples.VOCAB
    with torch.no_grad():
        torch.testing.assert_close(loaded(tokens).logits, model(tokens).logits, rtol=0, atol=0)


def test_gemma_of_other_queries_is_refused(tmp_path):
    model = samples.make_model("gemma3_text", head_dim=32, query_pre_attn_scalar=32)
    path = samples.write(tmp_path / "27b.gguf", model, architecture="gemma3", metadata={"block_count": 62})
    with pytest.raises(GgufFileError, match=r"27b.gguf.*Gemma 3 27B"):
        read_gguf(path)


@pytest.mark.parametrize("kind", [TYPES.F16, TYPES.BF16, TYPES.Q8_0, TYPES.Q4_1])
def test_transformers_reads_the_same_tensors(kind, llama, tmp_path):
    samples.write(tmp_path / "tiny.gguf", llama, kind=kind)
    peer = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="tiny.gguf", dtype=torch.float32).state_dict()
    read = read_gguf(tmp_path / "tiny.gguf")
    kept = {TYPES.F16: "float16", TYPES.BF16: "bfloat16"}.get(kind, "float32")
    for name, tensor in read.tensors.items():
        assert tensor.dtype == (kept if len(tensor.shape) == 2 else "float32")
        np.testing.assert_array_equal(tensor.read().astype(np.float32), peer[name].numpy(), err_msg=name)


def test_numbers_come_back_as_the_decimals_they_were(llama, tmp_path):
    path = samples.write(tmp_path / "tiny.gguf", llama, metadata={"rope.freq_base": 1234567.9})
    config = read_gguf(path).config
    assert (config["rms_norm_eps"], config["rope_theta"]) == (1e-5, 1234567.9)


def test_table_rows_without_a_token_are_none_of_the_tokenizer(llama, tmp_path):
    read = read_gguf(samples.write(tmp_path / "tiny.gguf", llama))
    assert read.config["vocab_size"] == samples.VOCAB > len(read.tokenizer) == samples.make_bpe().get_vocab_size()


LLAMA_3 = {
    "rope_type": "llama3",
    "factor": 32.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def rope_factors(scaling, theta):
    """What llama.cpp divides the frequencies by: those without the scaling by those of `transformers` with it."""
    model = samples.make_model("llama", rope_parameters=scaling | {"rope_theta": theta}, max_position_embeddings=16384)
    half = model.config.head_dim // 2
    plain = theta ** -(np.arange(half) / half)
    return model, (plain / model.model.rotary_emb.inv_freq.numpy()).astype(np.float32)


def test_rotary_factors_of_llama_3_are_named_again(tmp_path):
    model, factors = rope_factors(LLAMA_3, 500_000.0)
    assert len(set(np.round(factors, 3))) > 2
    tensors = samples.model_tensors(model) | {"rope_freqs.weight": factors}
    read = read_gguf(samples.write(tmp_path / "tiny.gguf", model, tensors=tensors))
    assert read.config["rope_scaling"] == LLAMA_3
    assert AutoConfig.for_model(**read.config).rope_parameters == model.config.rope_parameters
    assert "rope_freqs.weight" not in read.tensors


def test_other_rotary_factors_are_refused(tmp_path):
    model, factors = rope_factors(LLAMA_3 | {"high_freq_factor": 2.0}, 500_000.0)
    tensors = samples.model_tensors(model) | {"rope_freqs.weight": factors}
    path = samples.write(tmp_path / "tiny.gguf", model, tensors=tensors)
    with pytest.raises(GgufFileError, match=r"tiny.gguf.*rope_freqs.weight holds other factors"):
        read_gguf(path)


def test_factors_beside_another_scaling_are_refused(tmp_path):
    model, factors = rope_factors(LLAMA_3, 500_000.0)
    tensors = samples.model_tensors(model) | {"rope_freqs.weight": factors}
    keys = {"rope.scaling.type": "linear", "rope.scaling.factor": 2.0}
    path = samples.write(tmp_path / "tiny.gguf", model, tensors=tensors, metadata=keys)
    with pytest.raises(GgufFileError, match=r"both rope.scaling.type = linear and rope_freqs.weight"):
        read_gguf(path)


def test_settings_that_change_nothing_are_taken(llama, tmp_path):
    keys = {"attention.causal": True, "expert_count": 0, "rope.scaling.finetuned": False, "tensor_data_layout": "any"}
    assert read_gguf(samples.write(tmp_path / "tiny.gguf", llama, metadata=keys)).config["rope_scaling"] is None


def test_scalings_are_named_for_the_family_to_accept_or_refuse(llama, tmp_path):
    keys = {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 64}
    config = read_gguf(samples.write(tmp_path / "tiny.gguf", llama, metadata=keys)).config
    assert config["rope_scaling"] == {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}


def test_split_files_are_read_from_any_part(llama, tmp_path):
    names = list(samples.model_tensors(llama))
    whole = read_gguf(samples.write(tmp_path / "whole.gguf", llama))
    for number, part in enumerate((names[:5], names[5:]), start=1):
        tensors = {name: samples.model_tensors(llama)[name] for name in part}
        path = tmp_path / f"tiny-{number:05}-of-00002.gguf"
        samples.write(path, llama, tensors=tensors, split=(number - 1, 2))
    for number in (1, 2):
        read = read_gguf(tmp_path / f"tiny-{number:05}-of-00002.gguf")
        assert read.config == whole.config
        assert read.tensors.keys() == whole.tensors.keys()
    (tmp_path / "tiny-00001-of-00002.gguf").rename(tmp_path / "other.gguf")
    with pytest.raises(GgufFileError, match=r"one of 2 parts; missing beside it: tiny-00001-of-00002.gguf"):
        read_gguf(tmp_path / "tiny-00002-of-00002.gguf")
    with pytest.raises(GgufFileError, match=r"other.gguf is one of 2 parts: keep them in one folder"):
        read_gguf(tmp_path / "other.gguf")


REFUSED = {
    "another architecture": ({"architecture": "mamba"}, "general.architecture is 'mamba'; supported: llama, qwen2"),
    "experts": ({"metadata": {"expert_count": 8}}, "not supported: llama.expert_count = 8"),
    "missing key": ({"metadata": {"block_count": None}}, "llama.block_count is missing"),
    "heads by layer": ({"metadata": {"attention.head_count_kv": [2, 1]}}, "head_count_kv differs between layers"),
    "scaling": (
        {"metadata": {"rope.scaling.type": "yarn", "rope.scaling.attn_factor": 2.0}},
        r"not supported: llama.rope.scaling.attn_factor = 2\.0",
    ),
    "window": ({"metadata": {"attention.sliding_window": 64}}, "not supported: llama.attention.sliding_window = 64"),
    "no heads": ({"metadata": {"attention.head_count": 0}}, "llama.attention.head_count is 0"),
    "partly rotated": ({"metadata": {"rope.dimension_count": 8}}, "8 of 16 dimensions of a head are rotated"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_models_without_a_counterpart_are_refused_by_name(case, llama, tmp_path):
    arguments, message = REFUSED[case]
    path = samples.write(tmp_path / "tiny.gguf", llama, **arguments)
    with pytest.raises(GgufFileError, match=rf"tiny.gguf .*{message}"):
        read_gguf(path)


def test_a_type_that_cannot_be_dequantized(llama, tmp_path, monkeypatch):
    tensors = samples.model_tensors(llama)
    tensors["blk.1.ffn_up.weight"] = tensors["blk.1.ffn_up.weight"].astype(np.float64)
    path = samples.write(tmp_path / "tiny.gguf", llama, tensors=tensors, as_is={"blk.1.ffn_up.weight"})
    with pytest.raises(GgufFileError, match=r"does not dequantize: blk.1.ffn_up.weight \(F64\); take the file of"):
        read_gguf(path)


def test_the_extra_is_named(llama, tmp_path, monkeypatch):
    path = samples.write(tmp_path / "tiny.gguf", llama)
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(GgufFileError, match=r"tiny.gguf, pip install 'seqgpt_jax\[gguf\]'"):
        read_gguf(path)


def test_no_gguf_at_all(tmp_path):
    path = tmp_path / "tiny.gguf"
    with pytest.raises(GgufFileError, match="is no file"):
        read_gguf(path)
    path.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(GgufFileError, match="is no GGUF file: it begins with b'PK"):
        read_gguf(path)


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.7, 0.999])
def test_truncated_anywhere(share, llama, tmp_path):
    path = samples.write(tmp_path / "tiny.gguf", llama)
    content = path.read_bytes()
    path.write_bytes(content[: max(5, int(len(content) * share))])
    with pytest.raises(GgufFileError, match="truncated or corrupt"):
        read_gguf(path)


def test_dequantization_is_that_of_the_format(llama, tmp_path):
    """A Q8_0 block: a float16 scale and 32 signed bytes (ggml.h)."""
    path = samples.write(tmp_path / "tiny.gguf", llama, kind=TYPES.Q8_0)
    value = samples.model_tensors(llama)["token_embd.weight"]
    blocks = quants.quantize(value, TYPES.Q8_0).reshape(-1, 34)
    expected = blocks[:, :2].copy().view(np.float16).astype(np.float32) * blocks[:, 2:].view(np.int8)
    found = read_gguf(path).tensors["model.embed_tokens.weight"].read()
    np.testing.assert_array_equal(found, expected.reshape(value.shape))
    assert 0 < np.abs(found - value).max() < 0.01


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_import_writes_a_folder_that_transformers_reads(architecture, tmp_path, capsys):
    model = samples.make_model(architecture, tie_word_embeddings=architecture != "qwen3")
    path = samples.write(tmp_path / "tiny.gguf", model)
    output = tmp_path / "imported"
    with pytest.raises(UsageError, match="--revision=abc is of a model on the hub"):
        import_hf.main([f"--source={path}", f"--output={output}", "--revision=abc"])
    assert import_hf.main([f"--source={path}", f"--output={output}"]) == 0
    assert "[GEN] was added" in capsys.readouterr().out
    peer = AutoModelForCausalLM.from_pretrained(output).eval()
    tokens = torch.arange(20)[None] * 7 % samples.VOCAB
    with torch.no_grad():
        torch.testing.assert_close(peer(tokens).logits, model(tokens).logits, rtol=0, atol=0)
    loaded = load(output)
    assert loaded.config.vocab_size == samples.VOCAB
    assert loaded.tokenizer("the[GEN]").input_ids[-1] == samples.make_bpe().get_vocab_size()


def imported(path, tmp_path):
    return import_hf.main([f"--source={path}", f"--output={tmp_path / 'imported'}"])


def test_import_lists_missing_tensors(llama, tmp_path):
    tensors = samples.model_tensors(llama)
    del tensors["blk.1.ffn_up.weight"], tensors["output_norm.weight"]
    tensors["blk.0.extra.weight"] = np.zeros(3, np.float32)
    path = samples.write(tmp_path / "tiny.gguf", llama, tensors=tensors)
    with pytest.raises(WeightsError) as error:
        imported(path, tmp_path)
    listed = str(error.value).splitlines()
    assert str(path) in listed[0]
    assert [line.split(" [")[0] for line in listed[1:]] == [
        "  missing: model.layers.1.mlp.up_proj.weight",
        "  missing: model.norm.weight",
        "  unknown: blk.0.extra.weight",
    ]
    assert not (tmp_path / "imported").exists()


IMPORT_REFUSED = {
    "scaling": (
        {"metadata": {"rope.scaling.type": "longrope", "rope.scaling.factor": 2.0}},
        "rope_type='longrope'; supported: default, linear, llama3, yarn",
    ),
    "vocabulary": ({"tokenizer": samples.bpe_metadata(samples.make_bpe(), rows=330)}, "330 tokens.* only 320 rows"),
    "biases": ({"architecture": "llama", "model": ("llama", {"mlp_bias": True})}, "mlp_bias=True"),
}


@pytest.mark.parametrize("case", IMPORT_REFUSED)
def test_import_refuses_by_name(case, llama, tmp_path):
    arguments, message = IMPORT_REFUSED[case]
    arguments = dict(arguments)
    kind = arguments.pop("model", None)
    path = samples.write(tmp_path / "tiny.gguf", samples.make_model(kind[0], **kind[1]) if kind else llama, **arguments)
    with pytest.raises(ValueError, match=message):
        imported(path, tmp_path)
    assert not (tmp_path / "imported").exists()


def test_a_folder_of_gguf_files_says_what_to_name(llama, tmp_path):
    samples.write(tmp_path / "tiny.gguf", llama)
    with pytest.raises(UsageError, match=r"no config.json, tokenizer.json; name one of its GGUF files: tiny.gguf"):
        imported(tmp_path, tmp_path)
