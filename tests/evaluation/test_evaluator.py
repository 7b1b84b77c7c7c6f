import pytest

from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.evaluation.evaluator import EvaluateConfig, evaluate
from tests.evaluation.records import choice, two_data_sets, write_store


def oracle(records):
    """Answers every prompt rightly."""
    known = {record.prompt: record.target for record in records}
    return lambda prompts: [Completion(known[prompt.text]) for prompt in prompts]


def texts_differ(records):
    """Gives each record a prompt of its own, so that the oracle can tell them apart."""
    return [choice(r.id, r.answers[0], r.family, r.language, text=r.id) for r in records if r.atom == "cls"]


def test_a_perfect_model(tmp_path):
    records = texts_differ(two_data_sets())
    got = evaluate(oracle(records), [write_store(tmp_path / "store", records)], EvaluateConfig(records=None))
    assert got.overall.score("fixed") == 1
    assert got.overall.prompts == len(records)
    assert got.mixtures.keys() == {"mix"}


def test_only_the_sample_is_asked_and_answers_keep_their_place(tmp_path):
    records = texts_differ(two_data_sets())
    answer, asked = oracle(records), []

    def generate(prompts):
        asked.extend(prompts)
        return answer(prompts)

    got = evaluate(generate, [write_store(tmp_path / "store", records)], EvaluateConfig(records=2))
    assert len(asked) == 4
    assert [item.record.prompt for item in got.predictions] == [prompt.text for prompt in asked]
    assert [item.record.labels for item in got.predictions] == [prompt.labels for prompt in asked]
    assert [item.record.atom for item in got.predictions] == [prompt.atom for prompt in asked]
    assert all(item.correct for item in got.predictions)


def test_a_wrong_number_of_answers_is_refused(tmp_path):
    store = write_store(tmp_path / "store", two_data_sets())
    with pytest.raises(ValueError, match="1 completions came back for 15 prompts"):
        evaluate(lambda prompts: [Completion("positive")], [store], EvaluateConfig(records=None))


def test_overlapping_stores_are_refused_before_anything_is_asked(tmp_path):
    store = write_store(tmp_path / "store", two_data_sets())

    def generate(prompts):
        raise AssertionError("asked")

    with pytest.raises(ValueError, match="same task and split"):
        evaluate(generate, [store, store], EvaluateConfig())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "best"}, "Evaluate.mode"),
        ({"records": 0}, "Evaluate.records"),
        ({"resamples": 0}, "Evaluate.resamples"),
        ({"splits": ("train",)}, "Evaluate.splits"),
        ({"mixtures": "cluener"}, r"Evaluate.mixtures must be a list, such as \('cluener',\)"),
    ],
)
def test_settings_are_checked(fields, message):
    with pytest.raises(ValueError, match=message):
        EvaluateConfig(**fields)
