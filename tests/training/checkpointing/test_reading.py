"""Corrupt checkpoints in `decode`, `export` and `Train.init_from`: the newest intact one, or an error that names it."""

import dataclasses
import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from seqgpt_jax import decode, export
from seqgpt_jax.data.packing import PACKING_VERSION
from seqgpt_jax.io import model_folder
from seqgpt_jax.io.finite import NotFiniteWeightsError
from seqgpt_jax.io.model_folder import LoadingError
from seqgpt_jax.io.run_checkpoints import restore_params
from seqgpt_jax.io.tokenizer import TokenizerError
from seqgpt_jax.models.parameters import params_of
from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.training.checkpointing.checkpointer import Checkpointer
from seqgpt_jax.training.initial_state import initial_params
from tests.training.checkpointing.test_checkpointer import META, some_state
from tests.training.runs import MODEL, TinyBatches, assert_bit_equal, mesh_of, tiny_train, tokenizer
from tests.training.test_faults import garble, garble_data, two_checkpoints

ASKED = ["--task=cls", "--text=one two", "--labels=one,two"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run with checkpoints of the steps 2, 4 and 6, and validation losses that fall."""
    folder = tmp_path_factory.mktemp("runs") / "ft"
    tiny_train(folder, save_every=2, keep=3, validate_every=2, keep_best=1, open_validation=TinyBatches)
    return folder


@pytest.fixture
def run(trained, tmp_path) -> Path:
    return shutil.copytree(trained, tmp_path / "ft")


def test_whatever_file_is_garbled_what_is_read_is_what_was_saved(tmp_path):
    states = two_checkpoints(tmp_path / "intact")
    newest = tmp_path / "intact" / "checkpoints" / "6"
    fell_back = 0
    files = [path for item in ("params", "meta") for path in (newest / item).rglob("*") if path.is_file()]
    for file in (path.relative_to(newest) for path in files):
        shutil.copytree(tmp_path / "intact", tmp_path / "run")
        garble(tmp_path / "run" / "checkpoints" / "6" / file)
        lines: list[str] = []
        params, step = restore_params(tmp_path / "run", MODEL, log=lines.append)
        assert step == (3 if lines else 6)
        assert_bit_equal(params, states[step].params)
        if lines:
            fell_back += 1
            assert "checkpoint 6 is corrupt: " in lines[0], file
            assert lines[1].startswith("falling back to checkpoint 3 of "), file
        assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == ["3", "6"]
        shutil.rmtree(tmp_path / "run")
    assert fell_back >= 2


def test_a_checkpoint_is_read_while_a_training_deletes_others(run):
    """Listing the steps must not look into those folders: three of four reads failed that way, here."""
    others = [run / "checkpoints" / str(step) for step in range(100, 130)]
    ended = threading.Event()

    def add_and_delete() -> None:
        while not ended.is_set():
            for folder in others:
                folder.mkdir()
            for folder in others:
                folder.rmdir()

    thread = threading.Thread(target=add_and_delete)
    thread.start()
    try:
        assert [restore_params(run, MODEL, step=6)[1] for _ in range(12)] == [6] * 12
    finally:
        ended.set()
        thread.join()


def test_commands_use_the_newest_intact_one_and_print_so(run, tmp_path, capsys):
    garble_data(run / "checkpoints/6/params")
    shutil.rmtree(run / "checkpoints/4/params")
    assert decode.main([f"--model={run}", *ASKED, "--gin.Decode.num_beams=1", "--gin.Decode.max_new_tokens=16"]) == 0
    assert export.main([f"--model={run}", f"--output={tmp_path / 'out'}", "--dtype=float32"]) == 0
    printed = capsys.readouterr().out
    for line in ("checkpoint 6 is corrupt: ", "checkpoint 4 is corrupt: ", "falling back to checkpoint 2 of "):
        assert printed.count(line) == 2
    assert_bit_equal(params_of(model_folder.load(tmp_path / "out").model), restore_params(run, MODEL, step=2)[0])


@pytest.mark.parametrize("flag", ["--step=6", "--step=best"])
def test_a_corrupt_one_that_was_asked_for_is_an_error_that_names_others(run, flag):
    for step, loss in ((2, 3.0), (4, 2.0), (6, 1.0)):
        meta = run / f"checkpoints/{step}/meta/metadata"
        meta.write_text(json.dumps(json.loads(meta.read_text()) | {"validation_loss": loss}))
    garble_data(run / "checkpoints/6/params")
    with pytest.raises(
        LoadingError, match=r"(?s)^corrupt checkpoint:\n  .*ft/checkpoints/6: .*--step=2 or --step=4$"
    ) as e:
        decode.main([f"--model={run}", *ASKED, flag])
    assert len(str(e.value).splitlines()) == 3


def test_all_of_them_are_named_where_none_can_be_read(run):
    for step in (2, 4, 6):
        garble_data(run / f"checkpoints/{step}/params")
    with pytest.raises(LoadingError, match=r"(?s)corrupt checkpoints:.*checkpoints/6: .*/4: .*/2: .*train again"):
        model_folder.load(run)


def test_a_run_starts_from_the_newest_intact_one(run):
    garble_data(run / "checkpoints/6/params")
    lines: list[str] = []
    params = initial_params(str(run), MODEL, tokenizer(), mesh_of(1, 1, 1), ShardingRules(), lines.append)
    assert lines[1] == f"falling back to checkpoint 4 of {run}"
    assert_bit_equal(params, restore_params(run, MODEL, step=4)[0])


def test_a_run_does_not_resume_with_weights_that_are_no_numbers(tmp_path):
    state = some_state(mesh_of(1, 1, 1))
    bias = state.params["layers"]["mlp"]["dense_4h_to_h"]["bias"]
    state.params["layers"]["mlp"]["dense_4h_to_h"]["bias"] = bias.at[1, 2].set(np.nan)
    checkpoints = Checkpointer(tmp_path, keep=2)
    checkpoints.save(state, dataclasses.replace(META, packing_version=PACKING_VERSION))
    checkpoints.close()
    message = (
        r"checkpoints/3 holds NaN or infinity in layers\.mlp\.dense_4h_to_h\.bias\[1\]\. Move .*checkpoints/3 away"
    )
    with pytest.raises(NotFiniteWeightsError, match=message):
        tiny_train(tmp_path)


def test_a_corrupt_tokenizer_is_named(run):
    assert len(model_folder.load(run).tokenizer) == len(tokenizer())
    file = run / "tokenizer" / "tokenizer.json"
    whole = file.read_text()
    for content in (whole[:-500], whole.replace("BPE", "BPF"), "[]", ""):
        file.write_text(content)
        with pytest.raises(TokenizerError, match=r"no tokenizer could be loaded from '.*ft/tokenizer'"):
            model_folder.load(run)
