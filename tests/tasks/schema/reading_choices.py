"""Samples of reading with options; a row without answer is skipped."""

import json
from collections.abc import Sequence
from typing import Any

from tests.tasks.schema.sample import Gold, Sample

ALL = ("train", "validation", "test")
TWO = ("train", "validation")
PASSAGE = "The ferry to Mull left Oban at noon."
QUESTION = "When did the ferry leave?"
OPTIONS = ["at dawn", "at noon", "at night", "never"]
BOTH = f"{PASSAGE}\t{QUESTION}"
NOON = (BOTH, {"at noon": ()})
ENDINGS = ["it sank in a puddle.", "it reached the island.", "it ate a sandwich.", "it turned green."]


def sample(splits: Sequence[str], rows: Sequence[dict], expected: Sequence, folder: str = "") -> Sample:
    return Sample({f"{folder}{split}.jsonl": rows for split in splits}, dict.fromkeys(splits, expected))


def keyed(question: str, key: str, letters: str = "ABCD", **others: Any) -> dict:
    choices = {"text": OPTIONS, "label": list(letters)}
    return {"id": "x1", question: QUESTION, "choices": choices, "answerKey": key, **others}


def numbered(prefix: str, names: str = "0123", options: Sequence[str] = tuple(OPTIONS)) -> dict:
    return {f"{prefix}{name}": option for name, option in zip(names, options, strict=False)}


SWAG = {
    "video-id": "v1",
    "fold-ind": "12",
    "startphrase": "The boat leaves. In the end",
    "sent1": "The boat leaves.",
    "sent2": "In the end",
    "gold-source": "gold",
    **numbered("ending", options=ENDINGS),
}
HELLASWAG = {
    "ind": 4,
    "activity_label": "Sailing",
    "ctx_a": "The boat leaves.",
    "ctx_b": "in the end",
    "ctx": "The boat leaves. in the end",
    "endings": ENDINGS,
    "source_id": "wikihow~1",
    "split": "train",
    "split_type": "indomain",
}
WIKIHOW = {
    "ctx": "[header] The boat leaves. [step] in the end",
    "endings": [f"[substeps] {ending}" for ending in ENDINGS],
}
OPEN_BOOK = {"fact1": PASSAGE, "humanScore": 1.0, "clarity": 2.0, "turkIdAnonymized": "b1"}
QASC = {"fact1": "A.", "fact2": "B.", "combinedfact": PASSAGE, "formatted_question": "When?"}
QUAIL = {
    "id": "f001_0",
    "context_id": "f001",
    "question_id": "0",
    "domain": "fiction",
    "metadata": {"author": "A", "title": "T", "url": "https://example.org"},
    "context": PASSAGE,
    "question": QUESTION,
    "question_type": "Temporal_order",
    "answers": OPTIONS,
    "correct_answer_id": 1,
}


def answers(question: str, *texts: tuple[str, str]) -> list[dict]:
    return [
        {
            "paragraph": PASSAGE,
            "question": question,
            "answer": text,
            "label": label,
            "idx": {"paragraph": 0, "question": 1, "answer": number},
        }
        for number, (text, label) in enumerate(texts)
    ]


MULTIRC = [
    *answers(QUESTION, ("noon", "True"), ("dawn", "False"), ("midday", "True")),
    *answers("Who steered it?", ("Ida", "False")),
]
MULTIRC_EXPECTED = [(BOTH, {"noon": (), "midday": ()}), None]

ZH_PASSAGE, ZH_QUESTION, ZH_OPTIONS = "渡轮中午离开奥本。", "渡轮什么时候离开？", ["早上", "中午", "晚上"]
ZH_NOON: tuple[str, Gold] = (f"{ZH_PASSAGE}\t{ZH_QUESTION}", {"中午": ()})
C3 = json.dumps(
    [
        [
            ["男：渡轮走了吗？", "女：中午走的。"],
            [
                {"question": ZH_QUESTION, "choice": ZH_OPTIONS, "answer": "中午"},
                {"question": "他们在说什么？", "choice": ["渡轮", "火车"], "answer": "渡轮"},
            ],
            "25-1",
        ]
    ],
    ensure_ascii=False,
)
C3_TEXT = "男：渡轮走了吗？女：中午走的。"
C3_EXPECTED = [(f"{C3_TEXT}\t{ZH_QUESTION}", {"中午": ()}), (f"{C3_TEXT}\t他们在说什么？", {"渡轮": ()})]
CHID = (
    {
        "id": 1,
        "candidates": ["风平浪静", "画蛇添足", "一目了然"],
        "content": "海上#idiom#，渡轮准时出发。",
        "answer": 0,
    },
)
CHID_EXPECTED = [("海上#idiom#，渡轮准时出发。\t文中#idiom#处应填入哪个成语？", {"风平浪静": ()})]
YESNO = tuple(
    {
        "documents": [{"title": "渡轮", "paragraphs": ["渡轮的说明。"]}],
        "yesno_answer": verdict,
        "answer": "可以，中午有一班。",
        "question": "中午能坐渡轮吗？",
        "id": number,
    }
    for number, verdict in enumerate(("Yes", "No", "Depends", ""))
)
YESNO_EXPECTED = [
    *(("可以，中午有一班。\t中午能坐渡轮吗？", {label: ()}) for label in ("是", "否", "视情况而定")),
    None,
]


def logiqa(answer: str, passage: str, question: str, options: Sequence[str]) -> str:
    lines = (answer, passage, question, *(f"{letter}.{text}" for letter, text in zip("ABCD", options, strict=True)))
    return "\n" + "\n".join(lines) + "\n"


LOGIQA_EN, LOGIQA_ZH = (
    logiqa("b", PASSAGE, QUESTION, OPTIONS),
    logiqa("b", ZH_PASSAGE, ZH_QUESTION, [*ZH_OPTIONS, "从不"]),
)

SAMPLES = {
    "race": sample(
        ALL,
        [{"example_id": "high1.txt", "article": PASSAGE, "answer": "B", "question": QUESTION, "options": OPTIONS}],
        [NOON],
        "all/",
    ),
    "sciq": sample(
        ALL,
        [
            {"question": QUESTION, **numbered("distractor", "312"), "correct_answer": "now", "support": PASSAGE},
            # One in ten has no passage.
            {"question": QUESTION, **numbered("distractor", "312"), "correct_answer": "now", "support": ""},
        ],
        [(BOTH, {"now": ()}), (QUESTION, {"now": ()})],
    ),
    "openbookqa": sample(ALL, [keyed("question_stem", "B", **OPEN_BOOK)], [NOON], "additional/"),
    "arc.challenge": sample(
        ALL,
        [keyed("question", "B"), keyed("question", "2", "1234")],
        [(QUESTION, {"at noon": ()})] * 2,
        "ARC-Challenge/",
    ),
    "arc.easy": sample(ALL, [keyed("question", "A")], [(QUESTION, {"at dawn": ()})], "ARC-Easy/"),
    "commonsense_qa": sample(
        TWO,
        [keyed("question", "D", question_concept="ferry"), keyed("question", "", question_concept="ferry")],
        [(QUESTION, {"never": ()}), None],
    ),
    "qasc": sample(TWO, [keyed("question", "B", **QASC)], [NOON]),
    "cosmos_qa": sample(
        TWO,
        [
            {"context": PASSAGE, "question": QUESTION, **numbered("answer"), "label": label, "id": "c"}
            for label in ("1", None)
        ],
        [NOON, None],
    ),
    "social_i_qa": sample(
        TWO, [{"context": PASSAGE, "question": QUESTION, **numbered("answer", "ABC"), "label": "2"}], [NOON]
    ),
    "dream": sample(
        ALL,
        [
            {
                "id": 0,
                "dialogue_id": "4-1",
                "dialogue": ["M: Is the ferry gone?", "W: It left at noon."],
                "question": QUESTION,
                "choice": OPTIONS[:3],
                "answer": "at noon",
            }
        ],
        [(f"M: Is the ferry gone? W: It left at noon.\t{QUESTION}", {"at noon": ()})],
    ),
    "swag": sample(
        TWO,
        [SWAG | {"label": "1"}, SWAG | {"label": None}],
        [("The boat leaves.\tIn the end", {ENDINGS[1]: ()}), None],
        "regular/",
    ),
    "hellaswag": sample(
        TWO,
        [HELLASWAG | {"label": "1"}, HELLASWAG | WIKIHOW | {"label": "1"}, HELLASWAG | {"label": ""}],
        [*[("Sailing\tThe boat leaves. in the end", {ENDINGS[1]: ()})] * 2, None],
    ),
    "quail": sample(ALL, [QUAIL], [NOON], "quail/"),
    "boolq": sample(
        TWO,
        [{"question": QUESTION, "passage": PASSAGE, "label": label, "idx": 3} for label in ("True", "False", None)],
        [(BOTH, {"yes": ()}), (BOTH, {"no": ()}), None],
        "boolq/",
    ),
    "copa": sample(
        TWO,
        [
            {"premise": "The ferry stopped.", "choice1": "It was full.", "choice2": "The motor broke.", "idx": 1}
            | {"question": question, "label": label}
            for question, label in (("cause", "choice2"), ("effect", "choice1"), ("effect", None))
        ],
        [
            ("The ferry stopped.\twhat was the cause of this?", {"The motor broke.": ()}),
            ("The ferry stopped.\twhat happened as a result?", {"It was full.": ()}),
            None,
        ],
        "copa/",
    ),
    "multirc": sample(TWO, MULTIRC, MULTIRC_EXPECTED, "multirc/"),
    "logiqa.en": Sample(
        dict.fromkeys(("Train.txt", "Eval.txt", "Test.txt"), LOGIQA_EN * 2), dict.fromkeys(ALL, (NOON, NOON))
    ),
    "logiqa.zh": Sample(
        dict.fromkeys(("zh_train.txt", "zh_eval.txt", "zh_test.txt"), LOGIQA_ZH), dict.fromkeys(ALL, (ZH_NOON,))
    ),
    "c3": Sample(
        {f"c3-m-{part}.json": C3 for part in ("train", "dev", "test")}
        | {f"c3-d-{part}.json": "[]" for part in ("train", "dev", "test")},
        dict.fromkeys(ALL, C3_EXPECTED),
    ),
    "chid": Sample(
        dict.fromkeys(("train_few_all.json", "dev_few_all.json", "test_public.json"), CHID),
        dict.fromkeys(ALL, CHID_EXPECTED),
    ),
    "dureader_yesno": Sample(dict.fromkeys(("train.json", "dev.json"), YESNO), dict.fromkeys(TWO, YESNO_EXPECTED)),
}
