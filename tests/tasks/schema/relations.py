"""Samples of relations: sentences of our own in the form of each data set."""

import json

from tests.tasks.schema.sample import Sample

_ASK = "what is the relation between {} and {} in {}?"


def asked(text: str, head: str, tail: str, *relations: str) -> tuple[str, dict]:
    return _ASK.format(head, tail, text), dict.fromkeys(relations, ())


# ---- NYT

_NYT = {
    "raw_train.json": [
        {
            "sentText": "Mira Holt, who was born in Tampere, leads Norvik in Oslo .",
            "articleId": "/m/vinci8/data1/a.xml.gz",
            "relationMentions": [
                {"em1Text": "Mira Holt", "em2Text": "Tampere", "label": "/people/person/place_of_birth"},
                {"em1Text": "Mira Holt", "em2Text": "Tampere", "label": "/people/person/place_lived"},
                {"em1Text": "Oslo", "em2Text": "Norvik", "label": "None"},
            ],
            "entityMentions": [
                {"start": 0, "label": "PERSON", "text": "Mira Holt"},
                {"start": 1, "label": "LOCATION", "text": "Tampere"},
                {"start": 2, "label": "ORGANIZATION", "text": "Norvik"},
                {"start": 3, "label": "LOCATION", "text": "Oslo"},
            ],
            "sentId": "1",
        }
    ],
    "raw_valid.json": "",
    "raw_test.json": "",
}
_NYT_TEXT = "Mira Holt, who was born in Tampere, leads Norvik in Oslo ."

# ---- GIDS

_GIDS = {
    "gids/train.jsonl": [
        {
            "sentence": "The poet Ana_Reyes died at home in Porto_Novo . ###END###",
            "subj_id": "/m/1",
            "obj_id": "/m/2",
            "subj_text": "Ana_Reyes",
            "obj_text": "Porto_Novo",
            "relation": "/people/deceased_person/place_of_death",
        },
        {
            "sentence": "Ana_Reyes wrote about Lund . ###END###",
            "subj_id": "/m/1",
            "obj_id": "/m/3",
            "subj_text": "Ana_Reyes",
            "obj_text": "Lund",
            "relation": "NA",
        },
    ],
    "gids/validation.jsonl": "",
    "gids/test.jsonl": "",
}

# ---- TACRED and Re-TACRED


def _tacred(tokens: str, subject: tuple[int, int, str], object: tuple[int, int, str], relation: str) -> dict:
    words = tokens.split()
    return {
        "id": "e7798fb926b9403cfcd2",
        "docid": "APW_1",
        "relation": relation,
        "token": words,
        "subj_start": subject[0],
        "subj_end": subject[1],
        "obj_start": object[0],
        "obj_end": object[1],
        "subj_type": subject[2],
        "obj_type": object[2],
        "stanford_pos": ["NN"] * len(words),
        "stanford_ner": ["O"] * len(words),
        "stanford_head": [0] * len(words),
        "stanford_deprel": ["ROOT"] * len(words),
    }


_TACRED_TEXT = "Lena Quist , 41 , chairs Blue Harbor ."
_TACRED_WRITTEN = "Lena Quist, 41, chairs Blue Harbor."
_TACRED = {
    "train.json": json.dumps(
        [
            _tacred(_TACRED_TEXT, (6, 7, "ORGANIZATION"), (0, 1, "PERSON"), "org:top_members/employees"),
            _tacred(_TACRED_TEXT, (0, 1, "PERSON"), (3, 3, "NUMBER"), "per:age"),
        ]
    ),
    "dev.json": json.dumps([_tacred(_TACRED_TEXT, (6, 7, "ORGANIZATION"), (3, 3, "NUMBER"), "no_relation")]),
    "test.json": "[]",
}


def _tacred_sample(members: str, expected: str) -> Sample:
    files = {name: content.replace("org:top_members/employees", members) for name, content in _TACRED.items()}
    return Sample(
        files,
        {
            "train": [
                asked(_TACRED_WRITTEN, "Blue Harbor", "Lena Quist", expected),
                asked(_TACRED_WRITTEN, "Lena Quist", "41", "person age"),
            ],
            "validation": [asked(_TACRED_WRITTEN, "Blue Harbor", "41", "no relation")],
            "test": [],
        },
    )


# ---- DocRED

_DOCRED = {
    "train.jsonl": [
        {
            "title": "Tern Island",
            "sents": [
                ["Tern", "Island", "lies", "off", "Norland", "."],
                ["Its", "mayor", "is", "Ole", "Brandt", ",", "Jr.", " ", "."],
            ],
            "vertexSet": [
                [{"name": "Tern Island", "sent_id": 0, "pos": [0, 2], "type": "LOC"}],
                [{"name": "Norland", "sent_id": 0, "pos": [4, 5], "type": "LOC"}],
                # The name is not spaced as the tokens are.
                [{"name": "Ole Brandt, Jr.", "sent_id": 1, "pos": [3, 7], "type": "PER"}],
            ],
            "labels": {
                "head": [0, 0, 2],
                "tail": [1, 1, 0],
                "relation_id": ["P17", "P131", "P551"],
                "relation_text": ["country", "located in the administrative territorial entity", "residence"],
                "evidence": [[0], [0], [0, 1]],
            },
        }
    ],
    "validation.jsonl": "",
}
_DOCRED_TEXT = "Tern Island lies off Norland."

# ---- SciERC

_SCIERC = {
    "train.json": [
        {
            "clusters": [[[0, 1], [6, 6]]],
            "sentences": [["Beam", "search", "helps", "machine", "translation", "."], ["It", "is", "fast", "."]],
            "ner": [[[3, 4, "Task"], [0, 1, "Method"]], [[6, 6, "Generic"]]],
            "relations": [[[0, 1, 3, 4, "USED-FOR"]], []],
            "doc_key": "X1",
        }
    ],
    "dev.json": "",
    "test.json": "",
}

SAMPLES = {
    "nyt.spans": Sample(
        _NYT,
        {
            "train": [
                (
                    _NYT_TEXT,
                    {"person": ("Mira Holt",), "location": ("Tampere", "Oslo"), "organization": ("Norvik",)},
                )
            ]
        },
    ),
    "nyt.typing": Sample(
        _NYT,
        {
            "train": [
                asked(_NYT_TEXT, "Mira Holt", "Tampere", "place of birth", "place lived"),
                asked(_NYT_TEXT, "Oslo", "Norvik", "no relation"),
            ]
        },
    ),
    "gids": Sample(
        _GIDS,
        {
            "train": [
                asked("The poet Ana Reyes died at home in Porto Novo .", "Ana Reyes", "Porto Novo", "place of death"),
                asked("Ana Reyes wrote about Lund .", "Ana Reyes", "Lund", "no relation"),
            ]
        },
    ),
    "tacred": _tacred_sample("org:top_members/employees", "organization top members or employees"),
    "retacred": _tacred_sample("org:members", "organization members"),
    "kbp37": Sample(
        {
            "kbp37/train.jsonl": [
                {
                    "id": "0",
                    "sentence": "<e1> Ida Moss </e1> founded <e2> Fjord Press </e2> in 1990 .",
                    "relation": "org:founded_by(e2,e1)",
                },
                {
                    "id": "1",
                    "sentence": "In <e2> 1990 </e2> came <e1> Fjord Press </e1> .",
                    "relation": "org:founded(e1,e2)",
                },
                {"id": "2", "sentence": "<e1>  </e1> met <e2> Ida Moss </e2> .", "relation": "no_relation"},
                {"id": "3", "sentence": "<e1> Oslo </e1> or <e2> Bergen </e2> .", "relation": "no_relation"},
            ],
            "kbp37/validation.jsonl": "",
            "kbp37/test.jsonl": "",
        },
        {
            "train": [
                asked(
                    "Ida Moss founded Fjord Press in 1990 .",
                    "Ida Moss",
                    "Fjord Press",
                    "inverse of organization founded by",
                ),
                asked("In 1990 came Fjord Press .", "Fjord Press", "1990", "organization founded"),
                None,
                asked("Oslo or Bergen .", "Oslo", "Bergen", "no relation"),
            ]
        },
    ),
    "docred.spans": Sample(
        _DOCRED,
        {
            "train": [
                (_DOCRED_TEXT, {"location": ("Tern Island", "Norland")}),
                ("Its mayor is Ole Brandt, Jr. .", {"person": ("Ole Brandt, Jr.",)}),
            ]
        },
    ),
    "docred.typing": Sample(
        _DOCRED,
        {
            "train": [
                asked(
                    _DOCRED_TEXT,
                    "Tern Island",
                    "Norland",
                    "country",
                    "located in the administrative territorial entity",
                )
            ]
        },
    ),
    "fewrel_wiki64": Sample(
        {
            "train.jsonl": [
                {
                    "relation": "P931",
                    "tokens": ["Ryde", "Airport", "serves", " ", "the", "town", "of", "Ryde", "."],
                    "head": {"text": "ryde airport", "type": "Q1", "indices": [[0, 1]]},
                    "tail": {"text": "ryde", "type": "Q2", "indices": [[7], [0]]},
                    "names": ["place served by transport hub", "territorial entity served by this hub"],
                }
            ]
        },
        {
            "train": [
                asked("Ryde Airport serves the town of Ryde.", "Ryde Airport", "Ryde", "place served by transport hub")
            ]
        },
    ),
    "scierc.spans": Sample(
        _SCIERC,
        {
            "train": [
                (
                    "Beam search helps machine translation.",
                    {"method": ("Beam search",), "task": ("machine translation",)},
                ),
                ("It is fast.", {"generic term": ("It",)}),
            ]
        },
    ),
    "scierc.typing": Sample(
        _SCIERC,
        {"train": [asked("Beam search helps machine translation.", "Beam search", "machine translation", "used for")]},
    ),
    "chemprot": Sample(
        {
            "train.txt": [
                {
                    "text": "<< Zolin >> blocks [[ kinase B ]]-driven growth of cells (<< n=3).",
                    "label": "INHIBITOR",
                    "metadata": [],
                },
                {
                    "text": "<< ABC1 >> turns [[ [3H]lysin ]] over.",
                    "label": "SUBSTRATE_PRODUCT-OF",
                    "metadata": [],
                },
            ],
            "dev.txt": "",
            "test.txt": "",
        },
        {
            "train": [
                asked("Zolin blocks kinase B-driven growth of cells (<< n=3).", "Zolin", "kinase B", "inhibitor"),
                asked("ABC1 turns [3H]lysin over.", "ABC1", "[3H]lysin", "substrate and product"),
            ]
        },
    ),
}
