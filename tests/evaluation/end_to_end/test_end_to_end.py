"""End-to-end scores: hand-computed cases in both languages, gold put together from tasks, and what is written."""

import json

import pytest

from seqgpt_jax.atomic.families import event_arguments, event_triggers, relation_typing, spans_by_label
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.evaluation.end_to_end.asking import ask
from seqgpt_jax.evaluation.end_to_end.gold import GoldData, GoldText, asked_event, event_units, read_gold, with_steps
from seqgpt_jax.evaluation.end_to_end.scoring import as_json, prediction_lines, score
from seqgpt_jax.evaluation.report import write_report
from seqgpt_jax.evaluation.scores import compute_scores
from seqgpt_jax.tasks import TASKS
from tests.evaluation.end_to_end.models import Knowing, Scripted
from tests.evaluation.records import choice, predict

EN, ZH = "Ada Lee and Bob of Acme met Eve in Rome.", "李雷和韩梅梅在北京的小米公司见了王五。"
EN_SCHEMA = {"knows": ("person", "person"), "works for": ("person", "company"), "lives in": ("person", "city")}
ZH_SCHEMA = {"朋友": ("人物", "人物"), "任职": ("人物", "公司")}


def relation_units(triples):
    """Metric -> units, of (head, type, relation, tail, type)."""
    return {
        "relation_strict": frozenset(triples),
        "relation_boundary": frozenset((h, r, t) for h, _, r, t, _ in triples),
    }


def counts(metric):
    return metric.right, metric.gold, metric.predicted


KNOWS = ("Ada Lee", "person", "knows", "Bob", "person")
WORKS = ("Bob", "person", "works for", "Acme", "company")
PEOPLE = ["Ada Lee", "Bob", "Eve"]


@pytest.mark.parametrize(
    ("gold", "spans", "relations", "strict", "boundary"),
    [
        # empty and empty; empty and not
        ([], {}, [], (0, 0, 0), (0, 0, 0)),
        ([KNOWS], {}, [], (0, 1, 0), (0, 1, 0)),
        ([], {"person": PEOPLE}, [("Ada Lee", "knows", "Bob")], (0, 0, 1), (0, 0, 1)),
        # right, and right in any order of spans
        ([KNOWS], {"person": PEOPLE}, [("Ada Lee", "knows", "Bob")], (1, 1, 1), (1, 1, 1)),
        ([KNOWS], {"person": PEOPLE[::-1]}, [("Ada Lee", "knows", "Bob")], (1, 1, 1), (1, 1, 1)),
        # a span that is answered twice makes one relation
        ([KNOWS], {"person": ["Bob", "Ada Lee", "Bob"]}, [("Ada Lee", "knows", "Bob")], (1, 1, 1), (1, 1, 1)),
        # the other direction is another relation
        ([KNOWS], {"person": PEOPLE}, [("Bob", "knows", "Ada Lee")], (0, 1, 1), (0, 1, 1)),
        # a span cut short is wrong, in both
        ([KNOWS], {"person": ["Ada", "Bob"]}, [("Ada", "knows", "Bob")], (0, 1, 1), (0, 1, 1)),
        # another case of letters is another span, which the text does not have
        ([KNOWS], {"person": ["ada lee", "Bob"]}, [("ada lee", "knows", "Bob")], (0, 1, 0), (0, 1, 0)),
        # the types of the gold relation are not those of the schema: the boundaries alone are right
        (
            [("Ada Lee", "city", "knows", "Bob", "person")],
            {"person": PEOPLE},
            [("Ada Lee", "knows", "Bob")],
            (0, 1, 1),
            (1, 1, 1),
        ),
        # a pair is asked the relations that its types allow
        ([WORKS], {"person": ["Bob"], "company": ["Acme"]}, [("Bob", "knows", "Acme")], (0, 1, 0), (0, 1, 0)),
        ([WORKS], {"person": ["Bob"], "company": ["Acme"]}, [("Bob", "works for", "Acme")], (1, 1, 1), (1, 1, 1)),
        # the tail was not found, so its relation cannot be
        ([KNOWS, WORKS], {"person": PEOPLE}, [("Ada Lee", "knows", "Bob")], (1, 2, 1), (1, 2, 1)),
        # one right, one wrong
        (
            [KNOWS],
            {"person": PEOPLE},
            [("Ada Lee", "knows", "Bob"), ("Bob", "knows", "Eve")],
            (1, 1, 2),
            (1, 1, 2),
        ),
    ],
)
def test_relations(gold, spans, relations, strict, boundary):
    check_relations(EN, "en", EN_SCHEMA, gold, Scripted(spans, relations), strict, boundary)


FRIENDS = ("李雷", "人物", "朋友", "韩梅梅", "人物")


@pytest.mark.parametrize(
    ("gold", "spans", "relations", "strict", "boundary"),
    [
        ([], {}, [], (0, 0, 0), (0, 0, 0)),
        ([FRIENDS], {"人物": ["李雷", "韩梅梅"]}, [("李雷", "朋友", "韩梅梅")], (1, 1, 1), (1, 1, 1)),
        ([FRIENDS], {"人物": ["韩梅梅", "李雷"]}, [("韩梅梅", "朋友", "李雷")], (0, 1, 1), (0, 1, 1)),
        # one character too few
        ([FRIENDS], {"人物": ["李雷", "韩梅"]}, [("李雷", "朋友", "韩梅")], (0, 1, 1), (0, 1, 1)),
        (
            [("李雷", "公司", "朋友", "韩梅梅", "人物")],
            {"人物": ["李雷", "韩梅梅"]},
            [("李雷", "朋友", "韩梅梅")],
            (0, 1, 1),
            (1, 1, 1),
        ),
        # full width: not the words of the text
        ([FRIENDS], {"人物": ["李雷\u3000", "韩梅梅"]}, [("李雷", "朋友", "韩梅梅")], (1, 1, 1), (1, 1, 1)),
    ],
)
def test_relations_in_chinese(gold, spans, relations, strict, boundary):
    check_relations(ZH, "zh", ZH_SCHEMA, gold, Scripted(spans, relations), strict, boundary)


def check_relations(text, language, schema, gold, model, strict, boundary):
    data = GoldData("d", "RE", language, schema, ("test",), [GoldText("1", text, relation_units(gold))])
    metrics = score(data, ask(model, data), 20, 0).metrics
    assert counts(metrics["relation_strict"]) == strict
    assert counts(metrics["relation_boundary"]) == boundary


EN_EVENTS, ZH_EVENTS = "Thieves raided and sacked Acme in May; Acme sued Eve.", "五月小米裁员百人，后起诉王五。"
RAID, SUED = ("raid", "raided"), ("lawsuit", "sued")


@pytest.mark.parametrize(
    ("triggers", "arguments", "spans", "expected"),
    [
        ([], [], {}, [(0, 0, 0)] * 4),
        ([RAID], [], {}, [(0, 1, 0), (0, 1, 0), (0, 0, 0), (0, 0, 0)]),
        ([], [], {"raid event": ["raided"]}, [(0, 0, 1), (0, 0, 1), (0, 0, 0), (0, 0, 0)]),
        ([RAID], [], {"raid event": ["raided"]}, [(1, 1, 1), (1, 1, 1), (0, 0, 0), (0, 0, 0)]),
        # the right word as another event: identified, not classified
        ([RAID], [], {"lawsuit event": ["raided"]}, [(1, 1, 1), (0, 1, 1), (0, 0, 0), (0, 0, 0)]),
        # as both: one trigger, two events
        (
            [RAID],
            [],
            {"lawsuit event": ["raided"], "raid event": ["raided"]},
            [(1, 1, 1), (1, 1, 2), (0, 0, 0), (0, 0, 0)],
        ),
        # an answer twice is one
        ([SUED], [], {"lawsuit event": ["sued", "sued"]}, [(1, 1, 1), (1, 1, 1), (0, 0, 0), (0, 0, 0)]),
        ([SUED], [], {"lawsuit event": ["Sued"]}, [(0, 1, 0), (0, 1, 0), (0, 0, 0), (0, 0, 0)]),
        # arguments: the right role, another role, a longer span
        (
            [RAID],
            [("raid", "target", "Acme")],
            {"raid event": ["raided"], "target of the raid event": ["Acme"]},
            [(1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)],
        ),
        (
            [RAID],
            [("raid", "target", "Acme")],
            {"raid event": ["raided"], "attacker of the raid event": ["Acme"]},
            [(1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 1, 1)],
        ),
        (
            [RAID],
            [("raid", "target", "Acme")],
            {"raid event": ["raided"], "target of the raid event": ["Acme in May"]},
            [(1, 1, 1), (1, 1, 1), (0, 1, 1), (0, 1, 1)],
        ),
        # of an event whose trigger was not found nothing is asked
        (
            [RAID],
            [("raid", "target", "Acme")],
            {"target of the raid event": ["Acme"]},
            [(0, 1, 0), (0, 1, 0), (0, 1, 0), (0, 1, 0)],
        ),
        # the argument of another event: not identified
        (
            [RAID],
            [("raid", "target", "Acme")],
            {"lawsuit event": ["sued"], "plaintiff of the lawsuit event": ["Acme"]},
            [(0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 1)],
        ),
        # two triggers of one event type: their queries name them, and an argument of both counts once
        (
            [RAID, ("raid", "sacked")],
            [("raid", "target", "Acme")],
            {
                "raid event": ["raided", "sacked"],
                'target of the raid event "raided"': ["Acme"],
                'target of the raid event "sacked"': ["Acme"],
            },
            [(2, 2, 2), (2, 2, 2), (1, 1, 1), (1, 1, 1)],
        ),
    ],
)
def test_events(triggers, arguments, spans, expected):
    schema = {"raid": ("attacker", "target"), "lawsuit": ("plaintiff",)}
    check_events(EN_EVENTS, "en", schema, event_units(triggers, arguments, True), spans, expected)


@pytest.mark.parametrize(
    ("triggers", "arguments", "spans", "expected"),
    [
        ([], [], {}, [(0, 0, 0)] * 4),
        (
            [("裁员", "裁员")],
            [("裁员", "裁员方", "小米")],
            {"裁员事件": ["裁员"], "裁员事件的裁员方": ["小米"]},
            [(1, 1, 1)] * 4,
        ),
        (
            [("裁员", "裁员")],
            [("裁员", "裁员方", "小米")],
            {"裁员事件": ["裁员"], "裁员事件的人数": ["小米", "百人"]},
            [(1, 1, 1), (1, 1, 1), (1, 1, 2), (0, 1, 2)],
        ),
        ([("起诉", "起诉")], [], {"裁员事件": ["起诉"]}, [(1, 1, 1), (0, 1, 1), (0, 0, 0), (0, 0, 0)]),
        ([("起诉", "起诉")], [], {"起诉事件": ["后起诉"]}, [(0, 1, 1), (0, 1, 1), (0, 0, 0), (0, 0, 0)]),
    ],
)
def test_events_in_chinese(triggers, arguments, spans, expected):
    schema = {"裁员": ("裁员方", "人数"), "起诉": ()}
    check_events(ZH_EVENTS, "zh", schema, event_units(triggers, arguments, True), spans, expected)


def check_events(text, language, schema, units, spans, expected):
    data = GoldData("d", "EE", language, schema, ("test",), [GoldText("1", text, units)])
    found = score(data, ask(Scripted(spans), data), 20, 0)
    assert [counts(metric) for metric in found.metrics.values()] == expected


def test_rates_baselines_and_intervals_by_hand():
    texts = [GoldText(str(n), EN_EVENTS, event_units([SUED], [], False)) for n in range(6)]
    texts += [GoldText(str(n), "Nobody sued.", event_units([], [], False)) for n in range(6, 8)]
    texts += [GoldText("8", EN_EVENTS, event_units([RAID], [], False))]
    data = GoldData("d", "EE", "en", {"raid": (), "lawsuit": ()}, ("test",), texts)
    metric = score(data, ask(Scripted({"raid event": ["raided"]}), data), 300, 0).metrics["trigger_classification"]
    # "raided" is in seven texts, in one of them gold.
    assert counts(metric) == (1, 7, 7)
    assert (metric.precision, metric.recall, metric.f1) == pytest.approx((1 / 7, 1 / 7, 1 / 7))
    # The majority, (lawsuit, sued), is answered in all nine texts and right in six.
    assert metric.baselines == pytest.approx({"always_none": 0, "majority": 12 / 16})
    assert metric.best_baseline == "majority"
    assert metric.gap == pytest.approx(1 / 7 - 3 / 4)
    assert metric.interval[0] <= metric.f1 <= metric.interval[1]
    assert metric.gap_interval[0] < metric.gap < metric.gap_interval[1]


def own_task(instances, family, name, atom, train=()):
    def read(split, paths):
        yield from train if split == "train" else instances

    return Task(family, "en", read, name=name, atom=atom)


def gold_of(tasks, records=None):
    dataset = DatasetSpec("own", verified="own", splits={"test": (), "train": ()}, tasks=tasks)
    ((key, steps),) = with_steps(dataset.task_specs()).items()
    return read_gold(key, steps, ("test",), None, records, 0, "stop")


def test_gold_relations_are_put_together_by_id_and_typed_by_the_most_frequent_types():
    spans = [
        spans_by_label("a:1", EN, [("person", "Ada Lee"), ("person", "Bob"), ("company", "Acme")]),
        spans_by_label("a:2", EN, [("person", "Eve"), ("city", "Rome")]),
        spans_by_label("a:3", "Nothing here.", []),
    ]
    typing = [
        relation_typing("a:1/0", EN, "Ada Lee", "Bob", ["knows"], "en"),
        relation_typing("a:1/1", EN, "Bob", "Acme", ["works for", "owns"], "en"),
        relation_typing("a:2/0", EN, "Eve", "Rome", ["knows"], "en"),
    ]
    train = [relation_typing("t:1/0", EN, "Ada Lee", "Bob", ["knows"], "en")]
    trained = [spans_by_label("t:1", EN, [("person", "Ada Lee"), ("person", "Bob")])]
    gold = gold_of((own_task(spans, "RE", "spans", "ext", trained), own_task(typing, "RE", "typing", "cls", train)))
    assert gold.schema == {
        "knows": ("person", "person"),
        "owns": ("person", "company"),
        "works for": ("person", "company"),
    }
    assert gold.schema_splits == ["train", "test"]
    assert [len(text.units["relation_boundary"]) for text in gold.texts] == [3, 1, 0]
    # (Eve, knows, Rome) is between a person and a city.
    assert gold.outside_schema == 1
    assert gold.texts[1].units["relation_strict"] == {("Eve", "person", "knows", "Rome", "city")}


def test_gold_events_have_the_roles_of_their_queries():
    first = [event_triggers("a:1", EN_EVENTS, [RAID, ("raid", "sacked"), SUED], "en")]
    third = [
        event_arguments("a:1/0", EN_EVENTS, "raid", [("target", "Acme")], ("target", "time"), "en", "raided"),
        event_arguments("a:1/1", EN_EVENTS, "raid", [("time", "May")], ("target", "time"), "en", "sacked"),
    ]
    gold = gold_of((own_task(first, "EE", "triggers", "ext"), own_task(third, "EE", "arguments", "ext")))
    assert gold.schema == {"lawsuit": (), "raid": ("target", "time")}
    (text,) = gold.texts
    assert text.units["argument_classification"] == {("raid", "target", "Acme"), ("raid", "time", "May")}
    without = gold_of((own_task(first, "EE", "triggers", "ext"),))
    assert list(without.texts[0].units) == ["trigger_identification", "trigger_classification"]


def test_queries_of_no_event_of_the_text_are_an_error():
    with pytest.raises(ValueError, match="ask of no event that the text has: raid"):
        asked_event(["victim of the theft event"], {"raid": ["hit"]}, "en")


def test_tasks_of_different_texts_have_no_whole_texts():
    ((key, steps),) = with_steps(spec for spec in TASKS.values() if spec.dataset.name == "quick_re_en").items()
    assert list(read_gold(key, steps, ("test",), None, 40, 0, "stop").texts) == []


def test_who_answers_every_atomic_task_rightly_has_all_end_to_end(tmp_path):
    spans = [
        spans_by_label("a:1", EN, [("person", "Ada Lee"), ("person", "Bob"), ("company", "Acme")]),
        spans_by_label("a:2", "Nothing here.", []),
    ]
    typing = [
        relation_typing("a:1/0", EN, "Ada Lee", "Bob", ["knows"], "en"),
        relation_typing("a:1/1", EN, "Bob", "Acme", ["works for", "owns"], "en"),
    ]
    gold = gold_of((own_task(spans, "RE", "spans", "ext"), own_task(typing, "RE", "typing", "cls")))
    found = score(gold, ask(Knowing([*spans, *typing]), gold), 20, 0)
    assert [counts(metric) for metric in found.metrics.values()] == [(3, 3, 3)] * 2
    assert [line["gold"] == line["predicted"] for line in prediction_lines([found])] == [True, True]
    scores = compute_scores([predict(choice("sa/test/1#0", "positive"), "positive")], resamples=10)
    write_report(scores, tmp_path, {"model": "m"}, end_to_end=[found])
    (numbers,) = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["end_to_end"]
    assert numbers["metrics"]["relation_strict"]["f1"] == 100
    assert len((tmp_path / "end_to_end.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert "| own | relation strict | 3 |" in (tmp_path / "report.md").read_text(encoding="utf-8")
    # Without the setting the folder has no scores of before.
    write_report(scores, tmp_path, {"model": "m"})
    assert not (tmp_path / "end_to_end.jsonl").exists()
    assert "end to end" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_text_that_cannot_be_asked_counts_as_answered_with_nothing():
    texts = [GoldText("1", " ", relation_units([])), GoldText("2", EN, relation_units([KNOWS]))]
    data = GoldData("d", "RE", "en", {"knows": ("person", "person")}, ("test",), texts)
    model = Scripted({"person": ["Ada Lee", "Bob"]}, [("Ada Lee", "knows", "Bob")])
    first, second = ask(model, data)
    assert first.refusal == "the text is empty"
    assert second.units["relation_boundary"] == {("Ada Lee", "knows", "Bob")}
    assert as_json(score(data, [first, second], 20, 0))["refused_texts"] == 1
