"""Samples: emotions, and what a text does or is fit for."""

from tests.tasks.schema.classified import answer, each_split
from tests.tasks.schema.sample import Sample, split_by_hash

TRAIN_TEST = ("train", "test")
MELD_FILES = {"train": "train_sent_emo.csv", "validation": "dev_sent_emo.csv", "test": "test_sent_emo.csv"}
MELD_ROWS = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
    '1,"Oh no, the cake!",Anna,surprise,negative,0,0,1,1,"00:01:02,100","00:01:04,000"\n'
    "2,It is Tuesday.,Ben,neutral,neutral,0,1,1,1,"
    '"00:01:05,000","00:01:06,000"\n'
)
WEIBO = "label\ttext_a\n0\t本镇有三座桥。\n1\t气死我了，又堵车\n5\t天哪，居然下雪了\n"
WEIBO_EXPECTED = (
    answer("本镇有三座桥。", "无情绪"),
    answer("气死我了，又堵车", "愤怒"),
    answer("天哪，居然下雪了", "惊奇"),
)
COLD_ROWS = ',split,topic,label,TEXT\n0,train,region,0,我们镇上的人很友好\n1,train,gender,1,"你们这些人，真没用"\n'
COLD_TEST = (
    ",split,topic,label,fine-grained-label,TEXT\n0,test,race,1,2,这些人都该滚出去\n1,test,region,0,3,不要歧视外地人\n"
)
COLD_FILES = {"train.csv": COLD_ROWS, "dev.csv": COLD_ROWS, "test.csv": COLD_TEST}
STANCES = {
    "abortion": "legal abortion",
    "atheism": "atheism",
    "climate": "climate change being a real concern",
    "feminist": "feminism",
    "hillary": "Hillary Clinton",
}


def cold(train: tuple, test: tuple) -> Sample:
    """Train, validation and test; the test file has one column more."""
    return Sample(COLD_FILES, {"train": train, "validation": train, "test": test})


SAMPLES = {
    "emotion": each_split(
        [{"text": "i feel at ease by the sea", "label": "joy"}, {"text": "i feel alone", "label": "sadness"}],
        answer("i feel at ease by the sea", "joy"),
        answer("i feel alone", "sadness"),
        folder="split",
    ),
    "tweet_eval.emotion": each_split(
        [{"text": "@user the bus left without me!", "label": "anger"}],
        answer("@user the bus left without me!", "anger"),
        folder="emotion",
    ),
    "meld.emotion": each_split(
        MELD_ROWS, answer("Oh no, the cake!", "surprise"), answer("It is Tuesday.", "neutral"), names=MELD_FILES
    ),
    **{
        f"smp2020_ewect.{part}": each_split(
            WEIBO,
            *WEIBO_EXPECTED,
            names={"train": f"{part}/train.tsv", "validation": f"{part}/dev.tsv", "test": f"{part}/test.tsv"},
        )
        for part in ("usual", "virus")
    },
    "ocemotion": split_by_hash(
        "OCEMOTION_train1128.csv",
        "0\t今天真开心\thappiness\n1\t这味道让人恶心\tdisgust\n2\t我喜欢这条小路\tlike\n",
        answer("今天真开心", "快乐"),
        answer("这味道让人恶心", "厌恶"),
        answer("我喜欢这条小路", "喜爱"),
    ),
    "tweet_eval.irony": each_split(
        [
            {"text": "great, rain again", "label": "irony"},
            {"text": "it rains again", "label": "non_irony"},
        ],
        answer("great, rain again", "ironic"),
        answer("it rains again", "not ironic"),
        folder="irony",
    ),
    "tweet_eval.hate": each_split(
        [{"text": "they should all leave", "label": "hate"}, {"text": "we all leave at five", "label": "non-hate"}],
        answer("they should all leave", "hateful"),
        answer("we all leave at five", "not hateful"),
        folder="hate",
    ),
    "tweet_eval.offensive": each_split(
        [{"text": "@user you fool", "label": "offensive"}, {"text": "@user hello", "label": "non-offensive"}],
        answer("@user you fool", "offensive"),
        answer("@user hello", "not offensive"),
        folder="offensive",
    ),
    **{
        f"tweet_eval.stance_{part}": each_split(
            [
                {"text": "count me in #SemST", "label": "favor"},
                {"text": "count me out #SemST", "label": "against"},
                {"text": "lunch #SemST", "label": "none"},
            ],
            answer("count me in #SemST", f"in favor of {target}"),
            answer("count me out #SemST", f"against {target}"),
            answer("lunch #SemST", f"neutral on {target}"),
            folder=f"stance_{part}",
        )
        for part, target in STANCES.items()
    },
    "hate_speech18": split_by_hash(
        "train.jsonl",
        [
            {"text": "The meeting is at noon .", "user_id": 1, "subforum_id": 2, "num_contexts": 0, "label": "noHate"},
            {"text": "They are all vermin .", "user_id": 1, "subforum_id": 2, "num_contexts": 0, "label": "hate"},
            {"text": "Send them away too .", "user_id": 3, "subforum_id": 2, "num_contexts": 1, "label": "relation"},
            {"text": "qwe rty", "user_id": 3, "subforum_id": 2, "num_contexts": 0, "label": "idk/skip"},
        ],
        answer("The meeting is at noon .", "no hate"),
        answer("They are all vermin .", "hate"),
        answer("Send them away too .", "hate together with its context"),
        None,
    ),
    "toxic_conversations": each_split(
        [
            {"text": "What a thoughtful reply.", "label": 0, "label_text": "not toxic"},
            {"text": "Nobody likes you, idiot.", "label": 1, "label_text": "toxic"},
        ],
        answer("What a thoughtful reply.", "not toxic"),
        answer("Nobody likes you, idiot.", "toxic"),
        splits=TRAIN_TEST,
    ),
    "cold.offensive": cold(
        (answer("我们镇上的人很友好", "不冒犯"), answer("你们这些人，真没用", "冒犯")),
        (answer("这些人都该滚出去", "冒犯"), answer("不要歧视外地人", "不冒犯")),
    ),
    "cold.topic": cold(
        (answer("我们镇上的人很友好", "地域"), answer("你们这些人，真没用", "性别")),
        (answer("这些人都该滚出去", "种族"), answer("不要歧视外地人", "地域")),
    ),
    "sms_spam": split_by_hash(
        "plain_text/train.jsonl",
        [{"sms": "See you at the pier\n", "label": "ham"}, {"sms": "WIN a boat! Text BOAT\n", "label": "spam"}],
        answer("See you at the pier\n", "legitimate message"),
        answer("WIN a boat! Text BOAT\n", "spam"),
    ),
    "subj": each_split(
        [
            {"text": "two brothers run a lighthouse .", "label": 0, "label_text": "objective"},
            {"text": "a film as dull as fog .", "label": 1, "label_text": "subjective"},
        ],
        answer("two brothers run a lighthouse .", "objective"),
        answer("a film as dull as fog .", "subjective"),
        splits=TRAIN_TEST,
    ),
    "cola": each_split(
        [
            {"idx": 0, "label": "acceptable", "sentence": "The boat left early."},
            {"idx": 1, "label": "unacceptable", "sentence": "The boat early left the."},
        ],
        answer("The boat left early.", "acceptable"),
        answer("The boat early left the.", "unacceptable"),
        folder="cola",
        splits=TRAIN_TEST,
    ),
    "ade_corpus_v2.related": split_by_hash(
        "Ade_corpus_v2_classification/train.jsonl",
        [
            {"text": "A rash followed the first dose.", "label": "Related"},
            {"text": "The ward has twenty beds.", "label": "Not-Related"},
        ],
        answer("A rash followed the first dose.", "adverse drug effect"),
        answer("The ward has twenty beds.", "no adverse drug effect"),
    ),
    "ade_corpus_v2.effects": split_by_hash(
        "Ade_corpus_v2_drug_ade_relation/train.jsonl",
        [
            {"text": "Fever and rash after xylol.", "drug": "xylol", "effect": effect, "indexes": {}}
            for effect in ("Fever", "rash")
        ],
        ("Fever and rash after xylol.", {"drug": ("xylol",), "adverse effect": ("Fever", "rash")}),
    ),
    "ade_corpus_v2.dosages": split_by_hash(
        "Ade_corpus_v2_drug_dosage_relation/train.jsonl",
        [{"text": "xylol, 5 mg daily", "drug": "xylol", "dosage": "5 mg daily", "indexes": {}}],
        ("xylol, 5 mg daily", {"drug": ("xylol",), "dosage": ("5 mg daily",)}),
    ),
    "scicite": each_split(
        [
            {
                "string": "We count geese as Miller did (2009).",
                "sectionName": "Methods",
                "label": "method",
                "citingPaperId": "a1",
                "citedPaperId": "b2",
                "excerpt_index": 0,
                "isKeyCitation": False,
                "label2": "none",
                "citeEnd": 35,
                "citeStart": 16,
                "source": "explicit",
                "label_confidence": 1.0,
                "label2_confidence": 0.0,
                "id": "a1>b2",
            }
        ],
        answer("We count geese as Miller did (2009).", "method"),
    ),
    "pubmed_rct": each_split(
        [
            {"abstract_id": "24", "label": "objective", "text": "To test a new splint .", "sentence_id": 0},
            {"abstract_id": "24", "label": "conclusions", "text": "The splint helped .", "sentence_id": 1},
        ],
        answer("To test a new splint .", "objective"),
        answer("The splint helped .", "conclusions"),
    ),
    "unfair_tos": each_split(
        [
            {
                "text": "we may close your account and change these terms at any time .",
                "labels": ["Unilateral termination", "Unilateral change"],
            },
            {"text": "thank you for reading .", "labels": []},
        ],
        answer(
            "we may close your account and change these terms at any time .",
            "unilateral termination",
            "unilateral change",
        ),
        answer("thank you for reading .", "no unfair term"),
        folder="unfair_tos",
    ),
}
