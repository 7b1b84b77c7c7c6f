"""Names and files of own data, as the flag --data gives them."""

import difflib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from seqgpt_jax.data.hub_data import PREFIX, hub_files
from seqgpt_jax.data.store import MANIFEST

SPLIT_NAMES = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
"""What a split is called in a flag or by the name of a file -> its name here."""


_NAME = re.compile(r"[\w-]+")
_NAMED = re.compile(r"([\w-]+):(?!//)(.+)", re.S)
_BY_SPLIT = re.compile(r"\w+=")


def parse_own_data(text: str, flag: str = "--data=") -> tuple[str, str | dict[str, str]]:
    """(name, file) or (name, {split: file}) of one value of a flag, which error messages call `flag`.

    `hf:owner/name` is a data set of the Hugging Face hub, whose splits are loaded (`hub_files`). What is not read of it
    or of a folder is printed to stderr.

    >>> parse_own_data("a/tickets.jsonl")
    ('tickets', 'a/tickets.jsonl')
    >>> parse_own_data("train=tickets_train.csv,dev=tickets_dev.csv")
    ('tickets', {'train': 'tickets_train.csv', 'validation': 'tickets_dev.csv'})
    >>> parse_own_data("calls:a/export.jsonl")
    ('calls', 'a/export.jsonl')

    Raises:
      ValueError: the name is none that a task can have, a split is unknown or named twice, or a folder has no
        files of splits.
    """
    name, value = None, text
    if (named := _NAMED.fullmatch(text)) and not os.path.exists(text):
        name, value = named.groups()
    files: str | dict[str, str] = value
    if text.startswith(PREFIX):
        name, files = hub_files(text, SPLIT_NAMES)
    elif value.startswith(PREFIX):
        _, files = hub_files(value, SPLIT_NAMES)
    elif os.path.isdir(value) and not any(Path(value).rglob("*.ann")):  # a folder of brat is one source
        files = _files_of_folder(value, flag)
    elif _BY_SPLIT.match(value) and not os.path.exists(value):
        files = _files_by_split(value, flag)
    name = name or _default_name(value, files)
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{flag}{text}: {name!r} is not a task name (letters, digits, _ and -): name the task, {flag}NAME:{value}"
        )
    return name, files


def parse_columns(text: str) -> dict[str, str]:
    """The value of --columns: name here -> name of the column or field in the file.

    >>> parse_columns("text=body, or more,label=topic")
    {'text': 'body, or more', 'label': 'topic'}

    Raises:
      ValueError: it is not of this form.
    """
    columns: dict[str, str] = {}
    for part in re.split(r",(?=\s*\w+=)", text):
        name, equals, column = part.partition("=")
        if not equals or not column or name.strip() in columns:
            raise ValueError(f"--columns={text}: write it like --columns=text=body,label=topic, each name once")
        columns[name.strip()] = column
    return columns


def is_own_data(text: str) -> bool:
    """Whether a value of `evaluate --data` is own data rather than a prepared store (which may be missing)."""
    if os.path.exists(text):
        return not os.path.exists(os.path.join(text, MANIFEST))
    return bool(_NAMED.fullmatch(text) or _BY_SPLIT.match(text))


def _files_by_split(value: str, flag: str) -> dict[str, str]:
    files: dict[str, str] = {}
    # A comma separates only where another split follows: it may be part of a file's name.
    for part in re.split(r",(?=\w+=)", value):
        word, _, file = part.partition("=")
        if word not in SPLIT_NAMES:
            close = difflib.get_close_matches(word, SPLIT_NAMES, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(SPLIT_NAMES)}"
            raise ValueError(f"{flag}{value}: {word!r} is not a split: {hint}")
        split = SPLIT_NAMES[word]
        if split in files:
            raise ValueError(f"{flag}{value}: {split} is there twice: a split is one file; join the two")
        if not file or ("," in file and not os.path.exists(file)):
            raise ValueError(f"{flag}{value}: write train=FILE,test=FILE: {file!r} is not a file")
        files[split] = file
    return files


def _files_of_folder(folder: str, flag: str) -> dict[str, str]:
    files: dict[str, str] = {}
    others: list[str] = []
    for path in sorted(Path(folder).iterdir()):
        split = SPLIT_NAMES.get(path.name.split(".")[0])
        if split is None or not path.is_file():
            others += [] if path.name.startswith(".") else [path.name]
            continue
        if split in files:
            raise ValueError(
                f"{flag}{folder}: {files[split]} and {path} are both of {split}: remove one, or name the files, "
                f"{flag}train=FILE,test=FILE"
            )
        files[split] = str(path)
    if not files:
        raise ValueError(
            f"{flag}{folder}: the folder has no file called train, validation (or dev), or test; name the files, "
            f"{flag}train=FILE,test=FILE, or give one file"
        )
    if others:
        read = ", ".join(Path(file).name for file in files.values())
        # Not to stdout, which --json gives to programs.
        print(f"{flag}{folder}: read are {read}; not read: {', '.join(others)}", file=sys.stderr)
    return files


def _default_name(value: str, files: str | Mapping[str, str]) -> str:
    """The name of the file, of the folder, or of the first file without its split."""
    if isinstance(files, str):
        return Path(value).stem
    if os.path.isdir(value):
        return Path(os.path.abspath(value)).name
    first = Path(os.path.abspath(next(iter(files.values()))))
    splits = "|".join(SPLIT_NAMES)
    name = re.sub(rf"^({splits})([_-]|$)|(^|[_-])({splits})$", "", first.name.split(".")[0])
    return name or first.parent.name
