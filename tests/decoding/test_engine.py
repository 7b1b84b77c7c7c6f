"""The engine: any order and any length in, the same answers out; masks, counts and limits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from seqgpt_jax.decoding import batch_order, forced_tokens, running_batch
from seqgpt_jax.decoding.array_sizes import bucket_width
from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.forbidden_tokens import forbidden_tokens
from seqgpt_jax.io.contract import ModelContract
from tests.decoding import folders
from tests.decoding.peer import EOS, peer_answers, peer_of

# Free, because so few constrained tokens leave a random model hardly a choice.
SMALL = DecodeConfig(num_beams=2, batch_size=4, constrained=False)
CONTRACT = ModelContract(max_prompt_tokens=96, max_target_tokens=8)


def prompt(text: str) -> Prompt:
    return Prompt("ext", ("person", "city"), text)


def texts(completions: list[Completion]) -> list[str]:
    return [completion.text for completion in completions]


def prompts(count: int) -> list[Prompt]:
    random = np.random.default_rng(0)
    words = ["Ada", "Turin", "杭州", "company", "1840", "visited", "体育", "欢迎"]
    sentences = (" ".join(random.choice(words, random.integers(1, 12))) for _ in range(count))
    return [prompt(f"输入: {sentence}\n抽取: person，city\n输出: [GEN]") for sentence in sentences]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(folders.model(), folders.tokenizer(), SMALL, CONTRACT)


def test_order_batching_and_width_change_nothing(engine) -> None:
    asked = prompts(11)
    together = texts(engine.generate(asked))
    assert len(set(together)) > 3, "the answers hardly differ: the test could not see a wrong order"
    assert texts(engine.generate(asked[::-1])) == together[::-1]
    assert texts(engine.generate(asked[:1])) == together[:1]
    others = Engine(folders.model(), folders.tokenizer(), replace(SMALL, batch_size=1), CONTRACT)
    assert texts(others.generate(asked)) == together


def test_order_and_width_change_nothing_under_constraints() -> None:
    long = replace(SMALL, max_new_tokens=40, constrained=True)
    together = texts(Engine(folders.model(2), folders.tokenizer(), long, CONTRACT).generate(prompts(11)))
    assert len(set(together)) > 1
    alone = Engine(folders.model(2), folders.tokenizer(), replace(long, batch_size=1), CONTRACT)
    assert texts(alone.generate(prompts(11))) == together


@pytest.mark.parametrize("num_beams", [1, 2])
@pytest.mark.parametrize("repetition_penalty", [1.0, 1.3])
def test_prompts_that_take_the_rows_of_decided_ones_change_nothing(num_beams, repetition_penalty, monkeypatch) -> None:
    """Texts of many lengths, so that answers have many lengths, too; each prompt has candidates of its own."""
    monkeypatch.setattr(running_batch, "_FIRST_ROOM", 8)
    monkeypatch.setattr(batch_order, "_MOST_BATCHES", 4)
    admitted = []
    admit = running_batch.RunningBatch.admit
    monkeypatch.setattr(
        running_batch.RunningBatch, "admit", lambda self, rows, *of: (admitted.append(rows), admit(self, rows, *of))
    )
    long = replace(SMALL, num_beams=num_beams, max_new_tokens=40, constrained=True, batch_size=4)
    long = replace(long, repetition_penalty=repetition_penalty)
    asked = [replace(one, source_text=one.text.split("\n")[0].removeprefix("输入: ")) for one in prompts(21)]
    running = Engine(folders.model(2), folders.tokenizer(), long, CONTRACT).generate(asked)
    # 16 in one batch of 4 rows, then 4, then 1.
    assert [rows is None for rows in admitted] == [True, *[False] * 12, True, True]
    assert len(set(texts(running))) > 3
    monkeypatch.setattr(batch_order, "_MANY_BATCHES", 99)
    whole = Engine(folders.model(2), folders.tokenizer(), long, CONTRACT).generate(asked)
    for one, other in zip(running, whole, strict=True):
        assert (one.ids, one.finished) == (other.ids, other.finished)
        assert one.score == pytest.approx(other.score, abs=1e-5)
        assert one.value_scores == other.value_scores or np.allclose(
            np.concatenate(one.value_scores), np.concatenate(other.value_scores), atol=1e-5
        )


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_first_query_that_is_read_with_the_prompt_changes_nothing(num_beams, monkeypatch) -> None:
    """All of it, a part, and none; a prompt that leaves no room for it; more prompts than rows."""
    settings = DecodeConfig(num_beams=num_beams, batch_size=4, max_new_tokens=48)
    labels = ("name of a person", "地点", "x")
    asked = [
        replace(one, labels=labels[i % 3 :], source_text=one.text.split("\n")[0].removeprefix("输入: "))
        for i, one in enumerate(prompts(13))
    ]
    longest = max(len(ids) for ids in folders.tokenizer()([one.text for one in asked]).input_ids)
    contract = replace(CONTRACT, max_prompt_tokens=longest + 1)
    read: list[np.ndarray] = []
    admit = running_batch.RunningBatch.admit
    monkeypatch.setattr(
        running_batch.RunningBatch,
        "admit",
        lambda self, *of: (read.append(np.asarray(of[7].lengths_B)), admit(self, *of)),
    )
    found = {}
    for most in (0, 2, 15):
        monkeypatch.setattr(forced_tokens, "_MOST", most)
        found[most] = Engine(folders.model(2), folders.tokenizer(), settings, contract).generate(asked)
    lengths = {int(length) for of_batch in read for length in of_batch}
    assert {0, 1, 2} < lengths, "hardly anything is read with the prompt"
    assert len(set(texts(found[0]))) > 6
    for most in (2, 15):
        for one, other in zip(found[most], found[0], strict=True):
            assert (one.ids, one.finished) == (other.ids, other.finished)
            assert one.score == pytest.approx(other.score, abs=1e-5)
            assert one.value_scores == other.value_scores or np.allclose(
                np.concatenate(one.value_scores), np.concatenate(other.value_scores), atol=1e-5
            )


def test_equals_transformers_generate_with_the_same_tokens_forbidden(engine) -> None:
    tokenizer, model = folders.tokenizer(), folders.model()
    asked = prompts(6)
    prompt_ids = [tokenizer(prompt.text, add_special_tokens=False).input_ids for prompt in asked]
    suppressed = np.flatnonzero(forbidden_tokens(tokenizer, model.config.vocab_size)).tolist()
    expected = peer_answers(peer_of(model), prompt_ids, 2, CONTRACT.max_target_tokens, suppressed)
    expected = [row[:-1] if row[-1] == EOS else row for row in expected]
    completions = engine.generate(asked)
    assert [list(completion.ids) for completion in completions] == expected
    assert texts(completions) == [tokenizer.decode(row, skip_special_tokens=True) for row in expected]


def test_rows_without_a_token_and_control_tokens_are_never_chosen() -> None:
    """A model that would choose nothing else."""
    tokenizer, model = folders.tokenizer(), folders.model(spare_rows=50)
    never = np.flatnonzero(forbidden_tokens(tokenizer, model.config.vocab_size))
    gen = tokenizer.convert_tokens_to_ids("[GEN]")
    assert set(never) == {0, 1, 3, gen, *range(len(tokenizer), len(tokenizer) + 50)}
    table = model.word_embeddings[...]
    model.word_embeddings[...] = table.at[never].multiply(20)
    for beams in (1, 2):
        engine = Engine(model, tokenizer, replace(SMALL, num_beams=beams), CONTRACT)
        completions = engine.generate([prompt("abc"), prompt("d"), prompt("ef")])
        assert sum(len(completion.ids) for completion in completions) > 0
        assert not {token for completion in completions for token in completion.ids} & set(never)
    logits = peer_of(model)(torch.tensor([[5, 6, 7]])).logits[0, -1]
    assert int(logits.argmax()) in never, "the model chooses allowed tokens anyway: the test shows nothing"


def test_long_prompts_lose_their_left_end_and_say_how_much(engine) -> None:
    tokenizer = folders.tokenizer()
    limit = CONTRACT.max_prompt_tokens
    long = "Ada Turin " * 100
    ids = tokenizer(long, add_special_tokens=False).input_ids
    tail = tokenizer.decode(ids[-limit:])
    assert tokenizer(tail, add_special_tokens=False).input_ids == ids[-limit:]
    exact, longer, short = engine.generate([prompt(tail), prompt(long), prompt("Ada")])
    assert exact == replace(longer, truncated=0, text_read=None)
    assert longer.text_read == tail
    assert [exact.truncated, longer.truncated, short.truncated] == [0, len(ids) - limit, 0]
    assert len(ids) - limit > 50


def test_answers_that_do_not_end_say_so() -> None:
    for end_bias, finished in ((9.0, True), (-9.0, False)):
        engine = Engine(folders.model(end_bias=end_bias), folders.tokenizer(), SMALL, CONTRACT)
        completions = engine.generate([prompt("ab"), prompt("c"), prompt("de")])
        assert [completion.finished for completion in completions] == [finished] * 3
        assert [len(completion.ids) for completion in completions] == ([0, 0, 0] if finished else [8, 8, 8])


@pytest.mark.parametrize("num_beams", [1, 2])
def test_scores_are_mean_log_probabilities_of_the_completion(num_beams) -> None:
    """Against PyTorch's log-probabilities of the same tokens."""
    tokenizer, model = folders.tokenizer(), folders.model()
    asked = prompts(5)
    peer = peer_of(model)
    for asked_prompt, completion in zip(
        asked, Engine(model, tokenizer, replace(SMALL, num_beams=num_beams), CONTRACT).generate(asked), strict=True
    ):
        prompt_ids = tokenizer(asked_prompt.text, add_special_tokens=False).input_ids
        answer = [*completion.ids, *([EOS] if completion.finished else [])]
        with torch.no_grad():
            logits = peer(torch.tensor([[*prompt_ids, *answer]])).logits[0, len(prompt_ids) - 1 : -1]
        log_probs = logits.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]
        assert completion.score == pytest.approx(float(log_probs.mean()), abs=1e-4)


def test_the_setting_overrides_the_limit_of_the_contract() -> None:
    model, tokenizer = folders.model(end_bias=-9.0), folders.tokenizer()
    for setting, length in ((None, 8), (3, 3), (11, 11)):
        engine = Engine(model, tokenizer, replace(SMALL, max_new_tokens=setting), CONTRACT)
        (completion,) = engine.generate([prompt("ab")])
        assert len(completion.ids) == length


def test_progress_counts_prompts(engine) -> None:
    calls = []
    engine.generate(prompts(10), lambda *call: calls.append(call))
    assert calls == [("prompts", done, 10) for done in range(1, 11)]


def test_nothing_in_nothing_out_and_empty_prompts_are_refused(engine) -> None:
    assert engine.generate([]) == []
    with pytest.raises(ValueError, match="prompt 1 has no token"):
        engine.generate([prompt("a"), prompt("")])


def test_a_tokenizer_larger_than_the_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tokenizer has \d+ tokens but the model has rows for"):
        Engine(folders.model(spare_rows=-1), folders.tokenizer(), SMALL, CONTRACT)


@pytest.mark.parametrize("field", ["num_beams", "max_new_tokens", "batch_size"])
def test_settings_are_checked(field) -> None:
    for value in (0, -1, 1.5, *([] if field == "max_new_tokens" else [None])):
        with pytest.raises(ValueError, match=f"Decode.{field} must be a whole number of at least 1, not {value}"):
            DecodeConfig(**{field: value})


def test_sums_decide_among_labels_and_means_among_spans_unless_it_is_set() -> None:
    classification, extraction = Prompt("cls", ("a", "b"), "x"), prompt("x")
    for config, expected in (
        (DecodeConfig(), (0.0, 1.0)),
        (DecodeConfig(constrained=False), (1.0, 1.0)),
        (DecodeConfig(length_penalty=0.5), (0.5, 0.5)),
    ):
        assert tuple(map(config.length_penalty_of, (classification, extraction))) == expected
    with pytest.raises(ValueError, match=r"Decode\.repetition_penalty must be above 0, not 0"):
        DecodeConfig(repetition_penalty=0)


def test_constrained_classification_writes_the_likeliest_label_whatever_its_length() -> None:
    """With enough beams the search finds the label that exact scores find, which means do not."""
    model, tokenizer = folders.model(2), folders.tokenizer()
    labels = ("Ada", "Ada Lovelace visited Turin", "财经体育旅游", "1840")
    asked = [
        Prompt("cls", labels, f"输入: {word}\n分类: {'，'.join(labels)}\n输出: [GEN]") for word in ("Ada", "杭州", "in")
    ]
    config = DecodeConfig(num_beams=8, batch_size=4, max_new_tokens=40, contextual_calibration=False)
    found, by_mean = (
        Engine(model, tokenizer, replace(config, length_penalty=penalty), CONTRACT).generate(asked)
        for penalty in (None, 1.0)
    )
    exact = Engine(model, tokenizer, config, CONTRACT).generate([replace(one, choose="one_or_none") for one in asked])
    single = [i for i, completion in enumerate(found) if "\t" not in completion.text]
    assert single
    assert [found[i].text for i in single] == [exact[i].text for i in single]
    assert texts(by_mean) != texts(found)
    for one, other in zip(found, exact, strict=True):
        if one.text == other.text:
            assert one.score == pytest.approx(other.score, abs=1e-3)


@pytest.mark.parametrize("choose", ["one", "one_or_none"])
def test_contextual_calibration_takes_the_scores_without_a_text_away(choose) -> None:
    labels = ("Ada", "Ada Lovelace visited Turin", "财经体育旅游", "1840")

    def asked(*texts_: str) -> list[Prompt]:
        line = "，".join(labels)
        return [Prompt("cls", labels, f"输入: {text}\n分类: {line}\n输出: [GEN]", choose, text) for text in texts_]

    def scores(contextual: bool, *texts_: str) -> np.ndarray:
        config = DecodeConfig(num_beams=1, batch_size=2, contextual_calibration=contextual)
        engine = Engine(folders.model(2), folders.tokenizer(), config, CONTRACT)
        # Twice: the second time the scores without a text are remembered.
        found, again = (engine.generate(asked(*texts_)) for _ in range(2))
        assert found == again
        for one in found:
            assert one.text == max(one.label_scores, key=one.label_scores.get)
        return np.array([list(one.label_scores.values()) for one in found])

    texts_ = ("Ada", "杭州 in 1840", "x\ty")
    plain, found = scores(False, *texts_), scores(True, *texts_)
    nothing, nothing_twice = scores(False, "N/A", "N/A\tN/A")
    ratios = (plain - np.array([nothing, nothing, nothing_twice]))[:, : len(labels)]
    # The order is that of the ratios; the best label has what the best had, and `None` what it had.
    differences = found[:, : len(labels)] - ratios
    assert differences == pytest.approx(np.repeat(differences[:, :1], len(labels), axis=1), abs=1e-4)
    best = [values[:, : len(labels)].max(axis=1) for values in (plain, found)]
    assert best[0] == pytest.approx(best[1], abs=1e-4)
    assert found[:, len(labels) :] == pytest.approx(plain[:, len(labels) :])
    assert plain[:, : len(labels)].argmax(axis=1).tolist() != ratios.argmax(axis=1).tolist()


def test_widths_are_few_and_hold_the_prompt() -> None:
    widths = {length: bucket_width(length, 1000) for length in range(1, 1001)}
    assert all(length <= width <= 1000 for length, width in widths.items())
    assert len(set(widths.values())) <= 10
    assert all(width <= 1.6 * length for length, width in widths.items() if length > 64)


def test_a_setting_may_ask_fewer_queries_at_once_than_the_contract() -> None:
    contract, queries = ModelContract(max_queries=6, max_target_tokens=99), tuple("abcdefg")
    own, one = (DecodeConfig(max_queries=number).limits(contract, folders.tokenizer()) for number in (None, 1))
    assert [len(chunk) for chunk in own.chunks("ext", "t", queries, written=True)] == [4, 3]
    assert [len(chunk) for chunk in one.chunks("ext", "t", queries, written=True)] == [1] * 7
    assert own.answer_tokens == one.answer_tokens == 99
    with pytest.raises(ValueError, match=r"Decode\.max_queries must be a whole number of at least 1, not 0"):
        DecodeConfig(max_queries=0)
