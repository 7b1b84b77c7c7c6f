"""Calibration of scores: fitted to what a model got right, kept in its folder, and used by whatever asks it."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqgpt_jax import calibrate
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.decoding.seqgpt import SeqGPT
from seqgpt_jax.evaluation.score_calibration import Evidence, calibration_error, fit, read_evidence
from seqgpt_jax.io.contract import ContractFileError, ScoreCalibration, read_contract
from tests.decoding import folders


def too_sure(number: int, temperature: float, seed: int = 0) -> list[tuple[np.ndarray, int]]:
    """Scores of a model whose log-probabilities are `temperature` times too large."""
    rng = np.random.default_rng(seed)
    right_scores = rng.normal(size=(number, 4)) * 2
    shares = np.exp(right_scores) / np.exp(right_scores).sum(axis=1, keepdims=True)
    return [(temperature * s, rng.choice(4, p=p)) for s, p in zip(right_scores, shares, strict=True)]


def values(number: int, slope: float, intercept: float, seed: int = 0) -> list[tuple[float, bool]]:
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(size=number) * 2
    right = rng.random(number) < 1 / (1 + np.exp(-(slope * log_odds + intercept)))
    return [(float(1 / (1 + np.exp(-x))), bool(r)) for x, r in zip(log_odds, right, strict=True)]


def test_what_distorts_the_scores_is_found() -> None:
    found = fit(Evidence(too_sure(4000, 3.0), values(4000, 0.5, -1.0)))
    assert found.calibration.temperature == pytest.approx(3.0, rel=0.1)
    assert found.calibration.slope == pytest.approx(0.5, abs=0.05)
    assert found.calibration.intercept == pytest.approx(-1.0, abs=0.1)
    for number, before, after in found.errors.values():
        assert number == 4000
        assert before > 10
        assert after < 3


def test_too_little_evidence_fits_nothing() -> None:
    assert fit(Evidence(too_sure(20, 3.0), values(20, 0.5, 0))).errors == {}
    assert fit(Evidence([], [(0.9, True)] * 100)).calibration == ScoreCalibration()


def test_calibration_error() -> None:
    assert calibration_error([(1.0, True), (0.0, False)]) == 0
    assert calibration_error([(1.0, False)]) == 100
    assert calibration_error([(0.55, True), (0.55, False)]) == pytest.approx(5)


def test_two_calibrations_are_one() -> None:
    first, second = ScoreCalibration(2.0, 0.5, -1.0), ScoreCalibration(1.5, 2.0, 0.25)
    both = second.after(first)
    for probability in (0.0, 0.01, 0.5, 0.99, 1.0):
        assert both.of_value(probability) == pytest.approx(second.of_value(first.of_value(probability)), abs=1e-6)
    assert both.temperature == 3.0


def test_extremes_stay_numbers() -> None:
    steep = ScoreCalibration(slope=30.0, intercept=-20.0)
    assert [steep.of_value(p) for p in (0.0, 1e-300, 0.5, 1.0)] == pytest.approx([0, 0, 2e-9, 1], abs=1e-6)
    separable = fit(Evidence([], [(0.9, True)] * 40 + [(0.1, False)] * 40)).calibration
    assert 0 <= separable.of_value(1e-9) < separable.of_value(0.5) < separable.of_value(0.9) <= 1


def write_evaluation(folder: Path, model: Path, calibration: dict | None = None, step: int | None = None) -> Path:
    folder.mkdir()
    about = {"model": str(model), "contract": {"calibration": calibration}, "Decode": {"constrained": True}}
    about["step"] = step
    (folder / "scores.json").write_text(json.dumps({"about": about}))
    lines = [
        {"gold": [f"l{right}"], "answers": ["l0"], "confidences": [0.5],
         "label_scores": {f"l{n}": score for n, score in enumerate(scores.tolist())}}
        for scores, right in too_sure(300, 2.0)
    ]  # fmt: skip
    lines += [
        {"gold": [["a"] if right else ["b"]], "answers": [["a"]], "confidences": [[score]], "label_scores": None}
        for score, right in values(300, 0.5, 0.0)
    ]
    # One that was refused.
    lines.append({"gold": [["a"], []], "answers": [[], []], "confidences": [[], []], "label_scores": None})
    lines.append({"gold": ["x"], "answers": ["x", "y"], "confidences": [0.9, None], "label_scores": None})
    (folder / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_the_command_keeps_it_beside_the_model_and_answers_have_it(tmp_path, capsys) -> None:
    model = folders.write_folder(tmp_path / "model")
    evaluation = write_evaluation(tmp_path / "evaluation", model)
    evidence = read_evidence(evaluation / "predictions.jsonl")
    assert (len(evidence.compared), len(evidence.values)) == (300, 301)
    text, labels = "Ada Lovelace visited Turin", ["Ada", "Turin", "1840"]

    def asked() -> tuple:
        loaded = SeqGPT.load(str(model), num_beams=1, max_new_tokens=32)
        spans = loaded.extract(text, ["person"]).spans["person"]
        found = loaded.classify(text, labels, choose="one")
        return [span.text for span in spans], [s.score for s in spans], found.labels[0].label, found.probabilities

    before = asked()
    assert calibrate.main([f"--model={model}", f"--evaluation={evaluation}"]) == 0
    shown = capsys.readouterr().out
    assert "compared labels: expected calibration error" in shown
    assert "spans and other labels: expected calibration error" in shown
    calibration = read_contract(model).calibration
    assert calibration.temperature == pytest.approx(2.0, rel=0.3)
    after = asked()
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] == pytest.approx([calibration.of_value(score) for score in before[1]], rel=1e-3)
    logs = np.log(list(before[3].values())) / calibration.temperature
    assert list(after[3].values()) == pytest.approx(np.exp(logs - np.logaddexp.reduce(logs)), rel=1e-3)
    # Of scores that have a calibration: both are applied.
    again = write_evaluation(tmp_path / "again", model, {"temperature": 3.0, "slope": 1.0, "intercept": 0.0})
    calibrate.main([f"--model={model}", f"--evaluation={again}"])
    assert read_contract(model).calibration.temperature == pytest.approx(3 * calibration.temperature)
    calibrate.main([f"--model={model}", "--remove"])
    assert read_contract(model).calibration is None


def test_scores_of_another_step_than_the_one_that_answers_are_refused(tmp_path, capsys) -> None:
    model = folders.write_folder(tmp_path / "model")
    for step in (100, 200):
        (model / "checkpoints" / str(step)).mkdir(parents=True)
    earlier = write_evaluation(tmp_path / "earlier", model, step=100)
    with pytest.raises(UsageError, match=r"has the scores of step 100, but .*model answers with step 200: evaluate it"):
        calibrate.main([f"--model={model}", f"--evaluation={earlier}"])
    assert read_contract(model).calibration is None
    assert (
        calibrate.main([f"--model={model}", f"--evaluation={write_evaluation(tmp_path / 'newest', model, step=200)}"])
        == 0
    )
    assert "fitted to the answers of step 200" in capsys.readouterr().out


def test_bad_input_is_refused(tmp_path) -> None:
    model = folders.write_folder(tmp_path / "model")
    evaluation = write_evaluation(tmp_path / "evaluation", tmp_path / "other")
    with pytest.raises(UsageError, match=r"has the scores of .*other"):
        calibrate.main([f"--model={model}", f"--evaluation={evaluation}"])
    with pytest.raises(UsageError, match=r"scores\.json cannot be read"):
        calibrate.main([f"--model={model}", f"--evaluation={tmp_path}"])
    with pytest.raises(UsageError, match="give --evaluation=FOLDER, or --remove"):
        calibrate.main([f"--model={model}"])
    of_endpoint = tmp_path / "of_endpoint"
    of_endpoint.mkdir()
    about = {"model": "m", "endpoint": "http://localhost/v1", "contract": {}}
    (of_endpoint / "scores.json").write_text(json.dumps({"about": about}))
    with pytest.raises(UsageError, match=r"of_endpoint has the answers of m at http://localhost/v1, which have no pro"):
        calibrate.main([f"--model={model}", f"--evaluation={of_endpoint}"])
    contextual = tmp_path / "contextual"
    contextual.mkdir()
    about = {"model": str(model), "contract": {}, "Decode": {"constrained": True, "contextual_calibration": True}}
    (contextual / "scores.json").write_text(json.dumps({"about": about}))
    (contextual / "predictions.jsonl").write_text("")
    with pytest.raises(UsageError, match=r"evaluate with --gin\.Decode\.contextual_calibration=False"):
        calibrate.main([f"--model={model}", f"--evaluation={contextual}"])
    (evaluation / "predictions.jsonl").write_text('{"gold": [], "answers": []}\n')
    with pytest.raises(UsageError, match=r"predictions\.jsonl:1: no prediction with scores"):
        calibrate.main([f"--model={model}", f"--evaluation={evaluation}"])
    (model / "seqgpt.json").write_text('{"calibration": {"temperature": -1}}')
    with pytest.raises(ContractFileError, match="temperature must be a number above 0"):
        read_contract(model)
