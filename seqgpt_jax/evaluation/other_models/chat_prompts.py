"""Chat prompts: SeqGPT's prompt for ChatGPT (figure 1 of the paper), and one for classifications in its manner.

The paper shows the prompt of an extraction alone, and not how answers are read. Here they are read line by line, and a
line is divided at commas, because chat models separate several spans so: a span that holds a comma with a space after
it cannot be distinguished from two. The answer to a question (a label that ends in a question mark) is not divided
where it is in the text as a whole.
"""

import re

from seqgpt_jax.atomic import NONE, TAB, recover_answer
from seqgpt_jax.decoding.completion import Choice, Prompt
from seqgpt_jax.evaluation.instances import target

_CLASSIFICATIONS: dict[Choice, tuple[str, str]] = {
    "one": ("Choose the one of the above candidate labels that fits the following text best.", "the label"),
    "one_or_none": (
        "Choose the one of the above candidate labels that fits the following text, if there is one.",
        f"the label, or {NONE}",
    ),
    "any": (
        "Choose all of the above candidate labels that fit the following text.",
        f"the labels, separated by commas, or {NONE}",
    ),
}
# What chat models write where nothing was found.
_NOTHING = frozenset(("", "none", "n/a", "na", "nil", "null", "not found", "-", "—", "无", "没有", "[]"))
_SEPARATOR = re.compile(r"[,;|]\s+|\s*[，、；]\s*")
_TIGHT_SEPARATOR = re.compile(r"[,;|]")
# Bullets, numbers and bold type of Markdown.
_MARKUP = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+|\*\*|`", re.MULTILINE)


def chat_prompt(prompt: Prompt) -> str:
    """The question of a prompt as a chat message.

    Raises:
      ValueError: the prompt does not say which text it is about.
    """
    if prompt.source_text is None:
        raise ValueError("a chat prompt needs the text that is asked about (Prompt.source_text)")
    if prompt.atom == "ext":
        task = "Extract all entities belonging to the above candidate labels from the following text."
        form = "each line has the form\nLabel: All entities belonging to this label"
    else:
        task, form = _CLASSIFICATIONS[prompt.choose]
    return (
        f"[Label begin]\n{', '.join(prompt.labels)}\n[Label end]\n{task}\n"
        f"[Text begin]\n{prompt.source_text}\n[Text end]\nOutput format: {form}\nAnswer:"
    )


def read_chat(prompt: Prompt, output: str) -> str:
    r"""An answer to a chat prompt in the form of the contract; as it is where nothing in it can be read.

    >>> prompt = Prompt("ext", ("person", "place"), "", source_text="Ada Lovelace and Babbage met in London.")
    >>> read_chat(prompt, "**Person**: Ada Lovelace, Babbage\n- place: London")
    'person: Ada Lovelace\tBabbage\nplace: London\n'
    >>> read_chat(prompt, "I cannot help with that.")
    'I cannot help with that.'
    """
    plain = _MARKUP.sub("", output.replace("\r\n", "\n"))
    answers = recover_answer(prompt.atom, prompt.labels, plain)
    if prompt.atom == "cls":
        nothing = plain.strip().rstrip(".。").casefold() in _NOTHING - {""}
        return TAB.join(answers) or (NONE if nothing else output)
    lines = plain.split("\n")
    asked = {label.casefold() for label in prompt.labels}
    named = any(re.split("[:：]", line)[0].strip().casefold() in asked for line in lines if re.search("[:：]", line))
    if not any(answers) and not named:
        return output
    text = prompt.source_text or ""
    values = (_values(label, lines, text) for label, lines in zip(prompt.labels, answers, strict=True))
    return target("ext", prompt.labels, tuple(values))


def _values(label: str, values: tuple[str, ...], text: str) -> tuple[str, ...]:
    """The spans of a label, divided at commas; none that says that there is none."""
    parts = []
    for value in values:
        if label.rstrip().endswith(("?", "？")) and value in text:
            parts.append(value)
            continue
        for part in _SEPARATOR.split(value):
            parts += [part] if part in text else _TIGHT_SEPARATOR.split(part)
    parts = [part if part in text else part.strip("\"'“”‘’ ") for part in parts]
    return tuple(dict.fromkeys(part for part in parts if part.rstrip(".。").casefold() not in _NOTHING))
