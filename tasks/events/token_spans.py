"""EE in English where events name tokens and entities: the form of OneIE, and that of WikiEvents."""

from collections.abc import Iterator, Mapping
from functools import partial

from seqgpt_jax.data.raw.sources import FilePattern, OnRequest, github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.events.steps import (
    Event,
    EventText,
    Find,
    arguments_of_files,
    same,
    step_tasks,
    with_training_files,
)
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.documents import parts
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.record import reader

ACE_TYPES = {
    "Business:Declare-Bankruptcy": "declare bankruptcy",
    "Business:End-Org": "end organization",
    "Business:Merge-Org": "merge organizations",
    "Business:Start-Org": "start organization",
    "Conflict:Attack": "attack",
    "Conflict:Demonstrate": "demonstrate",
    "Contact:Meet": "meet",
    "Contact:Phone-Write": "phone or write",
    "Justice:Acquit": "acquit",
    "Justice:Appeal": "appeal",
    "Justice:Arrest-Jail": "arrest or jail",
    "Justice:Charge-Indict": "charge or indict",
    "Justice:Convict": "convict",
    "Justice:Execute": "execute",
    "Justice:Extradite": "extradite",
    "Justice:Fine": "fine",
    "Justice:Pardon": "pardon",
    "Justice:Release-Parole": "release or parole",
    "Justice:Sentence": "sentence",
    "Justice:Sue": "sue",
    "Justice:Trial-Hearing": "trial or hearing",
    "Life:Be-Born": "be born",
    "Life:Die": "die",
    "Life:Divorce": "divorce",
    "Life:Injure": "injure",
    "Life:Marry": "marry",
    "Movement:Transport": "transport",
    "Personnel:Elect": "elect",
    "Personnel:End-Position": "end position",
    "Personnel:Nominate": "nominate",
    "Personnel:Start-Position": "start position",
    "Transaction:Transfer-Money": "transfer money",
    "Transaction:Transfer-Ownership": "transfer ownership",
}
_ROLE_NAMES = {"Org": "organization"}


def role(code: str) -> str:
    """`Org` -> "organization", `PassengerArtifact` -> "passenger artifact"."""
    return _ROLE_NAMES.get(code) or spelled_out(code)


def wikievents_type(code: str) -> str:
    """WikiEvents, without the first level: `Life.Die.Unspecified` -> "die", `A.Contact.Meet` -> "contact meet"."""
    _, *levels = code.split(".")
    return spelled_out(" ".join(level for level in levels if level != "Unspecified"))


def one_ie(kind: Naming) -> Find:
    """OneIE: a sentence of tokens; triggers and entities name theirs, and arguments name an entity by id."""

    def find(row: dict) -> EventText:
        return _events(row["tokens"], row["entity_mentions"], row["event_mentions"], kind)

    return find


def wikievents_sentences(row: dict) -> Iterator[EventText]:
    """WikiEvents: the sentences of a document; places count its tokens, and events are those of their trigger's."""
    first = 0
    for number, (tokens, _) in enumerate(row["sentences"]):
        events = [event for event in row["event_mentions"] if event["trigger"]["sent_idx"] == number]
        yield _events([token[0] for token in tokens], row["entity_mentions"], events, wikievents_type, first)
        first += len(tokens)


def _events(tokens: list[str], entities: list[dict], mentions: list[dict], kind: Naming, first: int = 0) -> EventText:
    """The events of the tokens that stand from place `first` on."""
    sentence = Words.english(tokens)
    places = {entity["id"]: entity for entity in entities}

    def words(mention: dict) -> str:
        start, end = mention["start"] - first, mention["end"] - first
        if not 0 <= start < end <= len(tokens):
            raise ValueError(f"{mention['text']!r} is at no place of its sentence: tokens {start} to {end}")
        return sentence.span(start, end)

    events = []
    for mention in sorted(mentions, key=lambda mention: mention["trigger"]["start"]):
        here, elsewhere = [], []
        for argument in mention["arguments"]:
            entity = places[argument["entity_id"]]
            if first <= entity["start"] < first + len(tokens):
                here.append((entity["start"], (role(argument["role"]), words(entity))))
            else:
                elsewhere.append((role(argument["role"]), argument["text"]))
        ordered = [pair for _, pair in sorted(here)]
        events.append(Event(kind(mention["event_type"]), words(mention["trigger"]), ordered, elsewhere))
    return EventText(sentence.text, events)


def _one_ie_steps(
    kind: Naming, splits: Mapping[str, tuple[str, ...]], sentences: Mapping[str, int] | None = None
) -> tuple[Task, ...]:
    find = one_ie(kind)
    return step_tasks(
        "en",
        partial(reader, jsonl()),
        find,
        arguments_of_files(jsonl(), find, "en"),
        third_splits=with_training_files(splits),
        sizes=(sentences or {}, {}, {}),
    )


ACE_SPLITS = {"train": ("train.oneie.json",), "validation": ("dev.oneie.json",), "test": ("test.oneie.json",)}
GENEVA_SPLITS = {"train": ("train.json",), "validation": ("val.json",), "test": ("test.json",)}
WIKIEVENTS_SPLITS = {"train": ("train.jsonl",), "validation": ("dev.jsonl",), "test": ("test.jsonl",)}
WIKIEVENTS_SENTENCES = parts(jsonl(), wikievents_sentences)


TASKS = task_specs(
    DatasetSpec(
        "ace2005_events",
        OnRequest(
            "Linguistic Data Consortium, catalog.ldc.upenn.edu/LDC2006T06",
            "process ACE 2005 with OneIE (the split ACE05-E) and put train.oneie.json, dev.oneie.json and "
            "test.oneie.json into this folder",
        ),
        license="LDC user agreement",
        citation="Walker et al. 2006, LDC2006T06; Lin et al. 2020, ACL",
        splits=ACE_SPLITS,
        tasks=_one_ie_steps(named(ACE_TYPES), ACE_SPLITS, {"train": 17172, "validation": 923, "test": 832}),
    ),
    DatasetSpec(
        "geneva",
        github("PlusLabNLP/GENEVA", "97c30cf73d92e03aae01fc08086ac45cc1625f6c", "data/{}"),
        license="CC BY 3.0",
        citation="Parekh et al. 2023, ACL",
        splits=GENEVA_SPLITS,
        tasks=_one_ie_steps(spelled_out, GENEVA_SPLITS),
    ),
    DatasetSpec(
        "wikievents",
        FilePattern("https://gen-arg-data.s3.us-east-2.amazonaws.com/wikievents/data/{}"),
        license="MIT",
        citation="Li et al. 2021, NAACL",
        splits=WIKIEVENTS_SPLITS,
        tasks=step_tasks(
            "en",
            partial(reader, WIKIEVENTS_SENTENCES),
            same,
            arguments_of_files(WIKIEVENTS_SENTENCES, same, "en"),
            third_splits=with_training_files(WIKIEVENTS_SPLITS),
        ),
    ),
)
