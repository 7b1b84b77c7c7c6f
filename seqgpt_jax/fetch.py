"""Fetch of all that a run needs and that is not here: data sets, base weights, tokenizer.

    python -m seqgpt_jax.fetch --gin_file=ft.gin --list     # what is missing: sizes, licenses, forms
    python -m seqgpt_jax.fetch --gin_file=ft.gin            # gets it
    python -m seqgpt_jax.train --gin_file=ft.gin --fetch    # gets it and trains

Data sets go below the folder that SEQGPT_DATA_DIR or Prepare.data_dir names, by default ~/.cache/seqgpt_jax/datasets,
where `prepare` and `train` then find them. Weights are imported into the folder that the gin file names (CHECKPOINT).
The command can be killed and repeated; docs/downloads.md has mirrors, tokens, proxies, and what is checked.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.data.prepare.config import PrepareConfig
    from seqgpt_jax.data.raw.download import Reporter
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
    return fetch_missing(prepare, weights)


def command_for(args: argparse.Namespace, words: Sequence[str]) -> list[str]:
    """The words of the `fetch` command that gets what another command lacks.

    Args:
      args: of the other command.
      words: its command line.
    """
    flags = [f"--gin_file={file}" for file in args.gin_file] + [f"--data={data}" for data in args.own_data]
    flags += [f"--{name}={getattr(args, name)}" for name in ("columns", "format") if getattr(args, name)]
    # `fetch` reads these two configurations, and refuses settings of others.
    names = [(word, word.removeprefix("--gin.").partition("=")[0]) for word in words if word.startswith("--gin.")]
    flags += [word for word, name in names if "." not in name or name.startswith(("Prepare.", "Weights."))]
    return ["python", "-m", "seqgpt_jax.fetch", *flags]


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
    if data.needed or folder is not None:
        lines = "\n".join(_lines(data, folder, weights))
        raise command_line.UsageError(
            f"this run needs what is not here:\n{lines}\n`{command}` fetches all that can be downloaded; "
            "`train --fetch` does so and trains"
            + ("; `--gin.Prepare.missing=skip` goes on with the data sets that are here" if data.needed else "")
        )


def fetch_missing(prepare: "PrepareConfig", weights: "WeightsConfig", *, with_data: bool = True) -> int:
    """Prints what is missing and fetches it: data sets first, then weights.

    Returns:
      The exit code: 1 where a download has failed without which the run begins all the same.

    Raises:
      UsageError: something without which the run does not begin could not be fetched, or is there and no data.
    """
    from rich.console import Console

    from seqgpt_jax.console.download import ConsoleReporter
    from seqgpt_jax.data.raw import download
    from seqgpt_jax.data.requirements import install_command, lacking_extras

    data, folder = missing(prepare, weights, with_data=with_data)
    print("\n".join(_lines(data, folder, weights)) or "nothing is missing", flush=True)
    # Said before hours of downloads, not after them.
    if extras := lacking_extras(spec for name in data.needed for spec in data.public.get(name, ())):
        raise command_line.UsageError(
            f"needed data sets are read with modules that are not installed: {install_command(extras)}"
        )
    reporter = ConsoleReporter(Console(highlight=False, emoji=False))
    failures = download.download(data.public, data.folder, reporter) if data.public else []
    download.list_failures(failures, reporter)
    if folder is not None:
        _fetch_weights(folder, weights, data.folder, reporter)
    left, _ = missing(prepare, weights, with_data=with_data)
    if left.needed:
        raise command_line.UsageError(
            f"not here, and needed: {', '.join(left.needed)}; run it again, or go on without them: "
            "--gin.Prepare.missing=skip"
        )
    # All files of these are there, and the run would read them.
    failed = dict.fromkeys(failure.dataset for failure in failures)
    wrong = [name for name in failed if not {name} & {*left.public, *left.on_request, *data.compared}]
    if wrong:
        raise command_line.UsageError(
            f"here, but not what was to be fetched (see above): {', '.join(wrong)}; fix these files and run it again"
        )
    return int(bool(failures))


def _lines(data: "MissingData", folder: Path | None, weights: "WeightsConfig") -> list[str]:
    from seqgpt_jax.console.requirements import data_lines, weights_line
    from seqgpt_jax.data.raw.network import Client, hub_endpoint
    from seqgpt_jax.data.requirements import SIZES_PATIENCE, download_sizes
    from seqgpt_jax.io.published_weights import HubError, Published, look_up

    if data.public or folder is not None:
        print("asking for sizes", file=sys.stderr, flush=True)
    client = Client(SIZES_PATIENCE)
    sizes = download_sizes(data, client)
    sizes |= {name: _declared_size(data.public[name]) for name, size in sizes.items() if size is None}
    lines = data_lines(data, sizes)
    if folder is not None:
        try:
            if problem := client.problem(hub_endpoint()):
                raise HubError(problem)
            commit = _commit_on_record(weights, data.folder) or weights.revision
            found: Published | str = look_up(weights.source, commit, client.patience.timeout)
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


def _fetch_weights(folder: Path, weights: "WeightsConfig", data_folder: Path, reporter: "Reporter") -> None:
    """Imports the weights at the commit on record, else at the one that the hub names, which is put on record first.

    One process at a time does so; the others wait, and find the folder.
    """
    from seqgpt_jax.import_hf import import_folder
    from seqgpt_jax.io.file_lock import held

    waiting = f"another process imports {folder}: waiting for it"
    with held(folder.with_name(f".{folder.name}.lock"), waiting, reporter.log):
        if folder.exists():
            return
        commit = _recorded_commit(weights, data_folder, reporter)
        print(f"importing {weights.source} at {commit[:12]}", flush=True)
        print(import_folder(weights.source, folder, commit, weights.gen_token, weights.grow), flush=True)


def _recorded_commit(weights: "WeightsConfig", data_folder: Path, reporter: "Reporter") -> str:
    """The commit on record; the first time, that of the hub."""
    from seqgpt_jax.data.raw.download import folder_lock
    from seqgpt_jax.data.raw.lock_file import LockFile
    from seqgpt_jax.io.published_weights import look_up

    if known := _commit_on_record(weights, data_folder):
        return known
    commit = look_up(weights.source, weights.revision).commit or weights.revision
    with folder_lock(data_folder, reporter):
        lock = LockFile(data_folder)  # read here: another process may just have written to it
        if known := lock.source(_key(weights)).get("revision"):
            return known
        lock.record(_key(weights), {"revision": commit}, {})
    return commit


def _commit_on_record(weights: "WeightsConfig", data_folder: Path) -> str:
    from seqgpt_jax.data.raw.lock_file import LockFile

    return LockFile(data_folder).source(_key(weights)).get("revision", "")


def _key(weights: "WeightsConfig") -> str:
    """The name of the weights in the lock file."""
    return f"huggingface.co/{weights.source}" + (f"@{weights.revision}" if weights.revision else "")


if __name__ == "__main__":
    command_line.run(main)
