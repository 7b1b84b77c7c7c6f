"""The edge of every command: flags, gin files, clear errors. Nothing below the scripts knows of gin.

A gin file is found as a path, or by its bare name in the folders of `configs/` (runs, models, stages,
hardware, mixtures); `include` inside a file works alike. `--gin.NAME=value`
overrides: `--gin.Train.steps=100`, or a macro, `--gin.MIXTURE="'ft'"` (quotes around a plain word
may be left out). A binding that nothing uses is an error.
"""

import argparse
import dataclasses
import difflib
import errno
import functools
import importlib
import inspect
import logging
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import absl.logging
import gin
from gin import config as gin_config

import seqgpt_jax.configs

# gin name -> where the dataclass is. A command imports only what it uses.
_CONFIGS = {
    "Prepare": "seqgpt_jax.data.prepare.config:PrepareConfig",
    "Model": "seqgpt_jax.models.config:BloomConfig",
    "Optimizer": "seqgpt_jax.training.optimizer:OptimizerConfig",
    "Mesh": "seqgpt_jax.training.partitioning:MeshConfig",
    "Train": "seqgpt_jax.training.config:TrainConfig",
    "Decode": "seqgpt_jax.decoding.engine:DecodeConfig",
    "Evaluate": "seqgpt_jax.evaluation.evaluator:EvaluateConfig",
}
_FOLDERS = ("", "runs", "models", "stages", "hardware", "mixtures")
CONFIGS_FOLDER = Path(seqgpt_jax.configs.__file__).parent


class UsageError(ValueError):
    """Something the user can mend: shown without a traceback."""


def parser(doc: str, *, gin_files: bool = True) -> argparse.ArgumentParser:
    """A parser whose --help is the script's docstring and its flags."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    if gin_files:
        made.add_argument(
            "--gin_file",
            action="append",
            default=[],
            metavar="FILE",
            help="a gin file, by path or by its name in configs/",
        )
        made.epilog = "--gin.NAME=VALUE overrides one binding, for example --gin.Prepare.seed=1"
    return made


def add_own_data(made: argparse.ArgumentParser) -> None:
    """Adds --data=FILE: own data, named after its file."""
    made.add_argument(
        "--data",
        action="append",
        default=[],
        dest="own_data",
        metavar="FILE",
        help="own data (.jsonl, .csv, .tsv; see docs/own_data.md) as a task named after the file; can be repeated",
    )


def local_path(text: str) -> Path:
    """The type of a flag for what is written here and nowhere else: a Path would make a folder `gs:` of a bucket."""
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text} is not local: name a folder here, and copy it there afterwards")
    return Path(text)


def add_step(made: argparse.ArgumentParser) -> None:
    """Adds --step=N: which checkpoint of a run."""

    def step(word: str) -> int | str:
        if word != "best" and not word.isdigit():
            raise argparse.ArgumentTypeError(f"{word!r} is neither a number nor 'best'")
        return word if word == "best" else int(word)

    made.add_argument(
        "--step",
        type=step,
        metavar="N",
        help="of a run: the checkpoint of this step, or 'best' for that with the lowest validation loss (default: the "
        "last one)",
    )


def parse(
    made: argparse.ArgumentParser, argv: Sequence[str] | None, uses: Sequence[str] = ()
) -> tuple[argparse.Namespace, "Configs"]:
    """The flags, and the configurations named in `uses` as gin has bound them.

    Raises:
      UsageError: an unknown flag, file, configuration or field, or an unused macro.
    """
    args, rest = made.parse_known_args(argv)
    bindings = []
    for word in rest:
        if not word.startswith("--gin.") or "=" not in word:
            made.error(f"unrecognized argument {word!r}{_closest(word, _flags(made))}")
        bindings.append(word.removeprefix("--gin."))
    configs = Configs(getattr(args, "gin_file", []), bindings, uses)
    configs.add_own_data(getattr(args, "own_data", []))
    return args, configs


class Configs:
    """The configurations of one command, built from gin on demand."""

    def __init__(self, files: Sequence[str], bindings: Sequence[str], uses: Sequence[str]) -> None:
        gin.clear_config(clear_constants=True)
        self._mentioned: set[str] = set()
        self._own_names: list[str] = []
        self._makers = {name: _registered(name) for name in uses}
        for file in files:
            self._parse_file(find_gin_file(file))
        for binding in bindings:
            name = binding.partition(".")[0]
            if name in _CONFIGS and name not in uses:
                raise UsageError(f"--gin.{binding}: {self._unknown_name(name)}")
            self._guard(lambda binding=binding: gin.parse_config(_quote_word(binding)), f"--gin.{binding}")
        self._check_all_used()

    def build(self, name: str, **changes: Any) -> Any:
        """The dataclass registered as `name`; `changes` win over gin.

        Raises:
          UsageError: a field without default is not bound, or the dataclass refuses a value.
        """
        missing = [
            field.name
            for field in dataclasses.fields(_class(name))
            if field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
            and field.name not in changes
            and not self.is_bound(f"{name}.{field.name}")
        ]
        if missing:
            needed = ", ".join(f"{name}.{field}" for field in missing)
            own = ", or bring own data with --data=FILE" if f"{name}.{missing[0]}" == "Prepare.mixture" else ""
            raise UsageError(f"not set: {needed}. Bind it in a gin file or with --gin.{name}.{missing[0]}=VALUE{own}")
        built = self._guard(lambda: self._makers[name](**changes), name)
        if name == "Prepare" and "mixture" not in changes:
            self._check_own_data_is_used(built.mixture)
        return built

    def add_own_data(self, files: Sequence[str]) -> list[str]:
        """Adds files to `Prepare.own_data`, each under its name without ending; returns the names.

        Where neither a gin file nor a flag names a mixture, these files are the mixture.

        Raises:
          UsageError: a name stands for two files, or is none that a task can have.
        """
        own_data = dict(gin.query_parameter("Prepare.own_data") or {}) if self.is_bound("Prepare.own_data") else {}
        names = [Path(file).stem for file in files]
        for name, file in zip(names, files, strict=True):
            if own_data.setdefault(name, file) != file:
                raise UsageError(f"--data={file}: own data {name!r} is {own_data[name]} already; rename one of the two")
            if not re.fullmatch(r"[\w-]+", name):
                raise UsageError(
                    f"--data={file}: {name!r} cannot name a task, which takes letters, digits, _ and -: rename the "
                    f"file, or give it a name: --gin.Prepare.own_data=\"{{'NAME': '{file}'}}\""
                )
        if names:
            gin.bind_parameter("Prepare.own_data", own_data)
            for field in ("mixture", "tokenizer_mixture"):
                if not self.is_bound(f"Prepare.{field}"):
                    gin.bind_parameter(f"Prepare.{field}", "+".join(names))
        self._own_names += names
        return names

    def _check_own_data_is_used(self, mixture: str) -> None:
        """What a flag brings and nothing reads is an error, like a binding that nothing uses."""
        members = {member.partition(".")[0] for member in mixture.split("+")}
        if unused := [name for name in self._own_names if name not in members]:
            raise UsageError(
                f"--data: {', '.join(unused)} would not be used, for Prepare.mixture is {mixture!r}: say "
                f"--gin.Prepare.mixture={'+'.join(unused)}, or {'+'.join([mixture, *unused])} for both"
            )

    def is_bound(self, parameter: str) -> bool:
        """Whether a gin file or flag binds `Name.field`."""
        try:
            gin.query_parameter(parameter)
        except ValueError:
            return False
        return True

    def bound(self, name: str) -> list[str]:
        """The fields of the dataclass registered as `name` that a gin file or flag binds."""
        return [field.name for field in dataclasses.fields(_class(name)) if self.is_bound(f"{name}.{field.name}")]

    def text(self) -> str:
        """All bindings that were used so far, as a gin file that repeats the command."""
        return gin.operative_config_str()

    def _parse_file(self, path: Path) -> None:
        """Included files first (they stand at the top), then the file's own lines, which win."""
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if line.startswith("include "):
                name = line.removeprefix("include ").strip().strip("'\"")
                self._parse_file(_included_file(name, path))
                lines[number] = ""
            self._mentioned |= set(re.findall(r"%(\w+)", line))
        # One run file serves several commands: what another command reads is for that one to check.
        others = [name for name in _CONFIGS if name not in self._makers]
        self._guard(lambda: gin.parse_config("\n".join(lines), skip_unknown=others), str(path))

    def _fields(self) -> list[str]:
        return [f"{name}.{field.name}" for name in self._makers for field in dataclasses.fields(_class(name))]

    def _guard(self, action: Callable[[], Any], where: str) -> Any:
        try:
            return action()
        except (ValueError, SyntaxError, TypeError, OSError) as error:
            line = re.search(r"In bindings string line (\d+)", str(error))
            place = f"{where}:{line[1]}" if line and where.endswith(".gin") else where
            message = self._explain(str(error))
            raise UsageError(message if message.startswith(f"{place}.") else f"{place}: {message}") from error

    def _explain(self, message: str) -> str:
        # gin appends a trace of its own; the first line says what is wrong.
        first = message.strip().splitlines()[0]
        if unknown := re.search(r"No configurable matching '([^']*)'", first):
            return self._unknown_name(unknown[1])
        if unknown := re.search(r"Configurable '([^']*)' doesn't have a parameter named '([^']*)'", first):
            field = f"{unknown[1]}.{unknown[2]}"
            return f"{unknown[1]} has no field {unknown[2]!r}{_closest(field, self._fields())}"
        return first

    def _unknown_name(self, name: str) -> str:
        if name in _CONFIGS:
            return f"{name} is not used by this command, which reads {', '.join(self._makers)}"
        return f"there is no configuration {name!r}{_closest(name, list(self._makers))}"

    def _check_all_used(self) -> None:
        """gin itself lets a misspelt macro pass."""
        macros = {reference.config_key for reference in gin_config.iterate_references(gin_config._CONFIG)}
        for scope, selector in list(gin_config._CONFIG):
            if selector == "gin.macro" and (scope, selector) not in macros and scope not in self._mentioned:
                close = _closest(scope, [*(macro for macro, _ in macros), *self._fields()])
                raise UsageError(
                    f"nothing uses the binding {scope} = …{close}; a setting is written Name.field = value"
                )


def _class(name: str) -> type:
    module, _, cls = _CONFIGS[name].partition(":")
    return getattr(importlib.import_module(module), cls)


@functools.cache
def _registered(name: str) -> Callable[..., Any]:
    """The dataclass `name`, registered with gin once in a process."""
    cls = _class(name)

    # gin would make a subclass of a class; a function with its signature returns the plain dataclass.
    def make(**fields: Any) -> Any:
        return cls(**fields)

    make.__signature__ = inspect.signature(cls)  # type: ignore[attr-defined]
    return gin.external_configurable(make, name=name)


def find_gin_file(name: str) -> Path:
    """The file by path, or by bare name in `configs/` and its folders.

    Raises:
      UsageError: there is no such file; the message names the closest ones.
    """
    shipped = [CONFIGS_FOLDER / folder / name for folder in _FOLDERS]
    for path in [Path(name), *shipped]:
        if path.is_file():
            return path
    names = sorted({path.name for path in CONFIGS_FOLDER.rglob("*.gin")})
    raise UsageError(f"no gin file {name!r}, neither here nor in configs/{_closest(Path(name).name, names)}")


def _included_file(name: str, including: Path) -> Path:
    """The file that a line `include 'name'` of another file means; shipped files include shipped files."""
    folders = [including.parent, *([CONFIGS_FOLDER] if including.is_relative_to(CONFIGS_FOLDER) else [])]
    return next((folder / name for folder in folders if (folder / name).is_file()), None) or find_gin_file(name)


def _flags(made: argparse.ArgumentParser) -> list[str]:
    return [option for action in made._actions for option in action.option_strings]


def _closest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word.split("=")[0], known, n=3, cutoff=0.5)
    return f". Did you mean {' or '.join(close)}?" if close else f". Known: {', '.join(known)}" if known else ""


def _quote_word(binding: str) -> str:
    """`NAME=ft.gin` -> `NAME='ft.gin'`: a shell has eaten the quotes that gin wants around text."""
    name, _, value = binding.partition("=")
    try:
        gin_config.parse_value(value)
    except (SyntaxError, ValueError):
        value = repr(value)
    return f"{name}={value}"


def run(main: Callable[[], int | None]) -> None:
    """Runs a command: what the user can mend is one line on stderr and exit code 2."""
    # Orbax warns of what is meant: parameters are restored without the optimizer's state.
    absl.logging.set_verbosity("error")
    # What gcsfs logs, with tracebacks, it raises too.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    try:
        sys.exit(main())
    except (KeyboardInterrupt, Exception) as error:
        text, code = explain(error)
        if code == 1:
            raise
        print(f"error: {text}" if code == 2 else text, file=sys.stderr)
        sys.exit(code)


def explain(error: BaseException) -> tuple[str, int]:
    """What to tell the user of an error that ends a command, and its exit code: 1 where it calls for a traceback."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted: run the same command again, what is complete is kept", 130
    if isinstance(error, (UsageError, ValueError, OSError, ArithmeticError)):
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        mend = ": free some of the output folder's disk, or of TMPDIR's, and run the same command again" if full else ""
        return f"{error}{mend}", 2
    return f"{type(error).__name__}: {error}", 1
