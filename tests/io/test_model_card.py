"""The card of an exported model says what its architecture and its contract say."""

import dataclasses

import pytest

from seqgpt_jax import export, import_hf
from seqgpt_jax.io.contract import BaseWeights, ModelContract, ScoreCalibration, base_of, read_contract
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


def test_license_and_name_follow_the_weights_that_training_started_from() -> None:
    def card(base: BaseWeights | None, **flags: str) -> str:
        return model_card(CONFIG, title="tickets", prompts={}, contract=ModelContract(base=base), **flags)

    random = card(BaseWeights())
    assert "license:" not in random
    assert "trained from random weights, with the architecture of BLOOM" in random
    assert "whoever publishes the model chooses its license" in random
    hub = card(BaseWeights("acme/bloom-mini", "mit"))
    assert "\nlicense: mit\n" in hub
    assert "\nbase_model: acme/bloom-mini\n" in hub
    assert "acme/bloom-mini, which training started from, is under the license mit." in hub
    file = card(BaseWeights("mini.gguf", None))
    assert "base_model" not in file
    assert "fine-tuned from mini.gguf" in file
    assert "license: bigscience-bloom-rail-1.0" in file
    named = card(BaseWeights(), license="apache-2.0", base_model="acme/other")
    assert "license: apache-2.0" in named
    assert "base_model: acme/other" in named
    assert "fine-tuned from acme/other" in named


def test_a_calibration_is_in_the_card() -> None:
    contract = ModelContract(calibration=ScoreCalibration(1.5, 0.5, -0.25))
    card = model_card(CONFIG, title="tickets", prompts={}, contract=contract)
    assert "temperature 1.5" in card
    assert "slope 0.5 and intercept -0.25" in card


def test_the_base_model_is_kept_from_import_to_export(tmp_path, capsys) -> None:
    tensors = params_to_hf(params_of(create(CONFIG)), CONFIG, "float32")
    save_folder(tmp_path / "mini", CONFIG, tensors, peers.make_tokenizer(), card="---\nlicense: mit\n---\n# Mini\n")
    (tmp_path / "mini" / "seqgpt.json").unlink()
    assert import_hf.main([f"--source={tmp_path / 'mini'}", f"--output={tmp_path / 'imported'}"]) == 0
    assert (
        read_contract(tmp_path / "imported").base == base_of(str(tmp_path / "imported")) == BaseWeights("mini", "mit")
    )
    assert base_of(str(tmp_path / "mini")) == BaseWeights("mini")
    assert export.main([f"--model={tmp_path / 'imported'}", f"--output={tmp_path / 'out'}"]) == 0
    assert "license: mit" in (tmp_path / "out" / "README.md").read_text()
