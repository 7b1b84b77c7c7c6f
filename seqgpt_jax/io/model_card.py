"""The README.md of an exported model."""

from collections.abc import Mapping
from typing import Any

from seqgpt_jax.models.config import BloomConfig


def model_card(
    config: BloomConfig,
    *,
    title: str,
    prompts: Mapping[str, tuple[str, str]],
    base_model: str | None = None,
    scores: Mapping[str, Any] | None = None,
) -> str:
    """The card's text, with the front matter that the Hugging Face hub reads.

    Args:
      title: of the page.
      prompts: name of an atomic task -> (a prompt, its answer), shown as examples.
      base_model: hub name of the model that was fine-tuned, if any.
      scores: what `evaluate` writes as scores.json; shown as a table.

    Raises:
      KeyError: `scores` is something else.
    """
    front = ["language: [en, zh]", "license: bigscience-bloom-rail-1.0", "library_name: transformers"]
    front += ["pipeline_tag: text-generation", "tags: [seqgpt, natural-language-understanding]"]
    if base_model:
        front.append(f"base_model: {base_model}")
    origin = f"fine-tuned from {base_model}" if base_model else "with the architecture of BLOOM"
    examples = "\n".join(
        f"**{name}**\n\n```text\n{prompt}\n```\n\nanswer (TAB between answers):\n\n```text\n{answer.rstrip()}\n```\n"
        for name, (prompt, answer) in prompts.items()
    )
    sections = [
        "---\n" + "\n".join(front) + "\n---",
        f"# {title}",
        f"A language-understanding model, {origin}, {config.num_params():,} parameters. It answers two atomic tasks, "
        "in English and Chinese, for label sets of your own: classification (pick the fitting labels) and extraction "
        "(find all spans for each query).",
        f"## Prompts\n\n{examples}",
        "Labels are separated by a full-width comma, answers by a TAB. Prompts longer than 1,024 tokens are cut from "
        "the left; ask for at most 6 extraction queries at a time.",
        "## Use\n\n```python\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")  # pads and cuts on the left\n'
        'model = AutoModelForCausalLM.from_pretrained("FOLDER")\n'
        'batch = tokenizer([prompt], return_tensors="pt", truncation=True, max_length=1024)\n'
        "output = model.generate(**batch)  # beam search, 4 beams, as generation_config.json says\n"
        'print(tokenizer.decode(output[0, batch["input_ids"].shape[1]:], skip_special_tokens=True))\n```',
    ]
    if scores:
        sections.append(f"## Scores\n\nTimes 100.\n\n{_score_table(scores)}")
    sections.append(
        "## Licence\n\nBLOOM and BLOOMZ weights, and models derived from them, are under the "
        "[BigScience RAIL License v1.0](https://huggingface.co/spaces/bigscience/license), which restricts some uses. "
        "The data sets that a model was trained on have licences of their own."
    )
    return "\n\n".join(sections) + "\n"


def _score_table(scores: Mapping[str, Any]) -> str:
    """A Markdown table: overall, then each family and language."""
    rouge = f"rouge_{scores['mode']}"
    groups = {"all": scores["overall"], **scores["families"], **scores["languages"]}
    rows = [
        f"| {name} | {group['score']:.1f} | {group['f1']:.1f} | {group[rouge]:.1f} | {group['prompts']:,} |"
        for name, group in groups.items()
    ]
    return "\n".join(["| | score | F1 | ROUGE | prompts |", "|---|---|---|---|---|", *rows])
