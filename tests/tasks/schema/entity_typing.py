"""Samples of entity typing."""

from tests.tasks.schema.sample import Sample


def question(mention: str, sentence: str) -> str:
    return f"what is the entity type of {mention} in {sentence}?"


ULTRA_FINE = (
    {
        "annot_id": "c/0",
        "mention_span": "the ferry company",
        "left_context_token": ["Last", "May"],
        "right_context_token": ["sold", "two", "ships", "."],
        "y_str": ["organization", "shipping_company", "business"],
    },
    # A mention may open the sentence; a pronoun is one as well.
    {
        "annot_id": "c/1",
        "mention_span": "She",
        "left_context_token": [],
        "right_context_token": ["rowed", "home", "."],
        "y_str": ["person", "woman"],
    },
)
ULTRA_FINE_EXPECTED = [
    (
        question("the ferry company", "Last May the ferry company sold two ships."),
        {"organization": (), "shipping company": (), "business": ()},
    ),
    (question("She", "She rowed home."), {"person": (), "woman": ()}),
]


def hierarchy(paths: tuple[str, ...], *names: str) -> Sample:
    """One sentence with two mentions, one of them twice, and one without any."""
    tokens = ["Vela", "and", "Oslo", "praise", "Vela", "."]
    row = {
        "tokens": tokens,
        "mentions": [
            {"start": 0, "end": 1, "labels": list(paths)},
            {"start": 2, "end": 3, "labels": [paths[0]]},
            {"start": 4, "end": 5, "labels": [paths[-1]]},
        ],
        "senid": 4,
        "fileid": "doc_1",
    }
    nothing = {"tokens": ["It", "rains", "."], "mentions": [], "senid": 5, "fileid": "doc_1"}
    text = "Vela and Oslo praise Vela."
    expected = [
        (question("Vela", text), {name: () for name in names}),
        (question("Oslo", text), {names[0]: ()}),
    ]
    return Sample(
        {"train.json": (row, nothing), "test.json": (row, nothing)},
        {"test": expected, "+": [*expected, *expected]},
    )


SAMPLES = {
    "ultra_fine": Sample(
        {f"{file}.json": ULTRA_FINE for file in ("train", "dev", "test")},
        dict.fromkeys(("train", "validation", "test"), ULTRA_FINE_EXPECTED),
    ),
    "figer": hierarchy(("/person", "/person/religious_leader"), "person", "religious leader"),
    "ontonotes_typing": hierarchy(
        ("/person", "/person/artist", "/person/artist/music"), "person", "artist", "musician"
    ),
    "bbn": hierarchy(("/GPE", "/GPE/CITY", "/ORGANIZATION/OTHER"), "geopolitical entity", "city", "other organization"),
}
