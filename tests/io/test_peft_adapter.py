"""Runs of adapters, exported merged and for `peft`: both answer as the model with adapters does."""

import json

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from seqgpt_jax import command_line, export
from seqgpt_jax.io.hf_checkpoint import load_params, read_config
from seqgpt_jax.io.lora_folder import Adapters, save_adapters, weights_fingerprint
from seqgpt_jax.io.model_folder import save_run_config
from seqgpt_jax.models.lora import LoraConfig, joined
from seqgpt_jax.models.parameters import create_adapter, from_params
from seqgpt_jax.models.registry import config_from_hf
from tests.models import peers

TOKENS = np.random.default_rng(0).integers(4, peers.VOCAB, (2, 20))
LORA = LoraConfig(rank=3, alpha=6.0)


@pytest.fixture(scope="module", params=["bloom", "qwen2"])
def trained(request, tmp_path_factory):
    """(run folder, base folder, logits of the model with adapters)."""
    base, run = (tmp_path_factory.mktemp(name) for name in ("base", "run"))
    (peers.make_peer(6) if request.param == "bloom" else peers.make_rotary("qwen2")).save_pretrained(base)
    peers.make_tokenizer().save_pretrained(str(base))
    config = config_from_hf(read_config(base))
    params, rng = load_params(base, config), np.random.default_rng(1)
    adapter = create_adapter(config, LORA)
    adapter = jax.tree.map(lambda leaf: leaf + rng.normal(0, 0.2, leaf.shape).astype(np.float32), adapter)
    save_run_config(run, config)
    save_adapters(run, Adapters(LORA, str(base), weights_fingerprint(params)))
    peers.make_tokenizer().save_pretrained(str(run / "tokenizer"))
    with ocp.CheckpointManager((run / "checkpoints").absolute(), item_names=("params",)) as manager:
        manager.save(3, args=ocp.args.Composite(params=ocp.args.StandardSave(adapter)))
    return run, base, peers.run_ours(from_params(config, joined(adapter, params), LORA), TOKENS)


def test_peft_loads_the_adapters(trained, tmp_path):
    run, base, logits = trained
    out = tmp_path / "adapter"
    assert export.main([f"--model={run}", f"--output={out}", "--adapter", "--dtype=float32"]) == 0
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), out).eval()
    np.testing.assert_allclose(peers.run_peer(loaded, TOKENS), logits, rtol=1e-5, atol=1e-4)
    # transformers finds the base model by the name in adapter_config.json.
    loaded = AutoModelForCausalLM.from_pretrained(out).eval()
    np.testing.assert_allclose(peers.run_peer(loaded, TOKENS), logits, rtol=1e-5, atol=1e-4)
    assert "[GEN]" in AutoTokenizer.from_pretrained(out).get_vocab()
    assert (out / "seqgpt.json").is_file()
    card = (out / "README.md").read_text()
    assert "library_name: peft" in card
    assert "generate(**batch, num_beams=4, do_sample=False, max_new_tokens=" in card


def test_an_export_is_merged_without_the_flag(trained, tmp_path):
    run, _, logits = trained
    out = tmp_path / "merged"
    assert export.main([f"--model={run}", f"--output={out}", "--dtype=float32"]) == 0
    peer = AutoModelForCausalLM.from_pretrained(out).eval()
    np.testing.assert_allclose(peers.run_peer(peer, TOKENS), logits, rtol=1e-5, atol=1e-4)


def test_adapters_need_a_run_of_adapters_and_a_base_that_peft_can_load(trained, tmp_path):
    run, base, _ = trained
    flags = [f"--output={tmp_path / 'out'}", "--adapter"]
    with pytest.raises(command_line.UsageError, match=r"--adapter is for a run with Lora\.rank above 0"):
        export.main([f"--model={base}", *flags])
    values = json.loads((run / "lora.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.json").write_bytes((run / "model.json").read_bytes())
    (other / "lora.json").write_text(json.dumps(values | {"base": str(run)}))
    with pytest.raises(command_line.UsageError, match=r"is a run folder: export it too, .* --base_model"):
        export.main([f"--model={other}", *flags])
