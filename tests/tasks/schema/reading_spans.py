"""Samples of reading with spans: answered, unanswerable, and answered with what the passage does not hold."""

import json
from collections.abc import Sequence
from typing import Any

from tests.tasks.schema.sample import Sample

PASSAGE = "The ferry to Mull left Oban at noon with Ida and Tom on board."
CHINESE = "渡轮中午从奥本开往马尔岛，艾达和汤姆都在船上。"
TWO = ("train", "validation")


def row(id: str, question: str, *answers: str, context: str = PASSAGE, **others: Any) -> dict:
    starts = [context.find(answer) for answer in answers]
    return {
        "id": id,
        "title": "Ferries",
        "context": context,
        "question": question,
        "answers": {"text": list(answers), "answer_start": starts},
        **others,
    }


def same(rows: Sequence[dict], expected: Sequence, splits: Sequence[str] = TWO, folder: str = "") -> Sample:
    return Sample({f"{folder}{split}.jsonl": rows for split in splits}, dict.fromkeys(splits, expected))


WHEN = row("q1", "When did the ferry leave?", "noon", "at noon", "noon")
FROM = row("q2", "From where did it leave?", "Oban")
PRICE = row("q3", "What did the journey cost?")
YES = row("q4", "Did it leave?", "yes")
WHEN_GOLD = (PASSAGE, {"When did the ferry leave?": ("noon",)})
FROM_GOLD = (PASSAGE, {"From where did it leave?": ("Oban",)})
PRICE_GOLD = (PASSAGE, {"What did the journey cost?": ()})
SHIP = {"split": "train", "model_in_the_loop": "BERT"}
SUBJQA_COLUMNS = {
    "domain": "books",
    "nn_mod": "good",
    "nn_asp": "plot",
    "query_mod": "great",
    "query_asp": "story",
    "q_reviews_id": "r1",
    "question_subj_level": 1,
    "ques_subj_score": 0.5,
    "is_ques_subjective": True,
    "review_id": "r2",
}
SUBJQA = tuple(
    item
    | SUBJQA_COLUMNS
    | {
        "answers": item["answers"]
        | {
            name: [value] * len(item["answers"]["text"])
            for name, value in (("answer_subj_level", 1), ("ans_subj_score", 0.5), ("is_ans_subjective", False))
        }
    }
    for item in (WHEN, PRICE)
)
ROPES = (
    {
        "id": "1",
        "background": "Salt water freezes later than fresh water.",
        "situation": "The harbour is salt, the lake is fresh.",
        "question": "Which freezes first, the lake or the harbour?",
        "answers": {"text": ["lake"]},
    },
    {
        "id": "2",
        "background": "Salt water freezes later than fresh water.",
        "situation": "The harbour is salt, the lake is fresh.",
        "question": "Does the harbour freeze earlier or later?",
        "answers": {"text": ["sooner"]},
    },
)
ROPES_TEXT = f"{ROPES[0]['background']} {ROPES[0]['situation']}"
WHO = "Who was on board?"
TYDI = (
    WHEN | {"id": "english-1-0"},
    row("finnish-1-0", "Milloin lautta lähti?", "noon"),
)


def mrqa(dataset: str) -> str:
    """The header, then a passage a line; in MRQA the tokens carry their offsets."""
    lines = [
        {"header": {"dataset": dataset, "split": "train"}},
        {
            "id": "",
            "context": PASSAGE,
            "qas": [
                {
                    "qid": "a",
                    "question": "when did the ferry leave",
                    "question_tokens": [["when", 0]],
                    # The spelling of the answer list, not of the passage.
                    "detected_answers": [{"text": "Noon", "char_spans": [[31, 34]], "token_spans": [[7, 7]]}],
                    "answers": ["Noon", "midday"],
                },
                {
                    "qid": "b",
                    "question": "how far is it",
                    "question_tokens": [["how", 0]],
                    "detected_answers": [],
                    "answers": ["ten miles"],
                },
            ],
            "context_tokens": [["The", 0], ["ferry", 4]],
        },
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


MRQA_EXPECTED = [(PASSAGE, {"when did the ferry leave": ("noon",)}), None]


def of_mrqa(dataset: str, *splits: str) -> Sample:
    return Sample({f"{split}.jsonl": mrqa(dataset) for split in splits}, dict.fromkeys(splits, MRQA_EXPECTED))


def squad(*questions: tuple[str, Sequence[str]], context: str = CHINESE, **of_question: Any) -> str:
    qas = [
        {
            "question": question,
            "id": f"P{number}",
            "answers": [{"text": text, "answer_start": context.find(text) if text else -1} for text in answers],
            **of_question,
        }
        for number, (question, answers) in enumerate(questions)
    ]
    document = {
        "version": "1",
        "data": [{"id": "1", "title": "渡轮", "paragraphs": [{"context": context, "qas": qas}]}],
    }
    return json.dumps(document, ensure_ascii=False)


ZH_WHERE, ZH_PRICE, ZH_YES = ("渡轮从哪里出发？", ("奥本",)), ("票价是多少？", ()), ("渡轮开了吗？", ("YES",))
ZH_WHERE_GOLD = (CHINESE, {"渡轮从哪里出发？": ("奥本",)})
ZH_PRICE_GOLD = (CHINESE, {"票价是多少？": ()})
CJRC = json.loads(
    squad(ZH_WHERE, ("票价是多少？", ("", "", "")), ("渡轮开了吗？", ("YES",) * 3), is_impossible="false")
)
CJRC["data"][0] |= {"caseid": "1", "domain": "civil"}
CJRC["data"][0]["paragraphs"][0]["casename"] = "纠纷"
CJRC["data"][0]["paragraphs"][0]["qas"][1]["is_impossible"] = "true"
CJRC_TEXT = json.dumps(CJRC, ensure_ascii=False)
CJRC_EXPECTED = [ZH_WHERE_GOLD, ZH_PRICE_GOLD, None]
CHECKLIST = json.loads(squad(ZH_WHERE, ("票价是多少？", ("",)), is_impossible=False, type="in-domain"))
CHECKLIST["data"][0]["paragraphs"][0] |= {"title": "渡轮"}
CHECKLIST["data"][0]["paragraphs"][0]["qas"][1]["is_impossible"] = True
CHECKLIST_TEXT = json.dumps(CHECKLIST, ensure_ascii=False)
TRANSLATED = squad(ZH_WHERE, ZH_PRICE, ZH_YES, is_impossible=False)

SAMPLES = {
    "squad": same((WHEN, FROM), [WHEN_GOLD, FROM_GOLD]),
    "squad_v2": same((WHEN, PRICE), [WHEN_GOLD, PRICE_GOLD]),
    "adversarial_qa": same(
        (WHEN | {"metadata": SHIP}, YES | {"metadata": SHIP}), [WHEN_GOLD, None], folder="adversarialQA/"
    ),
    "quoref": same(
        (row("q1", WHO, "Ida", "Tom", url="https://example.org"), WHEN | {"question": " ", "url": ""}),
        [(PASSAGE, {WHO: ("Ida", "Tom")}), None],
    ),
    "ropes": same(ROPES, [(ROPES_TEXT, {ROPES[0]["question"]: ("lake",)}), None]),
    "tydiqa": same(TYDI, [WHEN_GOLD, None], folder="goldp/"),
    "mlqa.en": same((WHEN, FROM), [WHEN_GOLD, FROM_GOLD], ("validation", "test"), "en/"),
    "mlqa.zh": same(
        (row("q1", "渡轮从哪里出发？", "奥本", context=CHINESE),), [ZH_WHERE_GOLD], ("validation", "test"), "zh/"
    ),
    **{
        f"subjqa.{domain}": same(SUBJQA, [WHEN_GOLD, PRICE_GOLD], (*TWO, "test"), f"{domain}/")
        for domain in ("books", "electronics", "grocery", "movies", "restaurants", "tripadvisor")
    },
    "newsqa": of_mrqa("NewsQA", *TWO),
    "triviaqa": of_mrqa("TriviaQA", *TWO),
    "searchqa": of_mrqa("SearchQA", *TWO),
    "hotpotqa": of_mrqa("HotpotQA", *TWO),
    "natural_questions": of_mrqa("NaturalQuestionsShort", *TWO),
    "duorc": of_mrqa("DuoRC.ParaphraseRC", "test"),
    "textbookqa": of_mrqa("TextbookQA", "test"),
    "zero_shot_re": of_mrqa("RelationExtraction", "test"),
    "drcd": Sample(
        {file: squad(ZH_WHERE) for file in ("DRCD_training.json", "DRCD_dev.json", "DRCD_test.json")},
        dict.fromkeys((*TWO, "test"), (ZH_WHERE_GOLD,)),
    ),
    "dureader_robust": Sample(
        {file: squad(ZH_WHERE, ZH_YES) for file in ("train.json", "dev.json")},
        dict.fromkeys(TWO, (ZH_WHERE_GOLD, None)),
    ),
    "dureader_checklist": Sample(
        dict.fromkeys(("train.json", "dev.json"), CHECKLIST_TEXT), dict.fromkeys(TWO, (ZH_WHERE_GOLD, ZH_PRICE_GOLD))
    ),
    "cail2019_cjrc": Sample(
        dict.fromkeys(("big_train_data.json", "dev_ground_truth.json", "test_ground_truth.json"), CJRC_TEXT),
        dict.fromkeys(("train", "validation", "test"), CJRC_EXPECTED),
    ),
    "chinese_squad": Sample(
        dict.fromkeys(("train-zen-v1.0.json", "dev-zen-v1.0.json"), TRANSLATED),
        dict.fromkeys(TWO, (ZH_WHERE_GOLD, ZH_PRICE_GOLD, None)),
    ),
}
