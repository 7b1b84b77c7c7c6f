"""EE in English where events name tokens and entities: the form of OneIE, and that of WikiEvents."""

from collections.abc import Callable, Iterator

from seqgpt_jax.data.raw.sources import Files, OnRequest, Remote, github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.events.steps import Event, EventText, Find, joint_arguments, triggers, typing
from seqgpt_jax.tasks.readers.documents import parts
from seqgpt_jax.tasks.readers.jsonl import jsonl
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.record import Records, reader

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
    places = {entity["id"]: entity for entity in entities}

    def words(mention: dict) -> str:
        start, end = mention["start"] - first, mention["end"] - first
        if not 0 <= start < end <= len(tokens):
            raise ValueError(f"{mention['text']!r} is at no place of its sentence: tokens {start} to {end}")
        return " ".join(tokens[start:end])

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
    return EventText(" ".join(tokens), events)


def _three(name: str, records: Records, find: Find, common: dict, sentences: dict[str, int]) -> Iterator[TaskSpec]:
    yield TaskSpec(
        name=f"{name}.triggers", atom="ext", read=reader(records, triggers(find, "en")), sizes=sentences, **common
    )
    yield TaskSpec(name=f"{name}.typing", atom="cls", read=reader(records, typing(find, "en")), **common)
    yield TaskSpec(name=f"{name}.arguments", atom="ext", read=reader(records, joint_arguments(find)), **common)


def _common(files: Callable[[str], str], **rest: object) -> dict:
    names = {"train": "train", "validation": "dev", "test": "test"}
    splits = {split: (files(name),) for split, name in names.items()}
    return {"family": "EE", "language": "en", "splits": splits, "verified": "schema", **rest}


_ACE = _common(
    "{}.oneie.json".format,
    licence="LDC user agreement",
    citation="Walker et al. 2006, LDC2006T06; Lin et al. 2020, ACL",
    source=OnRequest(
        "Linguistic Data Consortium, catalog.ldc.upenn.edu/LDC2006T06",
        "process ACE 2005 with OneIE (the split ACE05-E) and put train.oneie.json, dev.oneie.json and "
        "test.oneie.json into this folder",
    ),
)
_GENEVA = _common(
    lambda name: "val.json" if name == "dev" else f"{name}.json",
    licence="CC BY 3.0",
    citation="Parekh et al. 2023, ACL",
    source=github(
        "PlusLabNLP/GENEVA",
        "97c30cf73d92e03aae01fc08086ac45cc1625f6c",
        {name: f"data/{name}" for name in ("train.json", "val.json", "test.json")},
    ),
)
_WIKIEVENTS = _common(
    "{}.jsonl".format,
    licence="MIT",
    citation="Li et al. 2021, NAACL",
    source=Files(
        {
            name: Remote(f"https://gen-arg-data.s3.us-east-2.amazonaws.com/wikievents/data/{name}")
            for name in ("train.jsonl", "dev.jsonl", "test.jsonl")
        }
    ),
)

TASKS = (
    *_three(
        "ace2005_events",
        jsonl(),
        one_ie(named(ACE_TYPES)),
        _ACE,
        {"train": 17172, "validation": 923, "test": 832},
    ),
    *_three("geneva", jsonl(), one_ie(spelled_out), _GENEVA, {}),
    *_three("wikievents", parts(jsonl(), wikievents_sentences), lambda sentence: sentence, _WIKIEVENTS, {}),
)
