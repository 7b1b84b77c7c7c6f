"""CLS: what a text does or is fit for: offence, irony, stance, opinion, its place in a paper or a contract."""

from functools import partial
from operator import itemgetter

from seqgpt_jax.data.raw.sources import PARQUET, HuggingFace, github_commits
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.classification.tweet_eval import TWEET_EVAL
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.drugs import ADE
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, numbered, spelled_out, verbatim
from seqgpt_jax.tasks.readers.record import reader

TRAIN_TEST = {"train": "train", "test": "test"}
TRAIN_ALONE = {"train": "train"}
HATE = {"hate": "hate", "noHate": "no hate", "relation": "hate together with its context"}
_judgement = partial(Task, "CLS", "en", exclusive=True)


def _cold(field: str, name: Naming, task: str) -> Task:
    return Task(
        "CLS", "zh", reader(delimited(",", quoted=True), labelled("TEXT", field, name)), name=task, exclusive=True
    )


TASKS = task_specs(
    TWEET_EVAL.only("CLS"),
    DatasetSpec(
        "hate_speech18",
        HuggingFace("odegiber/hate_speech18", splits=TRAIN_ALONE, revision=PARQUET),
        license="CC BY-SA 3.0",
        citation="de Gibert et al. 2018, ALW2",
        splits=dict.fromkeys(SPLITS, ("train.jsonl",)),
        tasks=(
            # `idk/skip` are sentences that are not English or make no sense.
            _judgement(
                reader(
                    jsonl(),
                    found_labels(
                        "text", lambda row: [named(HATE)(code) for code in [row["label"]] if code != "idk/skip"]
                    ),
                    split_key=itemgetter("text"),
                )
            ),
        ),
    ),
    DatasetSpec(
        "toxic_conversations",
        hub("mteb/toxic_conversations_50k", splits=TRAIN_TEST),
        license="CC BY 4.0",
        citation="Jigsaw 2019, Unintended Bias in Toxicity Classification",
        sizes={"train": 50000, "test": 50000},
        tasks=(_judgement(reader(jsonl(), labelled("text", "label_text", verbatim))),),
    ),
    DatasetSpec(
        "cold",
        # The commit is the one each file was last changed in.
        github_commits(
            "thu-coai/COLDataset",
            {
                "train.csv": "0dfbf0884aaf105cd806ff5fa127087f09b21cb6",
                "dev.csv": "0dfbf0884aaf105cd806ff5fa127087f09b21cb6",
                "test.csv": "13ac460939e7569956a4f95b900f0bc088c6e5b7",
            },
            "COLDataset/{}",
        ),
        license="Apache-2.0",
        citation="Deng et al. 2022, EMNLP",
        held_out=True,
        splits={"train": ("train.csv",), "validation": ("dev.csv",), "test": ("test.csv",)},
        sizes={"train": 25726, "validation": 6431, "test": 5323},
        tasks=(
            _cold("label", numbered("不冒犯", "冒犯"), "offensive"),
            _cold("topic", named({"race": "种族", "gender": "性别", "region": "地域"}), "topic"),
        ),
    ),
    DatasetSpec(
        "sms_spam",
        HuggingFace("ucirvine/sms_spam", "plain_text", TRAIN_ALONE),
        license="CC BY 4.0",
        citation="Almeida et al. 2011, DocEng",
        splits=dict.fromkeys(SPLITS, ("plain_text/train.jsonl",)),
        tasks=(
            _judgement(
                reader(
                    jsonl(),
                    labelled("sms", "label", named({"ham": "legitimate message", "spam": "spam"})),
                    split_key=itemgetter("sms"),
                )
            ),
        ),
    ),
    DatasetSpec(
        "subj",
        hub("SetFit/subj", splits=TRAIN_TEST),
        license="unknown",
        citation="Pang and Lee 2004, ACL",
        sizes={"train": 8000, "test": 2000},
        tasks=(_judgement(reader(jsonl(), labelled("text", "label_text", verbatim))),),
    ),
    DatasetSpec(
        "cola",
        # The labels of the official test part are not published.
        tfds("glue/cola:2.0.0", {"train": "train", "test": "validation"}),
        license="CoLA: fair use, research",
        citation="Warstadt et al. 2019, TACL",
        sizes={"train": 8551, "test": 1043},
        tasks=(_judgement(reader(jsonl(), labelled("sentence", "label", verbatim))),),
    ),
    ADE.only("CLS"),
    DatasetSpec(
        "scicite",
        tfds("scicite:1.0.0"),
        license="Apache-2.0",
        citation="Cohan et al. 2019, NAACL",
        sizes={"train": 8194, "validation": 916, "test": 1859},
        tasks=(_judgement(reader(jsonl(), labelled("string", "label", verbatim))),),
    ),
    DatasetSpec(
        "pubmed_rct",
        hub("armanc/pubmed-rct20k"),
        license="unknown",
        citation="Dernoncourt and Lee 2017, IJCNLP",
        sizes={"train": 176642, "validation": 29672, "test": 29578},
        tasks=(_judgement(reader(jsonl(), labelled("text", "label", spelled_out))),),
    ),
    DatasetSpec(
        "unfair_tos",
        hub("coastalcph/lex_glue", "unfair_tos"),
        license="CC BY 4.0",
        citation="Lippi et al. 2019, Artificial Intelligence and Law; Chalkidis et al. 2022, ACL (LexGLUE)",
        sizes={"train": 5532, "validation": 2275, "test": 1607},
        tasks=(
            Task(
                "CLS",
                "en",
                reader(jsonl(), found_labels("text", lambda row: map(str.lower, row["labels"]), none="no unfair term")),
            ),
        ),
    ),
)
