"""The declared tasks on the real files, where they are: counts, labels and spans are those of the packs."""

import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from seqgpt_jax.atomic import TEMPLATES, Instance, clean_text
from seqgpt_jax.data.task_spec import Skipped
from seqgpt_jax.tasks import classification, entity_typing, ner, slots
from tests.tasks.records import SPECS

_BESIDE = Path(__file__).parents[2].parent / "shared" / "datasets"
DATA = Path(os.environ.get("SEQGPT_DATA_DIR", _BESIDE))

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no real data: {DATA} is no folder and SEQGPT_DATA_DIR names none"
)

# Split -> instances. A part split by hash is asserted as one sum, under the splits joined by "+".
COUNTS = {
    "trec": {"train": 5452, "test": 500},
    "ag_news": {"test": 4053},
    "goemotions": {"train": 11118, "validation": 5426, "test": 5427},
    "tnews": {"train": 1185, "validation": 1098, "test": 2010},
    "thucnews_10": {"validation": 10000, "test": 10000},
    "smp2019.domain": {"train+validation+test": 2579},
    "sst2": {"train": 6920, "validation": 872, "test": 1821},
    "chnsenticorp_htl": {"train+validation+test": 7765},  # 7,766 reviews, one of them empty
    "eprstmt": {"train": 160, "validation": 160, "test": 610},
    "banking77": {"train": 10003, "test": 3080},
    "clinc150": {"train": 7600, "validation": 3100, "test": 5500},
    "atis.intent": {"train": 4478, "validation": 500, "test": 893},
    "snips.intent": {"train": 13084, "validation": 700, "test": 700},
    "smp2019.intent": {"train+validation+test": 2579},
    "rte": {"train": 2490, "validation": 277},
    "snli": {"validation": 3941, "test": 3924},
    "ocnli": {"train": 2994, "test": 2719},  # 3,000 and 2,763 pairs, 6 and 44 of them without gold label
    "afqmc": {"train": 10846, "validation": 4316},
    "fewnerd.typing": {"train+validation": 7266, "test": 7305},  # mentions
    "cfet": {"train+validation+test": 4552},  # 4,798 annotations
    "xquad.en": {"train+validation+test": 1190},
    "xquad.zh": {"train+validation+test": 1190},
    "cmrc2018": {"train+validation": 1000, "test": 820},  # 1,002 questions, two of them empty
    "crossner.politics": {"train": 200, "validation": 541, "test": 651},
    "crossner.science": {"train": 200, "validation": 450, "test": 543},
    "crossner.music": {"train": 100, "validation": 380, "test": 465},
    "crossner.literature": {"train": 100, "validation": 400, "test": 416},
    "wnut17": {"train": 3394, "validation": 1009, "test": 1287},
    "bc5cdr": {"train": 3708, "validation": 3776, "test": 3777},
    "fewnerd.entities": {"train+validation": 3114, "test": 3174},
    "cluener": {"train": 6160, "test": 1343},
    "weibo_ner": {"train": 1350, "validation": 270, "test": 270},
    "resume_ner": {"train": 3160, "validation": 463, "test": 477},
    "mit_movie": {"train": 7918, "validation": 978, "test": 2443},
    "snips.slots": {"train": 13084, "validation": 700, "test": 700},
    "atis.slots": {"train": 4478, "validation": 500, "test": 893},
    "restaurant8k": {"train": 2837, "test": 2822},
    "smp2019.slots": {"train+validation+test": 2579},
    "conll04.spans": {"train": 910, "validation": 243, "test": 288},
    "conll04.typing": {"train": 1250, "validation": 342, "test": 406},  # pairs
    "semeval2010_8": {"train": 8000, "test": 2717},
    "duie.spans": {"train": 1994, "test": 1979},
    "duie.typing": {"train": 3490, "test": 3526},  # pairs
    "finre": {"train": 4399, "validation": 1353, "test": 3359},  # pairs of 4,853, 1,489 and 3,727 lines
    "maven_ed.triggers": {"train+validation": 1238, "test": 1241},
    "maven_ed.typing": {"train+validation": 2867, "test": 2874},  # triggers
    "duee.triggers": {"train+validation+test": 1450},
    "duee.typing": {"train+validation+test": 1672},  # triggers
    "duee.arguments": {"train+validation+test": 1604},  # event types of a sentence
    "pile_ner_slimer": {"train+validation": 556},  # passages
    "sky_ner_zh": {"train": 17},
}
LABEL_COUNTS = {
    "trec": 6,
    "ag_news": 4,
    "goemotions": 28,
    "tnews": 15,
    "thucnews_10": 10,
    "smp2019.domain": 29,
    "banking77": 77,
    "clinc150": 151,
    "atis.intent": 18,  # 17 of the training file, and day name
    "snips.intent": 7,
    "smp2019.intent": 23,
    "snli": 3,
    "ocnli": 3,
    "fewnerd.typing": 36,
    "crossner.politics": 9,
    "crossner.science": 17,
    "crossner.music": 13,
    "crossner.literature": 12,
    "wnut17": 6,
    "bc5cdr": 2,
    "cluener": 10,
    "weibo_ner": 8,
    "resume_ner": 8,
    "mit_movie": 12,
    "snips.slots": 39,
    "atis.slots": 83,
    "restaurant8k": 5,
    "smp2019.slots": 59,
    "conll04.spans": 4,
    "conll04.typing": 5,
    "semeval2010_8": 19,
    "duie.typing": 45,  # of 48 in the schema
    "finre": 44,
    "duee.triggers": 64,  # of 65 in the schema
    "duee.typing": 64,
}
LABELS = {
    "sst2": {"negative", "positive"},
    "chnsenticorp_htl": {"负面", "正面"},
    "eprstmt": {"差评", "好评"},
    "rte": {"entailment", "not entailment"},
    "snli": {"entailment", "neutral", "contradiction"},
    "ocnli": {"蕴含", "中立", "矛盾"},
    "afqmc": {"不同", "相同"},
    "bc5cdr": {"chemical", "disease"},
    "wnut17": {"corporation", "creative work", "group", "location", "person", "product"},
    "tnews": set(classification.TNEWS_TOPICS.values()),
    "smp2019.domain": set(classification.DOMAINS.values()),
    "smp2019.slots": set(slots.SMP_SLOTS.values()),
    "fewnerd.typing": set(entity_typing.FINE_TYPES.values()),
    "cluener": set(ner.CLUENER_TYPES.values()),
    "weibo_ner": set(ner.WEIBO_TYPES.values()),
    "resume_ner": set(ner.RESUME_TYPES.values()),
}
# Spans that are not in their text: split -> how many. Everywhere else there is none.
SPANS_NOT_IN_TEXT = {"cmrc2018": {"test": 12}}
SKIPPED = {
    "chnsenticorp_htl": Counter(empty_text=1),
    "cmrc2018": Counter(empty_question=2),
    "ocnli": Counter(no_gold_label=50),
}


@cache
def records(task: str, split: str) -> tuple[Instance | Skipped, ...]:
    spec = SPECS[task]
    paths = tuple(Path(os.path.normpath(DATA / spec.dataset / name)) for name in spec.splits[split])
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        pytest.skip(f"no real data: {', '.join(missing)}")
    return tuple(spec.read(split, paths))


def instances(task: str, split: str) -> list[Instance]:
    return [item for item in records(task, split) if isinstance(item, Instance)]


def of_all_splits(task: str) -> list[Instance]:
    return [item for split in SPECS[task].splits for item in instances(task, split)]


def test_every_task_is_counted_here():
    assert set(COUNTS) == set(SPECS)


@pytest.mark.parametrize("task", sorted(SPECS))
def test_counts_are_those_of_the_pack(task):
    found = {splits: sum(len(instances(task, split)) for split in splits.split("+")) for splits in COUNTS[task]}
    assert found == COUNTS[task]
    assert {split for splits in COUNTS[task] for split in splits.split("+")} == set(SPECS[task].splits)
    assert all(instances(task, split) for split in SPECS[task].splits)


@pytest.mark.parametrize("task", sorted(SPECS))
def test_ids_are_unique_in_a_split_and_atoms_are_as_declared(task):
    for split in SPECS[task].splits:
        found = records(task, split)
        assert len({item.id for item in found}) == len(found)
        assert {item.atom for item in found if isinstance(item, Instance)} == {SPECS[task].atom}


@pytest.mark.parametrize("task", sorted(SPECS))
def test_what_is_skipped(task):
    found = Counter(
        item.reason for split in SPECS[task].splits for item in records(task, split) if isinstance(item, Skipped)
    )
    assert found == SKIPPED.get(task, Counter())


@pytest.mark.parametrize("task", sorted(LABEL_COUNTS.keys() | LABELS.keys()))
def test_label_sets(task):
    found = {label for item in of_all_splits(task) for label in item.gold}
    assert len(found) == LABEL_COUNTS.get(task, len(LABELS.get(task, ())))
    assert found == LABELS.get(task, found)


@pytest.mark.parametrize("task", sorted(name for name, spec in SPECS.items() if spec.family != "MRC"))
def test_labels_stand_in_a_prompt_as_they_are(task):
    """Questions (MRC) may need cleaning; names of our own choice must not."""
    labels = {label for item in of_all_splits(task) for label in (*item.gold, *item.labels)}
    for label in labels:
        assert TEMPLATES["chinese"].clean_label(label) == label
    assert not any(code in label for label in labels for code in "_{}[]<>")


@pytest.mark.parametrize("task", sorted(name for name, spec in SPECS.items() if spec.atom == "ext"))
def test_spans_are_in_their_texts(task):
    for split in SPECS[task].splits:
        spans = [
            clean_text(span) in clean_text(item.text)
            for item in instances(task, split)
            for answers in item.gold.values()
            for span in answers
        ]
        assert spans.count(False) == SPANS_NOT_IN_TEXT.get(task, {}).get(split, 0)
        assert all(
            span and span == span.strip()
            for item in instances(task, split)
            for answers in item.gold.values()
            for span in answers
        )


@pytest.mark.parametrize("task", sorted(name for name, spec in SPECS.items() if spec.atom == "cls"))
def test_every_classification_has_an_answer(task):
    assert all(item.gold for item in of_all_splits(task))
    if SPECS[task].exclusive:
        several = [item for item in of_all_splits(task) if len(item.gold) > 1]
        # Few-NERD types one string twice in a sentence, now and then differently.
        assert len(several) == (12 if task == "fewnerd.typing" else 0)


@pytest.mark.parametrize("task", ["xquad.en", "xquad.zh", "cmrc2018"])
def test_passages_are_in_one_split_alone(task):
    passages = [{item.text for item in instances(task, split)} for split in SPECS[task].splits]
    assert sum(map(len, passages)) == len(set.union(*passages))


def test_xquad_is_split_alike_in_both_languages():
    for split in ("train", "validation", "test"):
        english, chinese = ([item.id.split(":")[1] for item in instances(f"xquad.{x}", split)] for x in ("en", "zh"))
        assert english == chinese


@pytest.mark.parametrize("task", [name for name, spec in SPECS.items() if any("+" in x for x in COUNTS[name])])
def test_parts_split_by_hash_have_about_their_shares(task):
    (joined,) = (splits for splits in COUNTS[task] if "+" in splits)
    sizes = {split: len(instances(task, split)) for split in joined.split("+")}
    train = sizes["train"] / sum(sizes.values())
    assert abs(train - (0.8 if "test" in sizes else 0.9)) < 0.04
