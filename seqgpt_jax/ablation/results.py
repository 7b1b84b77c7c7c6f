"""Results of a sweep: F1 of every arm with intervals, paired differences, and a logarithmic fit, from its scores.

Intervals are a bootstrap over instances, as everywhere in `seqgpt_jax.evaluation`. Only instances that all arms were
asked count, and each resample has the same ones for all of them: differences and fits are paired. There are none where
an arm was asked otherwise than the first one. Several seeds of an arm are averaged in each resample, and their own
scores are listed: an interval says nothing of other seeds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqgpt_jax.ablation.sweep import Key, Part, Sweep
from seqgpt_jax.evaluation.analysis.paired_differences import asked_differently, unit_counts
from seqgpt_jax.evaluation.analysis.saved import Evaluation, SavedTask, read_evaluation
from seqgpt_jax.evaluation.bootstrap import interval, resampled_f1

GROUPS = ("overall", "languages", "families", "data_sets")


class _Row(NamedTuple):
    """A line of a table: the tasks of each of its data sets, and arm -> its baseline."""

    datasets: list[list[str]]
    baselines: dict[str, dict[str, Any] | None]


def gather(sweep: Sweep) -> dict[str, Any]:
    """The results as JSON-like values; every F1 is times 100 and unrounded.

    Raises:
      ValueError: an evaluation wrote no readable scores, or two of one mixture have no instance in common.
    """
    config = sweep.config
    measured = {label: _of_mixture(sweep, cells) for label, cells in sweep.scores.items()}
    return {
        "title": config.title,
        "varied": config.varied,
        "arms": list(config.arms),
        "numbers": config.numbers,
        "seeds": config.seeds,
        "mixtures": {label: {"mixture": config.mixtures[label], **measured[label]} for label in config.mixtures},
        "settings": {arm: dict(settings) for arm, settings in config.arms.items()},
    }


def _of_mixture(sweep: Sweep, cells: Mapping[Key, Part]) -> dict[str, Any]:
    config = sweep.config
    evaluations = {key: _read(sweep, part) for key, part in cells.items()}
    answers = {
        key: {one.id: one for task in evaluation.tasks.values() for one in task.predictions}
        for key, evaluation in evaluations.items()
    }
    common = set.intersection(*({*of_cell} for of_cell in answers.values()))
    most = max(map(len, answers.values()))
    if not common:
        raise ValueError(f"{sweep.folder}: no instance was asked of all arms: their scores cannot be compared")
    first = next(iter(evaluations.values()))
    rates = {}
    for name, task in first.tasks.items():
        if ids := [one.id for one in task.predictions if one.id in common]:
            counts = np.stack([unit_counts([of_cell[id] for id in ids]) for of_cell in answers.values()], axis=1)
            f1 = resampled_f1(name, counts, config.resamples, seed=0)
            # Cells are listed seed by seed.
            rates[name] = f1.reshape(-1, len(config.seeds), len(config.arms)).swapaxes(1, 2)
    reasons = _differences_in_questions(evaluations, list(rates))
    lines = _notes_of_cells(evaluations)
    if len(common) < most:
        lines.append(
            f"Only the {len(common):,} instances that all arms were asked count here, of up to {most:,}: the scores in "
            "an arm's own folder are of all of its instances. Baselines are those of an arm's own instances, and left "
            "out where not all of these count."
        )
    for arm, of_arm in reasons.items():
        task, reason = next(iter(of_arm.items()))
        more = f"; {len(of_arm) - 1:,} more tasks" if len(of_arm) > 1 else ""
        lines.append(
            f"{arm} was not asked the same as {next(iter(config.arms))}, so that there is no difference where these "
            f"tasks count, and no fit: {task}: {reason}{more}."
        )
    result: dict[str, Any] = {
        "instances": len(common),
        # Settings of an arm's evaluation may override those of the sweep.
        "records": {key.arm: part.bindings["Evaluate.records"] for key, part in cells.items()},
        "notes": lines,
    }
    for group in GROUPS:
        rows = _rows(group, evaluations, rates, common)
        result[group] = {name: _row_of(config.arms, config.seeds, row, rates, reasons) for name, row in rows.items()}
    (overall,) = _rows("overall", evaluations, rates, common).values()
    result["fit"] = None if reasons else _fit(config.numbers, _mean_of(overall.datasets, rates).mean(axis=2))
    return result


def _read(sweep: Sweep, part: Part) -> Evaluation:
    try:
        return read_evaluation(sweep.place(part))
    except ValueError as error:
        raise ValueError(f"no scores: {error}. Remove {sweep.place(part)} and run the same command again") from error


def _notes_of_cells(evaluations: Mapping[Key, Evaluation]) -> list[str]:
    """The notes of all evaluations, each once, with the cells that it is of where it is not of all."""
    cells_of: dict[str, list[str]] = {}
    for key, evaluation in evaluations.items():
        for note in evaluation.numbers["notes"]:
            cells_of.setdefault(note, []).append(f"{key.arm}, seed {key.seed}")
    return [
        note if len(cells) == len(evaluations) else f"{'; '.join(cells)}: {note}" for note, cells in cells_of.items()
    ]


def _differences_in_questions(evaluations: Mapping[Key, Evaluation], tasks: Sequence[str]) -> dict[str, dict[str, str]]:
    """Arm -> task -> why it was not asked the same as the first arm; arms without a difference are left out."""
    first, *_ = evaluations.values()
    reasons: dict[str, dict[str, str]] = {}
    for key, evaluation in evaluations.items():
        for task in tasks:
            if reason := asked_differently(first.tasks[task], evaluation.tasks[task]):
                reasons.setdefault(key.arm, {}).setdefault(task, reason)
    return reasons


def _row_name(group: str, task: SavedTask) -> str:
    names = {"overall": "all", "languages": task.language, "families": task.family}
    return names.get(group, f"{task.dataset} ({task.family}, {task.language})")


def _rows(
    group: str, evaluations: Mapping[Key, Evaluation], rates: Mapping[str, np.ndarray], common: set[str]
) -> dict[str, _Row]:
    """Name -> row of a group; a baseline is of an arm's own instances, so there is none where not all of them count."""
    first, *_ = evaluations.values()
    members: dict[str, dict[tuple[str, str, str], list[str]]] = {}
    for task in rates:
        saved = first.tasks[task]
        dataset = (saved.dataset, saved.family, saved.language)
        members.setdefault(_row_name(group, saved), {}).setdefault(dataset, []).append(task)
    rows = {name: _Row(list(members[name].values()), {}) for name in members}
    if group in ("languages", "families"):
        rows = {name: rows[name] for name in sorted(rows)}
    for key, evaluation in evaluations.items():
        partly = {
            _row_name(group, task)
            for task in evaluation.tasks.values()
            if any(one.id not in common for one in task.predictions)
        }
        numbers = _numbers(group, evaluation)
        for name, row in rows.items():
            best = numbers[name]["best_baseline"]
            baseline = {"name": best, "f1": numbers[name]["baselines"][best]["f1"]}
            if name in partly:
                row.baselines[key.arm] = None
            else:
                row.baselines.setdefault(key.arm, baseline)
    return rows


def _numbers(group: str, evaluation: Evaluation) -> Mapping[str, Any]:
    """Name of a row -> its object in scores.json."""
    if group == "overall":
        return {"all": evaluation.numbers["overall"]}
    if group == "data_sets":
        of_dataset = {(one["name"], one["family"], one["language"]): one for one in evaluation.numbers["datasets"]}
        tasks = evaluation.tasks.values()
        return {_row_name(group, task): of_dataset[task.dataset, task.family, task.language] for task in tasks}
    return evaluation.numbers[group]


def _mean_of(datasets: Sequence[Sequence[str]], rates: Mapping[str, np.ndarray]) -> np.ndarray:
    """The mean over data sets of the mean over their tasks, [1 + resamples, arms, seeds]."""
    return np.mean([np.mean([rates[task] for task in tasks], axis=0) for tasks in datasets], axis=0)


def _row_of(
    arms: Mapping[str, Any],
    seeds: Sequence[int],
    row: _Row,
    rates: Mapping[str, np.ndarray],
    reasons: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Each arm's F1 with its interval, its seeds, its baseline, and where it was asked the same as the first arm the
    difference to that."""
    f1 = _mean_of(row.datasets, rates)
    over_seeds = f1.mean(axis=2)
    cells = {}
    for number, arm in enumerate(arms):
        cell = {
            "f1": 100 * over_seeds[0, number],
            "interval": [*interval(100 * over_seeds[1:, number])],
            "seeds": {str(seed): 100 * value for seed, value in zip(seeds, f1[0, number].tolist(), strict=True)},
            "baseline": row.baselines[arm],
        }
        # A seed of the first arm may differ from its first one, too.
        differing = {**reasons.get(next(iter(arms)), {}), **reasons.get(arm, {})}
        if number and not any(task in differing for tasks in row.datasets for task in tasks):
            gaps = 100 * (over_seeds[:, number] - over_seeds[:, 0])
            cell |= {"difference": gaps[0], "difference_interval": [*interval(gaps[1:])]}
        cells[arm] = cell
    return {"arms": cells}


def _fit(numbers: Sequence[float] | None, f1: np.ndarray) -> dict[str, Any] | None:
    """Least squares of F1 = intercept + slope · log2(number), so that the slope is what a doubling brings.

    Args:
      numbers: of the arms.
      f1: [1 + resamples, arms], between 0 and 1.

    Returns:
      None with less than three numbers, or one of them not above 0, which has no logarithm.
    """
    if numbers is None or len({*numbers}) < 3 or min(numbers) <= 0:
        return None
    logs = np.log2(numbers)
    slope, intercept = np.polyfit(logs, 100 * f1.T, 1)
    curve_at = np.linspace(logs.min(), logs.max(), 50)
    curves = intercept[:, None] + slope[:, None] * curve_at
    low, high = np.quantile(curves[1:], (0.025, 0.975), axis=0)
    points = 100 * f1[0]
    spread = float(((points - points.mean()) ** 2).sum())
    rest = float(((points - intercept[0] - slope[0] * logs) ** 2).sum())
    return {
        "per_doubling": float(slope[0]),
        "interval": [*interval(slope[1:])],
        "intercept": float(intercept[0]),
        "r_squared": 1 - rest / spread if spread else None,
        "curve": {
            "number": (2**curve_at).tolist(),
            "f1": curves[0].tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
        },
    }
