"""CLS: the emotion that a text speaks of."""

from seqgpt_jax.data.raw.sources import Files, OnRequest, Remote, github
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import named, numbered, verbatim
from seqgpt_jax.tasks.readers.record import reader

EMOTIONS = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise"),
    "neutral",
)
WEIBO_EMOTIONS = ("无情绪", "愤怒", "积极", "悲伤", "恐惧", "惊奇")
OCEMOTION_NAMES = {
    "anger": "愤怒",
    "disgust": "厌恶",
    "fear": "恐惧",
    "happiness": "快乐",
    "like": "喜爱",
    "sadness": "悲伤",
    "surprise": "惊讶",
}
# Emotions and sentiment stand in the same files; the commit is the one each file was last changed in.
MELD_SOURCE = Files(
    {
        f"{split}_sent_emo.csv": Remote(
            f"https://raw.githubusercontent.com/declare-lab/MELD/{commit}/data/MELD/{split}_sent_emo.csv"
        )
        for split, commit in (
            ("train", "ca3e1266db4cc4a4e802156e2f721c4cd114a696"),
            ("dev", "ca3e1266db4cc4a4e802156e2f721c4cd114a696"),
            ("test", "a36f4371df1fe05784ce2cb2cc9e9a28d4637943"),
        )
    }
)
MELD = {
    "language": "en",
    "atom": "cls",
    "splits": {
        "train": ("train_sent_emo.csv",),
        "validation": ("dev_sent_emo.csv",),
        "test": ("test_sent_emo.csv",),
    },
    "exclusive": True,
    "source": MELD_SOURCE,
    "licence": "GPL-3.0",
    "citation": "Poria et al. 2019, ACL",
    "verified": "schema",
    "sizes": {"train": 9989, "validation": 1109, "test": 2610},
}


def weibo_emotions(part: str, sizes: dict[str, int]) -> TaskSpec:
    """SMP2020-EWECT: posts of all kinds (`usual`), or on the epidemic (`virus`)."""
    files = {
        split: f"{part}/{name}.tsv" for split, name in (("train", "train"), ("validation", "dev"), ("test", "test"))
    }
    return TaskSpec(
        name=f"smp2020_ewect.{part}",
        family="CLS",
        language="zh",
        atom="cls",
        splits={split: (name,) for split, name in files.items()},
        read=reader(delimited("\t"), labelled("text_a", "label", numbered(*WEIBO_EMOTIONS))),
        exclusive=True,
        source=github(
            "dbiir/UER-py",
            "master",
            {name: f"datasets/smp2020-ewect/{name}" for name in files.values()},
        ),
        licence="SMP2020 EWECT: research",
        citation="SMP 2020 EWECT",
        verified="schema",
        sizes=sizes,
    )


TASKS = (
    TaskSpec(
        name="goemotions",
        family="CLS",
        language="en",
        atom="cls",
        splits={"train": ("train.tsv",), "validation": ("dev.tsv",), "test": ("test.tsv",)},
        read=reader(
            delimited("\t", columns=("text", "emotions", "id")),
            labelled("text", "emotions", numbered(*EMOTIONS), separator=","),
        ),
        source=github(
            "monologg/GoEmotions-pytorch",
            "b75f9d3a8b76bc1060687925b04ca98a1b8ea66b",
            {name: f"data/original/{name}" for name in ("train.tsv", "dev.tsv", "test.tsv")},
            sha256={
                "dev.tsv": "575489c079c9de1097062a01738f998590d6b7ead66dd1c9fd1d2ba01fd8bc62",
                "test.tsv": "0587b2dd8b27b97352adbfc3fb083d46005c8946657fdc2b1ca8b1cc7f1f8be4",
            },
        ),
        licence="Apache-2.0",
        citation="Demszky et al. 2020, ACL",
        verified="files",
        # Train was counted on the file's first quarter; the whole has 43,410.
        sizes={"train": 11118, "validation": 5426, "test": 5427},
    ),
    TaskSpec(
        name="emotion",
        family="CLS",
        language="en",
        atom="cls",
        **hub("dair-ai/emotion", "split"),
        read=reader(jsonl(), labelled("text", "label", verbatim)),
        exclusive=True,
        licence="research and education",
        citation="Saravia et al. 2018, EMNLP (CARER)",
        verified="schema",
        sizes={"train": 16000, "validation": 2000, "test": 2000},
    ),
    TaskSpec(
        name="tweet_eval.emotion",
        family="CLS",
        language="en",
        atom="cls",
        **hub("cardiffnlp/tweet_eval", "emotion"),
        read=reader(jsonl(), labelled("text", "label", verbatim)),
        exclusive=True,
        licence="Twitter developer policy: research",
        citation="Mohammad et al. 2018, SemEval; Barbieri et al. 2020, EMNLP Findings (TweetEval)",
        verified="schema",
        sizes={"train": 3257, "validation": 374, "test": 1421},
    ),
    TaskSpec(
        name="meld.emotion",
        family="CLS",
        read=reader(delimited(",", quoted=True), labelled("Utterance", "Emotion", verbatim)),
        **MELD,
    ),
    weibo_emotions("usual", {"train": 27768, "validation": 2000, "test": 5000}),
    weibo_emotions("virus", {"train": 8606, "validation": 2000, "test": 3000}),
    TaskSpec(
        name="ocemotion",
        family="CLS",
        language="zh",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("OCEMOTION_train1128.csv",)),
        read=reader(
            delimited("\t", columns=("id", "text", "emotion")),
            labelled("text", "emotion", named(OCEMOTION_NAMES)),
            split_key=lambda row: row["text"],
        ),
        exclusive=True,
        source=OnRequest(
            "Tianchi competition 531841, tianchi.aliyun.com",
            "Register for the competition, download OCEMOTION_train1128.csv and put it into the folder.",
        ),
        licence="Tianchi: research, on request",
        citation="Li et al. 2016, COLING (OCEMOTION)",
        verified="schema",
    ),
)
