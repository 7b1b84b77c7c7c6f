"""The command, with the TPU's compiler where it is installed."""

import json
import subprocess
import sys

import pytest

from seqgpt_jax import plan
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.planning import tpu_compiler
from tests.planning.compiler import needs_compiler

TINY = ("--gin_file=bloom_tiny.gin", "--gin.Model.dtype=bfloat16", "--gin.Train.length=128")
TINY_DECODE = (
    "--gin_file=bloom_tiny.gin",
    "--gin.Model.dtype=bfloat16",
    "--topology=v5e:2x2",
    "--decode",
    "--gin.Prepare.max_prompt_tokens=64",
    "--gin.Prepare.max_target_tokens=32",
    "--gin.Decode.batch_size=4",
)
# The test process has JAX's compile cache on, which the command turns off in its own.
pytestmark = pytest.mark.filterwarnings("ignore:Error reading persistent compilation cache")


@pytest.fixture
def run(capsys, compiler):
    """The command in this process: a function from flags to (exit code, what it printed, what it said on stderr)."""

    def plan_main(*flags: str) -> tuple[int, str, str]:
        code = plan.main(flags)
        return (code, *capsys.readouterr())

    return plan_main


@needs_compiler
def test_a_tiny_model_on_four_chips() -> None:
    # In a process of its own, as users run it: what is on stdout is JSON and nothing else.
    flags = (*TINY, "--topology=v5e:2x2", "--gin.Train.batch_size=8", "--examples=100_000", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "seqgpt_jax.plan", *flags], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "compiling for TPU v5e:2x2: a minute or two where nothing else runs\n"
    made = json.loads(done.stdout)
    assert made["fits"] is True
    assert {name: size for name, size in made["mesh"].items() if size > 1} == {"fsdp": 4}
    sizes = made["bytes_per_chip"]
    assert sizes["optimizer"] == pytest.approx(2 * sizes["parameters"], abs=64)
    assert sizes["total"] == sum(size for name, size in sizes.items() if name != "total")
    assert {phase["name"] for phase in made["phases"]} >= {"forward", "backward", "rest"}
    # Parameters are split, so they must be gathered and their gradients reduced.
    assert any(name.startswith("backward: ") for name in made["collectives"])
    # Gathered in bfloat16, reduced in float32: those of biases too.
    reduced = {name.split()[-1] for name in made["collectives"] if "reduce" in name}
    assert reduced == {"f32", "s32"}
    assert 0 < made["roofline_mfu"] < 1
    assert made["roofline_step_seconds"] == pytest.approx(sum(phase["seconds"] for phase in made["phases"]))
    assert made["hours"] == pytest.approx(made["steps"] * made["roofline_step_seconds"] / 3600)


@needs_compiler
def test_two_cores_of_a_v4_chip_are_one_device_and_micro_batches_repeat_the_blocks(run) -> None:
    code, text, _ = run(*TINY, "--topology=v4:2x2x1", "--gin.Train.batch_size=16", "--gin.Train.accumulate=2", "--json")
    made = json.loads(text)
    assert (code, made["chips"], made["mesh"]["fsdp"]) == (0, 4, 4)
    counts = [entry["count"] for name, entry in made["collectives"].items() if name.startswith("forward")]
    layers, micro_batches = 2, 2
    assert counts
    assert all(count % (layers * micro_batches) == 0 for count in counts)


@needs_compiler
def test_what_does_not_fit_is_said_with_sizes(run) -> None:
    flags = ("--gin_file=bloomz_1b7.gin", "--topology=v5e:1x1", "--gin.Train.batch_size=1", "--gin.Train.length=256")
    code, text, _ = run(*flags, "--json")
    made = json.loads(text)
    assert (code, made["fits"], made["roofline_step_seconds"]) == (1, False, None)
    sizes = made["bytes_per_chip"]
    assert sizes["parameters"] > 6e9
    assert sizes["needed"] > sizes["available"] > 15e9
    assert "RESOURCE_EXHAUSTED" in made["problem"]


@needs_compiler
def test_settings_are_found_for_a_recipe_whose_mesh_does_not_fit(run) -> None:
    flags = (*TINY, "--topology=v5e:2x2", "--gin.Train.batch_size=8", "--gin.Mesh.fsdp=3")
    code, text, said = run(*flags, "--suggest")
    assert code == 0
    assert "trying Mesh." in said
    assert "fits into 15.75 GiB" in text
    (settings,) = (line.split()[1:] for line in text.splitlines() if line.startswith("settings: "))
    code, text, _ = run(*flags, *settings, "--json")
    made = json.loads(text)
    assert (code, made["fits"], made["changes"]) == (0, True, {})


@needs_compiler
def test_decoding_on_one_chip(run) -> None:
    code, text, _ = run(*TINY_DECODE, "--json")
    made = json.loads(text)
    assert (code, made["fits"]) == (0, True)
    step = made["bytes_per_chip"]["step"]
    assert step["total"] == sum(size for name, size in step.items() if name != "total")
    # 2 layers of keys and values in bfloat16, 48 wide: 64 tokens of 4 prompts, 32 tokens of 4 beams of each.
    assert step["cache of prompts"] == pytest.approx(2 * 2 * 2 * 48 * 4 * 64, rel=0.1)
    assert step["cache of answers"] == pytest.approx(2 * 2 * 2 * 48 * 4 * 4 * 32, rel=0.1)
    # Matrices and biases are loaded in float32 and read in bfloat16; norms are float32.
    assert 1.9 < made["bytes_per_chip"]["start"]["weights as loaded"] / step["weights"] < 2
    times = {phase["name"]: phase["seconds"] for phase in made["phases"]}
    assert times == {"prefill": made["roofline_prefill_seconds"], "step": made["roofline_step_seconds"]}
    assert made["tokens_per_second"] == pytest.approx(4 / times["step"])
    assert made["examples_per_second"] == pytest.approx(4 / (times["prefill"] + 32 * times["step"]))
    code, text, _ = run(*TINY_DECODE)
    assert code == 0
    assert "one TPU v5e of v5e:2x2" in text
    assert "examples/s" in text

    code, text, _ = run(*TINY_DECODE, "--gin.Decode.weight_dtype='int8'", "--json")
    rounded, kernels = json.loads(text), 2 * 12 * 48 * 48
    assert (code, rounded["fits"]) == (0, True)
    # A byte less for each weight of the kernels, the scales aside, and nowhere a copy of them in bfloat16.
    less = step["weights"] - rounded["bytes_per_chip"]["step"]["weights"]
    assert 0.9 * kernels < less < kernels
    assert rounded["bytes_per_chip"]["start"]["weights"] == rounded["bytes_per_chip"]["step"]["weights"]
    assert made["phases"][1]["hbm_bytes"] - rounded["phases"][1]["hbm_bytes"] > 0.8 * kernels


@needs_compiler
def test_a_model_too_large_to_decode_with_on_one_chip_is_refused_without_compiling(run) -> None:
    code, text, _ = run("--gin_file=bloomz_7b1.gin", "--topology=v5e:4x4", "--decode", "--json")
    made = json.loads(text)
    assert (code, made["fits"], made["compile_seconds"], made["roofline_step_seconds"]) == (1, False, 0, None)
    assert made["bytes_per_chip"]["step"] == {"weights": pytest.approx(4 * 7_069_016_064)}
    assert "take a chip with more memory" in made["problem"]


@needs_compiler
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--topology=v5e:3x5",), "--topology=v5e:3x5"),
        (("--topology=v5e:2x2", "--gin.Train.batch_size=6"), "Train.batch_size = 6 cannot be split"),
        (("--topology=v5e:2x2", "--gin.Mesh.fsdp=3"), "does not fit 4 devices"),
        (("--topology=v5e:2x2", "--gin.Mesh.replica=2"), "--topology is one slice"),
        (("--topology=v5e:2x2", "--gin.Lora.rank=8"), "a plan is of training all parameters"),
        (("--topology=v5e:2x2", "--gin.Model.param_dtype=bfloat16"), "Model.param_dtype must be 'float32' in training"),
    ],
)
def test_contradictions_are_named(run, flags, message) -> None:
    with pytest.raises(ValueError, match=message):
        run(*TINY, *flags)


def test_flags_that_say_the_same_twice() -> None:
    with pytest.raises(UsageError, match="--examples and --tokens"):
        plan.main([*TINY, "--topology=v5e:2x2", "--examples=5", "--tokens=5"])
    with pytest.raises(UsageError, match="--supervised is what --store knows"):
        plan.main([*TINY, "--topology=v5e:2x2", "--supervised=0.3", "--store=prepared/x"])
    with pytest.raises(UsageError, match="--store is about training: leave it out, or --decode"):
        plan.main([*TINY, "--topology=v5e:2x2", "--store=prepared/x", "--decode"])
    with pytest.raises(UsageError, match="--suggest is about training"):
        plan.main([*TINY, "--topology=v5e:2x2", "--suggest", "--decode"])


def test_flags_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="chips: v4, v5e"):
        plan.main([*TINY, "--topology=v7:2x2"])
    with pytest.raises(UsageError, match="--gin_file is missing"):
        plan.main(["--topology=v5e:2x2"])
    for flag in ("--examples=0", "--tokens=-5", "--tokens_per_example=0", "--supervised=0"):
        with pytest.raises(UsageError, match=rf"{flag.partition('=')[0]}=.* must be above 0"):
            plan.main([*TINY, "--topology=v5e:2x2", flag])
    with pytest.raises(UsageError, match=r"--supervised=20\.0 is a share"):
        plan.main([*TINY, "--topology=v5e:2x2", "--supervised=20"])


@needs_compiler
def test_settings_of_the_other_plan_are_no_settings_of_this_one(run) -> None:
    with pytest.raises(UsageError, match="Decode is not used by this command, which reads Model, Lora, Optimizer"):
        run(*TINY, "--topology=v5e:2x2", "--gin.Decode.num_beams=2")
    with pytest.raises(UsageError, match="Train is not used by this command, which reads Model, Decode"):
        run(*TINY, "--topology=v5e:2x2", "--decode")
    with pytest.raises(UsageError, match=r"no field 'batchsize'. Did you mean Train\.batch_size"):
        run(*TINY, "--topology=v5e:2x2", "--gin.Train.batchsize=2")


def test_jax_is_not_imported_before_the_compiler_is_found() -> None:
    # It reads what `use_compiler` sets when it is imported.
    code = (
        "import sys, seqgpt_jax.plan; from seqgpt_jax.planning import slices, tpu_compiler; "
        "slices.parse_slice('v5e:2x2'); "
        "assert 'jax' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_has_an_example_of_each_use(capsys) -> None:
    with pytest.raises(SystemExit):
        plan.main(["--help"])
    examples = [line for line in capsys.readouterr().out.splitlines() if "python -m seqgpt_jax.plan" in line]
    for use in ("--examples", "--store", "--suggest", "--decode", "--json"):
        assert any(use in line for line in examples)


def test_a_missing_compiler_is_said_with_the_way_to_get_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TPU_LIBRARY_PATH", str(tmp_path / "libtpu.so"))
    with pytest.raises(UsageError, match="TPU_LIBRARY_PATH"):
        plan.main([*TINY, "--topology=v5e:2x2"])
    monkeypatch.delenv("TPU_LIBRARY_PATH")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(tpu_compiler.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'seqgpt_jax\[plan\]'.*pip install --target=.*'libtpu=="):
        plan.main([*TINY, "--topology=v5e:2x2"])


def test_sizes_in_the_compilers_message() -> None:
    sizes = tpu_compiler.sizes_in_message(
        "total memory required for HLO temporaries (17.85G) exceeds available HBM (15.75G)."
    )
    assert sizes == {"needed": pytest.approx(17.85 * 2**30), "available": 15.75 * 2**30}
