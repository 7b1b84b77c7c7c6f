"""Import of a model from Hugging Face: weights checked, `[GEN]` made a token of its tokenizer.

    python -m seqgpt_jax.import_hf --source=bigscience/bloomz-560m --output=models/bloomz-560m
    python -m seqgpt_jax.import_hf --source=/data/bloomz-560m --output=models/bloomz-560m
    python -m seqgpt_jax.import_hf --source=SmolLM2-135M-Instruct.Q4_1.gguf --output=models/smollm2-135m \\
        --gen_token='<repo_name>'

The output is a Hugging Face folder again: `[GEN]` is added to the tokenizer where it is missing, every weight is
checked against the config and written as safetensors with its bits unchanged (PyTorch is not needed to read
pytorch_model.bin). Point `Train.init_from` or `--model` at it. Where the vocabulary table has no row for `[GEN]`, it
takes that of an unused special token (--gen_token), or the table grows (--grow). A tokenizer without a padding token
gets an existing one for it, and the space that some read before each text is taken out.

A GGUF file of llama.cpp (extra `gguf`; of a split one, any part) becomes such a folder too, its quantized weights in
float32.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line

# Configuration, tokenizer and weights in either format; not the Flax, ONNX and optimizer files that some hubs hold.
_TOKENIZER = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt")
_WANTED = ("config.json", *_TOKENIZER, "README.md")  # which names the license
_SAFETENSORS, _TORCH = "model*.safetensors*", "pytorch_model*"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("--source", required=True, help="folder, name on the Hugging Face hub, or .gguf file")
    parser.add_argument("--output", required=True, type=Path, help="folder to write; must not exist, or be empty")
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--gen_token", metavar="NAME", help="unused special token whose row [GEN] takes: <repo_name>")
    parser.add_argument("--grow", action="store_true", help="new rows for the table where none is free for [GEN]")
    args, _ = command_line.parse(parser, argv)

    from seqgpt_jax.atomic import GEN
    from seqgpt_jax.io.contract import BaseWeights
    from seqgpt_jax.io.gguf_file import read_gguf
    from seqgpt_jax.io.hf_checkpoint import check_output, import_model, read_source
    from seqgpt_jax.io.tokenizer_import import import_tokenizer

    check_output(args.output)
    if args.source.endswith(".gguf"):
        source = read_gguf(Path(args.source))
    else:
        folder = Path(args.source) if Path(args.source).is_dir() else _download(args.source, args.revision)
        if missing := [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]:
            raise command_line.UsageError(
                f"--source={args.source} is no Hugging Face model: no {', '.join(missing)}{_way_out(folder, missing)}"
            )
        source = read_source(folder)
    if source.contract.base is None:
        name = Path(args.source).resolve().name if Path(args.source).exists() else args.source
        contract = dataclasses.replace(source.contract, base=BaseWeights(name, source.license))
        source = dataclasses.replace(source, contract=contract)
    rows = source.model_config().vocab_size
    imported = import_tokenizer(source.tokenizer, rows, GEN, take=args.gen_token, grow=args.grow)
    config = import_model(source, args.output, imported.tokenizer, rows=imported.rows)
    print(f"{args.output}: {config.num_params():,} parameters; {'; '.join(imported.changes)}")
    return 0


def _way_out(folder: Path, missing: Sequence[str]) -> str:
    """What to do about files that a folder lacks, as far as its others show it."""
    if found := [path.name for path in sorted(folder.glob("*.gguf"))]:
        return f"; name one of its GGUF files: {', '.join(found)}"
    if "tokenizer.json" in missing and (folder / "tokenizer.model").is_file():
        return "; AutoTokenizer of transformers makes tokenizer.json of tokenizer.model: load it there, save_pretrained"
    return ""


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    try:
        files = HfApi().list_repo_files(name, revision=revision)
        weights = _SAFETENSORS if any(file.endswith(".safetensors") for file in files) else _TORCH
        return Path(snapshot_download(name, revision=revision, allow_patterns=[*_WANTED, weights]))
    except Exception as error:  # what the hub's client raises without a network differs between its versions
        raise command_line.UsageError(
            f"{name!r} is neither a folder here nor a model that can be fetched from the Hugging Face hub ({error})"
        ) from error


if __name__ == "__main__":
    command_line.run(main)
