"""RE in English sentences, with the relations of knowledge bases: Freebase, Wikidata, TAC KBP."""

from collections.abc import Iterator, Mapping
from operator import itemgetter

from seqgpt_jax.data.raw.sources import PARQUET, OnRequest
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.declarations import task_specs
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.documents import parts
from seqgpt_jax.tasks.readers.fields import pairs
from seqgpt_jax.tasks.readers.hub import hub
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.marked import marked_records
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.record import Build, reader
from seqgpt_jax.tasks.relations.pairs import Found, pair_typing, two_steps
from seqgpt_jax.tasks.relations.sentences import indexed_pair

NYT_TYPES = {"LOCATION": "location", "ORGANIZATION": "organization", "PERSON": "person"}
FREEBASE_RELATIONS = {
    "None": "no relation",
    "NA": "no relation",
    "/business/company/advisors": "company's advisor",
    "/business/company/founders": "company's founder",
    "/business/company/industry": "company's industry",
    "/business/company/major_shareholders": "company's major shareholder",
    "/business/company/place_founded": "place where the company was founded",
    "/business/company_shareholder/major_shareholder_of": "major shareholder of",
    "/business/person/company": "person's company",
    "/location/administrative_division/country": "country of the administrative division",
    "/location/country/administrative_divisions": "country's administrative division",
    "/location/country/capital": "country's capital",
    "/location/location/contains": "location contains",
    "/location/neighborhood/neighborhood_of": "neighborhood of",
    "/people/deceased_person/place_of_death": "place of death",
    "/people/ethnicity/geographic_distribution": "where the ethnic group lives",
    "/people/ethnicity/people": "member of the ethnic group",
    "/people/person/children": "person's child",
    "/people/person/education./education/education/degree": "person's degree",
    "/people/person/education./education/education/institution": "person's place of education",
    "/people/person/ethnicity": "person's ethnic group",
    "/people/person/nationality": "person's nationality",
    "/people/person/place_lived": "place lived",
    "/people/person/place_of_birth": "place of birth",
    "/people/person/profession": "person's profession",
    "/people/person/religion": "person's religion",
    "/sports/sports_team/location": "location of the sports team",
    "/sports/sports_team_location/teams": "sports team of the location",
}
DOCRED_TYPES = {
    "LOC": "location",
    "MISC": "other entity",
    "NUM": "number",
    "ORG": "organization",
    "PER": "person",
    "TIME": "time",
}
_TAC_SUBJECTS = {"org": "organization", "per": "person"}


def tac_relation(code: str) -> str:
    """TAC KBP: `org:top_members/employees` -> "organization top members or employees".

    Raises:
      ValueError: neither an organization's relation nor a person's.
    """
    if code == "no_relation":
        return "no relation"
    subject, _, relation = code.partition(":")
    return f"{named(_TAC_SUBJECTS)(subject)} {spelled_out(relation.replace('/', ' or '))}"


def kbp37_relation(code: str) -> str:
    """KBP37: `org:founded(e2,e1)` -> "inverse of organization founded": the pair is always asked as (e1, e2)."""
    relation, _, direction = code.partition("(")
    return f"inverse of {tac_relation(relation)}" if direction == "e2,e1)" else tac_relation(relation)


def nyt_entities(row: dict) -> Iterator[tuple[str, str]]:
    """NYT, first step: the entities of each type."""
    name = named(NYT_TYPES)
    return ((name(entity["label"]), entity["text"]) for entity in row["entityMentions"])


def nyt_triples(row: dict) -> Found:
    """NYT, second step."""
    name = named(FREEBASE_RELATIONS)
    triples = ((found["em1Text"], name(found["label"]), found["em2Text"]) for found in row["relationMentions"])
    return row["sentText"], triples


def gids_triples(row: dict) -> Found:
    """GIDS: the words of an entity are joined by underscores, and each sentence ends with a mark."""
    head, tail = (row[field].replace("_", " ") for field in ("subj_text", "obj_text"))
    text = row["sentence"].removesuffix("###END###").strip().replace("_", " ")
    return text, [(head, named(FREEBASE_RELATIONS)(row["relation"]), tail)]


def tacred_triples(row: dict) -> Found:
    """TACRED, Re-TACRED: a subject and an object among the tokens; their last ones are part of them."""
    words = Words.english(row["token"])
    head, tail = (words.span(row[f"{part}_start"], row[f"{part}_end"] + 1) for part in ("subj", "obj"))
    return words.text, [(head, tac_relation(row["relation"]), tail)]


def docred_sentences(row: dict) -> Iterator[dict]:
    """DocRED: each sentence of a document, with its own mentions, and with the relations that it is evidence of.

    Both ends of such a relation have to be named in the sentence: `vertexSet` lists the mentions of
    each entity, and relations hold between entities. The `name` of a mention may be spaced in another
    way than the sentence is, so its tokens count.
    """
    labels, kind = row["labels"], named(DOCRED_TYPES)
    facts = list(zip(labels["head"], labels["tail"], labels["relation_text"], labels["evidence"], strict=True))
    for number, tokens in enumerate(row["sents"]):
        words = Words.english(tokens)
        entities = [
            [
                (mention["pos"][0], kind(mention["type"]), words.span(*mention["pos"]))
                for mention in entity
                if mention["sent_id"] == number
            ]
            for entity in row["vertexSet"]
        ]
        yield {
            "text": words.text,
            "spans": [(type, span) for _, type, span in sorted(mention for entity in entities for mention in entity)],
            "triples": [
                (entities[head][0][2], relation, entities[tail][0][2])
                for head, tail, relation, evidence in facts
                if number in evidence and entities[head] and entities[tail]
            ],
        }


def _tacred(name: str, source: OnRequest, citation: str, sizes: Mapping[str, int]) -> DatasetSpec:
    read = reader(json_list(), pair_typing(tacred_triples, "en"))
    return DatasetSpec(
        name,
        source,
        license="LDC user agreement",
        citation=citation,
        splits={"train": ("train.json",), "validation": ("dev.json",), "test": ("test.json",)},
        sizes=sizes,
        tasks=(Task("RE", "en", read, atom="cls", exclusive=True),),
    )


_DOCRED_SENTENCES = parts(jsonl(), docred_sentences)


def _mention(end: str) -> Build:
    return lambda row: row[end]["indices"]


TASKS = task_specs(
    DatasetSpec(
        "nyt",
        OnRequest(
            "CopyRE, github.com/xiangrongzeng/copy_re (a shared drive)",
            "put raw_train.json, raw_valid.json and raw_test.json (JSON lines with sentText, entityMentions and "
            "relationMentions) into this folder",
        ),
        license="New York Times Corpus (LDC2008T19): research",
        citation="Riedel et al. 2010, ECML; Zeng et al. 2018, ACL",
        splits={"train": ("raw_train.json",), "validation": ("raw_valid.json",), "test": ("raw_test.json",)},
        tasks=two_steps(
            "en",
            reader(jsonl(), pairs("sentText", nyt_entities)),
            reader(jsonl(), pair_typing(nyt_triples, "en")),
            sentences={"train": 56195, "validation": 5000, "test": 5000},
        ),
    ),
    DatasetSpec(
        "gids",
        hub("DFKI-SLT/gids", "gids", revision=PARQUET),
        license="other: research",
        citation="Jat et al. 2017, AKBC",
        sizes={"train": 11297, "validation": 1864, "test": 5663},
        tasks=(Task("RE", "en", reader(jsonl(), pair_typing(gids_triples, "en")), atom="cls", exclusive=True),),
    ),
    _tacred(
        "tacred",
        OnRequest(
            "Linguistic Data Consortium, catalog.ldc.upenn.edu/LDC2018T24",
            "put train.json, dev.json and test.json of data/json into this folder",
        ),
        "Zhang et al. 2017, EMNLP",
        {"train": 68124, "validation": 22631, "test": 15509},
    ),
    _tacred(
        "retacred",
        OnRequest(
            "Linguistic Data Consortium, catalog.ldc.upenn.edu/LDC2018T24, and github.com/gstoica27/Re-TACRED",
            "apply the Re-TACRED patch to TACRED and put train.json, dev.json and test.json into this folder",
        ),
        "Stoica et al. 2021, AAAI",
        {"train": 58465, "validation": 19584, "test": 13418},
    ),
    DatasetSpec(
        "kbp37",
        hub("DFKI-SLT/kbp37", "kbp37", revision=PARQUET),
        license="other: research",
        citation="Zhang and Wang 2015, arXiv:1508.01006",
        sizes={"train": 15917, "validation": 1724, "test": 3405},
        tasks=(
            Task(
                "RE",
                "en",
                reader(
                    jsonl(),
                    marked_records("sentence", "relation", kbp37_relation, ("<e1>", "</e1>"), ("<e2>", "</e2>"), "en"),
                ),
                atom="cls",
                exclusive=True,
            ),
        ),
    ),
    DatasetSpec(
        "docred",
        # The labels of its test split are not public.
        hub("thunlp/docred", splits={"train": "train_annotated", "validation": "validation"}, revision=PARQUET),
        license="MIT",
        citation="Yao et al. 2019, ACL",
        tasks=two_steps(
            "en",
            reader(_DOCRED_SENTENCES, pairs("text", itemgetter("spans"))),
            reader(_DOCRED_SENTENCES, pair_typing(itemgetter("text", "triples"), "en")),
        ),
    ),
    DatasetSpec(
        # The 64 relations of FewRel's training part, of which `fewrel` has none.
        "fewrel_wiki64",
        hub("thunlp/few_rel", splits={"train": "train_wiki"}, revision=PARQUET),
        license="MIT",
        citation="Han et al. 2018, EMNLP",
        sizes={"train": 44800},
        tasks=(
            Task(
                "RE",
                "en",
                reader(jsonl(), indexed_pair(lambda row: row["names"][0], _mention("head"), _mention("tail"))),
                atom="cls",
                exclusive=True,
            ),
        ),
    ),
)
