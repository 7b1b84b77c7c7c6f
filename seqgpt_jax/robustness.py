"""Robustness of a model: how its answers change with the order, names and number of labels, typos and long texts.

    python -m seqgpt_jax.robustness --model=runs/ft --output=runs/ft/robustness --gin_file=eval.gin
    python -m seqgpt_jax.robustness --gin_file=own_cpu.gin --model=runs/tickets --output=robust --data=tickets.jsonl \\
        --perturbations=label_order,typos,negatives_only

Asks the records that `evaluate` would ask (the same flags and gin settings), and asks them again after each
perturbation: label_order, label_case, label_synonyms, labels_25 and labels_100 (so many labels, filled up with
unrelated ones), negatives_only (unrelated labels alone: the share of texts that are answered all the same), typos,
traditional_chinese, long_text, injection (the text ends with an instruction to the model).
F1 before and after is of the same instances, with the 95 % paired bootstrap interval of the difference.

Writes robustness.json and robustness.md, and a folder of scores and predictions for each perturbation, which
`python -m seqgpt_jax.report --scores=OUTPUT/typos` shows.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgpt_jax import command_line
from seqgpt_jax.evaluate import add_flags, model_and_stores

if TYPE_CHECKING:
    from seqgpt_jax.evaluation.evaluator import EvaluateConfig
    from seqgpt_jax.evaluation.predictions import Prediction
    from seqgpt_jax.evaluation.robustness.comparison import Predicted


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    add_flags(parser)
    parser.add_argument("--perturbations", metavar="NAMES", help="separated by commas; all of them without it")
    args, configs = command_line.parse(parser, argv, uses=("Evaluate", "Decode", "Prepare"))
    config, decode = configs.build("Evaluate"), configs.build("Decode")
    if ignored := [name for name in ("end_to_end", "metric") if getattr(config, name)]:
        raise command_line.UsageError(
            f"Evaluate.{ignored[0]} is for `evaluate`: robustness compares F1 of single answers"
        )
    names = _names(args.perturbations)

    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.decoding.devices import load_for
    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.evaluation.about import about_scores
    from seqgpt_jax.evaluation.evaluator import instances_to_ask
    from seqgpt_jax.evaluation.robustness.comparison import predict
    from seqgpt_jax.evaluation.robustness.page import robustness_page
    from seqgpt_jax.evaluation.robustness.perturbations import Perturbed, perturb

    model, contract, stores = model_and_stores(args, configs, config)
    instances = instances_to_ask(stores, config)
    asked = {"plain": [Perturbed(one, one) for one in instances]}
    asked |= {name: perturb(name, instances, config.seed) for name in names}
    for name in names:
        print(f"{name}: {len(asked[name]):,} of {len(instances):,} instances", flush=True)
    loaded = load_for(decode, model, step=args.step)
    engine = Engine.of(loaded, decode)
    about = about_scores(model, loaded.step, contract, stores, config, decode)
    predictions: dict[str, Predicted] = {}
    for number, (name, members) in enumerate(asked.items(), start=1):
        with progress_bar(f"{name} ({number} of {len(asked)})") as progress:
            predictions[name] = predict(engine, members, progress)
        if members:
            _write_scores(predictions[name].asked, args.output / name, about | {"perturbation": name}, config)
    result = _result(predictions, config) | {"about": about}
    (args.output / "robustness.json").write_text(
        json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    page = robustness_page(result)
    (args.output / "robustness.md").write_text(page, encoding="utf-8")
    print(page, end="")
    print(f"written: {args.output / 'robustness.md'}")
    return 0


def _names(given: str | None) -> list[str]:
    """The perturbations to ask.

    Raises:
      UsageError: a name is unknown.
    """
    from seqgpt_jax.evaluation.robustness.perturbations import PERTURBATIONS

    names = [name.strip() for name in given.split(",") if name.strip()] if given is not None else [*PERTURBATIONS]
    if unknown := [name for name in names if name not in PERTURBATIONS]:
        raise command_line.UsageError(
            f"--perturbations={given}: there is no {unknown[0]!r}; there are {', '.join(PERTURBATIONS)}"
        )
    if not names:
        raise command_line.UsageError("--perturbations names none: leave it out for all of them")
    return names


def _write_scores(
    predictions: "Sequence[Prediction]", folder: Path, about: dict[str, Any], config: "EvaluateConfig"
) -> None:
    from seqgpt_jax.evaluation.report import write_scores
    from seqgpt_jax.evaluation.scores import compute_scores

    write_scores(compute_scores(predictions, config.mode, config.resamples, config.seed), folder, about)


def _result(predictions: "dict[str, Predicted]", config: "EvaluateConfig") -> dict[str, Any]:
    """What each perturbation does, as JSON has it; None where it changes nothing here."""
    from seqgpt_jax.evaluation.robustness.comparison import added_labels_answered, by_family, effect, false_answers
    from seqgpt_jax.evaluation.robustness.perturbations import NEGATIVES_ONLY

    drawn = {"resamples": config.resamples, "seed": config.seed}
    plain = {one.record.instance: one for one in predictions["plain"].scored}
    found: dict[str, Any] = {}
    for name, predicted in predictions.items():
        members = predicted.scored
        if name == "plain":
            continue
        if not members:
            found[name] = None
        elif name == NEGATIVES_ONLY:
            found[name] = dataclasses.asdict(share) if (share := false_answers(members)) else None
        else:
            before = [plain[one.record.instance] for one in members]
            families = {family: dataclasses.asdict(one) for family, one in by_family(before, members, **drawn).items()}
            found[name] = dataclasses.asdict(effect(before, members, **drawn)) | {"families": families}
            if share := added_labels_answered(predicted):
                found[name]["added_labels_answered"] = dataclasses.asdict(share)
    return {"instances": len(plain), "perturbations": found}


if __name__ == "__main__":
    command_line.run(main)
