"""Grammar of the answers to a prompt as a string, for engines that serve an exported model: llguidance's Lark dialect.

vLLM, SGLang, llama.cpp and `transformers` take it (docs/gpu_serving.md). It allows what our own decoding allows,
and more spans after one that is in its line already, where ours ends (`text_copy.py`): a grammar remembers no spans.
"""

import json
from collections.abc import Sequence

from seqgpt_jax.atomic import NONE, TEMPLATES, Atom, Template, clean_text
from seqgpt_jax.decoding.completion import Choice


def grammar(
    text: str,
    labels: Sequence[str],
    task: Atom,
    *,
    choose: Choice = "any",
    template: Template = TEMPLATES["chinese"],
) -> str:
    """The grammar of the answers to one prompt.

    Args:
      text: of the prompt; the spans of an extraction are parts of it.
      labels: of the prompt, in its order. All are asked in this one prompt.
      task: "cls" or "ext".
      choose: of a classification: how many labels.
      template: of the prompt.

    Raises:
      ContractError: the text or the labels cannot be asked.

    >>> print(grammar("Ada", ["person"], "ext"))
    %llguidance {}
    start: "person: " value "\\n"
    value: "None" | SPAN ("\\t" SPAN)*
    SPAN: TEXT & /[^\\t]*/ & /\\S(.*\\S)?/ & ~"None"
    TEXT: %regex {"substring_chars": "Ada"}
    """
    text = clean_text(text)
    names = tuple(map(template.clean_label, labels))
    template.prompt(task, text, names)  # it refuses what no prompt may hold
    if task == "ext":
        lines = " ".join(f'{_quoted(f"{name}: ")} value "\\n"' for name in names)
        return "\n".join(
            [
                "%llguidance {}",
                f"start: {lines}",
                f'value: {_quoted(NONE)} | SPAN ("\\t" SPAN)*',
                f"SPAN: TEXT & /[^\\t]*/ & /\\S(.*\\S)?/ & ~{_quoted(NONE)}",
                f"TEXT: %regex {json.dumps({'substring_chars': text}, ensure_ascii=False)}",
            ]
        )
    first = [_quoted(name) for name in names]
    if choose == "any":
        # Each label at most once, in the order of the prompt.
        first = [f"{name} after{number}" for number, name in enumerate(first)]
    none = [] if choose == "one" else [_quoted(NONE)]
    rules = ["%llguidance {}", f"start: {' | '.join([*none, *first])}"]
    if choose == "any":
        for number in range(len(names) - 1):
            rules.append(f'after{number}: ("\\t" {_quoted(names[number + 1])})? after{number + 1}')
        rules.append(f'after{len(names) - 1}: ""')
    return "\n".join(rules)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
