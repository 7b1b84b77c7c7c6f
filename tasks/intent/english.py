"""ID: what the speaker of an English utterance wants."""

from functools import partial
from operator import itemgetter

from seqgpt_jax.data.raw.sources import HuggingFace, github, github_commits
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.assistants import ATIS, MASSIVE, MTOP, SNIPS
from seqgpt_jax.tasks.assistants.massive import INTENTS
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import found_labels, labelled
from seqgpt_jax.tasks.readers.intents import nested_splits
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.parallel import parallel, split_folders
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.repositories import polyai

# NLU++ writes several words, and two spelling errors, into one code; the other codes are words.
NLUPP_INTENTS = {
    "accesibility": "accessibility",
    "cancel_close_leave_freeze": "cancel or close",
    "dont_know": "don't know",
    "end_call": "end call",
    "fees_interests": "fees or interests",
    "less_lower_before": "less or lower or before",
    "lost_stolen": "lost or stolen",
    "make_open_apply_setup_get_activate": "make or open or activate",
    "more_higher_after": "more or higher or after",
    "room_ammenities": "room amenities",
    "transfer_payment_deposit": "transfer or payment or deposit",
    "wrong_notworking_notshowing": "wrong or not working",
}

# Most of its intents are those of MASSIVE.
HWU64_INTENTS = {code: english for code, (english, _) in INTENTS.items()} | {
    "general_affirm": "affirm",
    "general_commandstop": "stop",
    "general_confirm": "ask for confirmation",
    "general_dontcare": "don't care",
    "general_explain": "ask for explanation",
    "general_negate": "negate",
    "general_praise": "praise",
    "general_repeat": "ask to repeat",
}
CLINC150 = github("clinc/oos-eval", "828f8093932c8fe6ca7936c3d2e52903b1c523de", "data/{}")
HINT3_COMMIT = "9d6b72d8cfd2665c495dc2c300c307f2a69e2f3e"


def _hint3(bot: str, test_commit: str) -> Task:
    """One of the bots of HINT3; only the test file has utterances that none of its intents fits."""
    train, test = f"train/{bot}_train.csv", f"test/{bot}_test.csv"
    return Task(
        "ID",
        "en",
        reader(
            delimited(",", quoted=True),
            labelled(
                "sentence", "label", lambda code: "out of scope" if code == "NO_NODES_DETECTED" else spelled_out(code)
            ),
        ),
        name=bot,
        exclusive=True,
        splits={"train": (train,), "test": (test,)},
        source=github_commits("hellohaptik/HINT3", {train: HINT3_COMMIT, test: test_commit}, "dataset/v2/{}"),
    )


def _nlupp(domain: str) -> Task:
    """One domain of NLU++ by its 20 folds: 18 to train on, one to validate, one to test."""
    folds = tuple(f"{domain}/fold{number}.json" for number in range(20))
    return Task(
        "ID",
        "en",
        # Utterances without intents have no field `intents`.
        reader(
            json_list(),
            found_labels(
                "text", lambda row: [NLUPP_INTENTS.get(code) or spelled_out(code) for code in row.get("intents", ())]
            ),
        ),
        name=f"{domain}_intents",
        splits={"train": folds[:18], "validation": folds[18:19], "test": folds[19:]},
    )


_intent = partial(Task, "ID", "en", exclusive=True)
CLINC150_TASKS = (
    _intent(
        nested_splits(
            {"train": ("train", "oos_train"), "validation": ("val", "oos_val"), "test": ("test", "oos_test")},
            lambda code: "out of scope" if code == "oos" else spelled_out(code),
        )
    ),
)

TASKS = task_specs(
    DatasetSpec(
        "banking77",
        polyai("banking_data"),
        license="CC BY 4.0",
        citation="Casanueva et al. 2020, NLP4ConvAI",
        verified="files",
        splits={"train": ("train.csv",), "test": ("test.csv",)},
        sizes={"train": 10003, "test": 3080},
        tasks=(_intent(reader(delimited(",", quoted=True), labelled("text", "category", spelled_out)), held_out=True),),
    ),
    DatasetSpec(
        "clinc150",
        CLINC150,
        license="CC BY 3.0",
        citation="Larson et al. 2019, EMNLP",
        verified="files",
        splits=dict.fromkeys(SPLITS, ("data_full.json",)),
        sizes={"train": 15100, "validation": 3100, "test": 5500},
        tasks=CLINC150_TASKS,
    ),
    ATIS.only("ID"),
    SNIPS.only("ID"),
    MTOP.only("ID"),
    DatasetSpec(
        "hint3",
        license="ODbL-1.0",
        citation="Arora et al. 2020, Insights workshop",
        held_out=True,
        tasks=(
            _hint3("curekart", HINT3_COMMIT),
            # Its test file was corrected later.
            _hint3("powerplay11", "de3f131341f6ec1e2e5b15887da21c4e9ee4478f"),
        ),
    ),
    DatasetSpec(
        "nlupp",
        polyai("nlupp/data"),
        license="CC BY 4.0",
        citation="Casanueva et al. 2022, NAACL Findings",
        tasks=(_nlupp("banking"), _nlupp("hotels")),
    ),
    MASSIVE.only("ID"),
    DatasetSpec(
        "hwu64",
        github("jianguoz/Few-Shot-Intent-Detection", "e8b107dee13eb81ac1414ce83f0aa0fa87abce99", "Datasets/HWU64/{}"),
        license="CC BY 4.0",
        citation="Liu et al. 2019, IWSDS; Casanueva et al. 2020, NLP4ConvAI",
        splits=split_folders("seq.in", "label"),
        sizes={"train": 8954, "validation": 1076, "test": 1076},
        tasks=(_intent(reader(parallel("text", "label"), labelled("text", "label", named(HWU64_INTENTS)))),),
    ),
    DatasetSpec(
        "bitext_support",
        HuggingFace("bitext/Bitext-customer-support-llm-chatbot-training-dataset", splits={"train": "train"}),
        license="CDLA-Sharing-1.0",
        citation="Bitext 2023, huggingface.co",
        splits=dict.fromkeys(SPLITS, ("train.jsonl",)),
        tasks=(
            _intent(
                reader(jsonl(), labelled("instruction", "intent", spelled_out), split_key=itemgetter("instruction"))
            ),
        ),
    ),
)
