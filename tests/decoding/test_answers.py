"""From requests to prompts and from outputs to answers, with a model that knows everything (or nothing)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import TEMPLATES, Classification, ContractError, Extraction
from seqgpt_jax.decoding.answers import Request, answer, compose

CHINESE = TEMPLATES["chinese"]


class Oracle:
    """Writes the target that the contract has for its knowledge: label in the prompt -> spans."""

    def __init__(self, known: dict, template=CHINESE) -> None:
        self.known, self.template, self.prompts = known, template, []

    def generate(self, prompts, progress=None) -> list[str]:
        self.prompts += prompts
        return [self._target(prompt) for prompt in prompts]

    def _target(self, prompt: str) -> str:
        _, line, _ = prompt.split("\n")
        text = prompt.split("\n")[0].split(": ", 1)[1]
        word, labels = line.split(": ", 1)
        labels = tuple(labels.split(self.template.separator))
        if word == self.template.classify:
            return self.template.render(Classification(text, labels, tuple(filter(self.known.get, labels))))[1]
        return self.template.render(Extraction(text, labels, tuple(self.known.get(label, ()) for label in labels)))[1]


class Says:
    def __init__(self, *outputs: str) -> None:
        self.outputs = list(outputs)

    def generate(self, prompts, progress=None) -> list[str]:
        assert len(prompts) == len(self.outputs)
        return self.outputs


def test_queries_are_asked_in_even_chunks_and_merged_in_their_order() -> None:
    known = {f"q{i}": (f"span {i}", "twice") for i in range(0, 7, 2)}
    oracle = Oracle(known)
    labels = tuple(f"q{i}" for i in range(7))
    (found,) = answer(oracle, [Request("span 0 span 2 span 4 span 6 twice", "ext", labels)], CHINESE)
    assert [prompt.split("\n")[1].count("，") + 1 for prompt in oracle.prompts] == [4, 3]
    assert found.answers == {label: list(known.get(label, ())) for label in labels}
    assert list(found.answers) == list(labels)
    assert found.well_formed
    assert len(found.outputs) == 2


def test_a_classification_is_one_prompt_of_any_size() -> None:
    labels = tuple(f"label {i}" for i in range(40))
    oracle = Oracle({"label 7": True, "label 30": True})
    (found,) = answer(oracle, [Request("text", "cls", labels)], CHINESE)
    assert (found.answers, len(oracle.prompts)) == (["label 7", "label 30"], 1)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_own_spelling_of_labels_comes_back(template) -> None:
    labels = (" who, when，where? ", "line\nbreak", "tab\there", "ends </s>")
    cleaned = [template.clean_label(label) for label in labels]
    oracle = Oracle({label: ("x",) for label in cleaned[::2]}, template)
    (found,) = answer(oracle, [Request("x\ny", "ext", labels)], template)
    assert found.answers == {labels[0]: ["x"], labels[1]: [], labels[2]: ["x"], labels[3]: []}
    assert found.well_formed


_LABEL = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["cls", "ext"]), st.lists(_LABEL, min_size=2, max_size=9)), max_size=5))
def test_whatever_can_be_composed_is_answered_by_the_oracle(asked) -> None:
    requests = []
    for atom, labels in asked:
        request = Request("a text", atom, tuple(labels))
        try:
            compose(request, CHINESE)
        except ContractError:
            continue
        requests.append(request)
    known = {CHINESE.clean_label(label): ("a",) for request in requests for label in request.labels[::2]}
    found = answer(Oracle(known), requests, CHINESE)
    assert [one.request for one in found] == requests
    for one in found:
        assert one.well_formed
        right = [label for label in one.request.labels if CHINESE.clean_label(label) in known]
        if one.request.atom == "cls":
            assert one.answers == right
        else:
            assert one.answers == {label: ["a"] if label in right else [] for label in one.request.labels}


def test_broken_output_is_read_leniently_and_marked() -> None:
    requests = [Request("t", "ext", ("a", "b")), Request("t", "cls", ("c", "d")), Request("t", "cls", ("c", "d"))]
    found = answer(Says("b: x\ty\nz: w", "d\tunknown", "c"), requests, CHINESE)
    assert [one.well_formed for one in found] == [False, False, True]
    assert [one.answers for one in found] == [{"a": [], "b": ["x", "y"]}, ["d"], ["c"]]


def test_one_broken_chunk_marks_the_answer_and_keeps_the_others() -> None:
    labels = tuple("abcdefgh")
    good = "".join(f"{label}: None\n" for label in labels[:4])
    (found,) = answer(Says(good, "e: x"), [Request("t", "ext", labels)], CHINESE)
    assert not found.well_formed
    assert found.answers == {label: ["x"] if label == "e" else [] for label in labels}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request("t", "ext", ()), "label set is empty"),
        (Request("t", "cls", ()), "label set is empty"),
        (Request(" \n ", "cls", ("a",)), "text is empty"),
        (Request("t", "ext", ("a", " a")), "'a' and ' a' are written alike"),
        (Request("t", "cls", ("a", " ")), "is empty"),
        (Request("t", "cls", ("sport，travel",)), "holds the separator '，': give each label by itself"),
    ],
)
def test_what_cannot_be_asked_is_refused(request_, message) -> None:
    with pytest.raises(ContractError, match=message):
        compose(request_, CHINESE)
