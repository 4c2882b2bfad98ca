# Two commands: `make demo` opens the app, `make test` runs every test. Both set themselves up first.
PYTHON ?= python3
PORT ?= 7860
BIN := .venv/bin
TESTS := --numprocesses 2 --dist loadfile
EXTRAS := --extra app --extra notebooks --extra docs --extra dev

.PHONY: demo test lessons docs newest lint lock upgrade moji evaluate clean

demo: .venv/ready
	$(BIN)/python app.py --port $(PORT)

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/python -m pytest $(TESTS)

# The lessons alone, and what the README tells people to type.
lessons: .venv/ready
	$(BIN)/python -m pytest tests/test_notebooks.py tests/test_readme.py

# The guides and the API reference as a site: open site/index.html. Every warning, such as a broken link, is an error.
docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# One environment in .venv, of exactly the versions in requirements.txt, brought up to date when that file changes.
.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv: some gigabytes are fetched, most of them PyTorch. This takes some minutes, once."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch .venv/ready

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# requirements.txt is the lock: every package, exact, made from the ranges in pyproject.toml.
COMPILE = $(BIN)/uv pip compile pyproject.toml $(EXTRAS) --output-file requirements.txt \
	--universal --python-version 3.11 --no-annotate --quiet --custom-compile-command "make lock"

# Add what is new in pyproject.toml to the lock; every other version stays.
lock: .venv/ready
	$(COMPILE)

# Lock the newest versions that fit together, install them, and run every test.
upgrade: .venv/ready
	$(COMPILE) --upgrade
	$(MAKE) test

# Every test on the newest versions that pyproject.toml allows, in an environment of their own; the lock stays as it is.
newest:
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --upgrade uv
	.venv-newest/bin/uv pip install --quiet --upgrade --python .venv-newest -r pyproject.toml $(EXTRAS)
	PLAYGROUND_NEWEST=1 .venv-newest/bin/python -m pytest $(TESTS)

# Train all of Moji again, stage by stage; a cut run goes on where it stopped. Some five hours on two cores.
moji: .venv/ready
	$(BIN)/python -m playground.training.encoder
	$(BIN)/python -m playground.training.segmentation
	$(BIN)/python -m playground.training.detection
	$(BIN)/python -m playground.training.alignment
	$(BIN)/python -m playground.training.instruction
	$(BIN)/python -m playground.training.everything
	$(BIN)/python -m playground.training.blip
	$(BIN)/python -m playground.training.lora
	$(BIN)/python -m playground.training.preference
	$(MAKE) evaluate

# Measure what is shipped on 300 fresh scenes, and write the figures into the model cards.
evaluate: .venv/ready
	$(BIN)/python -m playground.training.calibration
	$(BIN)/python -m playground.training.evaluate --scenes 300 --output docs/evaluation.json
	$(BIN)/python -m playground.training.cards

clean:
	rm -rf .venv .venv-newest runs artifacts site
