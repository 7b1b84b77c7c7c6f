"""Samples of events in English: sentences of our own in the form of each data set."""

from tests.tasks.schema.sample import Sample


def _typed(text: str, trigger: str, *kinds: str) -> tuple[str, dict]:
    return f"what is the event type of {trigger} in {text}?", dict.fromkeys(kinds, ())


# ---- OneIE: ACE 2005 and GENEVA


def _entity(id: str, start: int, end: int, text: str) -> dict:
    return {"id": id, "start": start, "end": end, "entity_type": "PER", "mention_type": "NAM", "text": text}


def _one_ie(sentence: str, entities: list[dict], events: list[tuple]) -> dict:
    tokens = sentence.split()
    mentions = [
        {
            "id": f"S-EV{number}",
            "event_type": kind,
            "trigger": {"start": start, "end": start + 1, "text": tokens[start]},
            "arguments": [{"entity_id": id, "role": role, "text": id} for id, role in arguments],
        }
        for number, (kind, start, arguments) in enumerate(events)
    ]
    return {
        "doc_id": "D",
        "sent_id": "D-0",
        "wnd_id": "D-0",
        "tokens": tokens,
        "pieces": tokens,
        "token_lens": [1] * len(tokens),
        "sentence": sentence,
        "sentence_starts": [0],
        "entity_mentions": entities,
        "relation_mentions": [],
        "event_mentions": mentions,
    }


_ACE_TEXT = "Rebels shot Tom Reed dead and fled to Osk ."
_ACE = {
    "train.oneie.json": [
        _one_ie(
            _ACE_TEXT,
            [_entity("e1", 0, 1, "Rebels"), _entity("e2", 2, 4, "Tom Reed"), _entity("e3", 8, 9, "Osk")],
            [
                ("Movement:Transport", 6, [("e3", "Destination"), ("e1", "Artifact")]),
                ("Life:Die", 1, [("e2", "Victim")]),
                ("Conflict:Attack", 1, [("e2", "Target"), ("e1", "Attacker")]),
            ],
        ),
        _one_ie("Nothing happened .", [], []),
    ],
    "dev.oneie.json": "",
    "test.oneie.json": "",
}
_GENEVA_TEXT = "Her uncle taught us chess in Bonn ."
_GENEVA = {
    "train.json": [
        _one_ie(
            _GENEVA_TEXT,
            [_entity("g1", 0, 2, "Her uncle"), _entity("g2", 3, 4, "us"), _entity("g3", 4, 5, "chess")],
            [("Education_teaching", 2, [("g1", "Teacher"), ("g2", "Student"), ("g3", "Subject")])],
        )
    ],
    "val.json": "",
    "test.json": "",
}

# ---- WikiEvents


def _wiki_mention(id: str, start: int, end: int, sentence: int, text: str) -> dict:
    return {
        "id": id,
        "sent_idx": sentence,
        "start": start,
        "end": end,
        "entity_type": "PER",
        "mention_type": "UNK",
        "text": text,
    }


_WIKI_SENTENCES = ["A blast killed Joan Lee .", "Police met her aides ."]
_WIKI_TOKENS = [sentence.split() for sentence in _WIKI_SENTENCES]
_WIKI = {
    "train.jsonl": [
        {
            "doc_id": "wiki_1",
            "tokens": [token for tokens in _WIKI_TOKENS for token in tokens],
            "text": " ".join(_WIKI_SENTENCES),
            "sentences": [
                [[[token, 0, 1] for token in tokens], sentence]
                for tokens, sentence in zip(_WIKI_TOKENS, _WIKI_SENTENCES, strict=True)
            ],
            "entity_mentions": [
                _wiki_mention("w1", 3, 5, 0, "Joan Lee"),
                _wiki_mention("w2", 6, 7, 1, "Police"),
                _wiki_mention("w3", 8, 10, 1, "her aides"),
            ],
            "event_mentions": [
                {
                    "id": "ev1",
                    "event_type": "Contact.Contact.Meet",
                    "trigger": {"start": 7, "end": 8, "text": "met", "sent_idx": 1},
                    "arguments": [
                        {"entity_id": "w2", "role": "Participant", "text": "Police"},
                        {"entity_id": "w3", "role": "Participant", "text": "her aides"},
                        {"entity_id": "w1", "role": "Topic", "text": "Joan Lee"},
                    ],
                },
                {
                    "id": "ev0",
                    "event_type": "Life.Die.Unspecified",
                    "trigger": {"start": 2, "end": 3, "text": "killed", "sent_idx": 0},
                    "arguments": [{"entity_id": "w1", "role": "Victim", "text": "Joan Lee"}],
                },
            ],
            "relation_mentions": [],
        }
    ],
    "dev.jsonl": "",
    "test.jsonl": "",
}

# ---- PHEE


def _part(*pieces: str, **parts: dict) -> dict:
    return {"text": [[piece] for piece in pieces], "start": [[0] for _ in pieces], "entity_id": ["T1"], **parts}


_PHEE_TEXT = "An elderly man got a rash from taking Nolex and Vitax daily."
_PHEE = {
    "train.json": [
        {
            "id": "1_1",
            "context": _PHEE_TEXT,
            "is_mult_event": True,
            "annotations": [
                {
                    "events": [
                        {
                            "event_id": "E1",
                            "event_type": "Adverse_event",
                            "Trigger": _part("got"),
                            "Subject": _part("An elderly man", Gender=_part("man"), Age=_part("elderly")),
                            "Treatment": {
                                "text": [["taking Nolex", "daily"]],
                                "start": [[31, 54]],
                                "entity_id": ["T2"],
                                "Drug": _part("Nolex", "Vitax"),
                                "Combination": [
                                    {
                                        "event_id": "E2",
                                        "event_type": "Combination",
                                        "Trigger": _part("and"),
                                        "Drug": _part("Nolex", "Vitax"),
                                    }
                                ],
                            },
                            "Effect": _part("a rash"),
                            "Severity": {"text": [["a"]], "start": [[19]], "entity_id": ["T9"], "value": "Low"},
                        }
                    ]
                }
            ],
        }
    ],
    "dev.json": "",
    "test.json": "",
}

# What models read: no space before the point.
_ACE_WRITTEN, _GENEVA_WRITTEN, *_WIKI_WRITTEN = (
    text.removesuffix(" .") + "." for text in (_ACE_TEXT, _GENEVA_TEXT, *_WIKI_SENTENCES)
)

SAMPLES = {
    "ace2005_events.triggers": Sample(
        _ACE,
        {
            "train": [
                (_ACE_WRITTEN, {"die event": ("shot",), "attack event": ("shot",), "transport event": ("fled",)}),
                ("Nothing happened.", {}),
            ]
        },
    ),
    "ace2005_events.typing": Sample(
        _ACE, {"train": [_typed(_ACE_WRITTEN, "shot", "die", "attack"), _typed(_ACE_WRITTEN, "fled", "transport")]}
    ),
    "ace2005_events.arguments": Sample(
        _ACE,
        {
            "train": [
                (_ACE_WRITTEN, {"victim of the die event": ("Tom Reed",)}),
                (
                    _ACE_WRITTEN,
                    {"attacker of the attack event": ("Rebels",), "target of the attack event": ("Tom Reed",)},
                ),
                (
                    _ACE_WRITTEN,
                    {"artifact of the transport event": ("Rebels",), "destination of the transport event": ("Osk",)},
                ),
            ]
        },
    ),
    "geneva.triggers": Sample(_GENEVA, {"train": [(_GENEVA_WRITTEN, {"education teaching event": ("taught",)})]}),
    "geneva.typing": Sample(_GENEVA, {"train": [_typed(_GENEVA_WRITTEN, "taught", "education teaching")]}),
    "geneva.arguments": Sample(
        _GENEVA,
        {
            "train": [
                (
                    _GENEVA_WRITTEN,
                    {
                        "teacher of the education teaching event": ("Her uncle",),
                        "student of the education teaching event": ("us",),
                        "subject of the education teaching event": ("chess",),
                    },
                )
            ]
        },
    ),
    "wikievents.triggers": Sample(
        _WIKI,
        {
            "train": [
                (_WIKI_WRITTEN[0], {"die event": ("killed",)}),
                (_WIKI_WRITTEN[1], {"contact meet event": ("met",)}),
            ]
        },
    ),
    "wikievents.typing": Sample(
        _WIKI,
        {
            "train": [
                _typed(_WIKI_WRITTEN[0], "killed", "die"),
                _typed(_WIKI_WRITTEN[1], "met", "contact meet"),
            ]
        },
    ),
    "wikievents.arguments": Sample(
        _WIKI,
        {
            "train": [
                (_WIKI_WRITTEN[0], {"victim of the die event": ("Joan Lee",)}),
                (_WIKI_WRITTEN[1], {"participant of the contact meet event": ("Police", "her aides")}),
                None,
            ]
        },
    ),
    "phee.triggers": Sample(_PHEE, {"train": [(_PHEE_TEXT, {"adverse effect event": ("got",)})]}),
    "phee.typing": Sample(_PHEE, {"train": [_typed(_PHEE_TEXT, "got", "adverse effect")]}),
    "phee.arguments": Sample(
        _PHEE,
        {
            "train": [
                (
                    _PHEE_TEXT,
                    {
                        "subject of the adverse effect event": ("An elderly man",),
                        "gender of the adverse effect event": ("man",),
                        "age of the adverse effect event": ("elderly",),
                        "treatment of the adverse effect event": ("taking Nolex", "daily"),
                        "drug of the adverse effect event": ("Nolex", "Vitax"),
                        "effect of the adverse effect event": ("a rash",),
                    },
                )
            ]
        },
    ),
}
