"""Table of the scores of a run's checkpoints: scores.json, scores.md and a curve, kept after every evaluation."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from etils import epath
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqgpt_jax.evaluation.analysis.saved import SCORES
from seqgpt_jax.io import storage

_COLORS = ("#1f4e79", "#e08a1e", "#2a7d46", "#b03a48", "#6b4c9a", "#5f6b73")
_MOST_CURVES = 12


class WatchTable:
    """What is known of the checkpoints of one run; written whole after every change.

    Args:
      folder: with scores.json of an earlier process, which is continued.
      model: the run, as the user gave it.
      settings: of the evaluations, all of which must be the same.

    Raises:
      ValueError: scores.json there is another file, or of another run or other settings.
    """

    def __init__(self, folder: Path, model: str, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._path = folder / SCORES
        # As it is read again: lists for tuples.
        fresh = {"model": model, "settings": json.loads(json.dumps(settings)), "data": None, "steps": {}, "skipped": {}}
        self._content: dict[str, Any] = self._read(fresh) if self._path.exists() else fresh

    def _read(self, fresh: Mapping[str, Any]) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content.keys() < fresh.keys() or not isinstance(content["steps"], dict):
                raise ValueError(f"it has no {', '.join(sorted(fresh.keys() - content.keys())) or 'steps'}")
        except (ValueError, AttributeError, KeyError) as error:
            raise ValueError(f"{self._path} is not what `watch` writes ({error}): give another --output") from error
        old, new = ({"--model": one["model"], **one["settings"]} for one in (content, fresh))
        changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
        if changed:
            name = changed[0]
            raise ValueError(
                f"{self.folder} has scores with {name} = {old.get(name)!r}, now it is {new.get(name)!r}: they could "
                "not be compared. Give another --output, or the earlier settings"
            )
        return content

    @property
    def steps(self) -> dict[int, Mapping[str, Any]]:
        """step -> its numbers, in the order of steps."""
        return {int(step): self._content["steps"][step] for step in sorted(self._content["steps"], key=int)}

    @property
    def skipped(self) -> dict[int, str]:
        """step -> why it has no score."""
        return {int(step): self._content["skipped"][step] for step in sorted(self._content["skipped"], key=int)}

    def is_scored(self, step: int, checkpoint: str) -> bool:
        """Whether the checkpoint with this fingerprint has a score; one of an earlier training in its place has not."""
        return self._content["steps"].get(str(step), {}).get("checkpoint") == checkpoint

    @property
    def best(self) -> int | None:
        """The step with the highest overall F1; of equal ones the oldest; None without any."""
        return min(self.steps, key=lambda step: (-self.steps[step]["f1"], step), default=None)

    def add(self, step: int, checkpoint: str, folder: Path) -> None:
        """Adds the evaluation in `folder`.

        Raises:
          ValueError: it is of other data than those before it.
        """
        numbers = json.loads((folder / SCORES).read_text(encoding="utf-8"))
        data = numbers["about"]["data"]
        if self._content["data"] not in (None, data):
            raise ValueError(
                f"{folder} was asked {', '.join(data)}, the steps before it {', '.join(self._content['data'])}: they "
                "cannot be compared. Give another --output"
            )
        self._content["data"] = data
        overall = numbers["overall"]
        row = {name: overall[name] for name in ("f1", "f1_interval", "gap", "gap_interval", "instances")}
        row["datasets"] = [
            {name: one[name] for name in ("name", "family", "language", "f1", "f1_interval")}
            for one in numbers["datasets"]
        ]
        self._content["steps"][str(step)] = {"checkpoint": checkpoint, **row}
        self._content["skipped"].pop(str(step), None)

    def skip(self, step: int, reason: str) -> None:
        """Notes why a checkpoint has no score."""
        self._content["skipped"][str(step)] = reason

    def write(self, there: Sequence[int]) -> None:
        """Writes scores.json, which is there whole or not at all, then scores.md and scores.png.

        Args:
          there: steps of the checkpoints that the run still has.
        """
        content = self._content | {"best": self.best, "best_is_kept": self.best in there}
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        storage.write(epath.Path(self._path), text.encode())
        storage.write(epath.Path(self.folder / "scores.md"), self._page(there).encode())
        if self.steps:
            storage.write(epath.Path(self.folder / "scores.png"), self._figure())

    def best_line(self, there: Sequence[int]) -> str:
        """The best step in one sentence; "" without any."""
        if (best := self.best) is None:
            return ""
        kept = f"--step={best} names it" if best in there else "its checkpoint has been deleted (see Train.keep_every)"
        return f"best of {len(self.steps):,} by F1: step {best:,}, F1 {_with_interval(self.steps[best])}; {kept}"

    def _page(self, there: Sequence[int]) -> str:
        lines = [f"# F1 of the checkpoints of {self._content['model']}", ""]
        steps = self.steps
        if steps:
            lines += [f"The {self.best_line(there)}.", "", "![F1 of each checkpoint](scores.png)", ""]
        names = list(dict.fromkeys(name for row in steps.values() for name in _datasets(row)))
        lines += [f"| {' | '.join(['step', 'F1', 'above best baseline', *map(_cell, names), 'checkpoint'])} |"]
        lines += [f"|--:|{'---|' * (len(names) + 3)}"]
        for step, row in steps.items():
            sets = _datasets(row)
            mark = "**" if step == self.best else ""
            cells = [f"[{step:,}](step_{step}/report.html)", f"{mark}{_with_interval(row)}{mark}", f"{row['gap']:+.1f}"]
            cells += [_with_interval(sets[name]) if name in sets else "" for name in names]
            lines.append(f"| {' | '.join([*cells, 'kept' if step in there else 'deleted'])} |")
        lines += ["", "Intervals contain 95 % of the bootstrap resamples of the instances.", ""]
        if skipped := self.skipped:
            lines += ["## Without a score", "", "| step | reason |", "|--:|---|"]
            lines += [f"| {step:,} | {_cell(reason)} |" for step, reason in skipped.items()] + [""]
        return "\n".join(lines)

    def _figure(self) -> bytes:
        steps, best = self.steps, self.best
        figure = Figure(figsize=(8, 4.5), dpi=130, layout="constrained")
        axes = figure.add_subplot()
        names = list(dict.fromkeys(name for row in steps.values() for name in _datasets(row)))
        for number, name in enumerate(names if 1 < len(names) <= _MOST_CURVES else ()):
            points = [(step, _datasets(row)[name]["f1"]) for step, row in steps.items() if name in _datasets(row)]
            style = (":", "--")[number // len(_COLORS)]
            color = _COLORS[number % len(_COLORS)]
            axes.plot(*zip(*points, strict=True), style, marker=".", color=color, lw=1, label=_plain(name))
        where = list(steps)
        low, high = zip(*(row["f1_interval"] for row in steps.values()), strict=True)
        f1 = [row["f1"] for row in steps.values()]
        axes.fill_between(where, low, high, color="black", alpha=0.12, lw=0)
        axes.vlines(where, low, high, color="black", lw=0.8)
        axes.plot(where, f1, "o-", color="black", lw=2, label="overall")
        axes.plot([best], [steps[best]["f1"]], "*", color="#b03a48", ms=15, label=f"best: step {best:,}")
        axes.set_xlabel("step")
        axes.set_ylabel("F1")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(bottom=0)
        axes.grid(color="#e3e6e8")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
        return file.getvalue()


def _datasets(row: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {f"{one['name']} ({one['family']}, {one['language']})": one for one in row["datasets"]}


def _with_interval(numbers: Mapping[str, Any]) -> str:
    low, high = numbers["f1_interval"]
    return f"{numbers['f1']:.1f} ({low:.1f} to {high:.1f})"


def _cell(text: str) -> str:
    """For a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _plain(text: str) -> str:
    """For a legend: neither a formula nor hidden."""
    return text.replace("$", r"\$").lstrip("_")
