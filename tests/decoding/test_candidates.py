"""Candidate tokens: the same answers as over the whole vocabulary whose other tokens are struck out."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqgpt_jax.decoding.candidates import END, candidates_of, numbers_of
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.step import for_decoding
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create
from tests.data.small_tasks import small_tokenizer
from tests.decoding.peer import generate

TOKENIZER = small_tokenizer()
VOCAB = 4096
END_ID = TOKENIZER.eos_token_id
CONFIG = BloomConfig(vocab_size=VOCAB, hidden_size=48, n_layer=2, n_head=6, initializer_range=0.3)
TEXTS = ("Ann went to Rome", "3月5日王明去了北京。", "New York, NY: a\tb", "x")
PROMPTS = [
    Prompt("ext", ("person", "地点")[: 1 + i % 2], f"{i}: {text}", source_text=text) for i, text in enumerate(TEXTS)
]


def test_each_prompt_has_its_own_candidates_and_the_end() -> None:
    ids = [np.array([7, 9, 7]), np.array([9, 2])]
    candidates = candidates_of(ids, 5, 3, VOCAB)
    assert (candidates.ids_BxU[:, END] == 5).all()
    found = zip(*candidates, strict=True)
    assert [sorted(ids_U[real_U].tolist()) for ids_U, real_U in found] == [[5, 7, 9], [2, 5, 9], [5]]
    numbers = numbers_of(np.array([[7, 5, 9, 2], [9, 9, 2, 7], [9, 0, 5, 1]]), candidates)
    assert numbers.tolist() == [[1, END, 2, END], [2, 2, 1, END], [END] * 4]


def test_there_are_never_more_than_the_vocabulary_has() -> None:
    assert len(candidates_of([np.arange(600)], 5, 1, 601).ids_BxU[0]) == 601
    assert len(candidates_of([np.arange(600)], 5, 1, VOCAB).ids_BxU[0]) == 1024


@pytest.mark.parametrize("num_beams", [1, 3])
@pytest.mark.parametrize("repetition_penalty", [1.0, 1.4])
def test_equals_the_search_over_the_vocabulary_with_other_tokens_struck_out(num_beams, repetition_penalty) -> None:
    """Each prompt alone and over all of the vocabulary: other prompts of a batch change nothing."""
    model = for_decoding(create(CONFIG, seed=3))
    grammar = Grammar(TOKENIZER, VOCAB)

    def search(prompts: list[Prompt], narrow: bool) -> list[tuple]:
        rows = len(prompts) + 1  # one is filler
        tokens = np.zeros((rows, 48), np.int32)
        mask = np.zeros((rows, 48), bool)
        for row, prompt in enumerate(prompts):
            ids = TOKENIZER(prompt.text).input_ids
            tokens[row, : len(ids)], mask[row, : len(ids)] = ids, True
        mask[:, 0] = True
        automaton = grammar.automaton(prompts, rows)
        narrowed, candidates = grammar.narrowed(automaton, [prompt.source_text for prompt in prompts])
        forbidden = np.zeros(VOCAB, bool)
        struck = model
        if not narrow:
            # The end token's number is none of the vocabulary's here: an own one is needed for each prompt.
            own = np.isin(np.arange(VOCAB), candidates.ids_BxU[0][candidates.real_BxU[0]])
            struck = model._replace(backbone=_Struck(model.backbone, own))
        found = generate(
            struck, tokens, mask, np.arange(rows) < len(prompts), jnp.asarray(forbidden),
            narrowed if narrow else automaton, None, candidates if narrow else None,
            num_beams=num_beams, max_new_tokens=40, eos_id=END_ID, repetition_penalty=repetition_penalty,
        )  # fmt: skip
        found = jax.device_get(found)
        return [
            (found.ids_BxN[row, : found.lengths_B[row]].tolist(), found.scores_B[row], found.token_scores_BxN[row])
            for row in range(len(prompts))
        ]

    together = search(PROMPTS, narrow=True)
    for prompt, (ids, score, token_scores) in zip(PROMPTS, together, strict=True):
        ((expected_ids, expected_score, expected_token_scores),) = search([prompt], narrow=False)
        assert ids == expected_ids
        assert score == pytest.approx(expected_score, abs=1e-4)
        assert token_scores == pytest.approx(expected_token_scores, abs=1e-4)
    assert len({tuple(ids) for ids, _, _ in together}) == len(PROMPTS)


@jax.tree_util.register_pytree_node_class
class _Struck:
    """A model whose other tokens are all but impossible."""

    def __init__(self, model, own) -> None:
        self.model, self.own = model, own

    def __getattr__(self, name):
        return getattr(self.model, name)

    def logits(self, hidden):
        return jnp.where(self.own, self.model.logits(hidden), -1e30)

    def tree_flatten(self):
        return (self.model, self.own), None

    @classmethod
    def tree_unflatten(cls, _, children):
        return cls(*children)


@pytest.mark.parametrize("rows", [VOCAB, len(TOKENIZER) + 8])
def test_answers_do_not_depend_on_what_else_is_asked(rows) -> None:
    """Other texts, classifications, and spans that are not copied; a vocabulary that is larger than the candidates."""
    model = create(replace(CONFIG, vocab_size=rows), seed=3)
    engine = Engine(model, TOKENIZER, DecodeConfig(num_beams=2, batch_size=8, max_new_tokens=40), ModelContract())
    further = [
        Prompt("ext", ("person",), "free: Ann"),
        Prompt("cls", ("person", "地点"), "cls: Ann"),
        Prompt("ext", ("city",), "long", source_text="".join(map(chr, range(0x4E00, 0x4E80))) + TEXTS[0]),
    ]
    alone = [engine.generate([prompt])[0] for prompt in PROMPTS]
    together = engine.generate([*further, *PROMPTS])
    assert all(one.finished for one in together)
    for one, other in zip(alone, together[len(further) :], strict=True):
        assert one.ids == other.ids
        assert one.score == pytest.approx(other.score, abs=1e-4)
