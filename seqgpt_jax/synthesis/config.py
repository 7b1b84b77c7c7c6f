"""Settings of synthesis: passages, tasks, requests, budget."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seqgpt_jax.atomic import LANGUAGES, NONE, TEMPLATES

TASKS = ("CLS", "ET", "NER")
FORMS = ("json_schema", "json_object", "none")
# Instances of SeqGPT's pre-training data (table 1 of the paper).
TABLE_1 = {
    "en": {"CLS": 50_172, "ET": 212_734, "NER": 60_094},
    "zh": {"CLS": 49_917, "ET": 576_839, "NER": 196_515},
}


@dataclass(frozen=True)
class SynthesizeConfig:
    """Settings of synthesis (gin: `Synthesize`).

    Attributes:
      text_field: of JSON Lines, Parquet and data sets of the hub: the field with the text.
      languages: of passages that are kept.
      max_tokens, min_tokens: of a passage.
      tokenizer: folder or hub name whose tokens are counted; "" counts words, marks and Chinese characters.
      passages: the most passages; None for all.
      shares: language -> task -> its share of the passages, on any scale. Default: table 1 of the SeqGPT paper.
      labels: only these are used, {"CLS": ["sports", …]} for a task, in the form that prompts hold; None lets the
        model invent them.
      domain: what the texts are about, in a few words for the prompts.
      seed: of the choice of tasks.
      form: how structured output is asked for: a JSON schema, any JSON object, or by the prompt alone.
      temperature: None leaves it to the endpoint.
      max_answer_tokens: the most tokens of one answer.
      token_field: the request's field for that number; newer models want "max_completion_tokens".
      extra: other fields of a request.
      reprompts: how often a passage whose answer is rejected is asked again, with the reason.
      concurrency: requests at a time.
      requests_per_minute: None for no limit.
      retries: more attempts after 408, 409, 429, 5xx, time-outs and lost connections.
      longest_pause: seconds; of the pauses between attempts, and the most that a Retry-After is obeyed.
      timeout: seconds for one attempt.
      max_requests, max_total_tokens, max_cost: budget, all runs with one output folder together; None for none.
        Every attempt counts as a request.
      input_price, output_price: of a million tokens, for `max_cost` and the report.
      currency: of the prices.
      merge_labels: labels that differ in case, hyphens, spaces or a plural become the most frequent of them.
    """

    text_field: str = "text"
    languages: tuple[str, ...] = LANGUAGES
    max_tokens: int = 256
    min_tokens: int = 8
    tokenizer: str = ""
    passages: int | None = None
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: TABLE_1)
    labels: Mapping[str, tuple[str, ...]] | None = None
    domain: str = ""
    seed: int = 0
    form: str = "json_schema"
    temperature: float | None = 0.7
    max_answer_tokens: int = 512
    token_field: str = "max_tokens"
    extra: Mapping[str, Any] | None = None
    reprompts: int = 1
    concurrency: int = 16
    requests_per_minute: float | None = None
    retries: int = 5
    longest_pause: float = 60.0
    timeout: float = 120.0
    max_requests: int | None = 1000
    max_total_tokens: int | None = None
    max_cost: float | None = None
    input_price: float | None = None
    output_price: float | None = None
    currency: str = "USD"
    merge_labels: bool = False

    def __post_init__(self) -> None:
        for name, least in (
            *(("max_tokens", 8), ("min_tokens", 1), ("max_answer_tokens", 16), ("concurrency", 1)),
            *(("retries", 0), ("reprompts", 0)),
        ):
            if not isinstance(value := getattr(self, name), int) or value < least:
                raise ValueError(f"Synthesize.{name} must be a whole number of at least {least}, not {value!r}")
        if self.min_tokens > self.max_tokens:
            raise ValueError(f"Synthesize.min_tokens={self.min_tokens} is above max_tokens={self.max_tokens}")
        positive = ("passages", "requests_per_minute", "longest_pause", "timeout")
        for name in (*positive, "max_requests", "max_total_tokens", "max_cost", "input_price", "output_price"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and (value > 0 or name not in positive)):
                raise ValueError(f"Synthesize.{name} must be a number above 0, or None, not {value!r}")
            if value is not None and value < 0:
                raise ValueError(f"Synthesize.{name} must not be negative: {value!r}")
        if self.form not in FORMS:
            raise ValueError(f"Synthesize.form must be one of {', '.join(FORMS)}, not {self.form!r}")
        if not self.languages or set(self.languages) - set(LANGUAGES):
            raise ValueError(f"Synthesize.languages must be of {', '.join(LANGUAGES)}, not {self.languages!r}")
        for language in self.languages:
            shares = self.shares.get(language, {})
            if not shares or set(shares) - set(TASKS) or min(shares.values()) < 0 or not sum(shares.values()):
                raise ValueError(
                    f"Synthesize.shares[{language!r}] must be shares of {', '.join(TASKS)}, such as "
                    f"{{'CLS': 1, 'NER': 1}}, not {shares!r}"
                )
        for task, labels in (self.labels or {}).items():
            if task not in TASKS or isinstance(labels, str) or len(labels) < 2:
                raise ValueError(
                    f"Synthesize.labels gives a task of {', '.join(TASKS)} at least two labels, "
                    f"{{'CLS': ['sports', 'politics']}}, not {{{task!r}: {labels!r}}}"
                )
        if self.labels:
            object.__setattr__(self, "labels", {task: _clean(task, labels) for task, labels in self.labels.items()})
        if self.max_cost is not None and None in (self.input_price, self.output_price):
            raise ValueError("Synthesize.max_cost needs input_price and output_price, of a million tokens")

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """The price of so many tokens; 0 without prices."""
        return ((self.input_price or 0) * input_tokens + (self.output_price or 0) * output_tokens) / 1e6


def _clean(task: str, labels: Iterable[Any]) -> tuple[str, ...]:
    """The labels as prompts of own data hold them; what no answer could name is said before any is paid for."""
    clean: dict[str, str] = {}
    for label in labels:
        if not isinstance(label, str):
            raise ValueError(f"Synthesize.labels[{task!r}]: a label is a string, not {label!r}")
        tidy = TEMPLATES["chinese"].clean_label(label)
        if not tidy or tidy == NONE:
            why = f"which answers that none fits: choose another word than {NONE!r}" if tidy else "which is empty"
            raise ValueError(f"Synthesize.labels[{task!r}] has the label {label!r}, {why}")
        # Labels of answers are recognized without case and width.
        if (other := clean.get(plain(tidy))) is not None:
            raise ValueError(
                f"Synthesize.labels[{task!r}]: {label!r} and {other!r} are one label: leave one of them out"
            )
        clean[plain(tidy)] = tidy
    return tuple(clean.values())


def plain(text: str) -> str:
    """A text without case and width: labels and spans of answers are compared so."""
    return unicodedata.normalize("NFKC", text).casefold()
