"""Token counts of labels and texts, for chunks and windows that fit a prompt."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seqgpt_jax.atomic import NONE, Atom, Template, label_budget
from seqgpt_jax.data.prepare.encoder import Encoder

# Labels whose tokens are remembered.
_MOST_LABELS = 1 << 16


@dataclass(frozen=True)
class TokenCounts:
    """Counts tokens; labels are counted once.

    Attributes:
      encoder: the tokenizer.
    """

    encoder: Encoder
    _labels: dict[str, int] = field(default_factory=dict, repr=False)
    _label_sets: dict[tuple[Template, tuple[str, ...]], list[int]] = field(default_factory=dict, repr=False)
    _control: dict[tuple[Template, Atom], int] = field(default_factory=dict, repr=False)

    def labels(self, labels: Iterable[str]) -> list[int]:
        """Tokens that each label takes in a prompt, its separator included."""
        labels = list(labels)
        # Several threads of a server ask at once, and one may forget what another one has counted.
        counts = {label: self._labels.get(label) for label in labels}
        if missing := [label for label, count in counts.items() if count is None]:
            new = {label: len(ids) + 1 for label, ids in zip(missing, self.encoder.encode(missing), strict=True)}
            if len(self._labels) > _MOST_LABELS:
                self._labels.clear()
            self._labels.update(new)
            counts |= new
        return [counts[label] for label in labels]

    def label_set(self, labels: tuple[str, ...], template: Template) -> list[int]:
        """`labels` of a whole label set, in the form of prompts; kept, as every instance of a task asks for it."""
        key = (template, labels)
        if key not in self._label_sets:
            self._label_sets[key] = self.labels(map(template.clean_label, labels))
        return self._label_sets[key]

    def queries(self, queries: Iterable[str]) -> list[int]:
        """Tokens that an answer to each query takes if it is `None`: its echo, the value and a line break."""
        # A label and its colon may be other tokens than the label alone. The line break is what `labels` adds.
        return [count + self._none for count in self.labels(f"{query}:" for query in queries)]

    @functools.cached_property
    def _none(self) -> int:
        return self.text(f" {NONE}")

    def label_room(
        self, template: Template, atom: Atom, text: str, costs: Sequence[int], max_prompt_tokens: int
    ) -> int:
        """Tokens that the labels of a prompt may take beside a text (`label_budget`).

        Args:
          template, atom: of the prompt.
          text: clean, as the prompt has it.
          costs: tokens of all labels that are asked.
          max_prompt_tokens: limit of the prompt.
        """
        control = self.control_words(template, atom)
        # A token is at least a byte: where all labels fit beside that many, the text need not be counted.
        budget = label_budget(len(text.encode()) + control, max_prompt_tokens)
        if sum(costs) <= budget:
            return budget
        return label_budget(self.text(text) + control, max_prompt_tokens)

    def text(self, text: str) -> int:
        """Tokens of a text."""
        (ids,) = self.encoder.encode([text])
        return len(ids)

    def prompt(self, prompt: str) -> int:
        """Tokens of a whole prompt, the start token included."""
        (ids,) = self.encoder.encode_prompts([prompt])
        return len(ids)

    def control_words(self, template: Template, atom: Atom) -> int:
        """Tokens of a prompt without its text and labels."""
        key = (template, atom)
        if key not in self._control:
            self._control[key] = self.prompt(template.prompt(atom, "x", ("x",))) - 1
        return self._control[key]

    def most_control_words(self, template: Template) -> int:
        """`control_words` of the longer of the two kinds of prompts."""
        return max(self.control_words(template, atom) for atom in ("cls", "ext"))
