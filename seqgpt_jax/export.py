"""Export of a model as a Hugging Face folder, for `transformers` (from 4.28 on), vLLM and the like.

    python -m seqgpt_jax.export --model=runs/ft --output=exported/ft
    python -m seqgpt_jax.export --model=runs/ft --step=2000 --output=exported/ft --dtype=float32 \\
        --base_model=bigscience/bloomz-560m --scores=runs/ft/evaluation/scores.json
    python -m seqgpt_jax.export --model=runs/lora --output=exported/lora --adapter      # for `peft`
    HF_TOKEN=… python -m seqgpt_jax.export --model=runs/ft --output=exported/ft --push=acme/tickets

The folder has safetensors, tokenizer, config.json, generation_config.json (beam search with 4 beams), seqgpt.json (how
the model is asked) and README.md. Of a run of adapters (LoRA) it holds the base model with these added to its weights;
with --adapter the adapters alone, as PEFT's adapter_model.safetensors and adapter_config.json. --push uploads it to the
Hugging Face hub, a new repository as a private one.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.io.contract import ModelContract
    from seqgpt_jax.models.backbone import ModelConfig


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
    parser.add_argument("--license", help="of the model, as the hub names it (default: its base model's)")
    parser.add_argument("--adapter", action="store_true", help="of a run of adapters (LoRA): these alone, for `peft`")
    parser.add_argument("--scores", type=Path, help="scores.json of an evaluation, for the card")
    parser.add_argument("--push", metavar="OWNER/NAME", help="upload the folder to the Hugging Face hub too")
    args, _ = command_line.parse(parser, argv)
    if args.max_shard_gb <= 0:
        raise command_line.UsageError(f"--max_shard_gb must be above 0, not {args.max_shard_gb}")
    scores = json.loads(args.scores.read_text(encoding="utf-8")) if args.scores else None

    from seqgpt_jax.decoding.devices import load_on_host
    from seqgpt_jax.io.contract import read_contract
    from seqgpt_jax.io.hf_checkpoint import check_output, params_to_hf, save_folder
    from seqgpt_jax.io.hub_upload import check_access, upload
    from seqgpt_jax.io.model_folder import open_folder
    from seqgpt_jax.models.parameters import params_of

    check_output(args.output)
    contract = read_contract(open_folder(args.model), log=print)
    if args.push:
        check_access(args.push)
    if args.adapter:
        export_adapter(args, contract, scores)
        if args.push:
            print(f"uploaded: {upload(args.output, args.push)}")
        return 0
    loaded = load_on_host(args.model, step=args.step, dtype=args.dtype)
    card = card_of(args, loaded.config, contract, scores, library="transformers")
    tensors = params_to_hf(params_of(loaded.model), loaded.config, args.dtype)
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
    if args.push:
        print(f"uploaded: {upload(args.output, args.push)}")
    return 0


def export_adapter(args: argparse.Namespace, contract: "ModelContract", scores: dict[str, Any] | None) -> None:
    """Exports the adapters of a run without their base model.

    Raises:
      UsageError: the model is no run of adapters.
    """
    from seqgpt_jax.io.lora_folder import read_adapters
    from seqgpt_jax.io.model_folder import is_run, load_adapter, open_folder, read_run_config, tokenizer_folder
    from seqgpt_jax.io.peft_adapter import peft_tensors, save_peft_folder
    from seqgpt_jax.io.tokenizer import load_tokenizer

    folder = open_folder(args.model)
    adapters = read_adapters(folder)
    if adapters is None:
        raise command_line.UsageError(f"--adapter is for a run with Lora.rank above 0, and {folder} is none")
    base = open_folder(adapters.base) if args.base_model is None else None
    if base is not None and is_run(base):
        raise command_line.UsageError(
            f"`peft` loads adapters onto a Hugging Face model, and the base model {base} is a run folder: export it "
            "too, and give the name or path of that folder as --base_model"
        )
    config = read_run_config(folder)
    adapter, _ = load_adapter(folder, adapters, step=args.step)
    tensors = peft_tensors(adapter, config, args.dtype)
    save_peft_folder(
        args.output,
        tensors,
        adapters.config,
        load_tokenizer(tokenizer_folder(folder), contract.prompt_end),
        base=args.base_model or adapters.base,
        contract=contract,
        card=card_of(args, config, contract, scores, library="peft"),
    )
    print(f"{args.output}: adapters of {len(tensors) // 2:,} linear maps in {args.dtype}")


def card_of(
    args: argparse.Namespace,
    config: "ModelConfig",
    contract: "ModelContract",
    scores: dict[str, Any] | None,
    *,
    library: str,
) -> str:
    """The README.md of the exported folder.

    Raises:
      UsageError: `scores` is not what `evaluate` writes.
    """
    from seqgpt_jax.atomic import GEN, Classification, Extraction, find_template
    from seqgpt_jax.io.model_card import model_card

    template = find_template(contract.template)
    text = "Ada Lovelace visited Turin in 1840."
    examples = {
        "Classification": Classification(text, ("travel", "sport"), ("travel",)),
        "Extraction": Extraction(text, ("person", "city", "company"), (("Ada Lovelace",), ("Turin",), ())),
    }
    rendered = {name: template.render(example) for name, example in examples.items()}
    prompts = {name: (prompt.removesuffix(GEN), answer) for name, (prompt, answer) in rendered.items()}
    try:
        return model_card(
            config,
            title=args.output.name,
            prompts=prompts,
            contract=contract,
            library=library,
            # A folder of this disk is no name that others find; what the model began with, seqgpt.json knows.
            base_model=None if args.base_model and Path(args.base_model).is_dir() else args.base_model,
            license=args.license,
            scores=scores,
        )
    except KeyError as error:
        raise command_line.UsageError(f"{args.scores} is no scores.json of `evaluate`: it lacks {error}") from error


if __name__ == "__main__":
    command_line.run(main)
