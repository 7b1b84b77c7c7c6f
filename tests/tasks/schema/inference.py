"""Samples of NLI: for each data set one pair of sentences a label, and one without label."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.tasks.schema.sample import Gold, Sample

ENGLISH = (
    ("The ferry left the island at dawn.", "The ferry is no longer at the island."),
    ("Two boys paint a fence.", "The boys are brothers."),
    ("All shops were shut on Monday.", "The baker sold bread on Monday."),
    ("Where can I mend a torn tent?", "How do I repair a tent that is torn?"),
)
CHINESE = (
    ("渡轮在黎明时离开了小岛。", "渡轮已经不在小岛了。"),
    ("两个男孩在刷篱笆。", "两个男孩是兄弟。"),
    ("星期一所有商店都关门。", "星期一面包店照常营业。"),
    ("帐篷破了去哪里修？", "怎么修补破了的帐篷？"),
)
E, N, C = {"entailment": ()}, {"neutral": ()}, {"contradiction": ()}
蕴含, 中立, 矛盾 = {"蕴含": ()}, {"中立": ()}, {"矛盾": ()}
DIFFERENT, SAME = {"不同": ()}, {"相同": ()}


def rows(
    premise: str,
    hypothesis: str,
    labels: Mapping[Any, Gold | None],
    label: str = "label",
    texts: Sequence[tuple[str, str]] = ENGLISH,
    **others: Any,
) -> tuple[list[dict], list[tuple[str, Gold] | None]]:
    """(the rows, what they give): a row for each of `labels`, with all other columns of the data set."""
    found = [
        {premise: first, hypothesis: second, label: code, **others}
        for code, (first, second) in zip(labels, texts, strict=False)
    ]
    expected = [
        gold and (f"{row[premise]}\t{row[hypothesis]}", gold) for row, gold in zip(found, labels.values(), strict=True)
    ]
    return found, expected


def sample(splits: Sequence[str], *arguments: Any, folder: str = "", **others: Any) -> Sample:
    """JSON lines as the download step writes them, the same rows in every split."""
    found, expected = rows(*arguments, **others)
    return Sample({f"{folder}{split}.jsonl": found for split in splits}, dict.fromkeys(splits, expected))


def table(columns: Sequence[str], found: list[dict]) -> str:
    return "".join("\t".join(row[column] for column in columns) + "\n" for row in found)


def _cut_into_words(plain: Sample) -> Sample:
    """Spaces between the characters of the training pairs: these were cut into words before they were published."""
    files = {
        name: [row | {field: " ".join(row[field]) for field in NAMED_PAIR} for row in found]
        if "train" in name
        else found
        for name, found in plain.files.items()
    }
    return Sample(files, plain.expected)


ALL = ("train", "validation", "test")
TWO = ("train", "validation")
PAIR, NAMED_PAIR = ("sentence1", "sentence2"), ("premise", "hypothesis")
THREE = {"entailment": E, "neutral": N, "contradiction": C, None: None}
BINARY = {"entailment": E, "not_entailment": {"not entailment": ()}}
PARAPHRASE = {"different_meaning": {"different meaning": ()}, "paraphrase": {"paraphrase": ()}}
ZH_THREE = {"entailment": 蕴含, "neutral": 中立, "contradiction": 矛盾}
ZH_SAME = {"0": DIFFERENT, "1": SAME}
ANLI = sample(("train", "validation", "test"), "context", "hypothesis", {"e": E, "n": N, "c": C}, uid="a1")
SNLI_ROWS, SNLI_EXPECTED = rows(*PAIR, ZH_THREE, texts=CHINESE)
CSNLI_TEXT = table((*PAIR, "label"), SNLI_ROWS)
HANS = {
    "parse_premise": "(ROOT (S ...))",
    "parse_hypothesis": "(ROOT (S ...))",
    "binary_parse_premise": "( ... )",
    "binary_parse_hypothesis": "( ... )",
    "heuristic": "constituent",
    "subcase": "ce_adverb",
    "template": "temp1",
}
SICK = {
    "id": "7",
    "relatedness_score": 3.5,
    "entailment_AB": "A_neutral_B",
    "entailment_BA": "B_neutral_A",
    "sentence_A_original": "A ferry.",
    "sentence_B_original": "A ferry.",
    "sentence_A_dataset": "FLICKR",
    "sentence_B_dataset": "SEMEVAL",
}
VITAMINC = {
    "unique_id": "u_1",
    "case_id": "u",
    "wiki_revision_id": "9",
    "page": "Ferries",
    "revision_type": "real",
    "FEVER_id": None,
}
VITAMINC_LABELS = {
    "SUPPORTS": {"supports": ()},
    "REFUTES": {"refutes": ()},
    "NOT ENOUGH INFO": {"not enough information": ()},
}


SIMILAR = (
    *("completely different", "different, on the same topic", "different, some details shared"),
    *("roughly equivalent", "mostly equivalent", "completely equivalent"),
)
WIC = {"word": "bank", "sentence1": "The bank is steep.", "sentence2": "We sat on the bank.", "idx": 1}
WIC |= {"start1": 4, "end1": 8, "start2": 14, "end2": 18}
WIC_ASKED = "The bank is steep.\tWe sat on the bank.\tdoes bank have the same meaning in both sentences?"
WSC = {"text": "Ida rang Eva before she left.", "span1_index": 0, "span1_text": "Ida", "idx": 1}
WSC |= {"span2_index": 4, "span2_text": "she"}
WSC_TWICE = {"text": "When she rang, Ida said she left.", "span1_index": 3, "span1_text": "Ida", "idx": 2}
WSC_TWICE |= {"span2_index": 5, "span2_text": "she", "label": "False"}
CLUEWSC = {
    "target": {"span1_index": 0, "span1_text": "小李", "span2_index": 3, "span2_text": "他"},
    "idx": 0,
    "label": "true",
    "text": "小李说他病了。",
}
CLUEWSC_TWICE = {
    "target": {"span1_index": 0, "span1_text": "小李", "span2_index": 5, "span2_text": "他"},
    "idx": 1,
    "label": "false",
    "text": "小李请他等他。",
}
FEWCLUE_FILES = ("train_few_all.json", "dev_few_all.json", "test_public.json")


def few_clue(found: Sequence[Mapping]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)


def of_files(names: Mapping[str, str], labels: Mapping[Any, Gold | None], fields: tuple[str, str], **others) -> Sample:
    """Split -> file; each file is JSON lines of Chinese pairs."""
    found, expected = rows(*fields, labels, texts=CHINESE, **others)
    return Sample(dict.fromkeys(names.values(), few_clue(found)), dict.fromkeys(names, expected))


def cblue(file: str, labels: Mapping[str, Gold | None], fields: tuple[str, str], **others: str) -> Sample:
    """A JSON list, as CBLUE has it."""
    texts = (*CHINESE, ("渡轮几点开？", "渡轮票价是多少？"))
    found, expected = rows(*fields, labels, texts=texts, id="s1", **others)
    content = json.dumps(found, ensure_ascii=False, indent=2)
    return Sample({f"{file}_train.json": content, f"{file}_dev.json": content}, dict.fromkeys(TWO, expected))


SAMPLES = {
    "mnli": sample(ALL, *NAMED_PAIR, THREE, folder="mnli/", idx=3),
    "qnli": sample(TWO, "question", "sentence", BINARY, folder="qnli/", idx=3),
    "wnli": sample(TWO, *PAIR, BINARY, folder="wnli/", idx=3),
    "mrpc": sample(
        TWO,
        *PAIR,
        {"not_equivalent": {"not equivalent": ()}, "equivalent": {"equivalent": ()}},
        folder="mrpc/",
        idx=3,
    ),
    "qqp": sample(
        TWO,
        "question1",
        "question2",
        {"not_duplicate": {"not duplicate": ()}, "duplicate": {"duplicate": ()}},
        folder="qqp/",
        idx=3,
    ),
    "cb": sample(TWO, *NAMED_PAIR, THREE, folder="cb/", idx=3),
    **{
        f"anli.r{number}": Sample({f"r{number}/{file}": found for file, found in ANLI.files.items()}, ANLI.expected)
        for number in (1, 2, 3)
    },
    "scitail": sample(ALL, *NAMED_PAIR, {"entails": E, "neutral": N}),
    "sick": sample(ALL, "sentence_A", "sentence_B", THREE, **SICK),
    "hans": sample(TWO, *NAMED_PAIR, {"entailment": E, "non-entailment": {"not entailment": ()}}, **HANS),
    "wanli": sample(
        ("train", "test"),
        *NAMED_PAIR,
        {"entailment": E, "neutral": N, "contradiction": C},
        label="gold",
        id=1,
        genre="generated",
        pairID="12",
    ),
    "vitaminc": sample(ALL, "evidence", "claim", VITAMINC_LABELS, **VITAMINC),
    "paws": sample(ALL, *PAIR, PARAPHRASE, folder="labeled_final_tokenized/"),
    "paws_x.en": sample(ALL, *PAIR, PARAPHRASE, folder="en/"),
    "paws_x.zh": sample(ALL, *PAIR, {"different_meaning": DIFFERENT, "paraphrase": SAME}, texts=CHINESE, folder="zh/"),
    "xnli.en": sample(ALL, *NAMED_PAIR, THREE, folder="en/"),
    "xnli.zh": _cut_into_words(sample(ALL, *NAMED_PAIR, ZH_THREE, texts=CHINESE, folder="zh/")),
    "cmnli": sample(TWO, *PAIR, {**ZH_THREE, None: None}, texts=CHINESE, folder="cmnli/", idx=3),
    "bustm": of_files(
        {"train": "train_few_all.json", "validation": "dev_few_all.json", "test": "test_public.json"},
        ZH_SAME,
        PAIR,
        id=5,
    ),
    "lcqmc": sample(ALL, *PAIR, {0: DIFFERENT, 1: SAME, None: None}, label="score", texts=CHINESE),
    "bq_corpus": sample(ALL, *PAIR, {0: DIFFERENT, 1: SAME}, label="score", texts=CHINESE),
    "qbqtc": of_files(
        {"train": "train.json", "validation": "dev.json", "test": "test_public.json"},
        {"0": {"相关性差": ()}, "1": {"有一定相关性": ()}, "2": {"非常相关": ()}},
        ("query", "title"),
        id=5,
    ),
    "cinlid": Sample({"Idiom_NLI.txt": CSNLI_TEXT}, {"+": SNLI_EXPECTED}),
    "chinese_snli": Sample(
        dict.fromkeys(("train.txt", "dev.txt", "test.txt"), CSNLI_TEXT),
        dict.fromkeys(("train", "validation", "test"), SNLI_EXPECTED),
    ),
    "stsb": sample(
        TWO, *PAIR, {0.4: {SIMILAR[0]: ()}, 2.5: {SIMILAR[3]: ()}, 5.0: {SIMILAR[5]: ()}}, folder="stsb/", idx=1
    ),
    "stsb_zh": Sample(
        dict.fromkeys(
            (f"sts-b-{part}.txt" for part in ("train", "dev", "test")), f"{CHINESE[0][0]}\t{CHINESE[0][1]}\t4\n"
        ),
        dict.fromkeys(ALL, (("\t".join(CHINESE[0]), {"基本相同": ()}),)),
    ),
    "oppo_xiaobu": Sample(
        dict.fromkeys(("train.txt", "dev.txt"), f"{CHINESE[0][0]}\t{CHINESE[0][1]}\t1\n"),
        dict.fromkeys(TWO, (("\t".join(CHINESE[0]), SAME),)),
    ),
    "wic": Sample(
        {f"wic/{split}.jsonl": [WIC | {"label": label} for label in ("True", "False", None)] for split in TWO},
        dict.fromkeys(TWO, ((WIC_ASKED, {"yes": ()}), (WIC_ASKED, {"no": ()}), None)),
    ),
    "wsc": Sample(
        {f"wsc/{split}.jsonl": [*(WSC | {"label": label} for label in ("True", None)), WSC_TWICE] for split in TWO},
        dict.fromkeys(
            TWO,
            (
                ("Ida rang Eva before she left.\tdoes she refer to Ida?", {"yes": ()}),
                None,
                ('When she rang, Ida said she left.\tdoes the second "she" refer to Ida?', {"no": ()}),
            ),
        ),
    ),
    "cluewsc": Sample(
        dict.fromkeys(FEWCLUE_FILES, (CLUEWSC, CLUEWSC_TWICE)),
        dict.fromkeys(
            ALL,
            (
                ("小李说他病了。\t“他”指的是“小李”吗？", {"是": ()}),
                ("小李请他等他。\t第2个“他”指的是“小李”吗？", {"否": ()}),
            ),
        ),
    ),
    "csl_keywords": Sample(
        dict.fromkeys(FEWCLUE_FILES, ({"id": 1, "abst": "本文测量桥梁。", "keyword": ["桥梁", "测量"], "label": "1"},)),
        dict.fromkeys(ALL, (("本文测量桥梁。\t这些都是本文的关键词吗：桥梁、测量？", {"是": ()}),)),
    ),
    "chip_sts": cblue("CHIP-STS", ZH_SAME, ("text1", "text2"), category="diabetes"),
    "kuake_qqr": cblue(
        "KUAKE-QQR",
        {"0": {"范围更大或无关": ()}, "1": {"范围更小": ()}, "2": {"语义等价": ()}, "NA": None},
        ("query1", "query2"),
    ),
    "kuake_qtr": cblue(
        "KUAKE-QTR",
        {"0": {"不匹配": ()}, "1": {"很少匹配": ()}, "2": {"部分匹配": ()}, "3": {"完全匹配": ()}},
        ("query", "title"),
    ),
}
