"""The engine: any order and any length in, the same answers out; masks, counts and limits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from seqgpt_jax.decoding.engine import DecodeConfig, Engine, bucket_width, forbidden_tokens
from tests.decoding import folders
from tests.decoding.peer import EOS, peer_answers, peer_of

# Free, because so few constrained tokens leave a random model hardly a choice.
SMALL = DecodeConfig(num_beams=2, max_new_tokens=8, batch_size=4, max_prompt_length=96, constrained=False)


def prompts(count: int) -> list[str]:
    random = np.random.default_rng(0)
    words = ["Ada", "Turin", "杭州", "company", "1840", "visited", "体育", "欢迎"]
    texts = (" ".join(random.choice(words, random.integers(1, 12))) for _ in range(count))
    return [f"输入: {text}\n抽取: person，city\n输出: [GEN]" for text in texts]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(folders.model(), folders.tokenizer(), SMALL)


def test_order_batching_and_width_change_nothing(engine) -> None:
    asked = prompts(11)
    together = engine.generate(asked)
    assert len(set(together)) > 3, "the answers hardly differ: the test could not see a wrong order"
    assert engine.generate(asked[::-1]) == together[::-1]
    assert engine.generate(asked[:1]) == together[:1]
    others = Engine(folders.model(), folders.tokenizer(), replace(SMALL, batch_size=1))
    assert others.generate(asked) == together


def test_order_and_width_change_nothing_under_constraints() -> None:
    long = replace(SMALL, max_new_tokens=40, constrained=True)
    together = Engine(folders.model(), folders.tokenizer(), long).generate(prompts(11))
    assert len(set(together)) > 1
    alone = Engine(folders.model(), folders.tokenizer(), replace(long, batch_size=1))
    assert alone.generate(prompts(11)) == together


def test_equals_transformers_generate_with_the_same_tokens_forbidden(engine) -> None:
    tokenizer, model = folders.tokenizer(), folders.model()
    asked = prompts(6)
    prompt_ids = [tokenizer(prompt, add_special_tokens=False).input_ids for prompt in asked]
    suppressed = np.flatnonzero(forbidden_tokens(tokenizer, model.config.vocab_size)).tolist()
    expected = peer_answers(peer_of(model), prompt_ids, 2, SMALL.max_new_tokens, suppressed)
    expected = [row[:-1] if row[-1] == EOS else row for row in expected]
    assert engine.generate_ids(prompt_ids) == expected
    assert engine.generate(asked) == [tokenizer.decode(row, skip_special_tokens=True) for row in expected]


def test_rows_without_a_token_and_control_tokens_are_never_chosen() -> None:
    """A model that would choose nothing else."""
    tokenizer, model = folders.tokenizer(), folders.model(spare_rows=50)
    never = np.flatnonzero(forbidden_tokens(tokenizer, model.config.vocab_size))
    gen = tokenizer.convert_tokens_to_ids("[GEN]")
    assert set(never) == {0, 1, 3, gen, *range(len(tokenizer), len(tokenizer) + 50)}
    table = model.word_embeddings[...]
    model.word_embeddings[...] = table.at[never].multiply(20)
    for beams in (1, 2):
        config = DecodeConfig(num_beams=beams, max_new_tokens=8, batch_size=4, max_prompt_length=96)
        ids = Engine(model, tokenizer, config).generate_ids([[5, 6, 7], [8], [9, 10]])
        assert not {token for row in ids for token in row} & set(never)
    logits = peer_of(model)(torch.tensor([[5, 6, 7]])).logits[0, -1]
    assert int(logits.argmax()) in never, "the model chooses allowed tokens anyway: the test shows nothing"


def test_long_prompts_lose_their_left_end_and_are_counted(engine) -> None:
    tokenizer = folders.tokenizer()
    tail = tokenizer(prompts(1)[0], add_special_tokens=False).input_ids
    tail = (tail * 4)[-SMALL.max_prompt_length :]
    exact, longer = engine.generate_ids([tail, [7] * 50 + tail])
    assert exact == longer
    assert engine.truncated == 1
    engine.generate_ids([tail])
    assert engine.truncated == 0


def test_answers_that_do_not_end_are_counted() -> None:
    for end_bias, unfinished in ((9.0, 0), (-9.0, 3)):
        engine = Engine(folders.model(end_bias=end_bias), folders.tokenizer(), SMALL)
        ids = engine.generate_ids([[5, 6], [7], [8, 9]])
        assert engine.unfinished == unfinished
        assert [len(row) for row in ids] == ([8, 8, 8] if unfinished else [0, 0, 0])


def test_progress_counts_prompts(engine) -> None:
    seen = []
    engine.generate(prompts(10), lambda done, total: seen.append((done, total)))
    assert seen == [(4, 10), (8, 10), (10, 10)]


def test_nothing_in_nothing_out_and_empty_prompts_are_refused(engine) -> None:
    assert engine.generate([]) == []
    with pytest.raises(ValueError, match="prompt 1 has no token"):
        engine.generate_ids([[5], []])


def test_a_tokenizer_larger_than_the_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tokenizer has \d+ tokens but the model has rows for"):
        Engine(folders.model(spare_rows=-1), folders.tokenizer(), SMALL)


@pytest.mark.parametrize("field", ["num_beams", "max_new_tokens", "batch_size", "max_prompt_length"])
def test_settings_are_checked(field) -> None:
    for value in (0, -1, 1.5, None):
        with pytest.raises(ValueError, match=f"Decode.{field} must be a whole number of at least 1, not {value}"):
            DecodeConfig(**{field: value})


def test_widths_are_few_and_hold_the_prompt() -> None:
    widths = {length: bucket_width(length, 1000) for length in range(1, 1001)}
    assert all(length <= width <= 1000 for length, width in widths.items())
    assert len(set(widths.values())) <= 10
    assert all(width <= 1.6 * length for length, width in widths.items() if length > 64)
