# `make iso` and `make test` are all that a new user needs; each target does its own set-up.
# Needs root and Debian 12 or 13. Variables: PROFILE=dev|release, ZFS=1|0, UPDATE=1, FIRMWARE=bios|uefi.

SHELL := /bin/bash
PROFILE ?= release
# Deadlines of the end-to-end tests, as multiples of what two idle cores need: they bound, they do not measure.
export TREBOL_PATIENCE ?= 3
PYTHON := /usr/bin/python3
VENV := .venv
TREBOL := $(VENV)/bin/trebol
# Processes that share the tests of `check`.
JOBS ?= 2

CHECK_PACKAGES := python3-venv python3-dev gcc pkg-config libparted-dev gettext e2fsprogs btrfs-progs
BUILD_PACKAGES := mmdebstrap squashfs-tools xorriso mtools dosfstools grub-common grub-pc-bin cpio zstd \
	build-essential debhelper dh-python pybuild-plugin-pyproject python3-all python3-setuptools fakeroot \
	mount openssl systemd debian-archive-keyring
TEST_PACKAGES := qemu-system-x86 qemu-utils ovmf swtpm openssh-client e2fsprogs systemd-container shellcheck \
	corosync-vqsim fio iperf3 iproute2 libvirt-clients chromium chromium-driver

.DEFAULT_GOAL := help
# apt has one lock, and tests need what is built: with -j, too, one after the other.
.NOTPARALLEL:
.PHONY: help iso run check test test-full bench clean distclean packages-check packages-build packages-test

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

iso: $(VENV)/ready packages-build ## Build out/trebol-VERSION-amd64.iso (PROFILE=dev: quicker, larger, without ZFS; ZFS=1|0; UPDATE=1: newest packages)
	$(TREBOL) image build --profile $(PROFILE) $(if $(ZFS),$(if $(filter 0,$(ZFS)),--no-zfs,--zfs)) $(if $(UPDATE),--update)

run: $(VENV)/ready packages-test ## Boot the newest ISO in QEMU, on this terminal (FIRMWARE=bios|uefi)
	$(TREBOL) image run $(if $(FIRMWARE),--firmware $(FIRMWARE))

# mypy has but one process, so the tests run beside it; what it says comes last. worksteal: no process is idle while
# another one has tests left.
check: $(VENV)/ready ## Lint, types, import rules, unit tests: minutes, no root, no network
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	@mkdir -p out; $(VENV)/bin/mypy >out/mypy.log 2>&1 & types=$$!; \
	trap 'kill $$types' INT TERM; \
	$(VENV)/bin/pytest --numprocesses $(JOBS) --dist worksteal tests/unit tests/screens tests/clients; tests=$$?; \
	wait $$types; types=$$?; cat out/mypy.log; exit $$((tests | types))

test: check packages-build packages-test ## check, then build the ISO and install, boot and look inside: under 45 minutes
	$(TREBOL) image build --profile dev
	$(VENV)/bin/pytest tests/image tests/cluster tests/e2e -m "not slow"

test-full: export TREBOL_EFFORT = full
test-full: check packages-build packages-test ## Every case; hours. Resume with PYTEST_ARGS=--last-failed, shard with -k
	$(TREBOL) image build --profile dev --zfs
	$(VENV)/bin/pytest tests/image tests/cluster tests/e2e $(PYTEST_ARGS)

bench: $(VENV)/ready packages-build packages-test ## Measure against the floors of docs/performance.md
	$(VENV)/bin/python -m bench

clean: ## Remove what was built; layers and packages in $$TREBOL_CACHE stay
	rm -rf out build .pytest_cache .mypy_cache .ruff_cache

distclean: clean ## clean, and the virtual environment
	rm -rf $(VENV)

$(VENV)/ready: pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory packages-check
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# Install what is missing, and nothing where all is there: the second `make` must not ask apt anything.
define install
	@missing=$$(for name in $(1); do \
		dpkg-query --show --showformat='$${db:Status-Status}\n' $$name 2>/dev/null | grep -qx installed || echo $$name; \
	done); \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" != 0 ]; then \
			echo "make: these packages are missing and only root can install them:" $$missing >&2; exit 2; \
		fi; \
		apt-get update --quiet=2 && \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends $$missing; \
	fi
endef

packages-check:
	$(call install,$(CHECK_PACKAGES))
packages-build:
	$(call install,$(BUILD_PACKAGES))
packages-test:
	$(call install,$(TEST_PACKAGES))
