"""The declared tasks on the real files, where they are: counts, labels and spans are those of the packs."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import pytest

from seqgpt_jax.atomic import TEMPLATES, Instance, clean_text
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks import TASKS
from seqgpt_jax.tasks.validation.contradictions import MOST_CONTRADICTIONS, AskedBefore
from tests.tasks.records import SPECS

_BESIDE = Path(__file__).parents[2].parent / "shared" / "datasets"
DATA = Path(os.environ.get("SEQGPT_DATA_DIR", _BESIDE))

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no real data: {DATA} is no folder and SEQGPT_DATA_DIR names none"
)

# Files that no task reads, and why: patterns below the folder of the packs.
UNREAD = {
    "datasets/*/README.md": "about the data",
    "datasets/*/readme.txt": "about the data",
    "datasets/chnsenticorp_htl/intro.ipynb": "about the data",
    "datasets/xquad/CC-BY-SA4.0.txt": "the licence",
    "datasets/ag_news/classes.txt": "names of labels, which the task has",
    "datasets/banking77/categories.json": "names of labels",
    "datasets/clinc150/domains.json": "the intents of each domain, without utterances",
    "datasets/duie/duie_schema.json": "names of labels",
    "datasets/fewnerd/labels-fewnerd.txt": "names of labels",
    "datasets/fewrel/pid2name.json": "names of labels, which the task has",
    "datasets/finre/relation2id.txt": "names of labels",
    "datasets/goemotions/labels.txt": "names of labels, which the task has",
    "datasets/mit_movie/vocab.slot": "names of labels",
    "datasets/sanwen/relation2id.txt": "names of labels",
    "datasets/semeval2010_8/labels.txt": "names of labels",
    "datasets/thucnews_10/class.txt": "names of labels, which the task has",
    "datasets/tnews/label_index2en2zh.json": "names of labels, which the task has",
    "datasets/smp2019/sample.json": "what answers to the contest look like",
    "datasets/casie/source/*.txt": "the source of the annotated documents, which hold their text themselves",
    "datasets_pt/pile_ner_slimer/top391NEs_definitions.json": "definitions of labels, which no prompt shows",
    "datasets_pt/sky_ner_zh/sky_10_samples_chunk256.jsonl": "the passages before they were labelled",
    "datasets_pt/sky_ner_zh/sky_10_samples/llm_response*.jsonl": "the answers before conversations were made of them",
    "datasets_pt/sky_ner_zh/sky_10_samples/type2*.json": "counts of labels",
    "datasets_pt/sky_ner_zh/sky_10_samples/*_statistics.json": "counts of labels",
    "datasets_pt/sky_ner_zh/sky_10_samples/token_count.json": "counts of labels",
    "datasets_pt/sky_ner_zh/sky_10_samples/*.log": "logs of the labelling",
    "datasets_pt/iepile_samples/*/sample.json": "the sentences of train.json before the instructions were made",
    "datasets_pt/iepile_samples/*/test.json": "a second copy of train.json, with other choices of asked labels",
    "datasets_pt/iepile_samples/*/schema.json": "names of labels",
}
# Every name that stands in the labels of a task, gold or not.
LABELS = {
    "trec": {"abbreviation", "description", "entity", "human", "location", "number"},
    "ag_news": {"business", "science and technology", "sports", "world"},
    "sst2": {"negative", "positive"},
    "chnsenticorp_htl": {"正面", "负面"},
    "eprstmt": {"好评", "差评"},
    "rte": {"entailment", "not entailment"},
    "snli": {"contradiction", "entailment", "neutral"},
    "ocnli": {"中立", "矛盾", "蕴含"},
    "afqmc": {"不同", "相同"},
    "wnut17": {"corporation", "creative work", "group", "location", "person", "product"},
    "bc5cdr": {"chemical", "disease"},
    "restaurant8k": {"date", "first name", "last name", "number of people", "time"},
    "conll04.spans": {"location", "organization", "other entity", "person"},
    "conll04.typing": {"kill", "live in", "located in", "organization based in", "work for"},
    "webnlg_re.spans": {"entity"},
    "casie.triggers": {
        "data breach event",
        "phishing event",
        "ransom event",
        "vulnerability discovery event",
        "vulnerability patch event",
    },
    "casie.typing": {"data breach", "phishing", "ransom", "vulnerability discovery", "vulnerability patch"},
    "duee_fin.stage": {"暂停上市", "正式上市", "筹备上市", "终止上市"},
    "iepile_samples.entities": {"人物", "地理位置", "组织机构"},
    "iepile_samples.arguments": {
        *("加盟事件的加盟者", "加盟事件的所加盟组织", "加盟事件的时间"),
        *("裁员事件的时间", "裁员事件的裁员人数", "裁员事件的裁员方"),
    },
}
# Longer label sets: how many, and the digest of the sorted names.
LABEL_DIGESTS = {
    "tnews": (15, "9114b013"),
    "thucnews_10": (10, "7a5ca729"),
    "smp2019.domain": (29, "d5ad5732"),
    "goemotions": (28, "5066ff7d"),
    "banking77": (77, "1b66ac41"),
    "clinc150": (151, "fc72dba9"),
    "atis.intent": (18, "39a0b590"),
    "snips.intent": (7, "9852b75c"),
    "smp2019.intent": (23, "6606eda4"),
    "fewnerd.typing": (36, "f1d5725d"),
    "cfet": (1298, "cfcd6251"),
    "xquad.en": (1187, "b66ce9da"),
    "xquad.zh": (1181, "bf14bba5"),
    "cmrc2018": (1820, "0142d520"),
    "crossner.politics": (9, "df3e8cfe"),
    "crossner.science": (17, "19fd765f"),
    "crossner.music": (13, "f2774be8"),
    "crossner.literature": (12, "a386a9ca"),
    "fewnerd.entities": (36, "f1d5725d"),
    "cluener": (10, "e6aa7e9a"),
    "weibo_ner": (8, "d89c5e45"),
    "resume_ner": (8, "72fe60a8"),
    "mit_movie": (12, "0d0424a7"),
    "snips.slots": (39, "aeeab5ba"),
    "atis.slots": (83, "36674a67"),
    "smp2019.slots": (59, "e910cc14"),
    "semeval2010_8": (19, "a74f098f"),
    "fewrel.wiki": (16, "aa0f60f3"),
    "fewrel.pubmed": (10, "85a9c203"),
    "webnlg_re.typing": (186, "d6b0fa22"),
    "duie.spans": (25, "3ab95b6a"),
    "duie.typing": (45, "4e212d98"),
    "finre": (44, "7d24e0a2"),
    "sanwen": (10, "a9dfd00e"),
    "maven_ed.triggers": (161, "413ab5f5"),
    "maven_ed.typing": (161, "120f11d4"),
    "casie.arguments": (3753, "6e447c95"),
    "duee.triggers": (64, "e9e4e6d6"),
    "duee.typing": (64, "16c8ef7a"),
    "duee.arguments": (451, "0b11650c"),
    "duee_fin.triggers": (13, "2a8e4eba"),
    "duee_fin.typing": (13, "14c17fdc"),
    "duee_fin.arguments": (342, "f51edbe3"),
    "pile_ner_slimer": (341, "d23fdcca"),
    "sky_ner_zh": (58, "63e7c4ec"),
    "odie": (128, "7edabf24"),
    "iepile_samples.triggers": (65, "b68d341d"),
    "iepile_samples.relations": (69, "c6785f1b"),
}
# Spans that are not in their text.
SPANS_NOT_IN_TEXT = {
    "cmrc2018": {
        "cmrc2018_dev.json:DEV_19_QUERY_2",
        "cmrc2018_dev.json:DEV_22_QUERY_2",
        "cmrc2018_dev.json:DEV_22_QUERY_3",
        "cmrc2018_dev.json:DEV_24_QUERY_2",
        "cmrc2018_dev.json:DEV_36_QUERY_2",
        "cmrc2018_dev.json:DEV_53_QUERY_4",
        "cmrc2018_dev.json:DEV_56_QUERY_4",
        "cmrc2018_dev.json:DEV_81_QUERY_2",
        "cmrc2018_dev.json:DEV_95_QUERY_1",
        "cmrc2018_dev.json:DEV_110_QUERY_3",
        "cmrc2018_dev.json:DEV_162_QUERY_2",
        "cmrc2018_dev.json:DEV_203_QUERY_3",
    },
}
# Spans that read like the answer "nothing", so that no prompt can be made of them.
SPANS_THAT_SAY_NONE = {"xquad.en": {"xquad.en.json:5726a299dd62a815002e8b9e"}}
# Classifications with several answers in tasks of which one alone should be right: Few-NERD types one
# string twice in a sentence, now and then differently.
SEVERAL_ANSWERS = {"fewnerd.typing": 12}
SKIPPED = {
    "casie.arguments": Counter(argument_elsewhere=159),
    "chnsenticorp_htl": Counter(empty_text=1),  # of 7,766 reviews
    "cmrc2018": Counter(empty_question=2),  # of 1,002
    "ocnli": Counter(no_gold_label=50),  # of 3,000 pairs and 2,763
    "odie": Counter(not_in_text=452),  # of 618 columns
    "sky_ner_zh": Counter(no_question=1),  # of 17 passages
}


def files(task: str, split: str) -> tuple[Path, ...]:
    spec = SPECS[task]
    return tuple(Path(os.path.normpath(DATA / spec.dataset.name / name)) for name in spec.splits[split])


@cache
def records(task: str, split: str) -> tuple[Instance | Skipped | RecordError, ...]:
    paths = files(task, split)
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        pytest.skip(f"no real data: {', '.join(missing)}")
    return tuple(SPECS[task].read(split, paths))


def instances(task: str, split: str) -> list[Instance]:
    return [item for item in records(task, split) if isinstance(item, Instance)]


def of_all_splits(task: str) -> list[Instance]:
    return [item for split in SPECS[task].splits for item in instances(task, split)]


def spans(task: str) -> list[tuple[Instance, str]]:
    return [(item, span) for item in of_all_splits(task) for answers in item.gold.values() for span in answers]


def digest(names: set[str]) -> str:
    return blake2b("\n".join(sorted(names)).encode(), digest_size=4).hexdigest()


def test_every_file_is_read_or_has_a_reason():
    folders = [folder for folder in (DATA, DATA.parent / "datasets_pt") if folder.is_dir()]
    found = {path for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != "SOURCE.txt"}
    named = {path for task in SPECS for split in SPECS[task].splits for path in files(task, split)}
    read = named | {file for path in named if path.is_dir() for file in path.rglob("*")}
    unread = {
        PurePosixPath(path.relative_to(folder.parent))
        for folder in folders
        for path in found - read
        if path.is_relative_to(folder)
    }
    patterns = {pattern: {path for path in unread if path.match(pattern)} for pattern in UNREAD}
    assert unread == set().union(*patterns.values())
    assert all(patterns.values()), "a pattern fits no file"


@pytest.mark.parametrize("task", sorted(SPECS))
def test_sizes_are_those_of_the_pack(task):
    spec = SPECS[task]
    assert spec.verified == "files"
    assert {split: len(instances(task, split)) for split in spec.splits} == dict(spec.sizes)
    assert all(spec.sizes.values())


@pytest.mark.parametrize("task", sorted(SPECS))
def test_ids_are_unique_in_a_split_and_atoms_are_as_declared(task):
    for split in SPECS[task].splits:
        found = records(task, split)
        assert not [str(item) for item in found if isinstance(item, RecordError)]
        assert len({item.id for item in found}) == len(found)
        assert {item.atom for item in found if isinstance(item, Instance)} == {SPECS[task].atom}


@pytest.mark.parametrize("task", sorted(SPECS))
def test_what_is_skipped(task):
    found = Counter(
        item.reason for split in SPECS[task].splits for item in records(task, split) if isinstance(item, Skipped)
    )
    assert found == SKIPPED.get(task, Counter())


def test_every_label_set_is_known_here():
    assert SPECS.keys() == LABELS.keys() | LABEL_DIGESTS.keys()
    assert not LABELS.keys() & LABEL_DIGESTS.keys()


@pytest.mark.parametrize("task", sorted(SPECS))
def test_label_sets(task):
    found = {label for item in of_all_splits(task) for label in (*item.gold, *item.labels)}
    if task in LABELS:
        assert found == LABELS[task]
    else:
        assert (len(found), digest(found)) == LABEL_DIGESTS[task], sorted(found)


@pytest.mark.parametrize("task", sorted(name for name, spec in SPECS.items() if spec.family != "MRC"))
def test_labels_stand_in_a_prompt_as_they_are(task):
    """Questions (MRC) may need cleaning; names of our own choice must not."""
    labels = {label for item in of_all_splits(task) for label in (*item.gold, *item.labels)}
    for label in labels:
        assert TEMPLATES["chinese"].clean_label(label) == label
    assert not any(code in label for label in labels for code in "_{}[]<>")


@pytest.mark.parametrize("task", sorted(name for name, spec in SPECS.items() if spec.atom == "ext"))
def test_spans_are_in_their_texts(task):
    outside = {item.id for item, span in spans(task) if clean_text(span) not in clean_text(item.text)}
    assert outside == SPANS_NOT_IN_TEXT.get(task, set())
    assert all(span and span == span.strip() for _, span in spans(task))
    assert {item.id for item, span in spans(task) if span == "None"} == SPANS_THAT_SAY_NONE.get(task, set())


@pytest.mark.parametrize("task", sorted(name for name, spec in SPECS.items() if spec.atom == "cls"))
def test_every_classification_has_an_answer(task):
    assert all(item.gold for item in of_all_splits(task))
    if SPECS[task].exclusive:
        several = [item for item in of_all_splits(task) if len(item.gold) > 1]
        assert len(several) == SEVERAL_ANSWERS.get(task, 0)


def contradictions(items: Iterable[Instance]) -> int:
    """How many ask what an earlier one asked, with other answers."""
    asked = AskedBefore()
    repeated = [asked.repeats(item, item.id) for item in items]
    return sum(bool(one) and one[0] == "contradiction" for one in repeated)


@pytest.mark.parametrize("dataset", sorted({spec.dataset.name for spec in SPECS.values()}))
def test_equal_prompts_have_equal_answers_or_the_declaration_says_why(dataset):
    specs = [spec for spec in SPECS.values() if spec.dataset.name == dataset]
    shares = {
        f"{spec.name} {split}": contradictions(instances(spec.name, split)) / len(instances(spec.name, split))
        for spec in specs
        for split in spec.splits
    }
    too_many = {name: share for name, share in shares.items() if share > MOST_CONTRADICTIONS}
    assert bool(too_many) == bool(specs[0].dataset.contradictions), too_many


@pytest.mark.parametrize("task", ["xquad.en", "xquad.zh", "cmrc2018"])
def test_passages_are_in_one_split_alone(task):
    passages = [{item.text for item in instances(task, split)} for split in SPECS[task].splits]
    assert sum(map(len, passages)) == len(set.union(*passages))


def test_xquad_is_split_alike_in_both_languages():
    for split in ("train", "validation", "test"):
        english, chinese = ([item.id.split(":")[1] for item in instances(f"xquad.{x}", split)] for x in ("en", "zh"))
        assert english == chinese


SPLIT_BY_HASH = sorted(
    name
    for name, spec in SPECS.items()
    if {"train", "validation"} <= spec.splits.keys()
    and spec.splits["train"] == spec.splits["validation"]
    # The one file of CLINC150 names the splits itself.
    and name != "clinc150"
)


@pytest.mark.parametrize("task", SPLIT_BY_HASH)
def test_parts_split_by_hash_have_about_their_shares(task):
    spec = SPECS[task]
    shared = [split for split, names in spec.splits.items() if names == spec.splits["train"]]
    sizes = {split: len(instances(task, split)) for split in shared}
    train = sizes["train"] / sum(sizes.values())
    assert abs(train - (0.8 if "test" in sizes else 0.9)) < 0.04


@pytest.mark.parametrize(
    ("name", "file"), [("entities", "NER"), ("triggers", "EET"), ("arguments", "EE"), ("relations", "RE")]
)
def test_the_readers_of_the_whole_iepile_give_what_those_of_its_samples_give(name, file):
    path = DATA.parent / f"datasets_pt/iepile_samples/{file}/train.json"
    if not path.exists():
        pytest.skip(f"no real data: {path}")
    whole = [item for item in TASKS[f"iepile.{name}_zh"].read("train", (path,)) if isinstance(item, Instance)]
    sample = list(SPECS[f"iepile_samples.{name}"].read("train", (path,)))
    assert whole
    assert whole == sample
    assert not list(TASKS[f"iepile.{name}_en"].read("train", (path,)))


def counted(answers: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    """What (text, type, answer as JSON) rows hold, one type of a text that is asked twice counted once."""
    by_type: dict[tuple[str, str], set[str]] = {}
    for text, kind, answer in answers:
        by_type.setdefault((text, kind), set()).update(json.loads(answer))
    return {
        "texts": len({text for text, _ in by_type}),
        "types": len({kind for _, kind in by_type}),
        "queries": len(by_type),
        "empty": sum(not spans for spans in by_type.values()),
        "entities": sum(map(len, by_type.values())),
    }


@pytest.mark.parametrize(
    ("task", "numbers"), [("pile_ner_slimer", (556, 341, 695, 317, 830)), ("sky_ner_zh", (16, 58, 106, 30, 197))]
)
def test_conversations_and_queries_of_universal_ner_give_all_that_their_files_hold(task, numbers):
    items = of_all_splits(task)
    asked = [(item.text, label, json.dumps(item.gold.get(label, ()))) for item in items for label in item.labels]
    raw = []
    for path in sorted({path for split in SPECS[task].splits for path in files(task, split)}):
        content = path.read_text(encoding="utf-8")
        if task == "sky_ner_zh":
            for row in json.loads(content):
                text, _, *turns = (turn["value"] for turn in row["conversations"])
                pairs = zip(turns[::2], turns[1::2], strict=True)
                raw += [(text, question.split('"')[1], answer) for question, answer in pairs]
        else:
            rows = map(json.loads, content.splitlines())
            raw += [(row["input"], row["tagName"], row["output"]) for row in rows]
    assert counted(asked) == counted(raw)
    assert tuple(counted(raw).values()) == numbers
