# Two commands matter: `make run` and `make test`. Both set up what they need.
CONFIG ?= config/quickstart.yaml
ENGINE ?= psi4
CORES ?= all

export ENGINE
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# ENGINE=gfn2-xtb lays config/without_psi4.yaml over the configuration
OVERLAY := $(if $(filter psi4,$(ENGINE)),,config/without_psi4.yaml)

.PHONY: run test setup lint pictures example bench clean

run: setup  ## molecules → Psi4 → force field → MD → release
	@test -f $(CONFIG) || { echo "there is no $(CONFIG); name a configuration: make run CONFIG=…" >&2; exit 1; }
	@snakemake --profile config/profiles/local --cores $(CORES) --configfile $(CONFIG) $(OVERLAY) || \
		{ code=$$?; python -m forceladder summary --stopped config/config.yaml $(CONFIG) $(OVERLAY); exit $$code; }
	@python -m forceladder summary config/config.yaml $(CONFIG) $(OVERLAY)

test: setup  ## the whole test suite
	python -m pytest

setup:  ## .venv from envs/requirements.txt, and Psi4
	@bash envs/setup.sh

example: setup  ## the example campaign with Psi4, and its training set into resources/
	snakemake --profile config/profiles/local --cores $(CORES) --configfile config/campaign.yaml
	@mkdir -p resources/example_campaign
	cp $(addprefix results/campaign/,training_set.nc molecules.csv) resources/example_campaign/
	cp $(addprefix results/campaign/qm/b3lyp-d3bj_dzvp/,verdicts.csv ledger.csv) resources/example_campaign/

bench: setup  ## ratios and growth, into results/bench/; the example campaign must be in the cache
	python tests/benchmarks/cache_throughput.py
	python tests/benchmarks/plan_campaign.py
	python tests/benchmarks/campaign_overhead.py
	python tests/benchmarks/scale.py
	python tests/benchmarks/training_speed.py
	python tests/benchmarks/evaluation_speed.py
	python tests/benchmarks/md_speed.py
	python tests/benchmarks/memory.py
	@# public data, which lies outside the project; FORCELADDER_DATA names its folder
	@test -d "$${FORCELADDER_DATA:-../shared/data}" || \
		{ echo "3bpa, ethanol and unseen_molecules need public data: FORCELADDER_DATA=folder" >&2; exit 1; }
	python tests/benchmarks/unseen_molecules.py
	python tests/benchmarks/ethanol.py
	python tests/benchmarks/3bpa.py --seeds 3

lint: setup
	ruff check workflow tests
	ruff format --check workflow tests
	snakefmt --check Snakefile workflow/rules

pictures: setup  ## the pictures of the README, from the last quickstart
	bash docs/make_pictures.sh

clean:  ## everything but the QM cache
	rm -rf results/[!R]* .snakemake .pytest_cache
