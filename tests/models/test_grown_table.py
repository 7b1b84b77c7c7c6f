"""Import into a larger vocabulary table: the same logits for the old rows, the mean of them for the new ones."""

import numpy as np
import pytest
from transformers import AutoModelForCausalLM

from seqgpt_jax import import_hf
from tests.models import peers


@pytest.mark.parametrize("kind", ["llama, untied, scaled", "qwen2"])
def test_head_and_table_grow_together(kind, tmp_path) -> None:
    peer = peers.save_rotary(tmp_path / "source", kind)
    tokenizer = peers.make_tokenizer(gen=False)
    tokenizer.add_tokens([f"word{number}" for number in range(peers.VOCAB - len(tokenizer))])
    tokenizer.save_pretrained(str(tmp_path / "source"))
    assert import_hf.main([f"--source={tmp_path / 'source'}", f"--output={tmp_path / 'out'}", "--grow"]) == 0
    larger = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert larger.get_input_embeddings().num_embeddings == 640
    tokens = np.random.default_rng(0).integers(4, peers.VOCAB, (1, 9))
    before, after = peers.run_peer(peer, tokens), peers.run_peer(larger, tokens)
    np.testing.assert_array_equal(after[..., : peers.VOCAB], before)
    np.testing.assert_allclose(after[..., peers.VOCAB :].mean(-1), before.mean(-1), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(peers.run_ours(peers.ours(tmp_path / "out"), tokens), after, rtol=1e-4, atol=1e-3)
