"""Prompt templates and parsing of answers: exact inverses on everything that `render` accepts.

The released SeqGPT prompt, byte for byte (`⇥` is a TAB), for English and Chinese text alike:

    输入: {text}\\n分类: {label}，{label}\\n输出: [GEN]   ->  {label}⇥{label}
    输入: {text}\\n抽取: {query}，{query}\\n输出: [GEN]   ->  {query}: {span}⇥{span}\\n{query}: None\\n

The end of sequence `</s>` is a token, added where text becomes ids. Every query is echoed in
prompt order. A classification in which nothing fits is answered `None`.

**The escaping rule.** A text is one line; a label or query is one line without TAB, label
separator or outer spaces; a span is one line without TAB or outer spaces and is not `None`;
none of them has a control token such as `[GEN]` or `</s>`. `clean_text` and
`Template.clean_label` bring any string into that form, and `render` refuses what is not in it,
so nothing is ever garbled silently.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from seqgpt_jax.atomic.examples import Atom, Classification, Example, Extraction

GEN = "[GEN]"
NONE = "None"
TAB = "\t"
# Ids 0-3 of BLOOM's vocabulary: other tools would read them in a prompt as control tokens. Ours would read none but
# `[GEN]`, and none of any other tokenizer either (`data.prepare.encoder`).
CONTROL_TOKENS = ("<unk>", "<s>", "</s>", "<pad>", GEN)

# All that str.splitlines() breaks at: any of it would end the line that holds the text.
LINE_BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
# Half a character, as broken JSON escapes give it: no encoder takes it.
_SURROGATES = re.compile("[\ud800-\udfff]")
CONTROL_PATTERN = re.compile("|".join(re.escape(token) for token in CONTROL_TOKENS))
# Nearly every text is clean, and one search says so.
_UNCLEAN = re.compile("|".join(pattern.pattern for pattern in (LINE_BREAKS, _SURROGATES, CONTROL_PATTERN)))


class ContractError(ValueError):
    """A string that the prompt contract cannot carry, or an answer that does not follow it."""


def clean_text(text: str) -> str:
    """One line: line breaks become a space, control tokens are broken by a space (`< /s>`), half characters `\ufffd`.

    `text` and its spans must be cleaned alike: cleaning keeps every span a part of its text.
    """
    if not _UNCLEAN.search(text):
        return text
    text = _SURROGATES.sub("\ufffd", LINE_BREAKS.sub(" ", text))
    return CONTROL_PATTERN.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)


@functools.lru_cache(1 << 16)  # the same few labels come with every text of a task
def _clean_label(label: str, separator: str, separator_in_label: str) -> str:
    return clean_text(label).replace(TAB, " ").replace(separator, separator_in_label).strip()


@dataclass(frozen=True, slots=True)
class Template:
    """The control words of a prompt.

    Attributes:
      input, classify, extract, output: the words before the four colons.
      separator: between the labels of a prompt.
      separator_in_label: replaces the separator where a label contains it.
    """

    input: str
    classify: str
    extract: str
    output: str
    separator: str
    separator_in_label: str

    def clean_label(self, label: str) -> str:
        """The label in the form that `render` accepts (see the escaping rule above)."""
        return _clean_label(label, self.separator, self.separator_in_label)

    def _word(self, atom: Atom) -> str:
        return self.classify if atom == "cls" else self.extract

    def prompt(self, atom: Atom, text: str, labels: tuple[str, ...]) -> str:
        """The prompt up to and including `[GEN]`.

        Raises:
          ContractError: the text or a label breaks the escaping rule, or there is no label.
          TypeError: `labels` is one string.
        """
        if isinstance(labels, str):
            raise TypeError(f"labels are a list of strings, not the one string {labels!r}: write [{labels!r}]")
        if clean_text(text) != text:
            raise ContractError(f"the text has a line break or a control token: {text!r}")
        if not labels:
            raise ContractError("the label set is empty: give at least one label")
        if len(set(labels)) != len(labels):
            duplicates = sorted({label for label in labels if labels.count(label) > 1})
            raise ContractError(f"labels are there twice in one prompt: {', '.join(duplicates)}")
        for label in labels:
            if not label or self.clean_label(label) != label or (label == NONE and atom == "cls"):
                raise ContractError(
                    f"label {label!r} is empty, is {NONE!r}, or holds a line break, TAB, outer space, control token "
                    f"or the separator {self.separator!r}; Template.clean_label fixes it"
                )
        line = self.separator.join(labels)
        return f"{self.input}: {text}\n{self._word(atom)}: {line}\n{self.output}: {GEN}"

    def render(self, example: Example) -> tuple[str, str]:
        """(prompt, target) of one example; the target carries no `</s>`.

        Raises:
          ContractError: a part breaks the escaping rule, or an answer is not among the labels.
        """
        prompt = self.prompt(example.atom, example.text, example.labels)
        if isinstance(example, Classification):
            return prompt, _classification_target(example)
        return prompt, _extraction_target(example)

    def parse(self, prompt: str, target: str) -> Example:
        """The example whose `render` is (prompt, target).

        Raises:
          ContractError: no example renders to it.
        """
        atom, labels = self.question(prompt)
        text = self._text(prompt)
        make = Classification if atom == "cls" else Extraction
        return make(text=text, labels=labels, answers=parse_answer(atom, labels, target))

    def _text(self, prompt: str) -> str:
        return prompt.split("\n")[0].removeprefix(f"{self.input}: ")

    def question(self, prompt: str) -> tuple[Atom, tuple[str, ...]]:
        """The atomic task and the labels of a prompt.

        Raises:
          ContractError: `prompt` makes no such prompt.
        """
        lines = prompt.split("\n")
        if len(lines) == 3 and lines[0].startswith(f"{self.input}: ") and lines[2] == f"{self.output}: {GEN}":
            for atom in ("cls", "ext"):
                head = f"{self._word(atom)}: "
                if lines[1].startswith(head):
                    labels = tuple(lines[1].removeprefix(head).split(self.separator))
                    self.prompt(atom, self._text(prompt), labels)  # it refuses what no prompt may hold
                    return atom, labels
        raise ContractError(f"not a prompt of this template: {prompt!r}")


CHINESE = Template("输入", "分类", "抽取", "输出", separator="，", separator_in_label=",")
ENGLISH = Template("Input", "Classify", "Extract", "Output", separator=", ", separator_in_label="; ")
TEMPLATES = {"chinese": CHINESE, "english": ENGLISH}


def find_template(name: str) -> Template:
    """The template of this name; ContractError where there is none."""
    if name not in TEMPLATES:
        raise ContractError(f"there is no template {name!r}: known are {', '.join(TEMPLATES)}")
    return TEMPLATES[name]


def _classification_target(example: Classification) -> str:
    for answer in example.answers:
        if answer not in example.labels:
            raise ContractError(f"answer {answer!r} is not among the labels {example.labels}")
    if len(set(example.answers)) != len(example.answers):
        raise ContractError(f"an answer is given twice: {example.answers}")
    return TAB.join(example.answers) or NONE


def _is_span(span: str) -> bool:
    """Whether the escaping rule allows this span."""
    return bool(span) and span != NONE and TAB not in span and span.strip() == span and clean_text(span) == span


def _extraction_target(example: Extraction) -> str:
    if len(example.labels) != len(example.answers):
        raise ContractError(f"{len(example.labels)} queries but {len(example.answers)} answers")
    lines = []
    for query, spans in zip(example.labels, example.answers, strict=True):
        for span in spans:
            if not _is_span(span):
                raise ContractError(
                    f"span {span!r} of query {query!r} is empty, is {NONE!r}, or holds a line break, TAB, outer space "
                    "or control token"
                )
        lines.append(f"{query}: {TAB.join(spans) or NONE}\n")
    return "".join(lines)


def parse_answer(atom: Atom, labels: tuple[str, ...], target: str) -> tuple:
    """The answers in `target`, strictly: labels (cls) or a tuple of spans for each query (ext).

    Raises:
      ContractError: `target` is not what `render` writes for any example with these labels.
    """
    if atom == "cls":
        answers = () if target == NONE else tuple(target.split(TAB))
        unknown = [answer for answer in answers if answer not in labels]
        if unknown or len(set(answers)) != len(answers):
            raise ContractError(f"not a list of different labels out of {labels}: {target!r}")
        return answers
    lines = target.split("\n")
    if len(lines) != len(labels) + 1 or lines[-1]:
        raise ContractError(f"expected {len(labels)} lines, one for each query, each ended by a line break: {target!r}")
    answers = []
    for query, line in zip(labels, lines[:-1], strict=True):
        # In order, not by the first colon: queries may hold colons themselves.
        if not line.startswith(f"{query}: "):
            raise ContractError(f"expected a line that starts with {query + ': '!r}, found {line!r}")
        value = line.removeprefix(f"{query}: ")
        spans = () if value == NONE else tuple(value.split(TAB))
        if not all(map(_is_span, spans)):
            raise ContractError(
                f"a span in {line!r} is empty, is {NONE!r}, or holds a line break, outer space or control token"
            )
        answers.append(spans)
    return tuple(answers)


def read_answer(atom: Atom, labels: tuple[str, ...], output: str) -> tuple[tuple, bool]:
    """(answers, whether `output` is well-formed): `parse_answer` where it can, else `recover_answer`."""
    try:
        return parse_answer(atom, labels, output), True
    except ContractError:
        return recover_answer(atom, labels, output), False


def recover_answer(atom: Atom, labels: tuple[str, ...], output: str) -> tuple:
    r"""What can be read of a model's answer that `parse_answer` refuses; never raises.

    Labels and queries are recognized without regard to letter case, outer spaces and final periods; where two of them
    differ in nothing else, only in their exact spelling.

    Classification keeps the known labels, in a list with TABs, line breaks, commas (`,`, `，`, `、`) or semicolons
    between them, and after an introduction that ends in a colon (`答案: a`). Extraction takes the lines whose query is
    known (the longest one that fits; the first line of a query counts), with an ASCII or full-width colon, and leaves
    the other queries empty. Its spans are separated by TABs alone, as a span may hold a comma; `none` is no span.

    >>> recover_answer("cls", ("a", "b", "b, c"), "Answer: A、b, c.")
    ('a', 'b, c')
    >>> recover_answer("ext", ("person", "city"), "City：Rome\tParis\nperson: none")
    ((), ('Rome', 'Paris'))
    """
    known = _label_finder(labels)
    if atom == "cls":
        if output.strip() == NONE:
            return ()
        longest = 1 + max((len(_LIST_SEPARATOR.findall(label)) for label in labels), default=0)
        pieces = re.split("[\t\n]", output)
        return tuple(dict.fromkeys(label for piece in pieces for label in _listed(piece, known, longest)))
    spans_of: dict[str, tuple[str, ...]] = {}
    for line in output.split("\n"):
        for colon in reversed(list(_COLON.finditer(line))):
            if query := known(line[: colon.start()]):
                spans = (span.strip() for span in line[colon.end() :].split(TAB))
                spans_of.setdefault(query, tuple(span for span in spans if span and _folded(span) != _folded(NONE)))
                break
    return tuple(spans_of.get(query, ()) for query in labels)


_COLON = re.compile("[:：]")
_LIST_SEPARATOR = re.compile("[,，、;；]")


def _folded(string: str) -> str:
    """What is compared where spellings may differ."""
    return string.strip().rstrip(".。").rstrip().casefold()


def _label_finder(labels: tuple[str, ...]) -> Callable[[str], str | None]:
    """A function from a spelling to the label that is meant, or None."""
    exact, counts = set(labels), Counter(map(_folded, labels))
    folded = {_folded(label): label for label in labels if counts[_folded(label)] == 1 and _folded(label)}

    def find(spelling: str) -> str | None:
        spelling = spelling.strip()
        return spelling if spelling in exact else folded.get(_folded(spelling))

    return find


def _listed(piece: str, known: Callable[[str], str | None], longest: int) -> list[str]:
    """The labels that a part of an answer lists; a label has at most `longest` parts between separators."""
    bounds = [0, *(end for match in _LIST_SEPARATOR.finditer(piece) for end in match.span()), len(piece)]
    starts, ends = bounds[::2], bounds[1::2]
    found, item = [], 0
    while item < len(starts):
        # The longest stretch first: labels hold commas too.
        for last in reversed(range(item, min(item + longest, len(ends)))):
            introductions = _COLON.finditer(piece, starts[item], ends[item])
            stretches = [
                piece[start : ends[last]] for start in (starts[item], *(colon.end() for colon in introductions))
            ]
            if label := next(filter(None, map(known, stretches)), None):
                found.append(label)
                item = last
                break
        item += 1
    return found
