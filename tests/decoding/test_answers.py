"""From questions to prompts and from completions to answers, with a model that knows everything (or nothing)."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import TEMPLATES, Classification, ContractError, Extraction
from seqgpt_jax.decoding import answers
from seqgpt_jax.decoding.answers import answer
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.questions import Question, compose
from seqgpt_jax.io.contract import ModelContract

CHINESE, LIMITS = TEMPLATES["chinese"], PromptLimits(ModelContract())


class Oracle:
    """Writes the target that the contract has for its knowledge: label in the prompt -> spans."""

    def __init__(self, known: dict, contract=LIMITS.contract) -> None:
        self.known, self.limits, self.prompts = known, PromptLimits(contract), []
        self.template = TEMPLATES[contract.template]

    def generate(self, prompts, progress=None) -> list[Completion]:
        self.prompts += [prompt.text for prompt in prompts]
        return [Completion(self._target(prompt)) for prompt in prompts]

    def _target(self, prompt) -> str:
        _, line, _ = prompt.text.split("\n")
        text = prompt.text.split("\n")[0].split(": ", 1)[1]
        word, labels = line.split(": ", 1)
        labels = tuple(labels.split(self.template.separator))
        assert prompt.labels == labels
        assert prompt.atom == ("cls" if word == self.template.classify else "ext")
        if word == self.template.classify:
            return self.template.render(Classification(text, labels, tuple(filter(self.known.get, labels))))[1]
        return self.template.render(Extraction(text, labels, tuple(self.known.get(label, ()) for label in labels)))[1]


class Canned:
    """Completes with what it was given, whatever the prompts."""

    def __init__(self, *outputs: str | Completion) -> None:
        self.limits = LIMITS
        self.completions = [Completion(output) if isinstance(output, str) else output for output in outputs]

    def generate(self, prompts, progress=None) -> list[Completion]:
        assert len(prompts) == len(self.completions)
        return self.completions


def test_queries_are_asked_in_even_chunks_and_merged_in_their_order() -> None:
    known = {f"q{i}": (f"span {i}", "twice") for i in range(0, 7, 2)}
    oracle = Oracle(known)
    labels = tuple(f"q{i}" for i in range(7))
    (found,) = answer(oracle, [Question("span 0 span 2 span 4 span 6 twice", "ext", labels)])
    assert [prompt.split("\n")[1].count("，") + 1 for prompt in oracle.prompts] == [4, 3]
    assert found.answers == {label: list(known.get(label, ())) for label in labels}
    assert list(found.answers) == list(labels)
    assert found.well_formed
    assert len(found.completions) == 2


@pytest.mark.parametrize(("max_queries", "sizes"), [(6, [4, 3]), (3, [3, 2, 2]), (7, [7])])
def test_the_contract_says_how_many_queries_one_prompt_has(max_queries, sizes) -> None:
    oracle = Oracle({}, ModelContract(template="english", max_queries=max_queries))
    answer(oracle, [Question("t", "ext", tuple("abcdefg"))])
    assert [prompt.split("\n")[1].count(", ") + 1 for prompt in oracle.prompts] == sizes
    assert all(prompt.startswith("Input: t\nExtract: ") for prompt in oracle.prompts)


def test_a_template_that_is_not_known_is_named() -> None:
    with pytest.raises(ContractError, match="there is no template 'latin': known are chinese, english"):
        compose(Question("t", "cls", ("a", "b")), PromptLimits(ModelContract(template="latin")))


def test_a_classification_is_one_prompt_of_any_size() -> None:
    labels = tuple(f"label {i}" for i in range(40))
    oracle = Oracle({"label 7": True, "label 30": True})
    (found,) = answer(oracle, [Question("text", "cls", labels)])
    assert (found.answers, len(oracle.prompts)) == (["label 7", "label 30"], 1)


@pytest.mark.parametrize("name", TEMPLATES)
def test_own_spelling_of_labels_comes_back(name) -> None:
    template = TEMPLATES[name]
    labels = (" who, when，where? ", "line\nbreak", "tab\there", "ends </s>")
    cleaned = [template.clean_label(label) for label in labels]
    oracle = Oracle({label: ("x",) for label in cleaned[::2]}, ModelContract(template=name))
    (found,) = answer(oracle, [Question("x\ny", "ext", labels)])
    assert found.answers == {labels[0]: ["x"], labels[1]: [], labels[2]: ["x"], labels[3]: []}
    assert found.well_formed


_LABEL = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["cls", "ext"]), st.lists(_LABEL, min_size=2, max_size=9)), max_size=5))
def test_whatever_can_be_composed_is_answered_by_the_oracle(asked) -> None:
    questions = []
    for atom, labels in asked:
        question = Question("a text", atom, tuple(labels))
        try:
            compose(question, LIMITS)
        except ContractError:
            continue
        questions.append(question)
    known = {CHINESE.clean_label(label): ("a",) for question in questions for label in question.labels[::2]}
    found = answer(Oracle(known), questions)
    assert [one.question for one in found] == questions
    for one in found:
        assert one.well_formed
        right = [label for label in one.question.labels if CHINESE.clean_label(label) in known]
        if one.question.atom == "cls":
            assert one.answers == right
        else:
            assert one.answers == {label: ["a"] if label in right else [] for label in one.question.labels}


def test_broken_output_is_read_leniently_and_marked() -> None:
    questions = [Question("t", "ext", ("a", "b")), Question("t", "cls", ("c", "d")), Question("t", "cls", ("c", "d"))]
    found = answer(Canned("b: x\ty\nz: w", "d\tunknown", "c"), questions)
    assert [one.well_formed for one in found] == [False, False, True]
    assert [one.answers for one in found] == [{"a": [], "b": ["x", "y"]}, ["d"], ["c"]]


def test_one_broken_chunk_marks_the_answer_and_keeps_the_others() -> None:
    labels = tuple("abcdefgh")
    good = "".join(f"{label}: None\n" for label in labels[:4])
    (found,) = answer(Canned(good, "e: x"), [Question("t", "ext", labels)])
    assert not found.well_formed
    assert found.answers == {label: ["x"] if label == "e" else [] for label in labels}


def test_what_happened_to_each_prompt_is_reported_on_its_answer() -> None:
    first = Completion("a: x\nb: None\nc: None\nd: None\n", score=-0.1, truncated=3)
    completions = (first, Completion("e: ", finished=False), Completion("c", score=-0.5))
    questions = [Question("t", "ext", tuple("abcdefgh")), Question("t", "cls", ("c", "d"))]
    extraction, classification = answer(Canned(*completions), questions)
    assert (extraction.truncated, extraction.finished, extraction.well_formed) == (3, False, False)
    assert [completion.score for completion in extraction.completions] == [-0.1, None]
    assert (classification.truncated, classification.finished) == (0, True)
    assert classification.completions == completions[2:]


@pytest.mark.parametrize(
    ("question_", "message"),
    [
        (Question("t", "ext", ()), "label set is empty"),
        (Question("t", "cls", ()), "label set is empty"),
        (Question(" \n ", "cls", ("a",)), "text is empty"),
        (Question("t", "ext", ("a", " a")), "'a' and ' a' are written alike"),
        (Question("t", "cls", ("a", " ")), "is empty"),
    ],
)
def test_what_cannot_be_asked_is_refused(question_, message) -> None:
    with pytest.raises(ContractError, match=message):
        compose(question_, LIMITS)


def test_one_string_is_not_taken_for_its_letters() -> None:
    with pytest.raises(TypeError, match=r"not the one string 'person': \['person'\]"):
        Question("Ada met Bob", "ext", "person")


def test_windows_rank_labels_by_their_mean_probability(monkeypatch) -> None:
    """The first window is sure of a, the others rather of b: the mean prefers b, a sum of logarithms would not."""
    question = Question("one two three", "cls", ("a", "b"), "one")
    parts = [
        (start, compose(Question(text, "cls", ("a", "b"), "one"), LIMITS))
        for start, text in ((0, "one"), (4, "two"), (8, "three"))
    ]
    monkeypatch.setattr(answers, "compose_windows", lambda asked, limits: parts)

    class ByWindow(Oracle):
        def generate(self, prompts, progress=None) -> list[Completion]:
            scores = [{"a": math.log(share), "b": math.log(1 - share)} for share in (0.999, 0.2, 0.2)]
            return [Completion(max(one, key=lambda label: one[label]), label_scores=one) for one in scores]

    (found,) = answer(ByWindow({}), [question])
    assert found.answers == ["b"]
    assert found.label_probabilities == pytest.approx({"a": 1.399 / 3, "b": 1.601 / 3})
    assert found.label_scores == pytest.approx({"a": math.log(1.399 / 3), "b": math.log(1.601 / 3)})


class Preferences:
    """Compares labels by odds that do not depend on what else is asked; `None` has its own."""

    def __init__(self, odds: dict[str, float], max_labels: int) -> None:
        self.odds, self.limits = odds, PromptLimits(ModelContract(max_labels=max_labels))

    def generate(self, prompts, progress=None) -> list[Completion]:
        completions = []
        for prompt in prompts:
            labels = [*prompt.labels, *(["None"] if prompt.choose == "one_or_none" else [])]
            total = sum(self.odds[label] for label in labels)
            scores = {label: math.log(self.odds[label] / total) for label in labels}
            completions.append(Completion(max(scores, key=lambda label: scores[label]), label_scores=scores))
        return completions


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=20, unique=True),
    st.integers(0, 60),
    st.integers(2, 6),
    st.sampled_from(["one", "one_or_none"]),
)
def test_labels_of_several_prompts_are_on_one_scale(numbers, none, max_labels, choose) -> None:
    odds = {f"label {i}": float(number) for i, number in enumerate(numbers)}
    known = odds | {"None": none + 0.5}
    labels = tuple(odds)
    (found,) = answer(Preferences(known, max_labels), [Question("a text", "cls", labels, choose)])
    compared = known if choose == "one_or_none" else odds
    total = sum(compared.values())
    assert found.label_probabilities == pytest.approx({label: odd / total for label, odd in compared.items()})
    best = max(compared, key=lambda label: compared[label])
    assert found.answers == ([] if best == "None" else [best])
    assert [label.score for label in found.found] == pytest.approx([compared[best] / total] * len(found.answers))
    assert max(found.label_scores, key=lambda label: found.label_scores[label]) == best
