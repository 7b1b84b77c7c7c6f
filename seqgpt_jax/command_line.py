"""Flags, gin files and error messages of the commands. The only module that knows gin.

What is a flag and what is gin: a setting that a run must repeat to give the same result is gin, `Prepare.quota`,
`Train.steps`, also `Train.init_from`, and the run folder's config.gin records it. What belongs to one call is a flag:
which files and folders it reads and writes (`--data`, `--model`, `--run_dir`, `--output`), which checkpoint (`--step`).

A gin file is found by path, or by its bare name in the folders of `configs/`; `include` inside a file works alike.
`--gin.NAME=value` overrides: `--gin.Train.steps=100`, or a macro, `--gin.CHECKPOINT=my/folder` (quotes around a word
may be left out). A binding that nothing uses is an error.
"""

import argparse
import ast
import difflib
import errno
import functools
import inspect
import logging
import pkgutil
import re
import sys
import tokenize
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import absl.logging
import gin
from gin import config as gin_config
from gin import config_parser

import seqgpt_jax.configs
from seqgpt_jax.console.compile_cache import use_compile_cache

# gin name -> the dataclass, or the function that makes one. A command imports only what it uses.
_CONFIGS = {
    "Prepare": "seqgpt_jax.data.prepare.config:PrepareConfig",
    "Model": "seqgpt_jax.models.registry:make_config",
    "Optimizer": "seqgpt_jax.training.optimizer:OptimizerConfig",
    "Mesh": "seqgpt_jax.training.partitioning:MeshConfig",
    "Lora": "seqgpt_jax.models.lora:LoraConfig",
    "Train": "seqgpt_jax.training.config:TrainConfig",
    "Weights": "seqgpt_jax.io.published_weights:WeightsConfig",
    "Decode": "seqgpt_jax.decoding.decode_config:DecodeConfig",
    "Evaluate": "seqgpt_jax.evaluation.evaluator:EvaluateConfig",
    "Endpoint": "seqgpt_jax.evaluation.other_models.endpoint:EndpointConfig",
    "Synthesize": "seqgpt_jax.synthesis.config:SynthesizeConfig",
    "Ablation": "seqgpt_jax.ablation.config:AblationConfig",
}
_FOLDERS = ("", "runs", "models", "stages", "hardware", "mixtures", "ablations")
CONFIGS_FOLDER = Path(seqgpt_jax.configs.__file__).parent


class UsageError(ValueError):
    """An error that the user can fix: shown without a traceback."""


def parser(doc: str, *, gin_files: bool = True) -> argparse.ArgumentParser:
    """An argument parser whose --help is the script's docstring and its flags."""
    flags = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    if gin_files:
        flags.add_argument(
            "--gin_file",
            action="append",
            default=[],
            metavar="FILE",
            help="a gin file, by path or by its name in configs/",
        )
        flags.epilog = "--gin.NAME=VALUE overrides one binding, for example --gin.Prepare.seed=1"
    return flags


def add_own_data(flags: argparse.ArgumentParser) -> None:
    """Adds --data: own data, each a task."""
    flags.add_argument(
        "--data", action="append", default=[], dest="own_data", metavar="DATA",
        help="own data as a task named after it: FILE (split by hash), train=FILE,test=FILE, or a folder of such "
        "files; NAME:… gives another name; can be repeated (docs/own_data.md)",
    )  # fmt: skip
    add_own_form(flags)


def add_own_form(flags: argparse.ArgumentParser) -> None:
    """Adds --columns and --format: how files of own data are written."""
    flags.add_argument("--columns", metavar="text=…,label=…", help="of own data: how columns or fields are called")
    flags.add_argument("--format", metavar="NAME", help="of own data: their format, where it is not recognized")


def local_path(text: str) -> Path:
    """The type of a flag for local output only: `Path("gs://bucket")` would be a local folder called `gs:`.

    Raises:
      argparse.ArgumentTypeError: a URL.
    """
    from seqgpt_jax.io.storage import is_remote  # here, because `--help` would wait for it

    if is_remote(text):
        raise argparse.ArgumentTypeError(f"{text} is not a local path: use a local folder and copy it there afterwards")
    return Path(text)


def add_step(flags: argparse.ArgumentParser) -> None:
    """Adds --step=N: which checkpoint of a run."""

    def step(word: str) -> int | str:
        if word != "best" and not word.isdigit():
            raise argparse.ArgumentTypeError(f"{word!r} is neither a number nor 'best'")
        return word if word == "best" else int(word)

    flags.add_argument(
        "--step",
        type=step,
        metavar="N",
        help="of a run: the checkpoint of this step, or 'best', that of the lowest validation loss (default: the last)",
    )


def parse(
    flags: argparse.ArgumentParser, argv: Sequence[str] | None, uses: Sequence[str] = ()
) -> tuple[argparse.Namespace, "Configs"]:
    """The values of the flags, and the configurations named in `uses` as gin has bound them.

    Raises:
      UsageError: an unknown flag, file, configuration or field, or an unused macro.
    """
    words = sys.argv[1:] if argv is None else argv
    # Not by argparse, for which an unknown flag with a space in it is a positional argument.
    bound = [word for word in words if word.startswith("--gin.") and "=" in word]
    args, rest = flags.parse_known_args([word for word in words if word not in bound])
    if rest:
        options = [option for action in flags._actions for option in action.option_strings]
        flags.error(f"unrecognized argument {rest[0]!r}{_closest(rest[0], options)}")
    configs = Configs(getattr(args, "gin_file", []), [word.removeprefix("--gin.") for word in bound], uses)
    configs.add_own_data(getattr(args, "own_data", []), getattr(args, "columns", None), getattr(args, "format", None))
    return args, configs


class Configs:
    """The configurations of one command, built from gin on demand."""

    def __init__(self, files: Sequence[str], bindings: Sequence[str], uses: Sequence[str]) -> None:
        gin.clear_config(clear_constants=True)
        self._macros: dict[str, str] = {}  # name -> where it was bound last
        self._references: set[str] = set()  # names of macros that any value refers to
        self._own_names: list[str] = []
        self._makers = {name: _registered(name) for name in uses}
        for file in files:
            self._read(find_gin_file(file))
        for binding in bindings:
            self._bind(_quote_word(binding), f"--gin.{binding}")
        self._check_macros_are_used()

    def build(self, name: str, **changes: Any) -> Any:
        """The dataclass registered as `name`; `changes` win over gin.

        Raises:
          UsageError: a field without default is not bound, or the dataclass refuses a value.
        """
        missing = [
            field
            for field, parameter in _fields(name).items()
            if parameter.default is inspect.Parameter.empty
            and field not in changes
            and not self.is_bound(f"{name}.{field}")
        ]
        if missing:
            needed = ", ".join(f"{name}.{field}" for field in missing)
            data = ", or give own data with --data=FILE" if f"{name}.{missing[0]}" == "Prepare.mixture" else ""
            raise UsageError(f"not set: {needed}. Bind it in a gin file or with --gin.{name}.{missing[0]}=VALUE{data}")
        try:
            built = self._makers[name](**changes)
        except (ValueError, TypeError) as error:
            # gin appends a trace of its own; the first line says what is wrong.
            message = str(error).strip().splitlines()[0]
            raise UsageError(message if message.startswith(f"{name}.") else f"{name}: {message}") from error
        if name == "Prepare" and "mixture" not in changes:
            self.check_own_data_is_used(built.mixture)
        return built

    def add_own_data(self, data: Sequence[str], columns: str | None = None, format: str | None = None) -> list[str]:
        """Adds own data, as the flags give them, to `Prepare.own_data`; returns their names.

        Where neither a gin file nor a flag names a mixture, or a folder for a new tokenizer, they give the name.

        Raises:
          UsageError: see `parse_own_data`, or two have the same name.
        """
        from seqgpt_jax.data.own_data import parse_columns, parse_own_data  # here, because `--help` would wait for it

        own_data = dict(gin.query_parameter("Prepare.own_data") or {}) if self.is_bound("Prepare.own_data") else {}
        names = []
        if columns:
            gin.bind_parameter("Prepare.own_columns", parse_columns(columns))
        if format:
            gin.bind_parameter("Prepare.own_format", format)
        for text in data:
            try:
                name, files = parse_own_data(text)
            except (ValueError, OSError) as error:
                raise UsageError(str(error)) from error
            if own_data.setdefault(name, files) != files:
                raise UsageError(
                    f"--data={text}: own data {name!r} is already {own_data[name]}; give one of the two another name, "
                    f"--data=my_{name}:{text}"
                )
            names.append(name)
        if names:
            gin.bind_parameter("Prepare.own_data", own_data)
            for field in ("mixture", "tokenizer_mixture"):
                if not self.is_bound(f"Prepare.{field}"):
                    gin.bind_parameter(f"Prepare.{field}", "+".join(names))
            if self.is_bound("Prepare.tokenizer_vocab_size") and not self.is_bound("Prepare.tokenizer"):
                gin.bind_parameter("Prepare.tokenizer", f"runs/{'_'.join(names)}_tokenizer")
        self._own_names += names
        return names

    def check_own_data_is_used(self, mixture: str, way: str = "") -> None:
        """Own data that the mixture does not read is an error, like a binding that nothing uses."""
        if unused := [name for name in self._own_names if not re.search(rf"(^|\+)\s*{name}\s*($|[-+.])", mixture)]:
            both = f"{'+'.join(unused)}, or {'+'.join([mixture, *unused])} for both"
            way = way or f"because Prepare.mixture is {mixture!r}: use --gin.Prepare.mixture={both}"
            raise UsageError(f"--data: {', '.join(unused)} would not be used, {way}")

    def is_bound(self, parameter: str) -> bool:
        """Whether a gin file or flag binds `Name.field`."""
        try:
            gin.query_parameter(parameter)
        except ValueError:
            return False
        return True

    def bound(self, name: str) -> list[str]:
        """The fields of the dataclass registered as `name` that a gin file or flag binds."""
        return [field for field in _fields(name) if self.is_bound(f"{name}.{field}")]

    def text(self, *, unused: bool = False) -> str:
        """All bindings used so far, as a gin file that repeats the command; where wanted the unused ones, too."""
        return gin.config_str() if unused else gin.operative_config_str()

    def _read(self, path: Path) -> None:
        self._bind(path.read_text(encoding="utf-8"), str(path), path)

    def _bind(self, text: str, source: str, path: Path | None = None) -> None:
        """Binds what `text` says, in its order, and what the files say that it includes.

        Args:
          text: lines of gin.
          source: what error messages call it; those of a file add the number of the line.
          path: the file that the text is from, None for a flag.
        """
        for statement in _parse(text, source, path, self._references):
            place = f"{source}:{statement.location.line_num}" if path else source
            match statement:
                case config_parser.IncludeStatement(filename=name):
                    self._read(_included_file(name, path))
                case config_parser.BindingStatement(scope=scope, selector=name, arg_name="", value=value):
                    macro = f"{scope}/{name}" if scope else name
                    self._macros[macro] = place
                    gin.bind_parameter((macro, "gin.macro", "value"), value)
                case config_parser.BindingStatement(scope=scope, selector=name, arg_name=field, value=value):
                    # One run file serves several commands: what another command reads is for that one to check.
                    if path and name in _CONFIGS and name not in self._makers:
                        continue
                    if problem := self._problem(f"{scope}/{name}" if scope else name, field):
                        raise UsageError(f"{place}: {problem}")
                    gin.bind_parameter((scope, name, field), value)
                case config_parser.ImportStatement():
                    raise UsageError(f"{place}: import is for Python; modules with data sets go into Prepare.modules")

    def _problem(self, name: str, field: str) -> str | None:
        """Why `name.field` cannot be bound; None where it can."""
        if name in self._makers:
            setting = f"{name}.{field}"
            return (
                None
                if setting in self._fields()
                else f"{name} has no field {field!r}{_closest(setting, self._fields())}"
            )
        if name in _CONFIGS:
            return f"{name} is not used by this command, which reads {', '.join(self._makers)}"
        return f"there is no configuration {name!r}{_closest(name, list(self._makers))}"

    def _fields(self) -> list[str]:
        return [f"{name}.{field}" for name in self._makers for field in _fields(name)]

    def _check_macros_are_used(self) -> None:
        """gin itself accepts a misspelled macro."""
        for name in self._macros.keys() - self._references:
            close = _closest(name, [*sorted(self._references), *self._fields()])
            raise UsageError(
                f"{self._macros[name]}: nothing uses the binding {name} = …{close}; a setting is written "
                "Name.field = value"
            )


class _Delegate(gin_config.ParserDelegate):
    """Makes gin's references as gin does, and notes the names of macros."""

    def __init__(self, references: set[str]) -> None:
        super().__init__(skip_unknown=True)
        self._references = references

    def macro(self, name: str) -> Any:
        self._references.add(name)
        return super().macro(name)


def _parse(text: str, source: str, path: Path | None, references: set[str]) -> list[Any]:
    """The statements of gin in `text`; adds the names of the macros that they refer to to `references`."""
    try:
        return list(config_parser.ConfigParser(text, _Delegate(references)))
    except SyntaxError as error:
        raise UsageError(f"{source}:{error.lineno}: {error.msg}" if path else f"{source}: {error.msg}") from error
    except tokenize.TokenError as error:
        raise UsageError(f"{source}: {error.args[0]}") from error


def _fields(name: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(pkgutil.resolve_name(_CONFIGS[name])).parameters


@functools.cache
def _registered(name: str) -> Callable[..., Any]:
    """The dataclass `name`, registered with gin once in a process."""
    maker = pkgutil.resolve_name(_CONFIGS[name])

    # gin would make a subclass of a class; a function with its signature returns the plain dataclass.
    def make(**fields: Any) -> Any:
        return maker(**fields)

    make.__signature__ = inspect.signature(maker)  # type: ignore[attr-defined]
    return gin.external_configurable(make, name=name)


def find_gin_file(name: str) -> Path:
    """The file by path, or by bare name in `configs/` and its folders.

    Raises:
      UsageError: there is no such file; the message names the closest ones.
    """
    for path in [Path(name), *(CONFIGS_FOLDER / folder / name for folder in _FOLDERS)]:
        if path.is_file():
            return path
    names = sorted({path.name for path in CONFIGS_FOLDER.rglob("*.gin")})
    raise UsageError(f"no gin file {name!r} here or in configs/{_closest(Path(name).name, names)}")


def _included_file(name: str, including: Path | None) -> Path:
    """The file that a line `include 'name'` of another file means; shipped files include shipped files."""
    if including is None:
        return find_gin_file(name)
    folders = [including.parent, *([CONFIGS_FOLDER] if including.is_relative_to(CONFIGS_FOLDER) else [])]
    return next((folder / name for folder in folders if (folder / name).is_file()), None) or find_gin_file(name)


def _closest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word.split("=")[0], known, n=3, cutoff=0.5)
    return f". Did you mean {' or '.join(close)}?" if close else f". Known: {', '.join(known)}" if known else ""


def _quote_word(binding: str) -> str:
    """`NAME=ft.gin` -> `NAME='ft.gin'`: the shell has removed the quotes that gin needs around a string."""
    name, _, value = binding.partition("=")
    try:
        gin_config.parse_value(value)  # which stops behind a number or None: 7b/model
        if re.fullmatch(r"[\w./+ -]*[A-Za-z_/][\w./+ -]*", value):
            ast.literal_eval(value)
    except (SyntaxError, ValueError):
        value = repr(value)
    return f"{name}={value}"


def run(main: Callable[[], int | None]) -> None:
    """Runs a command and exits: an error that the user can fix is one line on stderr and exit code 2."""
    use_compile_cache()
    # Orbax warns about what is intended here: parameters are restored without the optimizer's state.
    absl.logging.set_verbosity("error")
    # gcsfs logs, with tracebacks, what it raises anyway.
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
    """(message for the user, exit code) of an error that ends a command; code 1 where a traceback is needed."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted: what was saved is kept, run the same command again", 130
    if isinstance(error, (UsageError, ValueError, OSError, ArithmeticError)):
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        fix = ": free space in the output folder, or in TMPDIR, and run the same command again" if full else ""
        return f"{error}{fix}", 2
    return f"{type(error).__name__}: {error}", 1
