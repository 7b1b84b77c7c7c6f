"""Bodies of the requests, and of errors."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_TEXTS = 256
MAX_LABELS = 1000
MAX_TEXT_CHARACTERS = 200_000

_Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
_Label = Annotated[str, Field(max_length=1000)]
_LABELS = Field(min_length=1, max_length=MAX_LABELS)


class Texts(BaseModel):
    """One text or several; `text` is answered by one result, `texts` by a list."""

    model_config = ConfigDict(extra="forbid")

    text: _Text | None = None
    texts: Annotated[list[_Text], Field(min_length=1, max_length=MAX_TEXTS)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Texts":
        if (self.text is None) == (self.texts is None):
            raise ValueError("give either 'text' or 'texts'")
        return self

    @property
    def asked(self) -> str | list[str]:
        """What the library takes."""
        return self.text if self.texts is None else self.texts


class _Labeled(Texts):
    labels: Annotated[list[_Label], _LABELS] | Annotated[dict[_Label, _Label], _LABELS] = Field(
        description="labels, or each with the description that is asked in its place"
    )
    threshold: float = Field(0.0, ge=0, le=1, description="answers with a lower score are left out")


class ExtractRequest(_Labeled):
    """The spans of each label."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Ada met Bob in Turin.", "labels": ["person", "city"]}]}
    )


class ClassifyRequest(_Labeled):
    """The labels that fit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "Where is my parcel?", "labels": ["delivery", "refund"], "choose": "one"}]
        }
    )
    choose: Literal["any", "one", "one_or_none"] = "any"


class RelationsRequest(Texts):
    """The relations between spans."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Ada, of Turin.", "relations": {"lives in": ["person", "city"]}}]}
    )
    relations: Annotated[dict[_Label, tuple[_Label, _Label]], _LABELS] = Field(
        description="each relation with the types of its head and of its tail"
    )
    language: Literal["en", "zh"] | None = None


class EventsRequest(Texts):
    """The events and their arguments."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Ada attacked Bob.", "events": {"attack": ["attacker", "target"]}}]}
    )
    events: Annotated[dict[_Label, Annotated[list[_Label], Field(max_length=MAX_LABELS)]], _LABELS] = Field(
        description="each event type with its roles"
    )
    language: Literal["en", "zh"] | None = None


class ErrorMessage(BaseModel):
    """What an error says."""

    message: str = Field(description="what is wrong, and what to change")


class ErrorAnswer(BaseModel):
    """The body of every error."""

    error: ErrorMessage


# Status -> what it means, of the paths that ask the model.
ERRORS = {
    401: "the API key is missing or wrong",
    408: "the body did not arrive in time",
    413: "the body is too large, or needs more prompts than the server takes",
    422: "the request cannot be asked",
    429: "too many requests or prompts wait",
    503: "no answer in time, or the server is shutting down",
}


def explain_errors(errors: list[dict[str, Any]]) -> str:
    """What is wrong with a body, one line for each field."""
    lines = []
    for error in errors:
        field = ".".join(str(part) for part in error["loc"] if part != "body")
        lines.append(f"{field}: {error['msg']}" if field else error["msg"])
    return "\n".join(dict.fromkeys(lines))
