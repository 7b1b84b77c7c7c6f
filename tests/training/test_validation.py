"""Validation: it measures what training would, changes nothing, and ranks the checkpoints."""

import json

import jax
import numpy as np
import pytest

from seqgpt_jax.atomic import FAMILIES
from seqgpt_jax.io import model_folder
from seqgpt_jax.io.run_checkpoints import validation_losses
from seqgpt_jax.models.parameters import create, params_of
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.config import TrainConfig
from seqgpt_jax.training.metric_sinks import read_metrics
from seqgpt_jax.training.validation import Validation, ValidationResult
from tests.training.runs import (
    MODEL,
    ROWS,
    TinyBatches,
    assert_bit_equal,
    checkpoint_params,
    mesh_of,
    take_steps,
    tiny_train,
)
from tests.training.test_loop import StoppedBatches


class HeldOut(TinyBatches):
    """Two batches that training does not see."""

    def __init__(self, **hosts: int) -> None:
        super().__init__(total_steps=2, **hosts)

    def batch(self, step: int) -> dict[str, np.ndarray]:
        return super().batch(100 + step)


def held_out_result(mesh, params=None, open_batches=HeldOut) -> ValidationResult:
    rules = ShardingRules()
    with use_sharding(mesh, rules):
        if params is None:
            params = params_of(create(MODEL, 0, mesh=mesh, rules=rules))
        return Validation(MODEL, open_batches, rows=ROWS, mesh=mesh, rules=rules)(0, params)


def test_the_score_is_the_loss_that_a_step_would_report():
    """Two batches with other numbers of targets: the mean is over targets, not over batches."""
    result = held_out_result(mesh_of(1, 1, 1))
    metrics = [take_steps(mesh_of(1, 1, 1), [HeldOut().batch(step)])[1][0] for step in range(2)]
    weights = [int(one.supervised) for one in metrics]
    assert weights[0] != weights[1]
    assert result.loss == pytest.approx(np.average([float(one.loss) for one in metrics], weights=weights), rel=1e-6)
    for family in ("NER", "CLS"):
        place = FAMILIES.index(family)
        losses, targets = (sum(getattr(one, f"family_{what}")[place] for one in metrics) for what in ("loss", "weight"))
        assert result.family_loss[family] == pytest.approx(losses / targets, rel=1e-6)
    assert set(result.family_loss) == {"NER", "CLS"}
    assert result.summary().startswith(f"validation at step 0: loss {result.loss:.4f}")


def test_any_mesh_gives_the_same_score():
    assert held_out_result(mesh_of(2, 2, 2)).loss == pytest.approx(held_out_result(mesh_of(1, 1, 1)).loss, rel=1e-5)


def test_a_loss_that_is_not_finite_is_no_score():
    class Broken(HeldOut):
        def batch(self, step):
            batch = super().batch(step)
            batch["target_weights"][0, 0] = np.inf
            return batch

    result = held_out_result(mesh_of(1, 1, 1), open_batches=Broken)
    assert result.loss is None
    assert "NER" not in result.family_loss
    assert "CLS" in result.family_loss
    assert "is not finite" in result.summary()


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """Six steps, all of which are saved; at such a rate the loss goes up again."""
    folder = tmp_path_factory.mktemp("validated")
    tiny_train(folder, open_validation=HeldOut, validate_every=1, save_every=1, keep=1, keep_best=2)
    return folder


def test_validation_changes_nothing_in_training(run_dir, tmp_path):
    tiny_train(tmp_path)
    assert_bit_equal(checkpoint_params(tmp_path, 6), checkpoint_params(run_dir, 6))
    with_and_without = [[line["loss"] for line in read_metrics(run) if "loss" in line] for run in (run_dir, tmp_path)]
    assert with_and_without[0] == with_and_without[1]


def test_the_best_checkpoints_stay_beside_the_newest(run_dir):
    losses = {line["step"]: line["validation/loss"] for line in read_metrics(run_dir) if "validation/loss" in line}
    assert sorted(losses) == [1, 2, 3, 4, 5, 6]
    ranked = sorted(losses, key=losses.get)
    assert {int(path.name) for path in (run_dir / "checkpoints").iterdir()} == {6, *ranked[:2]}
    meta = json.loads((run_dir / f"checkpoints/{ranked[0]}/meta/metadata").read_text())
    assert meta["validation_loss"] == losses[ranked[0]]
    assert_bit_equal(
        jax.device_get(model_folder.restore_params(run_dir, MODEL, step="best")[0]),
        checkpoint_params(run_dir, ranked[0]),
    )


def test_what_is_saved_scores_what_was_said(run_dir):
    loss = validation_losses(run_dir, [6])[6]
    mesh = mesh_of(1, 1, 1)
    assert held_out_result(mesh, jax.device_put(checkpoint_params(run_dir, 6))).loss == pytest.approx(loss, rel=1e-5)


def test_a_resumed_run_remembers_the_best(run_dir, tmp_path, capsys):
    settings = {"validate_every": 1, "save_every": 1, "keep": 1, "keep_best": 2, "open_validation": HeldOut}
    tiny_train(tmp_path, batches=StoppedBatches, **settings)
    # The step that is interrupted is saved at once, without a validation.
    assert 4 not in validation_losses(tmp_path, [4])
    tiny_train(tmp_path, **settings)
    output = capsys.readouterr().out
    losses = {line["step"]: line["validation/loss"] for line in read_metrics(tmp_path) if "validation/loss" in line}
    assert sorted(losses) == [1, 2, 3, 5, 6]
    ranked = sorted(losses, key=losses.get)
    assert {int(path.name) for path in (tmp_path / "checkpoints").iterdir()} == {6, *ranked[:2]}
    assert f"lowest validation loss of the checkpoints: {losses[ranked[0]]:.4f} at step {ranked[0]}" in output


def test_a_run_without_validation_has_no_best_checkpoint(tmp_path, capsys):
    tiny_train(tmp_path)
    assert "validation loss" not in capsys.readouterr().out
    with pytest.raises(model_folder.LoadingError, match=r"no checkpoint with a validation loss"):
        model_folder.restore_params(tmp_path, MODEL, step="best")
    corrupt = tmp_path / "checkpoints/3/meta/metadata"
    corrupt.write_text("{")
    assert validation_losses(tmp_path, [3, 6, 9]) == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keep_best": 1}, r"Train\.keep_best = 1 needs validation: set Train\.validate_every"),
        ({"keep_best": 1, "validate_every": 200}, r"Train\.save_every = 500 a multiple of Train\.validate_every = 200"),
        ({"keep_best": -1}, r"Train\.keep_best must be an integer of at least 0"),
        ({"validate_every": 0}, r"Train\.validate_every must be an integer of at least 1"),
    ],
)
def test_settings_that_cannot_work_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**settings)


def test_validation_without_data_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there are no validation data"):
        tiny_train(tmp_path, validate_every=2)
