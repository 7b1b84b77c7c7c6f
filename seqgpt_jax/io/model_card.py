"""Model card: the README.md of an exported model."""

from collections.abc import Mapping
from typing import Any

from seqgpt_jax.io.contract import BaseWeights, ModelContract
from seqgpt_jax.io.hf_checkpoint import GENERATION
from seqgpt_jax.io.hub_access import HUB_NAME
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.registry import Architecture, family


def model_card(
    config: ModelConfig,
    *,
    title: str,
    prompts: Mapping[str, tuple[str, str]],
    contract: ModelContract,
    library: str = "transformers",
    base_model: str | None = None,
    license: str | None = None,
    scores: Mapping[str, Any] | None = None,
) -> str:
    """The card's text, with the front matter that the Hugging Face hub reads.

    Args:
      title: of the page.
      prompts: name of an atomic task -> (a prompt of the contract's template without its end, the answer), as examples.
      contract: how the model is asked, and what it was trained on.
      library: that loads the folder.
      base_model: hub name of the model that was fine-tuned; None: what the contract says.
      license: as the hub names it; None: that of the weights that training started from, or where these are not known
        of the family's published ones. A model that began with random weights has none until it is given one.
      scores: what `evaluate` writes as scores.json; shown as a table.

    Raises:
      KeyError: `scores` is something else.
    """
    architecture = family(config.architecture)
    # Of another base model nothing is known here.
    base = None if base_model and contract.base and base_model != contract.base.name else contract.base
    name = base_model or (base.name if base else "")
    origin = f"fine-tuned from {name}" if name else f"with the architecture of {architecture.title}"
    if base is not None and not name:
        origin = f"trained from random weights, {origin}"
    if not base_model and HUB_NAME.fullmatch(name):
        base_model = name
    license, license_note = _license(license, base, architecture)
    front = ["language: [en, zh]", *([f"license: {license}"] if license else []), f"library_name: {library}"]
    front += ["pipeline_tag: text-generation", "tags: [seqgpt, natural-language-understanding]"]
    if base_model:
        front.append(f"base_model: {base_model}")
    examples = "\n".join(
        f"**{name}**\n\n```text\n{prompt}{contract.prompt_end}\n```\n\n"
        f"answer (TAB between answers):\n\n```text\n{answer.rstrip()}\n```\n"
        for name, (prompt, answer) in prompts.items()
    )
    sections = [
        "---\n" + "\n".join(front) + "\n---",
        f"# {title}",
        f"A language-understanding model, {origin}, {config.num_params():,} parameters. It answers two atomic tasks, "
        "in English and Chinese, for label sets of your own: classification (pick the fitting labels) and extraction "
        "(find all spans for each query).",
        f"## Prompts\n\n{examples}",
        f"Labels are separated as shown, answers by a TAB. Prompts longer than {contract.max_prompt_tokens:,} tokens "
        f"are truncated on the left, and an answer has at most {contract.max_target_tokens:,} tokens; ask for at most "
        f"{contract.max_queries} extraction queries at a time. seqgpt.json has the same facts for programs.",
        "## Use\n\n```python\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")  # pads and cuts on the left\n'
        'model = AutoModelForCausalLM.from_pretrained("FOLDER")\n'
        'batch = tokenizer([prompt], return_tensors="pt", truncation=True, '
        f"max_length={contract.max_prompt_tokens})\n"
        f"{_generate(contract, library)}\n"
        'print(tokenizer.decode(output[0, batch["input_ids"].shape[1]:], skip_special_tokens=True))\n```',
        "Set no `repetition_penalty`: answers repeat the queries and copy names, which a penalty forbids. The released "
        "SeqGPT scripts set 2.0; a model of this package then loses its answers.",
    ]
    if contract.calibration:
        sections.append(
            "## Scores of answers\n\nseqgpt.json holds a calibration, fitted on a validation split, that seqgpt_jax "
            f"applies: temperature {contract.calibration.temperature:.3g} for labels that are compared; of log-odds "
            f"of spans slope {contract.calibration.slope:.3g} and intercept {contract.calibration.intercept:.3g}."
        )
    if contract.data:
        sections.append(f"## Training data\n\n{_training_data(contract.data)}")
    if scores:
        legend = "Times 100. The best baseline is a program without a model, on the same instances."
        sections.append(f"## Scores\n\n{legend}\n\n{_score_table(scores)}")
    sections.append(
        f"## License\n\n{license_note} The data sets that a model was trained on have licenses of their own."
    )
    return "\n\n".join(sections) + "\n"


def _generate(contract: ModelContract, library: str) -> str:
    """The line of the example that asks the model; a folder of adapters has no generation_config.json."""
    if library == "transformers":
        return "output = model.generate(**batch)  # beam search, 4 beams, as generation_config.json says"
    settings = GENERATION | {"max_new_tokens": contract.max_target_tokens}
    return f"output = model.generate(**batch, {', '.join(f'{name}={value}' for name, value in settings.items())})"


def _license(named: str | None, base: BaseWeights | None, architecture: Architecture) -> tuple[str | None, str]:
    """(the license as the hub names it, None where there is none; the sentence about it)."""
    if named:
        return named, f"This model is under the license {named}."
    if base is None or (base.name and not base.license):
        return architecture.license, architecture.license_note
    if not base.name:
        return None, "Training began with random weights: whoever publishes the model chooses its license."
    return base.license, f"{base.name}, which training started from, is under the license {base.license}."


def _training_data(data: Mapping[str, Any]) -> str:
    """The provenance of the last stage of training."""
    tasks = data["tasks"]
    return (
        f"The last stage of training used the prepared store `{data['store']}`: mixture `{data['mixture']}`, "
        f"{len(tasks)} tasks, content checksum `{data['content']}`.\n\n{', '.join(tasks)}"
    )


def _score_table(scores: Mapping[str, Any]) -> str:
    """A Markdown table: overall, then each family and language."""
    groups = {"all": scores["overall"], **scores["families"], **scores["languages"]}
    rows = []
    for name, group in groups.items():
        floor = group["baselines"][group["best_baseline"]]["f1"]
        numbers = (group["f1"], floor, group["paper_score"])
        rows.append(f"| {name} | {' | '.join(f'{number:.1f}' for number in numbers)} | {group['instances']:,} |")
    return "\n".join(["| | F1 | best baseline | paper score | instances |", "|---|---|---|---|---|", *rows])
