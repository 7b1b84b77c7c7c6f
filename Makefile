# `make quickstart` and `make test` do all the setup: one virtual environment, created or reused.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help quickstart test lint bench docs clean

help:
	@echo "make quickstart   install the core, then prepare, train, score, export and query a small bilingual model"
	@echo "make quickstart BASE=smollm2   the same with real weights (English, 93 MB): answers for labels of your own"
	@echo "make test         install everything, then check style and run all tests"
	@echo "make lint         style only"
	@echo "make bench        measure speed and memory against transformers and torch"
	@echo "make docs         build the site of the documentation into site/, with all links checked"
	@echo "make clean        remove the output of quickstart (runs/quickstart, prepared/quickstart_*)"
	@echo "VENV=$(VENV) and PYTHON=$(PYTHON) can be set"

quickstart: $(VENV)/.installed
ifdef BASE
	$(BIN)/python -m pip install --quiet -e '.[gguf]'
	$(BIN)/python -m seqgpt_jax.quickstart --base=$(BASE)
else
	$(BIN)/python -m seqgpt_jax.quickstart
endif

# worksteal: loadfile does not go on after a worker has crashed.
test: $(VENV)/.installed_test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 15

lint: $(VENV)/.installed_test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(VENV)/.installed_test
	$(BIN)/python benchmarks/speed/all.py

docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "== open site/index.html"

clean:
	rm -rf runs/quickstart prepared/quickstart_*

$(BIN)/python:
	@echo "== virtual environment in $(VENV)"
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed; set PYTHON=...')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.py | $(BIN)/python
	@echo "== installing seqgpt_jax into $(VENV): about 1.1 GB, two minutes the first time"
	$(BIN)/python -m pip install --progress-bar on -e .
	@touch $@

$(VENV)/.installed_test: $(VENV)/.installed
	@echo "== installing what the tests need (TensorFlow and SeqIO, PyTorch for parity, pytest, ruff): 4 GB more"
	$(BIN)/python -m pip install --progress-bar on -e '.[test]'
	@echo "== installing the TPU compiler (684 MB, Linux only); if that fails, its tests are skipped"
	-$(BIN)/python -m pip install --progress-bar on --no-deps --upgrade --target $(VENV)/libtpu 'libtpu==0.0.42.*'
	@touch $@
