"""The Python interface: one text or many, labels and descriptions, relations and events, and a model in a folder."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.prompt_limits import TooManyPromptsError
from seqgpt_jax.decoding.results import Classified, Event, Extracted, Relation
from seqgpt_jax.decoding.seqgpt import SeqGPT
from seqgpt_jax.decoding.spans import Label, Span
from seqgpt_jax.io.contract import ModelContract
from tests.decoding import folders
from tests.decoding.test_spans import CONTRACT, Reader, long_text

PEOPLE = {"person": ("Ada", "Bob", "李雷"), "city": ("Turin", "上海"), "names of people": ("Ada",)}


def seqgpt(known: dict = PEOPLE, contract: ModelContract = CONTRACT) -> SeqGPT:
    return SeqGPT(Reader(known, contract))


class Scholar(Reader):
    """Knows spans, and answers questions that it finds in a table: question -> labels."""

    def __init__(self, known: dict, table: dict, contract: ModelContract = CONTRACT) -> None:
        super().__init__(known, contract)
        self.table = table

    def generate(self, prompts: list[Prompt], progress=None) -> list[Completion]:
        found = []
        for prompt in prompts:
            if prompt.atom == "ext":
                found += super().generate([prompt])
                continue
            self.prompts.append(prompt.text)
            question = prompt.source_text
            fits = [label for key, label in self.table.items() if key in question and label in prompt.labels]
            found.append(Completion("\t".join(fits) or "None", value_scores=((0.5,) * len(fits),)))
        return found


class Losing(Scholar):
    """Reads but a part of each text in which it finds a word, and is cut off there: word -> tokens that it lost."""

    def __init__(self, known: dict, table: dict, lost: dict, contract: ModelContract = CONTRACT) -> None:
        super().__init__(known, table, contract)
        self.lost = lost

    def generate(self, prompts: list[Prompt], progress=None) -> list[Completion]:
        found = []
        for prompt, one in zip(prompts, super().generate(prompts), strict=True):
            tokens = max((tokens for word, tokens in self.lost.items() if word in prompt.text), default=0)
            found.append(replace(one, truncated=tokens, finished=not tokens))
        return found


def test_one_text_or_many() -> None:
    model = seqgpt()
    one = model.extract("Ada met Bob in Turin.", ["person", "city"])
    assert one == Extracted(
        "Ada met Bob in Turin.",
        {"person": (Span("Ada", 0, 3), Span("Bob", 8, 11)), "city": (Span("Turin", 15, 20),)},
    )
    texts = ["Ada met Bob in Turin.", "李雷在上海。"]
    assert model.extract(texts, ["person", "city"])[0] == one
    assert model.extract(texts, ["person", "city"])[1].spans["city"] == (Span("上海", 3, 5),)
    assert model.extract([], ["person"]) == []


def test_an_iterator_is_answered_as_it_is_read() -> None:
    read = []

    def texts():
        for number in range(7):
            read.append(number)
            yield f"Ada {number}"

    model = SeqGPT(Reader(PEOPLE), stream_size=3)
    results = model.extract(texts(), ["person"])
    assert next(results).text == "Ada 0"
    assert read == [0, 1, 2]
    assert [result.text for result in results] == [f"Ada {number}" for number in range(1, 7)]


def test_a_label_set_for_each_text() -> None:
    first, second = seqgpt().extract(["Ada in Turin", "Ada in Turin"], [["person"], ["city"]])
    assert (list(first.spans), list(second.spans)) == (["person"], ["city"])
    with pytest.raises(ValueError, match="2 label sets for 1 texts"):
        seqgpt().extract(["Ada"], [["person"], ["city"]])
    with pytest.raises(TypeError, match="a sequence of texts"):
        seqgpt().extract("Ada", [["person"], ["city"]])


def test_descriptions_are_asked_and_names_answered() -> None:
    reader = Reader(PEOPLE)
    found = SeqGPT(reader).extract("Ada met Bob", {"PER": "names of people", "LOC": "city"})
    assert found.spans == {"PER": (Span("Ada", 0, 3),), "LOC": ()}
    assert "names of people" in reader.prompts[0]
    assert "PER" not in reader.prompts[0]
    with pytest.raises(ContractError, match="written alike"):
        SeqGPT(reader).extract("Ada", {"PER": "x", "LOC": "x"})


def test_classification_with_probabilities_and_threshold() -> None:
    model = seqgpt({"about Ada": "Ada", "about Bob": "Bob", "none": "Eve"})
    found = model.classify("Ada and Ada met Bob", ["about Ada", "about Bob", "none"], choose="one")
    assert [label.label for label in found.labels] == ["about Ada"]
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.labels[0].score == found.probabilities["about Ada"]
    assert model.classify("Ada", ["about Ada", "none"], choose="one", threshold=0.99).labels == ()
    assert model.classify("Ada met Bob", ["about Ada", "about Bob"]).labels == (Label("about Ada"), Label("about Bob"))
    named = model.classify("Bob", {"A": "about Ada", "B": "about Bob"}, choose="one")
    assert (named.labels[0].label, list(named.probabilities)) == ("B", ["A", "B"])


def test_results_are_json() -> None:
    assert json.loads(json.dumps(Extracted("Ada", {"person": (Span("Ada", 0, 3, 0.98765),)}).to_dict())) == {
        "text": "Ada",
        "spans": {"person": [{"text": "Ada", "start": 0, "end": 3, "score": 0.9877}]},
        "truncated_tokens": 0,
        "unfinished": False,
    }
    assert Span("Ada", 0, 3, 0.000012345678).to_dict()["score"] == 1.235e-05
    assert Classified("x", (Label("a", 0.5),), {"a": 0.5, "None": 0.5}).to_dict() == {
        "text": "x",
        "labels": [{"label": "a", "score": 0.5}],
        "probabilities": {"a": 0.5, "None": 0.5},
        "truncated_tokens": 0,
        "unfinished": False,
    }


def lost(result) -> tuple[int, bool]:
    content = result.to_dict()
    assert (content["truncated_tokens"], content["unfinished"]) == (result.truncated_tokens, result.unfinished)
    return result.truncated_tokens, result.unfinished


def test_results_say_what_was_lost() -> None:
    texts = ["Ada met Bob.", "Eve met Bob."]
    known = {"person": ("Ada", "Bob", "Eve"), "meet event": ("met",), "who of the meet event": ("Ada",)}
    model = SeqGPT(Losing({**known, "a": "Ada", "b": "Bob"}, {}, {"Ada": 3}))
    for results in (model.extract(texts, ["person"]), model.classify(texts, ["a", "b"])):
        assert [lost(one) for one in results] == [(3, True), (0, False)]
    knows = {"knows": ("person", "person")}
    # In the first round, and in the second alone.
    for word in ("Ada", "between Bob and Ada"):
        results = SeqGPT(Losing(known, {}, {word: 5})).relations(texts, knows)
        assert [lost(one) for one in results] == [(5, True), (0, False)]
    for words in ({"Ada": 2}, {"who of the meet event": 2}):
        results = SeqGPT(Losing(known, {}, words)).events(["Ada met Bob.", "nobody"], {"meet": ["who"]})
        assert [lost(one) for one in results] == [(2, True), (0, False)]


def test_reading() -> None:
    model = seqgpt({"Who met Bob?": ("Ada",), "When?": ()})
    assert model.answer("Ada met Bob", "Who met Bob?").spans == {"Who met Bob?": (Span("Ada", 0, 3),)}
    assert model.answer("Ada met Bob", ["Who met Bob?", "When?"]).spans["When?"] == ()


SCHEMA = {"born in": ("person", "city"), "friend of": ("person", "person")}


@pytest.mark.parametrize("prefix", ["", "She went out. " * 30])
def test_relations(prefix) -> None:
    table = {"between Ada and Turin": "born in", "between Bob and Ada": "friend of", "between Bob and Turin": "nothing"}
    scholar = Scholar(PEOPLE, table)
    text = f"{prefix}Ada from Turin met Bob."
    found = SeqGPT(scholar).relations(text, SCHEMA)
    ada, bob, turin = (Span(word, text.index(word), text.index(word) + len(word)) for word in ("Ada", "Bob", "Turin"))
    assert found.relations == (Relation(ada, "born in", turin, 0.5), Relation(bob, "friend of", ada, 0.5))
    assert found.not_asked == 0
    assert found.to_dict()["relations"][0]["label"] == "born in"
    typed = [prompt for prompt in scholar.prompts if "what is the relation" in prompt]
    # Each pair once, with the relations that its types allow.
    assert len(typed) == 4
    assert all("friend of" not in prompt for prompt in typed if "and Turin in" in prompt)
    assert all(len(folders.tokenizer()(prompt).input_ids) <= CONTRACT.max_prompt_tokens for prompt in typed)


def test_pairs_too_far_apart_are_counted() -> None:
    text = f"Ada is here. {long_text([])} This is Turin."
    found = SeqGPT(Scholar({"person": ("Ada",), "city": ("Turin",)}, {})).relations(text, {"in": ("person", "city")})
    assert (found.relations, found.not_asked) == ((), 1)


def test_a_pair_in_one_sentence_of_a_long_text_is_asked() -> None:
    known = {"person": ("Ann", "Bob"), "city": ("Turin",)}
    text = f"Annual figures. {'Nothing is said here. ' * 60}Ann met Bob in Turin."
    found = SeqGPT(Scholar(known, {"between Ann and Bob": "knows"})).relations(text, {"knows": ("person", "person")})
    assert [(one.head.text, one.tail.text) for one in found.relations] == [("Ann", "Bob")]
    assert found.not_asked == 0


def test_chinese_relations_are_asked_in_chinese() -> None:
    scholar = Scholar(PEOPLE, {"李雷和上海的关系": "出生地"})
    (relation,) = SeqGPT(scholar).relations("李雷生在上海。", {"出生地": ("person", "city")}).relations
    assert (relation.head.text, relation.tail.text) == ("李雷", "上海")


def test_events() -> None:
    known = {
        "attack event": ("attacked",),
        "marry event": (),
        "attacker of the attack event": ("Ada",),
        "target of the attack event": ("Bob",),
        "place of the marry event": ("x",),
    }
    model = SeqGPT(Scholar(known, {}))
    schema = {"attack": ["attacker", "target"], "marry": ["place"]}
    found = model.events(["Ada attacked Bob", "nobody"], schema)
    attack = Event(
        "attack", (Span("attacked", 4, 12),), {"attacker": (Span("Ada", 0, 3),), "target": (Span("Bob", 13, 16),)}
    )
    assert [one.events for one in found] == [(attack,), ()]
    assert model.events("Ada attacked Bob", {"attack": []}).events == (Event("attack", attack.triggers, {}),)


def test_events_of_one_type_are_told_apart_by_their_triggers() -> None:
    known = {
        "attack event": ("attacked", "hit"),
        'target of the attack event "attacked"': ("Bob",),
        'target of the attack event "hit"': ("Eve",),
    }
    found = SeqGPT(Scholar(known, {})).events("Ada attacked Bob and hit Eve and attacked again", {"attack": ["target"]})
    assert found.events == (
        Event("attack", (Span("attacked", 4, 12), Span("attacked", 33, 41)), {"target": (Span("Bob", 13, 16),)}),
        Event("attack", (Span("hit", 21, 24),), {"target": (Span("Eve", 25, 28),)}),
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.extract("Ada", []), "label set is empty"),
        (lambda model: model.extract(" ", ["a"]), "text is empty"),
        (lambda model: model.extract("Ada", ["a", "a"]), "written alike"),
        (lambda model: model.classify("Ada", ["a", "b"], choose="two"), "'choose' must be one of"),
        (lambda model: model.classify("Ada", {"None": "a", "B": "b"}, choose="one_or_none"), "called 'None'"),
        (lambda model: model.relations("Ada", {}), "schema is empty"),
        (lambda model: model.relations("Ada", {"in": ("person",)}), "'in' needs the type of its head"),
        (lambda model: model.events("Ada", {"attack": "attacker"}), "'attack' needs a list of roles"),
    ],
)
def test_what_cannot_be_asked_is_refused(call, message) -> None:
    with pytest.raises(ContractError, match=re.escape(message)):
        call(seqgpt())


def test_the_text_that_cannot_be_asked_is_named() -> None:
    with pytest.raises(ContractError, match="text 1: the text is empty"):
        seqgpt().extract(["Ada", " "], ["person"])
    for ask in (
        lambda texts: seqgpt().relations(texts, SCHEMA),
        lambda texts: seqgpt().events(texts, {"attack": []}),
    ):
        with pytest.raises(ContractError, match="text 1: the text is empty"):
            ask(["Ada", "\n"])


def test_the_text_of_an_iterator_that_cannot_be_asked_is_named() -> None:
    model = SeqGPT(Reader(PEOPLE), stream_size=2)
    with pytest.raises(ContractError, match="text 3: the text is empty"):
        list(model.extract(iter(["Ada", "Bob", "Ada", " ", "Bob"]), ["person"]))
    with pytest.raises(TypeError, match="text 4 is not a string"):
        list(model.extract(iter(["Ada", "Bob", "Ada", "Bob", None]), ["person"]))


def test_labels_are_read_once() -> None:
    found = seqgpt().extract(["Ada", "Bob"], (label for label in ["person"]))
    assert [one.spans["person"][0].text for one in found] == ["Ada", "Bob"]


def test_a_score_that_is_not_known_passes_no_threshold() -> None:
    assert seqgpt().extract("Ada", ["person"], threshold=0.1).spans == {"person": ()}


def test_pairs_beyond_the_most_of_a_text_are_counted() -> None:
    known = {"a": tuple(f"a{i}b" for i in range(60)), "b": tuple(f"c{i}d" for i in range(60))}
    text = " ".join([*known["a"], *known["b"]])
    scholar = Scholar(
        known, {"between a0b and c1d": "r"}, ModelContract(max_target_tokens=4096, max_prompt_tokens=4096)
    )
    found = SeqGPT(scholar).relations(text, {"r": ("a", "b")})
    assert [(one.head.text, one.tail.text) for one in found.relations] == [("a0b", "c1d")]
    assert (found.not_asked, sum("what is the relation" in prompt for prompt in scholar.prompts)) == (1600, 2000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.relations("Nobody.", {"None": ("person", "city")}), "label 'None'"),
        (lambda model: model.relations("Nobody.", {"": ("person", "city")}), "label '' is empty"),
        (lambda model: model.relations("Nobody.", {"in": ("person", "city"), "in ": ("person", "city")}), "alike"),
        (lambda model: model.relations("Nobody.", {"in": ("person", "")}), "label '' is empty"),
        (lambda model: model.relations("Ada在Turin", SCHEMA, language="zh-CN"), "language must be en or zh"),
        (lambda model: model.events("Nobody.", {"attack": ["who " * 500]}), "set Decode.max_new_tokens"),
        (lambda model: model.events("Nobody.", {"attack": ["who"]}, language="de"), "language must be en or zh"),
    ],
)
def test_what_no_text_can_be_asked_for_is_refused_before_anything_is_asked(call, message) -> None:
    scholar = Scholar(PEOPLE, {})
    with pytest.raises(ContractError, match=re.escape(message)):
        call(SeqGPT(scholar))
    assert not scholar.prompts


def test_one_relation_may_hold_the_separator() -> None:
    scholar = Scholar(PEOPLE, {"between Ada and Turin": "born in,lived in"})
    found = SeqGPT(scholar).relations("Ada of Turin", {"born in，lived in": ("person", "city")})
    assert [one.label for one in found.relations] == ["born in，lived in"]


def test_a_span_of_two_types_makes_one_pair() -> None:
    class Sure(Scholar):
        """Gives the spans of each query a score of their own."""

        def generate(self, prompts: list[Prompt], progress=None) -> list[Completion]:
            return [
                replace(one, value_scores=tuple(tuple(0.9 - 0.1 * n for _ in spans) for n, spans in enumerate(lines)))
                if prompt.atom == "ext" and (lines := [self.known.get(q, ()) for q in prompt.labels])
                else one
                for prompt, one in zip(prompts, super().generate(prompts), strict=True)
            ]

    scholar = Sure(
        {"person": ("Ada",), "employee": ("Ada",), "city": ("Turin",)}, {"between Ada and Turin": "lives in"}
    )
    schema = {"works in": ("person", "city"), "lives in": ("employee", "city")}
    found = SeqGPT(scholar).relations("Ada from Turin", schema)
    assert found.spans["person"][0].score != found.spans["employee"][0].score
    assert [one.label for one in found.relations] == ["lives in"]
    assert sum("what is the relation" in prompt for prompt in scholar.prompts) == 1


def test_a_list_in_one_string_is_refused_but_no_description() -> None:
    with pytest.raises(ContractError, match="holds the separator '，': give each label by itself"):
        seqgpt().classify("Ada", ["sport，travel"])
    assert SeqGPT(Scholar({}, {"Ada": "sport,of any kind"})).classify("Ada", {"sport": "sport，of any kind"}).labels


def test_a_table_is_read_in_windows_and_a_pair_is_cut() -> None:
    rows = "\n".join(f"row {number}\tsupport\t2024" for number in range(60))
    scholar = Scholar({}, {})
    SeqGPT(scholar).classify(rows, ["a", "b"])
    assert len(scholar.prompts) > 1
    scholar.prompts.clear()
    SeqGPT(scholar).classify(rows.replace("\t", " ") + "\tA hypothesis.", ["a", "b"])
    assert len(scholar.prompts) == 1


def test_more_prompts_than_the_limits_have_are_refused_as_they_are_composed() -> None:
    scholar = Scholar(PEOPLE, {})
    scholar.limits = scholar.limits.at_most(3)
    model = SeqGPT(scholar)
    assert model.extract(["Ada"] * 3, ["person"])
    with pytest.raises(TooManyPromptsError, match="more than 3 prompts"):
        model.extract(["Ada"] * 4, ["person"])
    with pytest.raises(TooManyPromptsError):  # the windows of one text
        model.extract(long_text([3]) * 4, ["person"])
    scholar.prompts.clear()
    with pytest.raises(TooManyPromptsError):  # pairs of spans
        model.relations("Ada from Turin met Bob.", SCHEMA)
    assert len(scholar.prompts) == 1


@pytest.mark.parametrize("texts", [7, None, ["Ada", 7]])
def test_texts_are_strings(texts) -> None:
    with pytest.raises(TypeError, match="string"):
        seqgpt().extract(texts, ["person"])


def test_a_folder_answers_in_three_lines(tmp_path) -> None:
    folder = folders.write_folder(tmp_path / "model", seed=3)
    model = SeqGPT.load(str(folder), num_beams=2, batch_size=2)
    text = "Ada Lovelace\r\nvisited 杭州 in 1840."
    found = model.extract([text, text], ["person", "city"])
    assert found[0] == found[1]
    for spans in found[0].spans.values():
        for span in spans:
            assert text[span.start : span.end] == span.text
            assert 0 < span.score <= 1
    one = model.classify(text, ["a", "b", "c"], choose="one")
    assert sum(one.probabilities.values()) == pytest.approx(1)


def test_the_examples_of_the_page_run(monkeypatch, tmp_path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "answers.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 5
    known = {**PEOPLE, "delivery": "parcel", "refund": "money", "When did Ada leave?": ("1840",)}
    known |= {"names of people, not of groups": ("Ada",), "attack event": ("attacked",)}
    known |= {"attacker of the attack event": ("Ada",), "target of the attack event": ("Bob",)}
    table = {"between Ada and Turin": "born in", "parcel": "delivery"}
    monkeypatch.setattr(SeqGPT, "load", lambda _: SeqGPT(Scholar(known, table)))
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("Ada left.\nBob came.\n")
    names: dict = {}
    found = []
    for block in blocks:
        exec(block, names)
        found.append(names.get("found"))
    assert found[1].spans["city"] == (Span("Turin", 15, 20),)
    assert [(event.label, event.arguments["target"][0].text) for event in names["found"].events] == [("attack", "Bob")]


def test_it_loads_neither_tensorflow_nor_torch_nor_gin() -> None:
    code = (
        "import sys\nfrom seqgpt_jax import SeqGPT\nassert SeqGPT.load\n"
        "print(*{'tensorflow', 'seqio', 'gin', 'array_record'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
