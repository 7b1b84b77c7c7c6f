"""CLS: what a text does or is fit for: offence, irony, stance, opinion, its place in a paper or a contract."""

from seqgpt_jax.data.raw.sources import PARQUET, Files, HuggingFace, Remote
from seqgpt_jax.data.raw.task_spec import SPLITS, TaskSpec
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, numbered, spelled_out, verbatim
from seqgpt_jax.tasks.readers.record import reader

TRAIN_TEST = {"train": "train", "test": "test"}
TRAIN_ALONE = {"train": "train"}
HATE = {"hate": "hate", "noHate": "no hate", "relation": "hate in its context"}
# Configuration of the hub -> the target in words, instances of train, validation and test.
STANCE_TARGETS = {
    "abortion": ("legal abortion", 587, 66, 280),
    "atheism": ("atheism", 461, 52, 220),
    "climate": ("action on climate change", 355, 40, 169),
    "feminist": ("feminism", 597, 67, 285),
    "hillary": ("Hillary Clinton", 620, 69, 295),
}


def tweets(part: str, name: Naming, paper: str, sizes: tuple[int, int, int]) -> TaskSpec:
    """One of the tasks of TweetEval."""
    return TaskSpec(
        name=f"tweet_eval.{part}",
        family="CLS",
        language="en",
        atom="cls",
        **hub("cardiffnlp/tweet_eval", part),
        read=reader(jsonl(), labelled("text", "label", name)),
        exclusive=True,
        licence="Twitter developer policy: research",
        citation=f"{paper}; Barbieri et al. 2020, EMNLP Findings (TweetEval)",
        verified="schema",
        sizes=dict(zip(SPLITS, sizes, strict=True)),
    )


def stances(target: str) -> Naming:
    """For, against or neither: the text alone does not say which target is asked about, so the labels do."""
    return named({"favor": f"in favor of {target}", "against": f"against {target}", "none": f"neutral on {target}"})


_COLD = {
    "family": "CLS",
    "language": "zh",
    "atom": "cls",
    "splits": {"train": ("train.csv",), "validation": ("dev.csv",), "test": ("test.csv",)},
    "exclusive": True,
    # The commit is the one each file was last changed in.
    "source": Files(
        {
            name: Remote(f"https://raw.githubusercontent.com/thu-coai/COLDataset/{commit}/COLDataset/{name}")
            for name, commit in (
                ("train.csv", "0dfbf0884aaf105cd806ff5fa127087f09b21cb6"),
                ("dev.csv", "0dfbf0884aaf105cd806ff5fa127087f09b21cb6"),
                ("test.csv", "13ac460939e7569956a4f95b900f0bc088c6e5b7"),
            )
        }
    ),
    "licence": "Apache-2.0",
    "citation": "Deng et al. 2022, EMNLP",
    "verified": "schema",
    "sizes": {"train": 25726, "validation": 6431, "test": 5323},
}

TASKS = (
    tweets(
        "irony", named({"irony": "ironic", "non_irony": "not ironic"}), "Van Hee et al. 2018, SemEval", (2862, 955, 784)
    ),
    tweets(
        "hate", named({"hate": "hateful", "non-hate": "not hateful"}), "Basile et al. 2019, SemEval", (9000, 1000, 2970)
    ),
    tweets(
        "offensive",
        named({"offensive": "offensive", "non-offensive": "not offensive"}),
        "Zampieri et al. 2019, SemEval",
        (11916, 1324, 860),
    ),
    *(
        tweets(f"stance_{part}", stances(target), "Mohammad et al. 2016, SemEval", sizes)
        for part, (target, *sizes) in STANCE_TARGETS.items()
    ),
    TaskSpec(
        name="hate_speech18",
        family="CLS",
        language="en",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("train.jsonl",)),
        # `idk/skip` are sentences that are not English or make no sense.
        read=reader(
            jsonl(),
            found_labels("text", lambda row: [named(HATE)(code) for code in [row["label"]] if code != "idk/skip"]),
            split_key=lambda row: row["text"],
        ),
        exclusive=True,
        source=HuggingFace("odegiber/hate_speech18", splits=TRAIN_ALONE, revision=PARQUET),
        licence="CC BY-SA 3.0",
        citation="de Gibert et al. 2018, ALW2",
        verified="schema",
    ),
    TaskSpec(
        name="toxic_conversations",
        family="CLS",
        language="en",
        atom="cls",
        **hub("mteb/toxic_conversations_50k", splits=TRAIN_TEST),
        read=reader(jsonl(), labelled("text", "label_text", verbatim)),
        exclusive=True,
        licence="CC BY 4.0",
        citation="Jigsaw 2019, Unintended Bias in Toxicity Classification",
        verified="schema",
        sizes={"train": 50000, "test": 50000},
    ),
    TaskSpec(
        name="cold.offensive",
        read=reader(delimited(",", quoted=True), labelled("TEXT", "label", numbered("不冒犯", "冒犯"))),
        **_COLD,
    ),
    TaskSpec(
        name="cold.topic",
        read=reader(
            delimited(",", quoted=True),
            labelled("TEXT", "topic", named({"race": "种族", "gender": "性别", "region": "地域"})),
        ),
        **_COLD,
    ),
    TaskSpec(
        name="sms_spam",
        family="CLS",
        language="en",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("plain_text/train.jsonl",)),
        read=reader(
            jsonl(),
            labelled("sms", "label", named({"ham": "legitimate message", "spam": "spam"})),
            split_key=lambda row: row["sms"],
        ),
        exclusive=True,
        source=HuggingFace("ucirvine/sms_spam", "plain_text", TRAIN_ALONE),
        licence="CC BY 4.0",
        citation="Almeida et al. 2011, DocEng",
        verified="schema",
    ),
    TaskSpec(
        name="subj",
        family="CLS",
        language="en",
        atom="cls",
        **hub("SetFit/subj", splits=TRAIN_TEST),
        read=reader(jsonl(), labelled("text", "label_text", verbatim)),
        exclusive=True,
        licence="unknown",
        citation="Pang and Lee 2004, ACL",
        verified="schema",
        sizes={"train": 8000, "test": 2000},
    ),
    TaskSpec(
        name="cola",
        family="CLS",
        language="en",
        atom="cls",
        # The labels of the official test part are not published.
        **tfds("glue/cola:2.0.0", {"train": "train", "test": "validation"}),
        read=reader(jsonl(), labelled("sentence", "label", verbatim)),
        exclusive=True,
        licence="CoLA: fair use, research",
        citation="Warstadt et al. 2019, TACL",
        verified="schema",
        sizes={"train": 8551, "test": 1043},
    ),
    TaskSpec(
        name="ade_corpus_v2.related",
        family="CLS",
        language="en",
        atom="cls",
        splits=dict.fromkeys(SPLITS, ("Ade_corpus_v2_classification/train.jsonl",)),
        read=reader(
            jsonl(),
            labelled(
                "text", "label", named({"Related": "adverse drug effect", "Not-Related": "no adverse drug effect"})
            ),
            split_key=lambda row: row["text"],
        ),
        exclusive=True,
        source=HuggingFace("ade-benchmark-corpus/ade_corpus_v2", "Ade_corpus_v2_classification", TRAIN_ALONE),
        licence="unknown",
        citation="Gurulingappa et al. 2012, Journal of Biomedical Informatics",
        verified="schema",
    ),
    TaskSpec(
        name="scicite",
        family="CLS",
        language="en",
        atom="cls",
        **tfds("scicite:1.0.0"),
        read=reader(jsonl(), labelled("string", "label", verbatim)),
        exclusive=True,
        licence="Apache-2.0",
        citation="Cohan et al. 2019, NAACL",
        verified="schema",
        sizes={"train": 8194, "validation": 916, "test": 1859},
    ),
    TaskSpec(
        name="pubmed_rct",
        family="CLS",
        language="en",
        atom="cls",
        **hub("armanc/pubmed-rct20k"),
        read=reader(jsonl(), labelled("text", "label", spelled_out)),
        exclusive=True,
        licence="unknown",
        citation="Dernoncourt and Lee 2017, IJCNLP",
        verified="schema",
        sizes={"train": 176642, "validation": 29672, "test": 29578},
    ),
    TaskSpec(
        name="unfair_tos",
        family="CLS",
        language="en",
        atom="cls",
        **hub("coastalcph/lex_glue", "unfair_tos"),
        read=reader(jsonl(), found_labels("text", lambda row: map(str.lower, row["labels"]), none="no unfair term")),
        licence="CC BY 4.0",
        citation="Lippi et al. 2019, Artificial Intelligence and Law; Chalkidis et al. 2022, ACL (LexGLUE)",
        verified="schema",
        sizes={"train": 5532, "validation": 2275, "test": 1607},
    ),
)
