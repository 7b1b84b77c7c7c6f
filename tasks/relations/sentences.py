"""RE in English sentences of news, encyclopedias and abstracts."""

from collections.abc import Callable, Iterator

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.sources import github
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.conll import conll
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.jsonl import json_list
from seqgpt_jax.tasks.readers.lines import blocks
from seqgpt_jax.tasks.readers.multihead import entity_rows, relation_rows
from seqgpt_jax.tasks.readers.names import Naming, named, spelled_out
from seqgpt_jax.tasks.readers.record import Build, Record, reader
from seqgpt_jax.tasks.readers.tagged import marked_relations
from seqgpt_jax.tasks.relations.pairs import Found, pair_typing, two_steps

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
    tokens, words = row["tokens"], Words.english(row["tokens"])
    triples = []
    for (head, code, tail), place in zip(row["spo_list"], row["spo_details"], strict=True):
        if (head, tail) != (" ".join(tokens[slice(*place[:2])]), " ".join(tokens[slice(*place[4:6])])):
            raise ValueError(f"the details of {head!r}, {code}, {tail!r} name other tokens")
        triples.append((words.span(*place[:2]), predicate(code), words.span(*place[4:6])))
    return words.text, triples


def webnlg_entities(record: Record) -> Iterator[Instance]:
    """WebNLG, first step: the data set has no types, so the one query is "entity"."""
    words, places = Words.english(record.value["tokens"]), set()
    for place in record.value["spo_details"]:
        places |= {tuple(place[:2]), tuple(place[4:6])}
    spans = [("entity", words.span(*place)) for place in sorted(places)]
    yield families.spans_by_label(record.id, words.text, spans, ("entity",))


def by_relation(document: dict[str, list[dict]]) -> list[dict]:
    """FewRel: an object of lists, one for each relation, becomes one list."""
    return [row | {"relation": relation} for relation, rows in document.items() for row in rows]


def indexed_pair(name: Callable[[dict], str], head: Naming, tail: Naming) -> Build:
    """FewRel: tokens, and a head and a tail that name theirs; of several mentions the first."""

    def build(record: Record) -> Iterator[Instance]:
        row = record.value
        words = Words.english(row["tokens"])
        first, second = (words.span(places[0][0], places[0][-1] + 1) for places in (head(row), tail(row)))
        yield families.relation_typing(record.id, words.text, first, second, [name(row)], "en")

    return build


def _fewrel(part: str, name: Naming, size: int) -> Task:
    build = indexed_pair(lambda row: name(row["relation"]), lambda row: row["h"][2], lambda row: row["t"][2])
    return Task(
        "RE",
        "en",
        reader(json_list(by_relation), build),
        name=part,
        atom="cls",
        held_out=True,
        exclusive=True,
        splits={"test": (f"val_{part}.json",)},
        sizes={"test": size},
    )


_CONLL04_ROWS = conll(columns=5, comment="#doc")

TASKS = task_specs(
    DatasetSpec(
        "conll04",
        github(
            "bekou/multihead_joint_entity_relation_extraction",
            "7f40a0f7c1892821591358518c542139e88f693e",
            "data/CoNLL04/{}",
        ),
        license="CoNLL04 (Roth & Yih): research",
        citation="Roth and Yih 2004, CoNLL",
        verified="files",
        splits={"train": ("train.txt",), "validation": ("dev.txt",), "test": ("test.txt",)},
        tasks=two_steps(
            "en",
            reader(_CONLL04_ROWS, entity_rows(named(CONLL04_TYPES))),
            reader(_CONLL04_ROWS, relation_rows(named(CONLL04_RELATIONS), "en")),
            sentences={"train": 910, "validation": 243, "test": 288},
            pairs={"train": 1250, "validation": 342, "test": 406},
        ),
    ),
    DatasetSpec(
        "semeval2010_8",
        github("lemonhu/RE-CNN-pytorch", "6776e34f4842a43dde90faec43970bc7a487e944", "data/SemEval2010_task8/{}"),
        license="CC BY 3.0",
        citation="Hendrickx et al. 2010, SemEval",
        verified="files",
        splits={"train": ("TRAIN_FILE.TXT",), "test": ("TEST_FILE.TXT",)},
        sizes={"train": 8000, "test": 2717},
        tasks=(Task("RE", "en", reader(blocks(), marked_relations(directed, "en")), atom="cls", exclusive=True),),
    ),
    DatasetSpec(
        "fewrel",
        github("thunlp/FewRel", "278a2315d2138810a379cd8d5718914dc56e2582", "data/{}"),
        license="MIT",
        citation="Han et al. 2018, EMNLP; Gao et al. 2019, EMNLP",
        verified="files",
        tasks=(_fewrel("wiki", named(FEWREL_RELATIONS), 2848), _fewrel("pubmed", spelled_out, 1000)),
    ),
    DatasetSpec(
        "webnlg_re",
        github("yubowen-ph/JointER", "69f5eb04a8457ac300081079e6edf9ff8efe61e8", "dataset/WebNLG/data/{}"),
        license="CC BY-NC-SA 4.0",
        citation="Gardent et al. 2017, ACL; relations: Zeng et al. 2018, ACL",
        verified="files",
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
        tasks=two_steps(
            "en",
            reader(json_list(), webnlg_entities),
            reader(json_list(), pair_typing(webnlg_triples, "en")),
            sentences={"train": 1425, "validation": 500, "test": 703},
            pairs={"train": 3739, "validation": 1219, "test": 1601},
        ),
    ),
)
