"""import_hf and export, called as the commands are."""

import json
import shutil
import subprocess
import sys

import numpy as np
import orbax.checkpoint as ocp
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from seqgpt_jax import command_line, export, import_hf
from seqgpt_jax.io.hf_checkpoint import params_to_hf
from seqgpt_jax.io.model_folder import load, save_run_config
from seqgpt_jax.io.tensor_files import read_tensors
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create, params_of
from tests.models import peers


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    peers.save_peer(folder, 6)
    peers.make_tokenizer(gen=False).save_pretrained(str(folder))
    return folder


def test_import_then_export(source, tmp_path, capsys):
    imported, exported = tmp_path / "imported", tmp_path / "exported"
    assert import_hf.main([f"--source={source}", f"--output={imported}"]) == 0
    assert "[GEN] was added" in capsys.readouterr().out
    for name, tensor in read_tensors(source).items():
        np.testing.assert_array_equal(read_tensors(imported)[name].read(), tensor.read())
    gen = load(imported).tokenizer.convert_tokens_to_ids("[GEN]")
    assert gen == len(peers.make_tokenizer(gen=False))

    scores = tmp_path / "scores.json"
    baselines = {"best_baseline": "majority", "baselines": {"always_none": {"f1": 0.0}, "majority": {"f1": 12.5}}}
    score = {"f1": 60.0, "paper_score": 61.25, "instances": 1234, **baselines}
    scores.write_text(json.dumps({"mode": "paper", "overall": score, "families": {"NER": score}, "languages": {}}))
    flags = ["--dtype=float32", "--max_shard_gb=0.0001", "--base_model=bigscience/bloomz-560m", f"--scores={scores}"]
    assert export.main([f"--model={imported}", f"--output={exported}", *flags]) == 0
    tokens = np.random.default_rng(0).integers(4, peers.VOCAB, (1, 9))
    peer = AutoModelForCausalLM.from_pretrained(exported)
    np.testing.assert_array_equal(peers.run_peer(peer, tokens), peers.run_peer(peers.make_peer(6), tokens))
    assert AutoTokenizer.from_pretrained(exported).convert_tokens_to_ids("[GEN]") == gen
    assert (exported / "model.safetensors.index.json").exists()
    card = (exported / "README.md").read_text()
    for part in (
        "base_model: bigscience/bloomz-560m",
        "输出: [GEN]",
        "RAIL",
        "| NER | 60.0 | 12.5 | 61.2 | 1,234 |",
    ):
        assert part in card


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_an_exported_run_is_its_checkpoint_in_that_dtype(tmp_path, dtype):
    run, exported = tmp_path / "ft", tmp_path / "exported"
    run.mkdir()
    config = BloomConfig(vocab_size=peers.VOCAB, hidden_size=48, n_layer=2, n_head=6)
    params = params_of(create(config, seed=4))
    save_run_config(run, config)
    peers.make_tokenizer().save_pretrained(str(run / "tokenizer"))
    with ocp.CheckpointManager((run / "checkpoints").absolute(), item_names=("params",)) as manager:
        manager.save(3, args=ocp.args.Composite(params=ocp.args.StandardSave(params)))
    assert export.main([f"--model={run}", f"--output={exported}", f"--dtype={dtype}"]) == 0
    assert json.loads((exported / "config.json").read_text())["dtype"] == dtype
    expected = params_to_hf(params, config, dtype)
    found = read_tensors(exported)
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == dtype
        np.testing.assert_array_equal(tensor.read(), expected[name].read())


def test_import_leaves_a_present_gen_alone(source, tmp_path, capsys):
    import_hf.main([f"--source={source}", f"--output={tmp_path / 'one'}"])
    import_hf.main([f"--source={tmp_path / 'one'}", f"--output={tmp_path / 'two'}"])
    assert "there already" in capsys.readouterr().out
    one, two = (AutoTokenizer.from_pretrained(tmp_path / name) for name in ("one", "two"))
    assert one.get_vocab() == two.get_vocab()


def test_import_of_nothing(tmp_path):
    with pytest.raises(command_line.UsageError, match="'no/model' is neither a folder here nor a model that can be"):
        import_hf.main(["--source=no/model", f"--output={tmp_path / 'out'}"])


def test_import_of_a_full_table(source, tmp_path):
    full = shutil.copytree(source, tmp_path / "full")
    tokenizer = peers.make_tokenizer(gen=False)
    tokenizer.add_tokens([f"word{number}" for number in range(peers.VOCAB - len(tokenizer))])
    tokenizer.save_pretrained(str(full))
    with pytest.raises(ValueError, match=r"513 tokens.*only 512 rows"):
        import_hf.main([f"--source={full}", f"--output={tmp_path / 'out'}"])
    assert not (tmp_path / "out").exists()


def test_export_over_something_fails_before_loading(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        export.main(["--model=missing", f"--output={tmp_path}"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    monkeypatch.chdir(tmp_path / "empty")
    for output in (".", "../link"):
        with pytest.raises(FileExistsError, match="the current folder, a link or a mount point: name a folder inside"):
            export.main(["--model=missing", f"--output={output}"])
    with pytest.raises(SystemExit):
        import_hf.main(["--source=missing", "--output=gs://bucket/x"])


def test_export_with_scores_of_another_kind(source, tmp_path):
    import_hf.main([f"--source={source}", f"--output={tmp_path / 'in'}"])
    (tmp_path / "scores.json").write_text('{"f1": 1}')
    flags = [f"--model={tmp_path / 'in'}", f"--output={tmp_path / 'out'}", f"--scores={tmp_path / 'scores.json'}"]
    with pytest.raises(command_line.UsageError, match="lacks 'overall'"):
        export.main(flags)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("script", ["import_hf", "export"])
def test_help_imports_nothing_heavy(script):
    code = (
        f"import sys, seqgpt_jax.{script} as script\n"
        "try: script.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('jax', 'transformers', 'numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    assert f"python -m seqgpt_jax.{script} " in done.stdout
