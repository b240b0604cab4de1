# `make demo` and `make test` install what they need, ROS 2 included, from PyPI into an
# environment in this folder: .venv to run the product, .venv-full to test and train it.
PYTHON ?= python3
ARGS ?=

# A ROS 2 that is sourced in this shell stays out: the environments hold one of their own.
unexport PYTHONPATH LD_LIBRARY_PATH AMENT_PREFIX_PATH COLCON_PREFIX_PATH RMW_IMPLEMENTATION
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE

COMPILE = uv pip compile setup.py - --quiet --upgrade --universal --python-version 3.10 \
    --generate-hashes --no-annotate --no-header

.PHONY: help demo test train-env lock clean

help:  ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

demo: .venv/ready  ## Segment the recorded drive with the node (ARGS=--help for its options)
	.venv/bin/python -m unet_perception.demo $(ARGS)

test: .venv-full/ready  ## Run the tests (ARGS='-k build -x' for a part of them)
	.venv-full/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

train-env: .venv-full/ready  ## Make .venv-full, for .venv-full/bin/python -m train.fit

lock:  ## Take the newest versions that setup.py allows into requirements/, with hashes; needs uv
	@echo 'setuptools<80' | $(COMPILE) --extra ros -o requirements/demo.txt
	@echo 'setuptools<80' | $(COMPILE) --extra ros --extra train --extra test \
	    -o requirements/full.txt

clean:  ## Remove the environments, builds and caches; models/ and runs/ stay
	rm -rf .venv .venv-full build install log demo_output .pytest_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/ready: LOCK = requirements/demo.txt
.venv-full/ready: LOCK = requirements/full.txt

.venv/ready .venv-full/ready: setup.py requirements/demo.txt requirements/full.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "ROS 2 is on PyPI for Python 3.10 to 3.13, but $(PYTHON) is" \
	        "$$($(PYTHON) --version 2>&1); name another, as in: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make an environment with pip; on Debian and Ubuntu, mend it with:" \
	        "apt install $(notdir $(PYTHON))-venv"; exit 1; }
	@echo "Installing into $(@D), once; this takes a few minutes"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check --no-deps \
	    --require-hashes -r $(LOCK)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check --no-deps \
	    --no-build-isolation -e .
	@touch $@

include train/shipped.mk
