"""Results of a sweep: F1 of every arm with intervals, paired differences, and a logarithmic fit, from its scores.

Intervals are a bootstrap over instances, as everywhere in `seqgpt_jax.evaluation`. All arms answer the same instances,
so that each resample has the same ones for all of them: differences and fits are paired. Several seeds of an arm are
averaged in each resample, and their own scores are listed: an interval says nothing of other seeds.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqgpt_jax.ablation.sweep import Key, Sweep
from seqgpt_jax.evaluation.bootstrap import resample, weighted_rates
from seqgpt_jax.evaluation.measures import Measures

GROUPS = ("overall", "languages", "families", "data_sets")


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
        "records": config.records,
        "mixtures": {label: {"mixture": config.mixtures[label], **measured[label]} for label in config.mixtures},
        "settings": {arm: dict(settings) for arm, settings in config.arms.items()},
    }


def _of_mixture(sweep: Sweep, cells: Mapping[Key, Any]) -> dict[str, Any]:
    config = sweep.config
    folders = {key: sweep.place(part) for key, part in cells.items()}
    scores = {key: _read(folder / "scores.json") for key, folder in folders.items()}
    first = scores[next(iter(cells))]
    answered = {key: _read_counts(folder / "predictions.jsonl") for key, folder in folders.items()}
    common = set.intersection(*({*counts} for counts in answered.values()))
    most = max(map(len, answered.values()))
    if not common:
        raise ValueError(f"{sweep.folder}: no instance was asked of all arms: their scores cannot be compared")
    notes = {}
    for key in cells:
        for note in scores[key]["notes"]:
            notes.setdefault(note, []).append(f"{key.arm}, seed {key.seed}")
    lines = [note if len(where) == len(cells) else f"{'; '.join(where)}: {note}" for note, where in notes.items()]
    if len(common) < most:
        lines.append(
            f"Only the {len(common):,} instances that all arms were asked count here, of up to {most:,}: "
            "the scores in an arm's own folder are of all of its instances."
        )
    rates = _task_rates(answered, common, len(config.arms), len(config.seeds), config.resamples)
    result: dict[str, Any] = {"instances": len(common), "notes": lines}
    for group, members in _groups(first, rates).items():
        result[group] = {name: _row(config.arms, config.seeds, *member) for name, member in members.items()}
    result["fit"] = _fit(config.numbers, _mean_of(first["datasets"], rates).mean(axis=2))
    return result


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: no scores ({error}): remove its folder and run the same command again") from error


def _read_counts(path: Path) -> dict[str, tuple[str, float, float, float]]:
    """Instance -> its task, and how many units are right, gold and predicted."""
    found = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            prediction = json.loads(line)
            counts = prediction["scores"]
            units = (counts["true_positives"], counts["gold"], counts["predicted"])
            found[prediction["id"]] = (prediction["task"], *units)
    return found


def _task_rates(
    answered: Mapping[Key, Mapping[str, tuple]], common: set[str], arms: int, seeds: int, resamples: int
) -> dict[str, np.ndarray]:
    """Task -> F1 between 0 and 1, float64 [1 + resamples, arms, seeds]; the first row is that of the instances once."""
    programs = list(answered.values())
    tasks: dict[str, list[str]] = {}
    for instance in sorted(common):
        tasks.setdefault(programs[0][instance][0], []).append(instance)
    rates = {}
    for task in sorted(tasks):
        counts = np.array([[counts[instance][1:] for counts in programs] for instance in tasks[task]], np.float64)
        # No ROUGE: only F1 is read here.
        table = np.zeros((*counts.shape[:2], len(Measures._fields)))
        table[:, :, :3] = counts
        times = [np.ones((1, len(table))), *resample(task, len(table), resamples, seed=0)]
        f1 = np.concatenate([weighted_rates(table, some)["f1"] for some in times])
        # Cells are listed seed by seed.
        rates[task] = f1.reshape(-1, seeds, arms).swapaxes(1, 2)
    return rates


def _mean_of(datasets: Sequence[Mapping[str, Any]], rates: Mapping[str, np.ndarray]) -> np.ndarray:
    """The mean over data sets of the mean over their tasks, [1 + resamples, arms, seeds]."""
    means = []
    for data in datasets:
        if of_data := [rates[task] for task in data["atomic_tasks"] if task in rates]:
            means.append(np.mean(of_data, axis=0))
    return np.mean(means, axis=0)


def _groups(
    scores: Mapping[str, Any], rates: Mapping[str, np.ndarray]
) -> dict[str, dict[str, tuple[np.ndarray, Mapping[str, Any]]]]:
    """Group -> name -> (its F1 in all resamples, the scores that hold its baselines)."""
    datasets = [data for data in scores["datasets"] if any(task in rates for task in data["atomic_tasks"])]

    def of(field: str) -> dict[str, tuple[np.ndarray, Mapping[str, Any]]]:
        names = dict.fromkeys(data[field] for data in datasets)
        of_name = {name: [data for data in datasets if data[field] == name] for name in sorted(names)}
        group = {"language": "languages", "family": "families"}[field]
        return {name: (_mean_of(members, rates), scores[group][name]) for name, members in of_name.items()}

    return {
        "overall": {"all": (_mean_of(datasets, rates), scores["overall"])},
        "languages": of("language"),
        "families": of("family"),
        "data_sets": {
            f"{data['name']} ({data['family']}, {data['language']})": (_mean_of([data], rates), data)
            for data in datasets
        },
    }


def _row(arms: Mapping[str, Any], seeds: Sequence[int], f1: np.ndarray, scores: Mapping[str, Any]) -> dict[str, Any]:
    """One line of a table: each arm's F1 with its interval, its seeds, and the difference to the first arm."""
    over_seeds = f1.mean(axis=2)
    cells = {}
    for number, arm in enumerate(arms):
        cell = {
            "f1": 100 * over_seeds[0, number],
            "interval": _interval(100 * over_seeds[1:, number]),
            "seeds": {str(seed): 100 * value for seed, value in zip(seeds, f1[0, number].tolist(), strict=True)},
        }
        if number:
            gaps = 100 * (over_seeds[:, number] - over_seeds[:, 0])
            cell |= {"difference": gaps[0], "difference_interval": _interval(gaps[1:])}
        cells[arm] = cell
    best = scores["best_baseline"]
    baseline = {"name": best, "f1": scores["baselines"][best]["f1"]}
    return {"arms": cells, "baseline": baseline}


def _interval(values: np.ndarray) -> list[float]:
    return np.quantile(values, (0.025, 0.975)).tolist()


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
        "interval": _interval(slope[1:]),
        "intercept": float(intercept[0]),
        "r_squared": 1 - rest / spread if spread else None,
        "curve": {
            "number": (2**curve_at).tolist(),
            "f1": curves[0].tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
        },
    }
