"""Results of a sweep from files that `evaluate` writes: the same numbers as there, differences, fits, page, figure."""

import copy
import json
import math

import numpy as np
import pytest

from seqgpt_jax.ablation.chart import figure
from seqgpt_jax.ablation.config import FIGURES
from seqgpt_jax.ablation.page import fit_sentence, markdown
from seqgpt_jax.ablation.results import _fit, gather
from seqgpt_jax.ablation.sweep import expand
from seqgpt_jax.atomic import Classification
from seqgpt_jax.evaluation.report import write_report
from seqgpt_jax.evaluation.scores import compute_scores
from seqgpt_jax.evaluation.tables import BASELINE_NAMES
from tests.ablation.sweeps import two_stages
from tests.evaluation.records import predict, record, spans

ARMS = {"none": {}, "half": {"Train.steps": 6}, "all": {"Train.steps": 7}}
SHARES = {"none": 0.0, "half": 0.5, "all": 1.0}


LABELS = ("positive", "negative")


def records(labels=LABELS):
    """Twelve classifications and eight extractions."""
    return [
        *(
            record(f"reviews/test/{i:02}#0", Classification("a text", labels, (labels[i % len(labels)],)), "SA")
            for i in range(12)
        ),
        *(spans(f"facts/test/{i:02}#0", {"人": ("李雷",), "地": ("甲",)}, "RE", "zh") for i in range(8)),
    ]


def write_scores(folder, share: float, notes=(), skipped: int = 0, labels=LABELS) -> None:
    """Scores of a program that answers this share of the instances."""
    answered = [
        predict(one, one.target if number % 4 < 4 * share else "None", "mix")
        for number, one in enumerate(records(labels)[skipped:])
    ]
    write_report(compute_scores(answered, resamples=50), folder, {"model": "m"}, notes)


def sweep_of(tmp_path, **changes):
    sweep = expand(
        two_stages(arms=ARMS, stages={"ft": "ft_cpu.gin"}, mixtures={"held-out": "mix"}, **changes), tmp_path
    )
    for key, part in sweep.scores["held-out"].items():
        write_scores(sweep.place(part), SHARES[key.arm] if key.seed == 0 else 1.0)
    return sweep


def test_f1_and_intervals_are_those_of_each_arm_s_own_scores(tmp_path) -> None:
    sweep = sweep_of(tmp_path)
    measured = gather(sweep)["mixtures"]["held-out"]
    for key, part in sweep.scores["held-out"].items():
        own = json.loads((sweep.place(part) / "scores.json").read_text(encoding="utf-8"))
        rows = {"overall": {"all": own["overall"]}, "families": own["families"], "languages": own["languages"]}
        rows["data_sets"] = {f"{one['name']} ({one['family']}, {one['language']})": one for one in own["datasets"]}
        for group, of_group in rows.items():
            assert measured[group].keys() == of_group.keys()
            for name, row in of_group.items():
                cell = measured[group][name]["arms"][key.arm]
                assert cell["f1"] == pytest.approx(row["f1"])
                assert cell["interval"] == pytest.approx(row["f1_interval"])
                assert cell["baseline"] == {
                    "name": row["best_baseline"],
                    "f1": row["baselines"][row["best_baseline"]]["f1"],
                }


def test_differences_are_paired(tmp_path) -> None:
    row = gather(sweep_of(tmp_path))["mixtures"]["held-out"]["overall"]["all"]
    assert "difference" not in row["arms"]["none"]
    # All answers are right and none is: no resample gives another difference.
    assert row["arms"]["all"]["difference"] == pytest.approx(100)
    assert row["arms"]["all"]["difference_interval"] == pytest.approx([100, 100])
    low, high = row["arms"]["half"]["difference_interval"]
    assert 0 < low < row["arms"]["half"]["difference"] < high < 100


def test_seeds_are_averaged_and_listed(tmp_path) -> None:
    sweep = sweep_of(tmp_path, seeds=(0, 1))
    results = gather(sweep)
    cells = results["mixtures"]["held-out"]["overall"]["all"]["arms"]
    assert cells["none"]["seeds"] == pytest.approx({"0": 0, "1": 100})
    assert cells["none"]["f1"] == pytest.approx(50)
    assert cells["none"]["interval"] == pytest.approx([50, 50])
    assert "| none | 50.0 (50.0 to 50.0) | 0.0, 100.0 |" in markdown(results | {"commands": []})


def test_only_common_instances_count_and_the_page_says_so(tmp_path) -> None:
    sweep = sweep_of(tmp_path)
    (*_, last) = sweep.scores["held-out"].values()
    write_scores(sweep.place(last), 1.0, notes=["a note."], skipped=2)
    results = gather(sweep)
    measured = results["mixtures"]["held-out"]
    assert measured["instances"] == 18
    assert "Only the 18 instances that all arms were asked count here, of up to 20" in measured["notes"][1]
    assert "- all, seed 0: a note." in markdown(results | {"commands": []})


def test_an_arm_whose_instances_do_not_all_count_has_no_baseline(tmp_path) -> None:
    sweep = sweep_of(tmp_path)
    (*_, last) = sweep.scores["held-out"].values()
    write_scores(sweep.place(last), 1.0, skipped=2)
    results = gather(sweep)
    measured = results["mixtures"]["held-out"]
    for row in (measured["overall"]["all"], measured["languages"]["en"], measured["families"]["SA"]):
        assert row["arms"]["none"]["baseline"] is row["arms"]["half"]["baseline"] is None
        assert row["arms"]["all"]["baseline"]["f1"] > 0
        assert row["arms"]["all"]["difference"] > 0
    relations = measured["families"]["RE"]["arms"]
    assert relations["none"]["baseline"] == relations["all"]["baseline"] is not None
    page = markdown(results | {"commands": []})
    assert "| none | 0.0 (0.0 to 0.0) |  | – |" in page
    for kind in FIGURES:
        assert figure(results, kind)


def test_arms_that_were_asked_otherwise_have_no_difference(tmp_path) -> None:
    sweep = sweep_of(tmp_path)
    (*_, last) = sweep.scores["held-out"].values()
    write_scores(sweep.place(last), 1.0, labels=(*LABELS, "neutral"))
    results = gather(sweep)
    measured = results["mixtures"]["held-out"]
    for row in (measured["overall"]["all"], measured["languages"]["en"], measured["families"]["SA"]):
        assert "difference" not in row["arms"]["all"]
        assert row["arms"]["half"]["difference"] > 0
    assert measured["families"]["RE"]["arms"]["all"]["difference"] > 0
    baselines = [measured["families"]["SA"]["arms"][arm]["baseline"] for arm in ("none", "all")]
    assert baselines[0]["f1"] > baselines[1]["f1"]
    assert measured["fit"] is None
    note = "all was not asked the same as none, so that there is no difference where these tasks count, and no fit: "
    note += "reviews: 12 records differ in text, labels or gold answers (reviews/test/00)."
    assert measured["notes"] == [note]
    page = markdown(results | {"commands": []})
    both = " / ".join(f"{BASELINE_NAMES[one['name']]} {one['f1']:.1f}" for one in baselines)
    assert f"| SA | 0.0 | 66.7* | 100.0 | {both} |" in page


def test_the_page_says_how_many_were_asked_where_arms_override_it(tmp_path) -> None:
    arms = {"none": {}, "half": {"Train.steps": 6, "evaluate/Evaluate.records": None}}
    sweep = expand(two_stages(arms=arms, stages={"ft": "ft_cpu.gin"}, mixtures={"held-out": "mix"}), tmp_path)
    for part in sweep.scores["held-out"].values():
        write_scores(sweep.place(part), 0.5)
    page = markdown(gather(sweep) | {"commands": []})
    assert "20 instances (at most 48 or all of each task)" in page
    # Equal arms: no difference, without the sign of a zero.
    assert "| +0.0 (+0.0 to +0.0) |" in page


def test_missing_scores_name_the_file(tmp_path) -> None:
    sweep = sweep_of(tmp_path)
    (first, *_) = sweep.scores["held-out"].values()
    (sweep.place(first) / "scores.json").unlink()
    with pytest.raises(ValueError, match=r"no scores: .*scores\.json cannot be read.*Remove .* and run the same"):
        gather(sweep)


def test_a_logarithm_is_found_exactly() -> None:
    numbers = (2.0, 4.0, 8.0, 29.0)
    shares = np.array([0.1 + 0.05 * math.log2(number) for number in numbers])
    resamples = np.stack([shares, *(shares * factor for factor in (0.9, 1.0, 1.1))])
    fit = _fit(numbers, resamples)
    assert fit is not None
    assert (fit["per_doubling"], fit["intercept"], fit["r_squared"]) == pytest.approx((5, 10, 1))
    assert 4.5 <= fit["interval"][0] < 5 < fit["interval"][1] <= 5.5
    assert (fit["curve"]["number"][0], fit["curve"]["f1"][-1]) == pytest.approx((2, 100 * shares[-1]))
    assert fit_sentence(fit, "data sets").startswith("Logarithmic fit: +5.00 F1 for each doubling of data sets (+4.5")


@pytest.mark.parametrize("numbers", [None, (1.0, 2.0), (0.0, 1.0, 2.0)])
def test_there_is_no_fit_without_three_numbers_above_0(numbers) -> None:
    assert _fit(numbers, np.ones((3, 3))) is None
    assert fit_sentence(None, "x") == ""


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("arms", [ARMS, dict(zip("124", ARMS.values(), strict=True))])
def test_every_figure_is_a_picture(kind, arms, tmp_path) -> None:
    from matplotlib.image import imread

    sweep = expand(two_stages(arms=arms, stages={"ft": "ft_cpu.gin"}, mixtures={"a": "mix", "b": "mix2"}), tmp_path)
    for cells in sweep.scores.values():
        for number, part in enumerate(cells.values()):
            write_scores(sweep.place(part), number / 2)
    results = gather(sweep)
    first = figure(results, kind)
    assert figure(results, kind) == first
    (tmp_path / "figure.png").write_bytes(first)
    assert imread(tmp_path / "figure.png").std() > 0.05


def test_a_figure_of_languages_shows_each_of_one_mixture(tmp_path) -> None:
    results = gather(sweep_of(tmp_path))
    (measured,) = results["mixtures"].values()
    measured["languages"] = {"en": measured["languages"]["en"], "zh": copy.deepcopy(measured["languages"]["en"])}
    both = figure(results, "languages")
    del measured["languages"]["en"]
    assert figure(results, "languages") != both
