"""Import of a model from Hugging Face: weights checked, `[GEN]` made a token of its tokenizer.

    python -m seqgpt_jax.import_hf --source=bigscience/bloomz-560m --output=imported/bloomz-560m
    python -m seqgpt_jax.import_hf --source=/data/bloomz-560m --output=imported/bloomz-560m
    python -m seqgpt_jax.import_hf --source=SmolLM2-135M-Instruct.Q4_1.gguf --output=imported/smollm2-135m \\
        --gen_token='<repo_name>'

The output is a Hugging Face folder again: `[GEN]` is added to the tokenizer where it is missing, every weight is
checked against the config and written as safetensors with its bits unchanged (PyTorch is not needed to read
pytorch_model.bin). Recipes read their weights and tokenizer from `CHECKPOINT`: imported/NAME, or the folder that
--gin.CHECKPOINT names; `--model` takes it too. Where the vocabulary table has no row for `[GEN]`, it
takes that of an unused special token (--gen_token), or the table grows (--grow). A tokenizer without a padding token
gets an existing one for it, and the space that some read before each text is taken out.

A GGUF file of llama.cpp (extra `gguf`; of a split one, any part) becomes such a folder too, its quantized weights in
float32.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("--source", required=True, help="folder, name on the Hugging Face hub, or .gguf file")
    parser.add_argument(
        "--output", required=True, type=command_line.local_path, help="folder to write; must not exist, or be empty"
    )
    parser.add_argument("--revision", help="branch, tag or commit on the hub")
    parser.add_argument("--gen_token", metavar="NAME", help="unused special token whose row [GEN] takes: <repo_name>")
    parser.add_argument("--grow", action="store_true", help="new rows for the table where none is free for [GEN]")
    args, _ = command_line.parse(parser, argv)

    print(import_folder(args.source, args.output, args.revision, args.gen_token, args.grow))
    return 0


def import_folder(
    source_name: str, output: Path, revision: str | None = None, gen_token: str | None = None, grow: bool = False
) -> str:
    """Imports a model, as the flags of the command say; returns what has been done, in one line."""
    from seqgpt_jax.atomic import GEN
    from seqgpt_jax.io.contract import BaseWeights
    from seqgpt_jax.io.gguf_file import read_gguf
    from seqgpt_jax.io.hf_checkpoint import check_output, import_model, read_source
    from seqgpt_jax.io.published_weights import HubError, download
    from seqgpt_jax.io.tokenizer_import import import_tokenizer

    check_output(output)
    if revision and (source_name.endswith(".gguf") or Path(source_name).is_dir()):
        raise command_line.UsageError(
            f"--revision={revision} is of a model on the hub, but --source={source_name} is on this disk: leave it "
            "out, or run the command in another folder"
        )
    if source_name.endswith(".gguf"):
        source = read_gguf(Path(source_name))
    else:
        try:
            folder = Path(source_name) if Path(source_name).is_dir() else download(source_name, revision)
        except HubError as error:
            raise command_line.UsageError(f"--source={source_name}: {error}") from error
        if missing := [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]:
            raise command_line.UsageError(
                f"--source={source_name} is no Hugging Face model: no {', '.join(missing)}{_way_out(folder, missing)}"
            )
        source = read_source(folder)
    if source.contract.base is None:
        name = Path(source_name).resolve().name if Path(source_name).exists() else source_name
        contract = dataclasses.replace(source.contract, base=BaseWeights(name, source.license))
        source = dataclasses.replace(source, contract=contract)
    rows = source.model_config().vocab_size
    imported = import_tokenizer(source.tokenizer, rows, GEN, take=gen_token, grow=grow)
    config = import_model(source, output, imported.tokenizer, rows=imported.rows)
    return f"{output}: {config.num_params():,} parameters; {'; '.join(imported.changes)}"


def _way_out(folder: Path, missing: Sequence[str]) -> str:
    """What to do about files that a folder lacks, as far as its others show it."""
    if found := [path.name for path in sorted(folder.glob("*.gguf"))]:
        return f"; name one of its GGUF files: {', '.join(found)}"
    if "tokenizer.json" in missing and (folder / "tokenizer.model").is_file():
        return "; AutoTokenizer of transformers makes tokenizer.json of tokenizer.model: load it there, save_pretrained"
    return ""


if __name__ == "__main__":
    command_line.run(main)
