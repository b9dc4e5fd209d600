# The handful of commands that work on the whole module. `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help test bench fuzz lint build

# How long each fuzz target runs, and which ones: a pattern for grep -E.
FUZZTIME ?= 1m
FUZZ     ?= .

# Stamped into the program, and shown by `countersign --version`.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## Runs every test, with the race detector, in random order.
	go test -race -shuffle=on ./...

bench: ## Runs the benchmarks, and the comparison with a peer, as ratios.
	go test -run '^$$' -bench . -benchmem ./...
	cd bench && go run .

fuzz: ## Runs every fuzz target for FUZZTIME (1m); FUZZ=pattern picks some.
	@grep -rnE --include='*_test.go' --exclude-dir=testdata '^func Fuzz' . | \
	sed -E 's|^(.*)/[^/]*_test\.go:[0-9]+:func (Fuzz[A-Za-z0-9_]*).*|\1 \2|' | grep -E '$(FUZZ)' | sort | \
	while read -r folder target; do \
		echo "== $$folder $$target"; \
		(cd $$folder && go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .) </dev/null || exit 1; \
	done

lint: ## Runs gofmt, go vet, staticcheck, and govulncheck if COUNTERSIGN_VULNDB names a database.
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	@if [ -n "$$COUNTERSIGN_VULNDB" ]; then set -x; go run $(GOVULNCHECK) -db "file://$$COUNTERSIGN_VULNDB" ./...; \
	else echo "govulncheck: SKIPPED, because COUNTERSIGN_VULNDB does not name a folder with the Go vulnerability database"; fi

build: ## Builds bin/countersign: static, reproducible, with its version in it.
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/countersign ./cmd/countersign
