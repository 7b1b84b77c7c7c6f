import hashlib
import os
import random
import subprocess
import sys
from functools import cache
from itertools import combinations

import pytest

from seqgpt_jax.atomic import FAMILIES, LANGUAGES, TEMPLATES, Classification, Extraction, Instance
from seqgpt_jax.tasks.quickstart import HELD_IN, HELD_OUT, PT, TASKS
from seqgpt_jax.tasks.quickstart.grammar import Grammar, Writer

SPECS = {spec.name: spec for spec in TASKS}
OPEN_QUESTIONS = [name for name, spec in SPECS.items() if spec.family == "MRC"]


@cache
def instances(name: str, split: str) -> tuple[Instance, ...]:
    return tuple(SPECS[name].read(split, ()))


@cache
def label_set(name: str) -> frozenset[str]:
    return frozenset(
        label for split in SPECS[name].splits for i in instances(name, split) for label in (*i.gold, *i.labels)
    )


def writer(grammar: Grammar, seed: int = 0, training: bool = False) -> Writer:
    return Writer(grammar, random.Random(seed), training)


def test_names_are_unique_and_listed_once():
    assert len(SPECS) == len(TASKS)
    assert sorted(PT + HELD_IN + HELD_OUT) == sorted(SPECS)
    assert [SPECS[name].held_out for name in PT + HELD_IN] == [False] * len(PT + HELD_IN)
    assert all(SPECS[name].held_out and set(SPECS[name].splits) == {"test"} for name in HELD_OUT)


def test_every_family_in_both_languages():
    assert {(SPECS[n].family, SPECS[n].language) for n in HELD_IN} == {(f, la) for f in FAMILIES for la in LANGUAGES}
    assert {(SPECS[n].family, SPECS[n].language) for n in PT} == {
        (f, la) for f in ("CLS", "ET", "NER") for la in LANGUAGES
    }
    for language in LANGUAGES:
        assert len({SPECS[n].family for n in HELD_OUT if SPECS[n].language == language}) >= 4


@pytest.mark.parametrize("name", SPECS)
def test_sizes_ids_and_atoms(name):
    expected = {"train": 3000} if name in PT else {"train": 1200, "validation": 100, "test": 150}
    for split in SPECS[name].splits:
        found = instances(name, split)
        assert len(found) == expected[split]
        assert [i.id for i in found] == [f"{name}:{split}:{index:06d}" for index in range(len(found))]
        assert {i.atom for i in found} == {SPECS[name].atom}
        assert len({(i.text, tuple(i.gold)) for i in found}) == len(found)


@pytest.mark.parametrize("name", SPECS)
def test_everything_renders_as_it_is(name):
    for template in TEMPLATES.values():
        for split in SPECS[name].splits:
            for i in instances(name, split):
                labels = tuple(dict.fromkeys((*i.labels, *i.gold))) or ("other",)
                if i.atom == "cls":
                    example = Classification(i.text, labels, tuple(i.gold))
                else:
                    example = Extraction(i.text, labels, tuple(i.gold.get(label, ()) for label in labels))
                prompt, target = template.render(example)
                assert template.parse(prompt, target) == example


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.atom == "ext"])
def test_spans_are_in_their_texts(name):
    found = [
        (span, i.text)
        for split in SPECS[name].splits
        for i in instances(name, split)
        for s in i.gold.values()
        for span in s
    ]
    assert len(found) > 100
    assert all(span and span in text for span, text in found)


def test_no_slot_is_left_open():
    for name, spec in SPECS.items():
        for split in spec.splits:
            for i in instances(name, split):
                assert not set("{}<>#|") & set(i.text + "".join(i.gold)), i


@pytest.mark.parametrize("name", HELD_IN)
def test_no_text_of_one_split_is_in_another(name):
    texts = {split: {i.text for i in instances(name, split)} for split in SPECS[name].splits}
    for one, other in combinations(texts, 2):
        assert not texts[one] & texts[other]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_tested_text_is_trained_on_in_any_task(language):
    mine = [name for name in SPECS if SPECS[name].language == language]
    trained = {i.text for name in mine if "train" in SPECS[name].splits for i in instances(name, "train")}
    tested = {i.text for name in mine if "test" in SPECS[name].splits for i in instances(name, "test")}
    assert len(trained) > 10_000
    assert not trained & tested


@pytest.mark.parametrize("name", ["quick_ner_en", "quick_ner_zh", "quick_re_en.spans", "quick_re_zh.spans"])
def test_most_tested_names_are_new_combinations(name):
    def spans(split: str) -> set[str]:
        return {span for i in instances(name, split) for found in i.gold.values() for span in found}

    assert len(spans("test") - spans("train")) > 0.25 * len(spans("test"))


@pytest.mark.parametrize("name", [name for name in HELD_IN + HELD_OUT if name not in OPEN_QUESTIONS])
def test_labels_can_serve_as_negatives_of_each_other(name):
    labels = label_set(name)
    roles = {i.labels for split in SPECS[name].splits for i in instances(name, split) if i.labels}
    # A role is asked of a type of event, so there are as many lists of roles as types.
    assert 3 <= len(labels) <= 16 * max(len(roles), 1)
    for together in roles or [labels]:
        assert not [(a, b) for a in together for b in together if a != b and a in b]


@pytest.mark.parametrize("name", [name for name in HELD_IN + HELD_OUT if SPECS[name].atom == "cls"])
def test_classes_are_about_even(name):
    for split in SPECS[name].splits:
        counts = dict.fromkeys(label_set(name), 0)
        for i in instances(name, split):
            for label in i.gold:
                counts[label] += 1
        assert min(counts.values()) > 0.3 * len(instances(name, split)) / len(counts)


def test_held_out_labels_are_new_in_their_family_and_known_from_pretraining():
    for name in HELD_OUT:
        spec = SPECS[name]
        peers = [n for n in HELD_IN if (SPECS[n].family, SPECS[n].language) == (spec.family, spec.language)]
        assert not label_set(name) & frozenset().union(*(label_set(n) for n in peers))
        pretrained = frozenset().union(*(label_set(n) for n in PT if SPECS[n].language == spec.language))
        words = {word for label in pretrained for word in (label, *label.split(), label + "s", label.removesuffix("s"))}
        unknown = [label for label in label_set(name) if not any(word in words for word in (label, *label.split()))]
        assert not unknown


@pytest.mark.parametrize("name", PT)
def test_pretraining_has_many_labels(name):
    assert len(label_set(name)) >= 200


def test_parts_of_a_data_set_share_their_sentences():
    for language in LANGUAGES:
        for index in (0, 57, 149):
            sentence = instances(f"quick_re_{language}.spans", "test")[index].text.rstrip(".。")
            assert sentence in instances(f"quick_re_{language}.typing", "test")[index].text
            triggers, arguments = (
                instances(f"quick_ee_{language}.{p}", "test")[index] for p in ("triggers", "arguments")
            )
            assert triggers.text == arguments.text


def test_other_processes_make_the_same_instances():
    names = ["quick_pt_ner_zh", "quick_nli_en", "quick_ee_zh.arguments", "quick_zero_sf_en"]
    program = (
        "import hashlib\nfrom seqgpt_jax.tasks.quickstart import TASKS\n"
        f"specs = [s for s in TASKS if s.name in {names!r}]\n"
        "print(hashlib.sha256(repr([list(s.read(x, ())) for s in specs for x in s.splits]).encode()).hexdigest())"
    )
    mine = [list(instances(s.name, split)) for s in TASKS if s.name in names for split in s.splits]
    expected = hashlib.sha256(repr(mine).encode()).hexdigest()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected


def test_writer_remembers_labels_and_mends_articles():
    grammar = Grammar(
        {"fruit": ("apple", "orange"), "who": ("Ann", "Bob")}, {"thing": ("ripe {fruit}", "{fruit}")}, True
    )
    one = writer(grammar)
    text = one.write("{who#1} eats a <food:fruit>; {who#1} knows {who}.")
    assert text in {
        f"{a} eats an {f}; {a} knows {b}." for a, b in (("Ann", "Bob"), ("Bob", "Ann")) for f in ("apple", "orange")
    }
    assert [label for label, _ in one.spans] == ["food"]
    assert one.spans[0][1] in text
    assert one.memory["who#1"] == text.split()[0]
    assert writer(grammar).write("<a:=ripe {fruit}>") in {"ripe apple", "ripe orange"}
    with pytest.raises(KeyError, match="'place', which is neither"):
        one.write("{place}")


def test_training_withholds_a_part_of_large_banks_only():
    grammar = Grammar({"small": tuple("abc"), "large": tuple(f"name{i}" for i in range(400))}, {}, True)
    seen = {writer(grammar, seed, training=True).write("{large}") for seed in range(4000)}
    assert 0.8 * 400 < len(grammar.training_banks["large"]) < 0.95 * 400
    assert seen <= set(grammar.training_banks["large"])
    assert grammar.training_banks["small"] == ("a", "b", "c")


def test_a_name_is_a_bank_or_a_rule():
    with pytest.raises(ValueError, match="a bank and a rule: city"):
        Grammar({"city": ("Rome",)}, {"city": ("{city}",)}, True)
