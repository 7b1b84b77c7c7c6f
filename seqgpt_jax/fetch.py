"""Fetch of all that a run needs and that is not here: data sets, base weights, tokenizer.

    python -m seqgpt_jax.fetch --gin_file=ft.gin --list     # what is missing: sizes, licenses, forms
    python -m seqgpt_jax.fetch --gin_file=ft.gin            # gets it
    python -m seqgpt_jax.train --gin_file=ft.gin --fetch    # gets it and trains

Data sets go below the folder that SEQGPT_DATA_DIR or Prepare.data_dir names, by default ~/.cache/seqgpt_jax/datasets,
where `prepare` and `train` then find them. Weights are imported into the folder that the gin file names (CHECKPOINT).
The command can be killed and repeated; docs/downloads.md has mirrors, tokens, proxies, and what is checked.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.data.prepare.config import PrepareConfig
    from seqgpt_jax.data.raw.task_spec import TaskSpec
    from seqgpt_jax.data.requirements import MissingData
    from seqgpt_jax.io.published_weights import WeightsConfig


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    command_line.add_own_data(parser)
    parser.add_argument("--list", action="store_true", help="print what is missing and stop")
    args, configs = command_line.parse(parser, argv, uses=("Prepare", "Weights"))
    prepare, weights = configs.build("Prepare"), configs.build("Weights")
    if args.list:
        data, folder = missing(prepare, weights)
        print("\n".join(_lines(data, folder, weights)) or "nothing is missing")
        return 0
    fetch_missing(prepare, weights)
    return 0


def missing(
    prepare: "PrepareConfig", weights: "WeightsConfig", *, with_data: bool = True
) -> tuple["MissingData", Path | None]:
    """(the data sets that are missing, the folder of the weights and the tokenizer where it is)."""
    from seqgpt_jax import tasks
    from seqgpt_jax.data.raw.files import default_data_folder
    from seqgpt_jax.data.requirements import MissingData, missing_data
    from seqgpt_jax.io.storage import is_remote

    here = prepare.data_folder() or default_data_folder()
    data = missing_data(prepare, tasks) if with_data else MissingData(here)
    folder = Path(prepare.tokenizer)
    trained_here = prepare.tokenizer_vocab_size is not None
    lacks_weights = weights.source and not trained_here and not is_remote(prepare.tokenizer) and not folder.exists()
    return data, folder if lacks_weights else None


def check_nothing_missing(
    prepare: "PrepareConfig", weights: "WeightsConfig", command: str, *, with_data: bool = True
) -> None:
    """Raises one UsageError that names all that is missing, where the run would stop (see `Prepare.missing`)."""
    data, folder = missing(prepare, weights, with_data=with_data)
    if _stops(data, prepare) or folder is not None:
        lines = "\n".join(_lines(data, folder, weights))
        raise command_line.UsageError(
            f"this run needs what is not here:\n{lines}\n`{command}` fetches all that can be downloaded; "
            "`train --fetch` does so and trains"
            + ("; `--gin.Prepare.missing=skip` goes on with the data sets that are here" if data.needed else "")
        )


def fetch_missing(prepare: "PrepareConfig", weights: "WeightsConfig", *, with_data: bool = True) -> None:
    """Prints what is missing and fetches it: data sets first, then weights.

    Raises:
      UsageError: something without which the run does not begin could not be fetched.
    """
    from rich.console import Console

    from seqgpt_jax.console.download import ConsoleReporter
    from seqgpt_jax.data.raw import download

    data, folder = missing(prepare, weights, with_data=with_data)
    print("\n".join(_lines(data, folder, weights)) or "nothing is missing", flush=True)
    if data.public:
        console = Console(highlight=False, emoji=False)
        download.download_all(data.public, data.folder, ConsoleReporter(console))
    if folder is not None:
        _fetch_weights(folder, weights, data.folder)
    data, _ = missing(prepare, weights, with_data=with_data)
    if _stops(data, prepare):
        raise command_line.UsageError(
            f"not here, and needed: {', '.join(data.needed)}; run it again, or go on without them: "
            "--gin.Prepare.missing=skip"
        )


def _stops(data: "MissingData", prepare: "PrepareConfig") -> bool:
    return bool(data.needed) and prepare.missing == "stop"


def _lines(data: "MissingData", folder: Path | None, weights: "WeightsConfig") -> list[str]:
    from seqgpt_jax.console.requirements import data_lines, weights_line
    from seqgpt_jax.data.requirements import download_sizes
    from seqgpt_jax.io.published_weights import HubError, Published, look_up

    sizes = download_sizes(data)
    sizes |= {name: _declared_size(data.public[name]) for name, size in sizes.items() if size is None}
    lines = data_lines(data, sizes)
    if folder is not None:
        try:
            found: Published | str = look_up(weights.source, weights.revision)
        except HubError as error:
            found = str(error)
        lines.append(weights_line(folder, weights, found))
    return lines


def _declared_size(specs: "list[TaskSpec]") -> int | None:
    """Bytes of the files of a data set as its declaration has them; None where it lacks one."""
    from seqgpt_jax.tasks.declarations import FILE_SIZES

    known = FILE_SIZES.get(specs[0].dataset.name, {})
    files = {file for spec in specs for names in spec.splits.values() for file in names}
    return sum(known[file] for file in files) if files <= known.keys() else None


def _fetch_weights(folder: Path, weights: "WeightsConfig", data_folder: Path) -> None:
    """Imports the weights at the commit on record, else at the newest, which is put on record."""
    from seqgpt_jax.data.raw.lock_file import LockFile
    from seqgpt_jax.import_hf import import_folder
    from seqgpt_jax.io.published_weights import look_up

    lock, key = LockFile(data_folder), f"huggingface.co/{weights.source}"
    commit = weights.revision or lock.source(key).get("revision") or look_up(weights.source).commit
    print(import_folder(weights.source, folder, commit, weights.gen_token, weights.grow), flush=True)
    lock.record(key, {"revision": commit}, {})


if __name__ == "__main__":
    command_line.run(main)
