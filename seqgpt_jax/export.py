"""Export of a model as a Hugging Face folder, for `transformers` (from 4.28 on), vLLM and the like.

    python -m seqgpt_jax.export --model=runs/ft --output=exported/ft
    python -m seqgpt_jax.export --model=runs/ft --step=2000 --output=exported/ft --dtype=float32 \\
        --base_model=bigscience/bloomz-560m --scores=runs/ft/evaluation/scores.json

The folder has safetensors, tokenizer, config.json, generation_config.json (beam search with 4 beams), seqgpt.json (how
the model is asked) and README.md.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("--model", required=True, help="run folder (gs://… too), or Hugging Face folder")
    parser.add_argument(
        "--output", required=True, type=command_line.local_path, help="folder to write; must not exist, or be empty"
    )
    command_line.add_step(parser)
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16", help="of the stored weights")
    parser.add_argument("--max_shard_gb", type=float, default=5.0, help="largest file in GB (default 5)")
    parser.add_argument("--base_model", help="hub name of the model that was fine-tuned, for the card")
    parser.add_argument("--license", help="of the model, as the hub names it, for the card (default: its family's)")
    parser.add_argument("--scores", type=Path, help="scores.json of an evaluation, for the card")
    args, _ = command_line.parse(parser, argv)
    if args.max_shard_gb <= 0:
        raise command_line.UsageError(f"--max_shard_gb must be above 0, not {args.max_shard_gb}")
    scores = json.loads(args.scores.read_text(encoding="utf-8")) if args.scores else None

    from seqgpt_jax.atomic import GEN, Classification, Extraction, find_template
    from seqgpt_jax.io.contract import read_contract
    from seqgpt_jax.io.hf_checkpoint import check_output, params_to_hf, save_folder
    from seqgpt_jax.io.model_card import model_card
    from seqgpt_jax.io.model_folder import load, open_folder
    from seqgpt_jax.models.parameters import params_of

    check_output(args.output)
    contract = read_contract(open_folder(args.model), log=print)
    template = find_template(contract.template)
    loaded = load(args.model, step=args.step, dtype=args.dtype)  # cast as it is read
    text = "Ada Lovelace visited Turin in 1840."
    examples = {
        "Classification": Classification(text, ("travel", "sport"), ("travel",)),
        "Extraction": Extraction(text, ("person", "city", "company"), (("Ada Lovelace",), ("Turin",), ())),
    }
    rendered = {name: template.render(example) for name, example in examples.items()}
    prompts = {name: (prompt.removesuffix(GEN), answer) for name, (prompt, answer) in rendered.items()}
    try:
        card = model_card(
            loaded.config,
            title=args.output.name,
            prompts=prompts,
            contract=contract,
            base_model=args.base_model,
            license=args.license,
            scores=scores,
        )
    except KeyError as error:
        raise command_line.UsageError(f"{args.scores} is no scores.json of `evaluate`: it lacks {error}") from error
    params = params_of(loaded.model)
    tensors = params_to_hf(params, loaded.config, args.dtype)
    max_shard_bytes = int(args.max_shard_gb * 1e9)
    save_folder(
        args.output,
        loaded.config,
        tensors,
        loaded.tokenizer,
        max_shard_bytes=max_shard_bytes,
        contract=contract,
        card=card,
    )
    print(f"{args.output}: {loaded.config.num_params():,} parameters in {args.dtype}")
    return 0


if __name__ == "__main__":
    command_line.run(main)
