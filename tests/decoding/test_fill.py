"""Filling of a schema: what is asked for each kind of field, the object that comes out, and what is refused."""

import enum
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding.seqgpt import SeqGPT
from seqgpt_jax.io.contract import ModelContract
from tests.decoding.test_seqgpt import Losing, Scholar

pydantic = pytest.importorskip("pydantic")

TEXT = "Ada Lovelace paid 12 for a lamp and a chair. Ada Lovelace was born in London."
KNOWN = {
    "customer": ("Ada Lovelace",),
    "price in euros": ("12",),
    "products": ("lamp", "chair"),
    "person": ("Ada Lovelace",),
    "city": ("London",),
    "buyer of the purchase event": ("Ada Lovelace",),
    "thing of the purchase event": ("lamp",),
    "shipping date of the purchase event": (),
    "trigger of purchase": ("paid",),
}


class Topic(enum.Enum):
    """Topics of a message."""

    ORDER = "order"
    REFUND = "refund"


class Birth(pydantic.BaseModel):
    """Who was born where."""

    person: str
    city: str


class Purchase(pydantic.BaseModel):
    """A purchase."""

    buyer: str
    thing: str | None = None
    shipping_date: str | None = None


class Message(pydantic.BaseModel):
    """A message."""

    customer: str
    price: float = pydantic.Field(description="price in euros")
    products: list[str]
    topic: Topic
    moods: list[Literal["glad", "angry"]]
    shipping_date: str | None = None
    births: list[Birth] = pydantic.Field(default_factory=list)


def seqgpt(known=KNOWN, table=None) -> SeqGPT:
    return SeqGPT(Scholar(known, table or {"paid": "order"}, ModelContract(max_prompt_tokens=256)))


def test_an_object_is_filled() -> None:
    filled = seqgpt(table={"Ada Lovelace paid": "order", "London": "births"}).fill(TEXT, Message)
    assert filled.errors == {}
    assert filled.value == Message(
        customer="Ada Lovelace",
        price=12.0,
        products=["lamp", "chair"],
        topic=Topic.ORDER,
        moods=[],
        births=[Birth(person="Ada Lovelace", city="London")],
    )
    assert [TEXT[span.start : span.end] for span in filled.spans["products"]] == ["lamp", "chair"]
    assert [label.label for label in filled.labels["topic"]] == ["order"]
    assert filled.to_dict()["spans"]["births.city"][0]["text"] == "London"


def test_what_relations_and_events_lost_is_said() -> None:
    from seqgpt_jax.atomic.families import event_query

    pair = {"type": "object", "properties": {"person": {"type": "string"}, "city": {"type": "string"}}}
    purchase = {"type": "object", "properties": {"buyer": {"type": "string"}}}
    known = {**KNOWN, event_query("purchase", "en"): ("paid",)}
    for properties in ({"births": {"type": "array", "items": pair}}, {"purchase": purchase}):
        for word in ("Ada Lovelace paid", "buyer of the purchase event", "between Ada Lovelace and London"):
            loses = word == "Ada Lovelace paid" or (word.startswith("buyer") == ("purchase" in properties))
            model = SeqGPT(Losing(known, {}, {word: 7}, ModelContract(max_prompt_tokens=256)))
            filled = model.fill(TEXT, {"properties": properties})
            assert (filled.truncated_tokens, filled.unfinished) == ((7, True) if loses else (0, False))


def test_a_dataclass_and_a_json_schema() -> None:
    @dataclass
    class Order:
        customer: str
        products: list[str] = field(default_factory=list)

    model = seqgpt()
    assert model.fill(TEXT, Order).value == Order("Ada Lovelace", ["lamp", "chair"])
    schema = {"type": "object", "properties": {"customer": {"type": "string"}}, "required": ["customer"]}
    one, two = model.fill([TEXT, "Nobody."], schema)
    assert one.value == {"customer": "Ada Lovelace"}
    assert two.value is None
    assert two.errors == {"customer": "the text does not say it"}


def test_what_the_text_says_in_another_form_is_an_error_of_its_field() -> None:
    filled = seqgpt({**KNOWN, "price in euros": ("lamp",)}).fill(TEXT, Message)
    assert filled.value is None
    assert list(filled.errors) == ["price"]
    assert "'lamp'" in filled.errors["price"]
    assert filled.fields["customer"] == "Ada Lovelace"


def test_a_nested_object_is_an_event() -> None:
    class Letter(pydantic.BaseModel):
        purchase: Purchase | None = None

    from seqgpt_jax.atomic.families import event_query

    known = {**KNOWN, event_query("purchase", "en"): ("paid",)}
    filled = seqgpt(known).fill(TEXT, Letter)
    assert filled.value == Letter(purchase=Purchase(buyer="Ada Lovelace", thing="lamp"))
    assert [span.text for span in filled.spans["purchase.thing"]] == ["lamp"]
    assert seqgpt({**known, event_query("purchase", "en"): ()}).fill(TEXT, Letter).value == Letter()


class Sure(Scholar):
    """Knows how sure it is of each span: span -> score."""

    def __init__(self, known, sure) -> None:
        super().__init__(known, {}, ModelContract(max_prompt_tokens=256))
        self.sure = sure

    def generate(self, prompts, progress=None):
        for prompt, one in zip(prompts, super().generate(prompts), strict=True):
            present = [[s for s in self.known.get(label, ()) if s in prompt.source_text] for label in prompt.labels]
            scores = tuple(tuple(self.sure.get(span, 0.5) for span in spans) for spans in present)
            yield replace(one, value_scores=scores)


@pytest.mark.parametrize(
    ("known", "sure", "value"),
    [
        # The one with more roles, however sure the other is.
        ({'attacker of the attack event "hit"': ("Eve",)}, {"Bob": 0.9}, {"attacker": "Eve", "target": "Cem"}),
        # The one of which the model is surer.
        ({}, {"Bob": 0.9}, {"target": "Bob"}),
        ({}, {"Cem": 0.9}, {"target": "Cem"}),
        ({}, {}, {"target": "Bob"}),
    ],
)
def test_an_object_is_one_event_of_several(known, sure, value) -> None:
    known = {
        "attack event": ("attacked", "hit"),
        'target of the attack event "attacked"': ("Bob",),
        'target of the attack event "hit"': ("Cem",),
        **known,
    }
    roles = {"type": "object", "properties": {"attacker": {"type": "string"}, "target": {"type": "string"}}}
    model = SeqGPT(Sure(known, sure))
    filled = model.fill("Ada attacked Bob, and Eve hit Cem.", {"properties": {"attack": roles}}, language="en")
    assert filled.value == {"attack": value}
    assert {name: [span.text for span in spans] for name, spans in filled.spans.items()} == {
        f"attack.{name}": [text] for name, text in value.items()
    }


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"paid": {"type": "boolean"}}, "field 'paid' is 'boolean'"),
        ({"a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}, "field 'a' may be of 2 types"),
        ({"a": {"type": "object", "properties": {"b": {"type": "array"}}}}, r"field 'a\.b': a nested object"),
        ({"a": {"type": "string", "description": "x"}, "b": {"type": "string", "description": "x"}}, "asked alike"),
        ({"a": {}}, "field 'a' is 'of no type'"),
        ({}, "no fields"),
        ({"a": {"type": ["string", "integer"]}}, "field 'a' may be of 2 types"),
        ({"a": {"$ref": "#/$defs/B"}}, "field 'a' refers to '#/\\$defs/B', which the schema does not define"),
        ({"a": {"enum": ["x", "y"]}, "b": {"enum": ["x", "y"]}}, "fields 'a' and 'b' have the same labels"),
        ({"a": {"enum": ["x", "y"]}, "b": {"enum": ["y", "x"]}}, "fields 'a' and 'b' have the same labels"),
        ({"a": {"enum": [1, "1", 2]}}, "field 'a': its values 1 and '1' are asked alike"),
        (
            {"a": {"type": "array", "items": {"type": "object", "properties": {n: {"type": "string"} for n in "xyz"}}}},
            "field 'a' is a list of objects with 3 fields",
        ),
        (
            {"a": {"type": "object", "properties": {n: {"type": "string", "description": "x"} for n in "bc"}}},
            "field 'a': two of its fields are asked alike",
        ),
        ({"a": {"enum": ["", "z"]}}, "field 'a': "),
        (
            {
                "a": {
                    "type": "object",
                    "properties": {"kind": {"type": "string", "const": "x"}, "b": {"type": "string"}},
                }
            },
            r"field 'a\.kind': a nested object holds strings and numbers alone",
        ),
    ],
)
def test_what_a_text_cannot_be_asked_for_is_refused_by_its_field(properties, message) -> None:
    with pytest.raises(ContractError, match=message):
        seqgpt().fill(TEXT, {"type": "object", "properties": properties})


def test_a_description_of_relations_may_hold_the_separator() -> None:
    births = {"type": "object", "properties": {"person": {"type": "string"}, "city": {"type": "string"}}}
    births = {"type": "array", "description": "出生地，即某人出生的城市", "items": births}
    table = {"between Ada Lovelace and London": "出生地,即某人出生的城市"}
    filled = seqgpt(table=table).fill(TEXT, {"type": "object", "properties": {"births": births}})
    assert filled.value == {"births": [{"person": "Ada Lovelace", "city": "London"}]}


def test_numbers_of_a_json_schema_are_numbers() -> None:
    properties = {
        "price in euros": {"type": "number"},
        "products": {"type": "array", "items": {"type": ["string", "null"]}},
        "mood": {"enum": ["glad", None]},
    }
    filled = seqgpt().fill(TEXT, {"properties": properties})
    assert filled.value == {"price in euros": 12.0, "products": ["lamp", "chair"]}
    wrong = seqgpt({**KNOWN, "price in euros": ("lamp",)}).fill(TEXT, {"properties": properties})
    assert wrong.value is None
    assert wrong.errors == {"price in euros": "not of type number: 'lamp'"}


def test_a_required_field_that_may_be_null_is_null_where_the_text_does_not_say_it() -> None:
    @dataclass
    class Order:
        customer: str | None
        age: int | None = None

    filled = seqgpt().fill(["Nobody.", TEXT], Order)
    assert [(one.value, one.errors) for one in filled] == [(Order(None), {}), (Order("Ada Lovelace"), {})]
    assert filled[0].fields == {}
    properties = {
        "customer": {"type": ["string", "null"]},
        "mood": {"enum": ["glad", None]},
        "age": {"type": "integer"},
    }
    schema = {"type": "object", "properties": properties, "required": ["customer", "mood"]}
    assert seqgpt().fill("Nobody.", schema).value == {"customer": None, "mood": None}


def test_what_is_no_schema_is_refused() -> None:
    for schema in ("person", 3, ["person"]):
        with pytest.raises(TypeError, match="a schema is a dataclass"):
            seqgpt().fill(TEXT, schema)


def test_numbers_of_a_nested_object_are_numbers_and_its_required_fields_are_there() -> None:
    from seqgpt_jax.atomic.families import event_query

    parts = {"price": {"type": "number"}, "thing": {"type": "string"}, "note": {"type": ["string", "null"]}}
    purchase = {"type": "object", "properties": parts, "required": ["price", "thing", "note"]}
    known = {**KNOWN, event_query("purchase", "en"): ("paid",), "price of the purchase event": ("12",)}

    def filled(known):
        return seqgpt(known).fill(TEXT, {"properties": {"purchase": purchase}})

    assert filled(known).value == {"purchase": {"price": 12.0, "thing": "lamp", "note": None}}
    wrong = filled({**known, "price of the purchase event": ("chair",)})
    assert (wrong.value, wrong.errors) == (None, {"purchase.price": "not of type number: 'chair'"})
    missing = filled({**known, "thing of the purchase event": ()})
    assert (missing.value, missing.errors) == (None, {"purchase.thing": "the text does not say it"})
    assert filled({**known, event_query("purchase", "en"): ()}).value == {}
