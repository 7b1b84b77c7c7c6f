"""Calibration of a model's scores on a validation split, kept beside the model and used from then on.

    python -m seqgpt_jax.evaluate --model=runs/ft --output=scores/validation --gin_file=eval.gin \\
        --gin.Evaluate.splits="('validation',)"
    python -m seqgpt_jax.calibrate --model=runs/ft --evaluation=scores/validation

Reads the predictions of an evaluation of the model, fits what its probabilities have to become to be shares of right
answers, prints the expected calibration error before and after, and writes it into the seqgpt.json of the model's
folder. Whatever asks the model uses it, and `export` takes it along. The answers to a text of one prompt stay the same,
only their scores change: choose thresholds anew. Training on takes it out.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("--model", required=True, help="run folder (gs://… too), or Hugging Face folder")
    parser.add_argument("--evaluation", type=Path, help="what `evaluate --output` wrote about this model")
    parser.add_argument("--remove", action="store_true", help="take the calibration out again")
    args, _ = command_line.parse(parser, argv)
    if args.remove == bool(args.evaluation):
        raise command_line.UsageError("give --evaluation=FOLDER, or --remove")

    from seqgpt_jax.evaluation.score_calibration import LEAST, fit, read_evidence
    from seqgpt_jax.io.contract import ScoreCalibration, read_contract, write_contract
    from seqgpt_jax.io.model_folder import open_folder
    from seqgpt_jax.io.run_checkpoints import by_loss, complete_steps, validation_losses
    from seqgpt_jax.io.storage import absolute, open_path

    folder = open_folder(args.model)
    contract = read_contract(folder, log=print)
    if args.remove:
        write_contract(folder, dataclasses.replace(contract, calibration=None))
        print(f"{folder}: scores are the model's own")
        return 0
    try:
        about = json.loads((args.evaluation / "scores.json").read_text(encoding="utf-8"))["about"]
        if "endpoint" in about:
            raise command_line.UsageError(
                f"{args.evaluation} has the answers of {about['model']} at {about['endpoint']}, which have no "
                "probabilities: give an evaluation without --endpoint"
            )
        evaluated, earlier = about["model"], about["contract"].get("calibration") or {}
        constrained, step = about["Decode"]["constrained"], about.get("step")
        contextual = about["Decode"].get("contextual_calibration", False)
        evidence = read_evidence(args.evaluation / "predictions.jsonl")
    except command_line.UsageError:
        raise
    except OSError as error:
        raise command_line.UsageError(f"{error.filename} cannot be read: give the --output of `evaluate`") from error
    except (ValueError, KeyError, TypeError) as error:
        raise command_line.UsageError(f"{args.evaluation} is no output of `evaluate`: {error}") from error
    if absolute(open_path(evaluated)) != absolute(folder):
        raise command_line.UsageError(f"{args.evaluation} has the scores of {evaluated}, not of {folder}")
    if step is not None:
        steps = complete_steps(folder)
        usual = {*steps[:1], *by_loss(validation_losses(folder, steps))[:1]}
        if step not in usual:
            raise command_line.UsageError(
                f"{args.evaluation} has the scores of step {step}, but {folder} answers with step "
                f"{' or '.join(map(str, sorted(usual, reverse=True))) or '?'}: evaluate it anew"
            )
        print(f"fitted to the answers of step {step}")
    if not constrained:
        raise command_line.UsageError(f"{args.evaluation} is of free decoding (Decode.constrained=False)")
    if contextual:
        raise command_line.UsageError(
            f"{args.evaluation} has probabilities that were divided by those after no text "
            "(Decode.contextual_calibration=True), which answers have only where they are asked for so: evaluate with "
            "--gin.Decode.contextual_calibration=False"
        )
    found = fit(evidence)
    if not found.errors:
        raise command_line.UsageError(
            f"{len(evidence.compared)} compared labels and {len(evidence.values)} spans and other labels with scores "
            f"are too few: at least {LEAST} of a kind are needed, right ones and wrong ones; raise Evaluate.records"
        )
    calibration = found.calibration.after(ScoreCalibration(**earlier))
    write_contract(folder, dataclasses.replace(contract, calibration=calibration))
    for kind, (number, before, after) in found.errors.items():
        print(f"{kind}: expected calibration error {before:.1f} -> {after:.1f} (0-100; {number:,} scores)")
    print(f"{folder}: {dataclasses.asdict(calibration)}")
    return 0


if __name__ == "__main__":
    command_line.run(main)
