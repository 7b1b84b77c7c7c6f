"""A model split over devices: each has a part of it, and the answers are those of one device."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.devices import load_for, mesh_of, rules_for
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
from seqgpt_jax.models.parameters import create, params_of
from seqgpt_jax.models.registry import make_config
from tests.decoding import folders

SIZES = {"vocab_size": 344, "hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}
GROUPED = {"mlp_size": 48, "n_kv_head": 2, "head_dim": 8, "max_length": 256}
CONFIGS = {
    "bloom": make_config(**SIZES),
    "qwen3": make_config("qwen3", **SIZES, **GROUPED, tied_head=False),
    "gemma3_text": make_config("gemma3_text", **SIZES, **GROUPED, sliding_window=16, full_attention_every=2),
}
DECODE = DecodeConfig(num_beams=2, batch_size=4, max_new_tokens=16)


def prompts() -> list[Prompt]:
    """Extractions, more than a batch has rows; labels of which any number, and of which one is right."""
    texts = ["Ada saw Turin", "杭州欢迎你", "Ada Lovelace visited Turin in 1840", "a", "Turin, Turin", "1840 person"]
    labels = ("person", "city")
    written = "，".join(labels)
    asked = [Prompt("ext", labels, f"输入: {one}\n抽取: {written}\n输出: [GEN]", source_text=one) for one in texts]
    for choose in ("any", "one", "one_or_none"):
        for one in texts[:3]:
            text = f"输入: {one}\n分类: {written}\n输出: [GEN]"
            asked.append(Prompt("cls", labels, text, source_text=one, choose=choose))
    return asked


@pytest.fixture(scope="module", params=CONFIGS)
def folder(request, tmp_path_factory):
    config, path = CONFIGS[request.param], tmp_path_factory.mktemp(request.param)
    assert config.vocab_size >= len(folders.tokenizer())
    save_folder(path, config, params_to_hf(params_of(create(config, seed=1)), config, "float32"), folders.tokenizer())
    return path


def engine(folder, devices: int, **changes: object) -> Engine:
    decode = replace(DECODE, devices=devices, **changes)
    return Engine.of(load_for(decode, folder), decode)


def values(completions) -> list:
    """Scores of answers and of labels."""
    return [value for one in completions for value in (one.score, *(one.label_scores or {}).values())]


@pytest.mark.parametrize("constrained", [True, False], ids=["constrained", "free"])
def test_the_answers_are_those_of_one_device(folder, constrained):
    alone = engine(folder, 1, constrained=constrained).generate(prompts())
    assert len({one.text for one in alone}) > 1, "the answers do not differ: the test could not see a wrong one"
    split = engine(folder, 4 if constrained else 2, constrained=constrained).generate(prompts())
    assert [one.text for one in split] == [one.text for one in alone]
    np.testing.assert_allclose(values(split), values(alone), atol=1e-4)


def test_greedy_answers_that_read_forced_tokens_together_are_those_of_one_device(folder, monkeypatch):
    asked = [prompt for prompt in prompts() if prompt.atom == "ext"]
    alone = engine(folder, 1, num_beams=1).generate(asked)
    monkeypatch.setattr("seqgpt_jax.decoding.engine.tokens_a_step", lambda *_: 4)
    split = engine(folder, 2, num_beams=1).generate(asked)
    assert [one.text for one in split] == [one.text for one in alone]
    np.testing.assert_allclose(values(split), values(alone), atol=1e-4)


def test_each_device_has_a_part_of_the_model(folder):
    model = engine(folder, 2)._model
    leaves = [leaf for leaf in jax.tree.leaves(model) if leaf.ndim > 1]
    whole = sum(leaf.nbytes for leaf in leaves)
    of_one = sum(leaf.addressable_shards[0].data.nbytes for leaf in leaves)
    assert {len(leaf.sharding.device_set) for leaf in leaves} == {2}
    assert of_one < 0.52 * whole


def test_heads_of_keys_that_cannot_be_split_are_on_all_devices():
    rules = rules_for(CONFIGS["qwen3"], 4)
    assert (rules.heads, rules.kv_heads, rules.mlp, rules.vocab) == ("tensor", None, "tensor", "tensor")
    assert rules.batch is rules.embed is None


def test_numbers_that_do_not_suit_are_refused(folder):
    with pytest.raises(ValueError, match=r"Decode.devices = 5 divides none of the sizes of this model: vocab 344"):
        load_for(replace(DECODE, devices=5), folder)
    with pytest.raises(ValueError, match=rf"Decode.devices = 99, and there are {len(jax.devices())} here \(cpu\)"):
        mesh_of(99)
    loaded = load_for(replace(DECODE, devices=2), folder)
    with pytest.raises(ValueError, match=r"Decode.devices = 1, and the model was loaded for 2"):
        Engine.of(loaded, DECODE)
    with pytest.raises(ValueError, match=r"Decode.devices must be a whole number of at least 1, not 0"):
        replace(DECODE, devices=0)
