"""RE in English sentences of news, encyclopedias and abstracts."""

from collections.abc import Callable, Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import github
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.readers.conll import conll
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.lines import blocks
from seqgpt_jax.tasks.readers.multihead import entity_rows, relation_rows
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.record import Build, Record, reader
from seqgpt_jax.tasks.readers.tagged import marked_relations
from seqgpt_jax.tasks.relations.pairs import Found, pair_typing, words

CONLL04_TYPES = {"Loc": "location", "Org": "organization", "Other": "other entity", "Peop": "person"}
CONLL04_RELATIONS = {
    "Kill": "kill",
    "Live_In": "live in",
    "Located_In": "located in",
    "OrgBased_In": "organization based in",
    "Work_For": "work for",
}
# The pair is always asked as (e1, e2), so the other direction of a relation has a name of its own.
SEMEVAL_RELATIONS = {
    "Cause-Effect": "cause-effect",
    "Component-Whole": "component-whole",
    "Content-Container": "content-container",
    "Entity-Destination": "entity-destination",
    "Entity-Origin": "entity-origin",
    "Instrument-Agency": "instrument-agency",
    "Member-Collection": "member-collection",
    "Message-Topic": "message-topic",
    "Product-Producer": "product-producer",
}
# Properties of Wikidata: those of FewRel's validation part.
FEWREL_RELATIONS = {
    "P25": "mother",
    "P26": "spouse",
    "P40": "child",
    "P59": "constellation",
    "P155": "follows",
    "P177": "crosses",
    "P206": "located in or next to body of water",
    "P361": "part of",
    "P364": "original language of film or TV show",
    "P410": "military rank",
    "P412": "voice type",
    "P413": "position played on team",
    "P463": "member of",
    "P641": "sport",
    "P921": "main subject",
    "P2094": "competition class",
}


def directed(code: str) -> str:
    """SemEval-2010: `Cause-Effect(e1,e2)` -> "cause-effect", `Cause-Effect(e2,e1)` -> "effect-cause".

    Raises:
      ValueError: no such relation.
    """
    if code == "Other":
        return "other"
    relation, _, direction = code.partition("(")
    words = named(SEMEVAL_RELATIONS)(relation)
    if direction == "e1,e2)":
        return words
    if direction == "e2,e1)":
        return "-".join(reversed(words.split("-")))
    raise ValueError(f"relation {code!r} has no direction (e1,e2) or (e2,e1)")


def predicate(code: str) -> str:
    """WebNLG: `birthPlace` -> "birth place", `elevationAboveTheSeaLevel_(in_metres)` -> "… in metres"."""
    return spelled_out(code.replace("(", "").replace(")", ""))


def webnlg_triples(row: dict) -> Found:
    """WebNLG: tokens and triples whose details name them by place: [head from, to, _, predicate, tail from, to, _].

    Raises:
      ValueError: the tokens there are not those of the triple.
    """
    tokens = row["tokens"]
    triples = []
    for (head, code, tail), place in zip(row["spo_list"], row["spo_details"], strict=True):
        if (head, tail) != (words(tokens, *place[:2]), words(tokens, *place[4:6])):
            raise ValueError(f"the details of {head!r}, {code}, {tail!r} name other tokens")
        triples.append((head, predicate(code), tail))
    return " ".join(tokens), triples


def webnlg_entities(record: Record) -> Iterator[Instance]:
    """WebNLG, first step: the data set has no types, so the one query is "entity"."""
    tokens, places = record.value["tokens"], set()
    for place in record.value["spo_details"]:
        places |= {tuple(place[:2]), tuple(place[4:6])}
    spans = [("entity", words(tokens, *place)) for place in sorted(places)]
    yield families.spans_by_label(record.id, " ".join(tokens), spans, ("entity",))


def by_relation(document: dict[str, list[dict]]) -> list[dict]:
    """FewRel: an object of lists, one for each relation, becomes one list."""
    return [row | {"relation": relation} for relation, rows in document.items() for row in rows]


def indexed_pair(name: Callable[[dict], str], head: Naming, tail: Naming) -> Build:
    """FewRel: tokens, and a head and a tail that name theirs; of several mentions the first."""

    def build(record: Record) -> Iterator[Instance]:
        row = record.value
        tokens = row["tokens"]
        text = words(tokens, 0, len(tokens))
        first, second = (words(tokens, places[0][0], places[0][-1] + 1) for places in (head(row), tail(row)))
        yield families.relation_typing(record.id, text, first, second, [name(row)], "en")

    return build


def _fewrel(name: Naming) -> Build:
    return indexed_pair(lambda row: name(row["relation"]), lambda row: row["h"][2], lambda row: row["t"][2])


_CONLL04 = {
    "family": "RE",
    "language": "en",
    "splits": {"train": ("train.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
    "licence": "CoNLL04 (Roth & Yih): research",
    "citation": "Roth and Yih 2004, CoNLL",
    "source": github(
        "bekou/multihead_joint_entity_relation_extraction",
        "7f40a0f7c1892821591358518c542139e88f693e",
        {name: f"data/CoNLL04/{name}" for name in ("train.txt", "dev.txt", "test.txt")},
        {
            "train.txt": "0f560fdaa150133fc4843f72e2a8e707e7f74f06a3a3095d4b9921f8d0ce3614",
            "dev.txt": "99e854fd2a7d19247230c3ed8c304f79022380c9d21b58f25e7ffc5fe3884e2d",
            "test.txt": "d172819deff771c059c9c6688d67c3ff2bdaa25cf71ec56b1f7e8c6705f96700",
        },
    ),
    "verified": "files",
}
_CONLL04_ROWS = conll(columns=5, comment="#doc")
_FEWREL = {
    "family": "RE",
    "language": "en",
    "atom": "cls",
    "held_out": True,
    "exclusive": True,
    "licence": "MIT",
    "citation": "Han et al. 2018, EMNLP; Gao et al. 2019, EMNLP",
    "source": github(
        "thunlp/FewRel",
        "278a2315d2138810a379cd8d5718914dc56e2582",
        {name: f"data/{name}" for name in ("val_wiki.json", "val_pubmed.json")},
        {"val_pubmed.json": "fc0f13b534f6664fe0d8aec231d7590313bc6510d00dbc1b6746147f6a2b46e6"},
    ),
    "verified": "files",
}
_WEBNLG = {
    "family": "RE",
    "language": "en",
    "splits": {"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
    "licence": "CC BY-NC-SA 4.0",
    "citation": "Gardent et al. 2017, ACL; relations: Zeng et al. 2018, ACL",
    "source": github(
        "yubowen-ph/JointER",
        "69f5eb04a8457ac300081079e6edf9ff8efe61e8",
        {name: f"dataset/WebNLG/data/{name}" for name in ("train.json", "dev.json", "test.json")},
        {
            "dev.json": "805ed37a638a9f796d2c54dbef1386db8ed91c92707418ba58c11bc25fa36cf7",
            "test.json": "b95ae56210e5dc311fb2d195df671a5a0d39f714d89b5c05363fae8933c488a8",
        },
    ),
    "verified": "files",
}

TASKS = (
    TaskSpec(
        name="conll04.spans",
        atom="ext",
        read=reader(_CONLL04_ROWS, entity_rows(named(CONLL04_TYPES))),
        sizes={"train": 910, "validation": 243, "test": 288},
        **_CONLL04,
    ),
    TaskSpec(
        name="conll04.typing",
        atom="cls",
        read=reader(_CONLL04_ROWS, relation_rows(named(CONLL04_RELATIONS), "en")),
        sizes={"train": 1250, "validation": 342, "test": 406},  # pairs
        **_CONLL04,
    ),
    TaskSpec(
        name="semeval2010_8",
        family="RE",
        language="en",
        atom="cls",
        splits={"train": ("TRAIN_FILE.TXT",), "test": ("TEST_FILE.TXT",)},
        read=reader(blocks(), marked_relations(directed, "en")),
        exclusive=True,
        source=github(
            "lemonhu/RE-CNN-pytorch",
            "6776e34f4842a43dde90faec43970bc7a487e944",
            {f"{part}_FILE.TXT": f"data/SemEval2010_task8/{part}_FILE.TXT" for part in ("TRAIN", "TEST")},
            {
                "TRAIN_FILE.TXT": "0ef1a14ff42c7cd606844531ab25a879f55f223c1ed1bacaced92781f1b4d8ba",
                "TEST_FILE.TXT": "e979d98a3bf239d91ff08430f1d4e487495e9bea21b661d16d091a9cd8d34446",
            },
        ),
        licence="CC BY 3.0",
        citation="Hendrickx et al. 2010, SemEval",
        verified="files",
        sizes={"train": 8000, "test": 2717},
    ),
    TaskSpec(
        name="fewrel.wiki",
        splits={"test": ("val_wiki.json",)},
        read=reader(json_list(by_relation), _fewrel(named(FEWREL_RELATIONS))),
        sizes={"test": 2848},
        **_FEWREL,
    ),
    TaskSpec(
        name="fewrel.pubmed",
        splits={"test": ("val_pubmed.json",)},
        read=reader(json_list(by_relation), _fewrel(spelled_out)),
        sizes={"test": 1000},
        **_FEWREL,
    ),
    TaskSpec(
        name="webnlg_re.spans",
        atom="ext",
        read=reader(json_list(), webnlg_entities),
        sizes={"train": 1425, "validation": 500, "test": 703},
        **_WEBNLG,
    ),
    TaskSpec(
        name="webnlg_re.typing",
        atom="cls",
        read=reader(json_list(), pair_typing(webnlg_triples, "en")),
        sizes={"train": 3739, "validation": 1219, "test": 1601},  # pairs
        **_WEBNLG,
    ),
)
