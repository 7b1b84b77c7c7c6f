"""ID: what the speaker of an English utterance wants."""

from functools import partial
from operator import itemgetter

from seqgpt_jax.data.raw.sources import HuggingFace, github, github_commits
from seqgpt_jax.data.raw.task_spec import SPLITS, DatasetSpec, Task
from seqgpt_jax.tasks.assistants import ATIS, MASSIVE, MTOP, SNIPS
from seqgpt_jax.tasks.assistants.massive import INTENTS
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import found_labels, labelled, pairs
from seqgpt_jax.tasks.readers.intents import nested_splits
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.lines import lines
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.offsets import spans_at
from seqgpt_jax.tasks.readers.parallel import parallel, split_folders
from seqgpt_jax.tasks.readers.record import reader
from seqgpt_jax.tasks.readers.tagged import line_intents, word_tags
from seqgpt_jax.tasks.repositories import SLU_SPLITS, polyai, slu

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


def slot_places(row: dict) -> list[tuple[str, str]]:
    """NLU++: the values of an utterance; one without any has no field `slots`."""
    slots = row.get("slots", {})
    places = ((spelled_out(code), *value["span"]) for code, value in slots.items())
    return spans_at(row["text"], places)


def _nlupp(domain: str) -> tuple[Task, Task]:
    """One domain of NLU++ by its 20 folds: 18 to train on, one to validate, one to test."""
    folds = tuple(f"{domain}/fold{number}.json" for number in range(20))
    splits = {"train": folds[:18], "validation": folds[18:19], "test": folds[19:]}
    # Utterances without intents have no field `intents`.
    intents = found_labels(
        "text", lambda row: [NLUPP_INTENTS.get(code) or spelled_out(code) for code in row.get("intents", ())]
    )
    return (
        Task("ID", "en", reader(json_list(), intents), name=f"{domain}_intents", splits=splits),
        Task("SF", "en", reader(json_list(), pairs("text", slot_places)), name=f"{domain}_slots", splits=splits),
    )


_intent = partial(Task, "ID", "en", exclusive=True)
ASSISTANT_SLOTS = {
    "alarm__alarm_modifier": "alarm modifier",
    "datetime": "date and time",
    "demonstrative_reference": "demonstrative reference",
    "location": "location",
    "negation": "negation",
    "news__type": "type of news",
    "reminder__noun": "word for the reminder",
    "reminder__recurring_period": "recurring period",
    "reminder__reference": "whose reminder",
    "reminder__reminder_modifier": "reminder modifier",
    "reminder__todo": "thing to do",
    "timer__attributes": "timer attribute",
    "timer__noun": "word for the timer",
    "weather__attribute": "weather attribute",
    "weather__noun": "word for the weather",
    "weather__temperatureUnit": "temperature unit",
}
NLUPP = DatasetSpec(
    "nlupp",
    polyai("nlupp/data"),
    contradictions="a few utterances were annotated twice",
    license="CC BY 4.0",
    citation="Casanueva et al. 2022, NAACL Findings",
    tasks=(*_nlupp("banking"), *_nlupp("hotels")),
)
# The first word of a code is its domain, which the second one says in most of them.
FACEBOOK_INTENTS = {
    "alarm__cancel_alarm": "cancel alarm",
    "alarm__modify_alarm": "modify alarm",
    "alarm__set_alarm": "set alarm",
    "alarm__show_alarms": "show alarms",
    "alarm__snooze_alarm": "snooze alarm",
    "alarm__time_left_on_alarm": "time left on alarm",
    "reminder__cancel_reminder": "cancel reminder",
    "reminder__set_reminder": "set reminder",
    "reminder__show_reminders": "show reminders",
    "weather__checkSunrise": "check sunrise",
    "weather__checkSunset": "check sunset",
    "weather__find": "find weather",
}
FACEBOOK_ASSISTANT = DatasetSpec(
    "facebook_assistant",
    slu("multilingual_task_oriented_data/en"),
    license="CC BY-SA 4.0",
    citation="Schuster et al. 2019, NAACL",
    splits=SLU_SPLITS,
    sizes={"train": 30521, "validation": 4181, "test": 8621},
    tasks=(
        Task("ID", "en", reader(lines(), line_intents(named(FACEBOOK_INTENTS))), name="intent", exclusive=True),
        Task("SF", "en", reader(lines(), word_tags(named(ASSISTANT_SLOTS))), name="slots"),
    ),
)
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
    FACEBOOK_ASSISTANT.only("ID"),
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
    NLUPP.only("ID"),
    MASSIVE.only("ID"),
    DatasetSpec(
        "hwu64",
        github("jianguoz/Few-Shot-Intent-Detection", "e8b107dee13eb81ac1414ce83f0aa0fa87abce99", "Datasets/HWU64/{}"),
        license="CC BY 4.0",
        citation="Liu et al. 2019, IWSDS; Casanueva et al. 2020, NLP4ConvAI",
        # The utterances of MASSIVE are those of SLURP, which was made of this one.
        overlaps=("massive",),
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
