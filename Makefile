# `make demo` and `make test` each do all the set-up they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
BESIDE := .venv-bench
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test format bench docs constraints clean
.DEFAULT_GOAL := help

help:           ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'tlbench needs Python 3.11 or newer; say which: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/made pyproject.toml constraints.txt
	@echo 'installing tlbench and what it needs (some minutes the first time)' >&2
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo 'installing what the checks need' >&2
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed  ## run the reference backbone on the synthetic data set
	$(BIN)/tlbench run --backbone inception_v3

# The page is looked at in Chromium and judged by axe-core, tables for papers are set by LaTeX. Where
# these can't be had the tests that need them are skipped, saying so.
apt = { export DEBIAN_FRONTEND=noninteractive; apt-get install -qq -y $(1) || \
  { apt-get update -qq && apt-get install -qq -y $(1); }; } </dev/null >/dev/null 2>&1

$(VENV)/browser: $(VENV)/installed-dev
	@command -v chromium >/dev/null || { \
	  echo 'installing Chromium, to look at the page in it' >&2; $(call apt,chromium); }
	@npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix $(VENV)/axe \
	  axe-core@4.14.1 >/dev/null
	@touch $@

$(VENV)/latex: $(VENV)/installed-dev
	@kpsewhich booktabs.sty >/dev/null 2>&1 || { \
	  echo 'installing LaTeX, to set tables with it (48 MB)' >&2; \
	  $(call apt,--no-install-recommends texlive-latex-recommended); }
	@touch $@

test: $(VENV)/installed-dev  ## every check: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	-@$(MAKE) --no-print-directory $(VENV)/browser
	-@$(MAKE) --no-print-directory $(VENV)/latex
	$(BIN)/python -m pytest -n 2 --dist loadfile

format: $(VENV)/installed-dev  ## format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A stand-in for what others do, away from what tlbench needs. torchvision is only imported by timm:
# its dependencies would ask for another build of torch.
$(BESIDE)/installed: tests/benchmarks/requirements.txt
	@echo 'installing what tlbench is measured against' >&2
	$(PYTHON) -m venv $(BESIDE)
	$(BESIDE)/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<
	$(BESIDE)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps \
	  timm==1.0.31 torchvision==0.28.0
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed-dev
	$(PIP) install --constraint constraints.txt --editable '.[int8]'
	@touch $@

bench: $(VENV)/installed-bench  ## measure speed against other ways, as ratios in one run
	-@$(MAKE) --no-print-directory $(BESIDE)/installed
	$(BIN)/python -m tests.benchmarks $(BENCH)

docs: $(VENV)/installed-dev  ## paste the real outputs into the documentation
	$(BIN)/python -m tests.meta.outputs

constraints: $(VENV)/installed-dev  ## write down the versions now installed
	$(BIN)/python -m pip freeze --exclude-editable --exclude tlbench > constraints.txt

clean:          ## remove what set-up made
	rm -rf $(VENV) $(BESIDE) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
