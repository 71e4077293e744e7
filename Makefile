# What there is to do with this repository. `make` alone lists it.

# Where rustup puts cargo, for shells that have not heard of it.
export PATH := $(PATH):$(HOME)/.cargo/bin

# Where `make install` puts things. DESTDIR goes before it, for those who make packages; PROGRAM is a binary that is built already.
PREFIX ?= /usr/local
export PREFIX DESTDIR

.PHONY: help run test lint audit bench abuse screenshots install uninstall static clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: ## build and run the product; it installs what is missing. ARGS="--bind 127.0.0.1:9000" hands options on
	@scripts/ensure-build-tools
	@test -n "$$DATABASE_URL" || scripts/ensure-postgres
	@echo "==> Building Reasoner Webhooks; the first time takes a few minutes."
	@cargo build --release --bin reasoner-webhooks
	@cargo run --quiet --release --bin reasoner-webhooks -- serve $(ARGS)

test: ## run every test, in a browser and on a real PostgreSQL; it installs what is missing
	@scripts/ensure-build-tools curl ps pgbouncer $$([ "$$(uname)" != Linux ] || echo prlimit faketime)
	@scripts/ensure-postgres
	@scripts/ensure-postgres-versions
	@scripts/ensure-browser
	@scripts/ensure-axe
	@scripts/ensure-languages
	@scripts/ensure-promtool
	@scripts/ensure-senders
	@scripts/ensure-mail-server
	@scripts/ensure-api-tools
	@scripts/run-tests

lint: ## check the format, the lints and the scripts
	@scripts/ensure-build-tools
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	for script in scripts/* .ci/run; do sh -n "$$script" || exit 1; done

audit: ## look at the libraries: their terms, where they come from, weaknesses that are known; and list them (SBOM)
	@scripts/ensure-build-tools curl git
	@scripts/ensure-audit-tools
	@scripts/audit

bench: ## measure how fast events are received, and the dashboard over ten million (13 GB of disk); then its parts
	@scripts/ensure-build-tools curl nginx wrk
	@scripts/ensure-postgres
	@failed=; \
	cargo bench --bench ingest || failed="$$failed ingest"; \
	cargo bench --bench dashboard || failed="$$failed dashboard"; \
	cargo bench --bench viewers || failed="$$failed viewers"; \
	cargo bench --bench insert_forms || failed="$$failed insert_forms"; \
	cargo bench --bench parts || failed="$$failed parts"; \
	test -z "$$failed" || { echo "not as it should be:$$failed"; exit 1; }

abuse: ## attack the program in every way that is known, and measure what others notice (about 10 minutes)
	@scripts/ensure-build-tools
	@scripts/ensure-postgres
	cargo bench --bench abuse

screenshots: ## take pictures of every page into screenshots/, and those of the README
	@scripts/ensure-build-tools
	@scripts/ensure-postgres
	@scripts/ensure-browser
	cargo run --example screenshots -- screenshots

install: ## install the program, its manual page, completions and systemd unit below PREFIX (/usr/local)
	@test -n "$(PROGRAM)" || { scripts/ensure-build-tools && cargo build --release --locked --bin reasoner-webhooks; }
	@scripts/install-files "$(or $(PROGRAM),$(or $(CARGO_TARGET_DIR),target)/release/reasoner-webhooks)"

uninstall: ## remove what `make install` put there; received data stays
	@scripts/install-files --remove

static: ## build a program that needs no library of the system (Linux, musl)
	@scripts/ensure-build-tools musl-gcc
	rustup target add $$(uname -m)-unknown-linux-musl
	cargo build --release --locked --bin reasoner-webhooks --target $$(uname -m)-unknown-linux-musl

clean: ## remove what was built; received data stays
	cargo clean
