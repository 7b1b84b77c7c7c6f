"""Sweep of an ablation: its trainings and evaluations as commands, each of them once, in the order they can run in."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from seqgpt_jax.ablation.config import EVALUATE, MODEL, AblationConfig


class Key(NamedTuple):
    """A cell of the results: one arm, trained with one seed."""

    arm: str
    seed: int


@dataclass(frozen=True)
class Part:
    """One command of a sweep.

    Attributes:
      name: unique in the sweep; its folder is that of this name in the sweep's folder.
      command: "train" or "evaluate".
      kind: the stage that it trains, or what the scores are called: parts of a kind take about equally long.
      arm: the first arm that uses it.
      gin_file: of the command.
      bindings: gin name -> value.
      flags: what else the command is given, "--NAME=VALUE" each.
      needs: the part whose model it starts from or scores; None where that is not of this sweep.
    """

    name: str
    command: Literal["train", "evaluate"]
    kind: str
    arm: str
    gin_file: str
    bindings: Mapping[str, Any]
    flags: tuple[str, ...]
    needs: "Part | None" = None

    @property
    def words(self) -> list[str]:
        """The command line after `python`."""
        bindings = [f"--gin.{name}={_gin_value(value)}" for name, value in self.bindings.items()]
        return ["-m", f"seqgpt_jax.{self.command}", f"--gin_file={self.gin_file}", *self.flags, *bindings]

    @property
    def text(self) -> str:
        """The command as a user types it into a shell."""
        return shell_text(["python", *self.words])

    @property
    def job(self) -> str:
        """The name of the job that it belongs to: a training and the evaluations of its model are one."""
        return self.needs.name if self.command == "evaluate" and self.needs else self.name


@dataclass(frozen=True)
class Sweep:
    """All parts of an ablation.

    Attributes:
      config: what it is made of.
      folder: where its parts are.
      parts: by name, each after the one that it needs.
      scores: what the scores are called -> cell -> the part that measures it; arms may share a part.
    """

    config: AblationConfig
    folder: Path
    parts: Mapping[str, Part]
    scores: Mapping[str, Mapping[Key, Part]]

    def place(self, part: Part) -> Path:
        """The folder of a part."""
        return self.folder / part.name

    def jobs(self) -> list[dict[str, list[Part]]]:
        """Name -> parts of the jobs, in rounds: those of a round need only rounds before it."""
        rounds: list[dict[str, list[Part]]] = []
        depth: dict[str, int] = {}
        for part in self.parts.values():
            if part.job not in depth:
                depth[part.job] = depth[part.needs.job] + 1 if part.needs else 0
            if depth[part.job] == len(rounds):
                rounds.append({})
            rounds[depth[part.job]].setdefault(part.job, []).append(part)
        return rounds


def expand(config: AblationConfig, folder: Path) -> Sweep:
    """The parts of an ablation. Equal trainings of several arms, such as a common first stage, are one part.

    Raises:
      ValueError: two arms, mixtures or parts cannot be distinguished in names of folders.
    """
    slugs = {arm: _slug(arm) for arm in config.arms}
    labels = {label: _slug(label) for label in config.mixtures}
    for names in (slugs, labels):
        for name, slug in names.items():
            if same := [other for other in names if other != name and names[other] == slug]:
                raise ValueError(f"{name!r} and {same[0]!r} would have one folder, {slug}: rename one of them")
    parts: dict[tuple, Part] = {}
    scores: dict[str, dict[Key, Part]] = {label: {} for label in labels}
    for seed in config.seeds:
        for arm, slug in slugs.items():
            model, before = str(config.arms[arm].get(MODEL)), None
            for stage in config.stages_of(arm):
                start = {} if before is None else {"Train.init_from": model}
                seeds = {"Prepare.seed": seed, "Train.seed": seed}
                bindings = seeds | config.settings_of(arm, stage) | start
                name = f"{slug}_{stage}_seed{seed}"
                part = Part(
                    name, "train", stage, arm, config.stages[stage], bindings, (f"--run_dir={folder / name}",), before
                )
                before = parts.setdefault((stage, _fixed(bindings)), part)
                model = str(folder / before.name)
            for label, mixture in config.mixtures.items():
                asked = {"Evaluate.mixtures": (mixture,), "Evaluate.records": config.records}
                bindings = asked | config.settings_of(arm, EVALUATE)
                name = f"{slug}_seed{seed}_scores_{labels[label]}"
                flags = (f"--model={model}", f"--output={folder / name}")
                part = Part(name, "evaluate", label, arm, config.evaluation, bindings, flags, before)
                scores[label][Key(arm, seed)] = parts.setdefault((label, model, _fixed(bindings)), part)
    ordered: dict[str, Part] = {}
    for part in parts.values():
        if (other := ordered.setdefault(part.name, part)) is not part:
            both = " and ".join(f"{one.command} {one.kind} of arm {one.arm!r}" for one in (other, part))
            raise ValueError(f"{both} would have one folder, {part.name}: rename an arm or a stage")
    return Sweep(config, folder, ordered, scores)


def shell_text(words: list[str]) -> str:
    """Words as a shell reads them: in double quotes where they hold single ones, which is easier to read."""
    return " ".join(_shell_word(word) for word in words)


def _shell_word(word: str) -> str:
    quoted = shlex.quote(word)
    if quoted == word or "'" not in word or re.search(r'["$`\\!]', word):
        return quoted
    name, _, value = word.partition("=")
    return f'{name}="{value}"' if shlex.quote(name) == name else f'"{word}"'


def _gin_value(value: Any) -> str:
    """As gin reads it after `--gin.NAME=`: a plain word needs no quotes."""
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_][\w./-]*", value)
    return value if plain and value not in ("None", "True", "False") else repr(value)


def _fixed(bindings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Bindings as a key: equal ones make equal trainings."""
    return tuple(sorted((name, repr(value)) for name, value in bindings.items()))


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name.lower()).strip("_")
