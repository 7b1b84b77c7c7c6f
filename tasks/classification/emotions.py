"""CLS: the emotion that a text speaks of."""

from operator import itemgetter

from seqgpt_jax.data.raw.sources import OnRequest, github, github_commits
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
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
MELD = DatasetSpec(
    "meld",
    # The commit is the one each file was last changed in.
    github_commits(
        "declare-lab/MELD",
        {
            "train_sent_emo.csv": "ca3e1266db4cc4a4e802156e2f721c4cd114a696",
            "dev_sent_emo.csv": "ca3e1266db4cc4a4e802156e2f721c4cd114a696",
            "test_sent_emo.csv": "a36f4371df1fe05784ce2cb2cc9e9a28d4637943",
        },
        "data/MELD/{}",
    ),
    license="GPL-3.0",
    citation="Poria et al. 2019, ACL",
    contradictions="utterances of a word or two, out of their dialogue",
    splits={"train": ("train_sent_emo.csv",), "validation": ("dev_sent_emo.csv",), "test": ("test_sent_emo.csv",)},
    sizes={"train": 9989, "validation": 1109, "test": 2610},
    tasks=tuple(
        Task(
            family,
            "en",
            reader(delimited(",", quoted=True), labelled("Utterance", field, verbatim)),
            name=field.lower(),
            exclusive=True,
        )
        for family, field in (("CLS", "Emotion"), ("SA", "Sentiment"))
    ),
)


def _posts(kind: str, sizes: dict[str, int]) -> Task:
    """SMP2020-EWECT: posts on any subject (`usual`), or on the epidemic (`virus`)."""
    return Task(
        "CLS",
        "zh",
        reader(delimited("\t"), labelled("text_a", "label", numbered(*WEIBO_EMOTIONS))),
        name=kind,
        exclusive=True,
        splits={
            "train": (f"{kind}/train.tsv",),
            "validation": (f"{kind}/dev.tsv",),
            "test": (f"{kind}/test.tsv",),
        },
        sizes=sizes,
    )


TASKS = task_specs(
    DatasetSpec(
        "goemotions",
        github("monologg/GoEmotions-pytorch", "b75f9d3a8b76bc1060687925b04ca98a1b8ea66b", "data/original/{}"),
        license="Apache-2.0",
        citation="Demszky et al. 2020, ACL",
        verified="files",
        splits={"train": ("train.tsv",), "validation": ("dev.tsv",), "test": ("test.tsv",)},
        # Train was counted on the file's first quarter; the whole has 43,410.
        sizes={"train": 11118, "validation": 5426, "test": 5427},
        tasks=(
            Task(
                "CLS",
                "en",
                reader(
                    delimited("\t", columns=("text", "emotions", "id")),
                    labelled("text", "emotions", numbered(*EMOTIONS), separator=","),
                ),
            ),
        ),
    ),
    DatasetSpec(
        "emotion",
        hub("dair-ai/emotion", "split"),
        license="research and education",
        citation="Saravia et al. 2018, EMNLP (CARER)",
        sizes={"train": 16000, "validation": 2000, "test": 2000},
        tasks=(Task("CLS", "en", reader(jsonl(), labelled("text", "label", verbatim)), exclusive=True),),
    ),
    MELD.only("CLS"),
    DatasetSpec(
        "smp2020_ewect",
        github("dbiir/UER-py", "5743050cc41f0f21986c9f938db5ac1726052629", "datasets/smp2020-ewect/{}"),
        license="SMP2020 EWECT: research",
        citation="SMP 2020 EWECT",
        contradictions="short posts that many users write mean one thing here and another there",
        tasks=(
            _posts("usual", {"train": 27766, "validation": 2000, "test": 5000}),
            _posts("virus", {"train": 8606, "validation": 2000, "test": 3000}),
        ),
    ),
    DatasetSpec(
        "ocemotion",
        OnRequest(
            "Tianchi competition 531841, tianchi.aliyun.com",
            "Register for the competition, download OCEMOTION_train1128.csv and put it into the folder.",
        ),
        license="Tianchi: research, on request",
        citation="Li et al. 2016, COLING (OCEMOTION)",
        splits=dict.fromkeys(SPLITS, ("OCEMOTION_train1128.csv",)),
        tasks=(
            Task(
                "CLS",
                "zh",
                reader(
                    delimited("\t", columns=("id", "text", "emotion")),
                    labelled("text", "emotion", named(OCEMOTION_NAMES)),
                    split_key=itemgetter("text"),
                ),
                exclusive=True,
            ),
        ),
    ),
)
