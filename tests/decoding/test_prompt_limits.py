"""Limits of prompts and answers in tokens, and rounds of classifications that do not fit into one prompt."""

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import NONE, TAB, ContractError
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding.answers import answer
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.questions import Question, compose
from seqgpt_jax.io.contract import ModelContract
from tests.decoding import folders

TOKENIZER = folders.tokenizer()
GRAMMAR = Grammar(TOKENIZER, len(TOKENIZER))
QUERIES = ("other", "event", "location", "price", "product", "name of the person", "城市", "who?", "a" * 20)


def limits(prompt: int = 200, target: int = 64, **contract) -> PromptLimits:
    return PromptLimits(ModelContract(max_prompt_tokens=prompt, max_target_tokens=target, **contract), None, TOKENIZER)


def tokens(text: str) -> int:
    return len(encode(TOKENIZER, [text])[0])


class Chooser:
    """Chooses the labels of `fitting` that a prompt has, or the likeliest of them by the weights."""

    def __init__(self, limits: PromptLimits, weights: dict[str, float]) -> None:
        self.limits, self.weights, self.rounds = limits, weights, []

    def generate(self, prompts, progress=None):
        self.rounds.append([prompt.labels for prompt in prompts])
        return [self.complete(prompt) for prompt in prompts]

    def complete(self, prompt) -> Completion:
        if prompt.choose == "any":
            return Completion(TAB.join(label for label in prompt.labels if label in self.weights) or NONE)
        candidates = prompt.labels + ((NONE,) if prompt.choose == "one_or_none" else ())
        scores = {label: math.log(self.weights.get(label, 1e-6)) for label in candidates}
        return Completion(max(scores, key=scores.get), label_scores=scores)


LABELS = tuple(f"the label of number {number}" for number in range(40))


def test_every_prompt_has_room_for_its_labels_and_the_text() -> None:
    text = "Ada met Bob in Turin. " * 3
    composed = compose(Question(text, "cls", LABELS, "one"), limits())
    assert len(composed.prompts) > 3
    assert tuple(label for prompt in composed.prompts for label in prompt.labels) == LABELS
    assert all(tokens(prompt.text) <= 200 for prompt in composed.prompts)


def test_the_contract_bounds_the_number_of_labels_too() -> None:
    composed = compose(Question("t", "cls", tuple("abcdefg"), "any"), limits(max_labels=3))
    assert [prompt.labels for prompt in composed.prompts] == [("a", "b", "c"), ("d", "e"), ("f", "g")]


def test_the_echo_of_the_queries_fits_the_answer() -> None:
    queries = tuple(f"a description of the kind {number}" for number in range(6))
    asked = limits(prompt=1024, target=96)
    composed = compose(Question("Ada", "ext", queries), asked)
    assert len(composed.prompts) > 1
    for prompt in composed.prompts:
        assert tokens("".join(f"{query}: a\n" for query in prompt.labels)) + 1 <= 96
    assert len(compose(Question("Ada", "ext", queries), limits(1024, 512)).prompts) == 1


@settings(deadline=None)
@given(st.lists(st.sampled_from(QUERIES), min_size=1, max_size=6, unique=True), st.integers(12, 80))
def test_what_the_composer_lets_pass_the_grammar_lets_pass(queries, most) -> None:
    """A query and its colon can be other tokens than the query alone."""
    asked = PromptLimits(ModelContract(max_target_tokens=most), None, TOKENIZER)
    with suppress(ContractError):
        GRAMMAR.check(compose(Question("Ada", "ext", tuple(queries)), asked).prompts, most)
        return
    costs = [tokens(f"{query}: None") + 2 for query in queries]
    assert max(costs) > most


def test_what_fits_nowhere_is_refused_with_the_number_needed() -> None:
    query = "a kind of thing that takes more tokens than the answer may have"
    need = tokens(f"{query}:") + tokens(" None") + 2  # and a line break, the end
    with pytest.raises(ContractError, match=f"takes {need} tokens, but may have only 32: set Decode.max_new_tokens to"):
        compose(Question("Ada", "ext", (query, "b")), limits(target=32))
    assert compose(Question("Ada", "ext", (query, "b")), limits(target=need, prompt=1024)).prompts
    with pytest.raises(ContractError, match=f"set Decode.max_new_tokens to {tokens(query) + 1} or more"):
        compose(Question("Ada", "cls", (query, "b")), limits(target=16))
    # A label that is not written needs no room in an answer, but in a prompt.
    assert compose(Question("Ada", "cls", (query, "b"), "one"), limits(target=16)).prompts
    with pytest.raises(ContractError, match=r"max_prompt_tokens is 48\. Shorten the label, or train with"):
        compose(Question("Ada", "cls", (query, "b"), "one"), limits(prompt=48))


def test_the_best_of_each_chunk_are_compared_once_more() -> None:
    chooser = Chooser(limits(), {LABELS[3]: 0.2, LABELS[38]: 0.4, LABELS[20]: 0.1})
    (found,) = answer(chooser, [Question("Ada", "cls", LABELS, "one")])
    assert found.answers == [LABELS[38]]
    first, *later = chooser.rounds
    assert len(first) > 1
    (final,) = later[-1]
    assert {LABELS[3], LABELS[38]} <= set(final)
    assert len(final) == len(first)
    assert len(found.prompts) == len(found.completions) == sum(map(len, chooser.rounds))
    assert list(found.label_scores) == list(LABELS)
    assert list(found.label_probabilities) == list(LABELS)
    assert sum(found.label_probabilities.values()) == pytest.approx(1)
    assert found.label_probabilities[LABELS[38]] / found.label_probabilities[LABELS[3]] == pytest.approx(2)


def test_finalists_that_do_not_fit_are_asked_in_chunks_again() -> None:
    chooser = Chooser(limits(max_labels=3), {label: 0.01 + 0.001 * i for i, label in enumerate("abcdefghijklmnop")})
    (found,) = answer(chooser, [Question("Ada", "cls", tuple("abcdefghijklmnop"), "one")])
    assert found.answers == ["p"]
    assert [len(prompts) for prompts in chooser.rounds] == [6, 2, 1]


@pytest.mark.parametrize(("fitting", "rounds"), [((), 1), ((2,), 1), ((2, 3), 1), ((2, 39), 2), (range(40), 1)])
def test_labels_chosen_in_several_chunks_are_asked_together_once_more(fitting, rounds) -> None:
    chosen = [LABELS[number] for number in fitting]
    for choose in ("any", "one_or_none") if len(chosen) < 2 else ("any",):
        chooser = Chooser(limits(), dict.fromkeys(chosen, 0.5))
        # One of many: what is not known is far less likely than that nothing fits.
        chooser.weights[NONE] = 0.1
        (found,) = answer(chooser, [Question("Ada", "cls", LABELS, choose)])
        assert found.answers == chosen
        assert len(chooser.rounds) == rounds


def test_nothing_fits_and_the_probability_of_that_is_reported() -> None:
    weights = {"a": 0.1, "b": 0.1, "c": 0.7, "d": 0.1, NONE: 0.8}
    chooser = Chooser(limits(max_labels=2), weights)
    (found,) = answer(chooser, [Question("Ada", "cls", tuple("abcd"), "one_or_none")])
    assert (found.answers, len(chooser.rounds)) == ([], 1)
    assert found.label_probabilities == pytest.approx({label: weight / 1.8 for label, weight in weights.items()})


def test_free_decoding_takes_the_first_label_that_was_written() -> None:
    class Free(Chooser):
        def complete(self, prompt):
            return Completion(TAB.join(prompt.labels[1:]))

    (found,) = answer(Free(limits(), {}), [Question("Ada", "cls", ("x", "y", "z"), "one")])
    assert (found.answers, found.label_scores) == (["y"], None)
