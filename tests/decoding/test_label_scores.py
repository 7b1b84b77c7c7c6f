"""Probabilities of whole labels, against one pass of `transformers` for each prompt and label."""

import math

import numpy as np
import pytest
import torch

from seqgpt_jax.atomic import NONE
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding import label_scores
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine, NonFiniteError
from seqgpt_jax.decoding.label_trie import label_trie
from seqgpt_jax.io.contract import ModelContract
from tests.decoding import folders
from tests.decoding.peer import EOS, peer_of

CONTRACT = ModelContract(max_prompt_tokens=160, max_target_tokens=4)
# Beginnings in common, one label inside another, and far more tokens than an answer may have.
LABELS = ("Turin", "Turin in 1840", "Tu", "财经", "体育", "a label of many more tokens than the others", "No")


def asked(number: int, choose: str = "one") -> list[Prompt]:
    texts = ["Ada", "杭州欢迎你。", "Ada Lovelace visited Turin in 1840. " * 2, "company, company, company"]
    prompts = []
    for i in range(number):
        labels = LABELS[i % 3 :]
        text = f"输入: {texts[i % 4]} {i}\n分类: {'，'.join(labels)}\n输出: [GEN]"
        prompts.append(Prompt("cls", labels, text, choose))
    return prompts


def peer_scores(model, prompt: Prompt, labels) -> dict[str, float]:
    """Log-probability of each label and the end token after the prompt."""
    peer, tokenizer, found = peer_of(model), folders.tokenizer(), {}
    (prompt_ids,) = encode(tokenizer, [prompt.text])
    for label, ids in zip(labels, encode(tokenizer, labels), strict=True):
        answer = [*ids, EOS]
        with torch.no_grad():
            logits = peer(torch.tensor([[*prompt_ids, *answer]])).logits[0, len(prompt_ids) - 1 : -1]
        found[label] = float(logits.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)].sum())
    return found


@pytest.mark.parametrize("choose", ["one", "one_or_none"])
def test_scores_are_the_log_probabilities_of_whole_labels(choose, monkeypatch) -> None:
    model = folders.model()
    # Several prompts in a batch, and several chunks of pairs in a prompt.
    monkeypatch.setattr(label_scores, "MAX_BYTES", 4 * model.config.vocab_size * 24)
    monkeypatch.setattr("seqgpt_jax.decoding.engine.rows_that_fit", lambda *_: 2)
    engine = Engine(model, folders.tokenizer(), DecodeConfig(batch_size=4, contextual_calibration=False), CONTRACT)
    prompts = asked(5, choose)
    for prompt, completion in zip(prompts, engine.generate(prompts), strict=True):
        labels = [*prompt.labels, *([NONE] if choose == "one_or_none" else [])]
        expected = peer_scores(model, prompt, labels)
        assert completion.label_scores == pytest.approx(expected, abs=2e-3)
        assert completion.text == max(expected, key=expected.get)
        (ids,) = encode(folders.tokenizer(), [completion.text])
        assert completion.score == pytest.approx(expected[completion.text] / (len(ids) + 1), abs=1e-3)
        assert list(completion.ids) == ids


def test_mixed_prompts_keep_their_place() -> None:
    engine = Engine(folders.model(), folders.tokenizer(), DecodeConfig(batch_size=2, max_new_tokens=64), CONTRACT)
    one, any_ = asked(3), asked(3, "any")
    mixed = engine.generate([any_[0], one[0], one[1], any_[1], any_[2], one[2]])
    assert [completion.label_scores is None for completion in mixed] == [True, False, False, True, True, False]
    alone = engine.generate(one)
    assert [mixed[i].text for i in (1, 2, 5)] == [completion.text for completion in alone]
    for i, other in zip((1, 2, 5), alone, strict=True):
        assert mixed[i].label_scores == pytest.approx(other.label_scores, abs=1e-3)


def test_free_decoding_scores_nothing() -> None:
    config = DecodeConfig(batch_size=2, num_beams=1, constrained=False)
    completions = Engine(folders.model(), folders.tokenizer(), config, CONTRACT).generate(asked(1))
    assert completions[0].label_scores is None


@pytest.mark.parametrize("choose", ["one", "any"])
def test_a_model_without_finite_scores_has_no_answer(choose) -> None:
    model = folders.model()
    model.final_norm.bias[...] = model.final_norm.bias[...].at[0].set(math.nan)
    engine = Engine(model, folders.tokenizer(), DecodeConfig(batch_size=2, num_beams=2, max_new_tokens=64), CONTRACT)
    with pytest.raises(NonFiniteError, match="NaN or infinite"):
        engine.generate(asked(1, choose))


def test_labels_share_what_they_begin_with() -> None:
    trie = label_trie([[5, 6, 7], [5, 6], [5, 8], [9]], end_id=2)
    assert trie.tokens == [5, 6, 7, 8, 9]
    assert trie.parents == [-1, 0, 1, 0, -1]
    assert trie.lengths == [4, 3, 3, 2]
    firsts = np.array([-1.0, -2.0])
    pairs = {pair: -0.5 * (i + 1) for i, pair in enumerate(trie.pairs)}
    scores = trie.label_scores(firsts, np.array(list(pairs.values())))
    assert scores[1] == -1 + pairs[0, 6] + pairs[1, 2]
    assert scores[3] == -2 + pairs[4, 2]
