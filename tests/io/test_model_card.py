"""The card of an exported model says what its architecture and its contract say."""

import dataclasses

import pytest

from seqgpt_jax import export
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
from seqgpt_jax.io.model_card import model_card
from seqgpt_jax.models import registry
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create, params_of
from tests.models import peers

CONFIG = BloomConfig(vocab_size=peers.VOCAB, hidden_size=48, n_layer=1, n_head=6)


def test_license_and_name_are_those_of_the_architecture(monkeypatch):
    bloom = registry.ARCHITECTURES["bloom"]
    other = dataclasses.replace(bloom, title="Other", license="apache-2.0", license_note="Apache, without limits.")
    cards = []
    for architecture in (bloom, other):
        monkeypatch.setitem(registry.ARCHITECTURES, "bloom", architecture)
        cards.append(model_card(CONFIG, title="tickets", prompts={}, contract=ModelContract()))
    assert "license: bigscience-bloom-rail-1.0" in cards[0]
    assert "BigScience RAIL License" in cards[0]
    assert "license: apache-2.0" in cards[1]
    assert "with the architecture of Other" in cards[1]
    assert "## License\n\nApache, without limits. The data sets" in cards[1]
    assert "BLOOM" not in cards[1]


@pytest.mark.parametrize(("architecture", "title"), [("llama", "Llama"), ("qwen2", "Qwen2.5"), ("qwen3", "Qwen3")])
def test_a_card_of_the_llama_family(architecture, title):
    sizes = {"hidden_size": 48, "mlp_size": 96, "n_layer": 1, "n_head": 6, "n_kv_head": 2, "head_dim": 8}
    config = registry.make_config(architecture, vocab_size=peers.VOCAB, max_length=64, tied_head=True, **sizes)
    card = model_card(config, title="tickets", prompts={}, contract=ModelContract())
    assert f"with the architecture of {title}" in card
    assert f"license: {registry.family(architecture).license}" in card
    assert "bloom" not in card.lower()
    named = model_card(config, title="tickets", prompts={}, contract=ModelContract(), license="apache-2.0")
    assert "license: apache-2.0" in named
    assert "## License\n\nThis model is under the license apache-2.0. The data sets" in named


@pytest.mark.parametrize(
    ("contract", "prompts"),
    [
        (ModelContract(), ["分类: travel，sport\n输出: [GEN]\n```", "抽取: person，city，company\n输出: [GEN]\n```"]),
        (
            ModelContract(template="english", prompt_end="</s>", max_prompt_tokens=300, max_queries=2),
            ["travel, sport\nOutput: </s>\n```", "person, city, company\nOutput: </s>\n```"],
        ),
    ],
)
def test_prompts_are_those_of_the_contract(tmp_path, contract, prompts):
    tensors = params_to_hf(params_of(create(CONFIG)), CONFIG, "float32")
    save_folder(tmp_path / "in", CONFIG, tensors, peers.make_tokenizer(), contract=contract)
    assert export.main([f"--model={tmp_path / 'in'}", f"--output={tmp_path / 'out'}"]) == 0
    card = (tmp_path / "out" / "README.md").read_text()
    for part in prompts:
        assert part in card
    assert ("[GEN]" in card) == (contract.prompt_end == "[GEN]")
    assert f"longer than {contract.max_prompt_tokens:,} tokens" in card
