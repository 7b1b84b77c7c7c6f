"""The `seqgpt` command: lists the commands and runs one, `seqgpt train …` = `python -m seqgpt_jax.train …`."""

import ast
import difflib
import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import seqgpt_jax

COMMANDS = (
    "quickstart",
    "catalogue",
    "validate",
    "audit",
    "preview",
    "synthesize",
    "fetch",
    "prepare",
    "leaks",
    "plan",
    "import_hf",
    "train",
    "evaluate",
    "watch",
    "report",
    "robustness",
    "ablate",
    "calibrate",
    "decode",
    "review",
    "serve",
    "export",
)
"""In the order in which a user meets them."""


def summary(command: str) -> str:
    """The command's docstring up to its first period, colon or line break, read without importing the command."""
    source = (Path(__file__).parent / f"{command}.py").read_text(encoding="utf-8")
    return re.split(r"[.:;](?:\s|$)|\n", ast.get_docstring(ast.parse(source)) or "")[0]


def usage() -> str:
    """The text of `seqgpt --help`: every command with one line."""
    width = max(map(len, COMMANDS))
    lines = [f"  {command:{width}}  {summary(command)}" for command in COMMANDS]
    return "\n".join(
        [
            "usage: seqgpt COMMAND [FLAGS]",
            "",
            *lines,
            "",
            "`seqgpt COMMAND --help` shows the flags of a command, with examples.",
            "`seqgpt COMMAND` and `python -m seqgpt_jax.COMMAND` are the same.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command that `argv` names with the flags that follow it; exits with its code, 2 for an unknown one."""
    command, *flags = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if command in ("--help", "-h", "help"):
        print(usage())
        sys.exit(0)
    if command == "--version":
        print(f"seqgpt_jax {seqgpt_jax.__version__}")
        sys.exit(0)
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"Commands: {', '.join(COMMANDS)}"
        print(f"error: there is no command {command!r}. {hint}", file=sys.stderr)
        sys.exit(2)
    from seqgpt_jax import command_line

    sys.argv = [f"seqgpt {command}", *flags]  # what argparse shows, and what a command reads
    command_line.run(importlib.import_module(f"seqgpt_jax.{command}").main)


if __name__ == "__main__":
    main()
