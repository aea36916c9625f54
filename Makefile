# Drumbeat: everything a person runs. `make help` lists the targets.
# Needs Go, make and npm; npm brings the embedded ClickHouse, the chart library and a browser for
# the tests (see package.json). Nothing needs root or Docker.

GO ?= go
BENCH_FLAGS := $(if $(ONLY),--only=$(ONLY))

.DEFAULT_GOAL := help
.PHONY: help demo test race soak lint bench build deps golden rows screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: deps ## simulate a business, collect its webhooks, and write the report
	@mkdir -p build
	@$(GO) build -o build/drumbeat ./cmd/drumbeat
	@build/drumbeat demo

test: deps lint ## build, vet, lint and run all tests: real ClickHouse, real browser
	$(GO) build ./...
	$(GO) test -timeout 20m ./transform ./cmd/drumbeat ./... # the two longest first, side by side

race: deps ## run all tests with the race detector (needs a C compiler)
	@command -v $${CC:-cc} >/dev/null || { echo "make race: the race detector needs a C compiler: install gcc or clang, or name one in CC" >&2; exit 1; }
	CGO_ENABLED=1 $(GO) test -race ./...

KILLS ?= 200

soak: deps ## kill collector and engine at random moments, KILLS=200 times; hold the metrics against 400 worlds
	DRUMBEAT_SOAK=$(KILLS) $(GO) test ./cmd/drumbeat -run '^TestKilledAtRandomMoments$$' -count=1 -timeout 2h -v
	DRUMBEAT_SOAK=400 $(GO) test ./transform -run '^(TestKnownTruth|TestKnownArms|TestPlausibleDosesHoldTheBest|TestExcessHoldsTheTruth|TestConsentIntervalsHoldTheTruth)$$' -count=1 -timeout 4h -v

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "run gofmt -w on:" $$unformatted >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

bench: deps ## measure speed as ratios and write build/bench.json; ONLY=group for one group
	$(GO) run ./bench $(BENCH_FLAGS)

build: deps ## put the binary and all it needs into build/
	@mkdir -p build
	$(GO) build -trimpath -o build/drumbeat ./cmd/drumbeat
	@for f in node_modules/@chdb/lib-*/libchdb.* node_modules/.drumbeat/charts.min.js; do \
		if [ -f "$$f" ]; then ln -f "$$f" build/ 2>/dev/null || cp "$$f" build/; fi; done
	@ls -1sh build | grep -v '^total'

golden: deps ## rewrite the pages that tests expect; read the diff before you commit it
	$(GO) test ./reports -run Golden -update

rows: deps ## rewrite the rows that the tests of the pages read, from a small demo; look at the diff of the golden files after it
	@mkdir -p build
	$(GO) build -o build/drumbeat ./cmd/drumbeat
	build/drumbeat demo --out build/small --contacts 600 --days 40
	$(GO) test ./reports -run '^TestRows$$' -count=1 -v -args -rows "$$(pwd)/build/small/reports"

screenshots: demo ## write the pictures of the demo's report into docs/screenshots, for the README
	$(GO) test ./reports -run '^TestScreenshots$$' -count=1 -args -of "$$(pwd)/build/demo/reports" -into "$$(pwd)/docs/screenshots"
	@ls -1sh docs/screenshots

clean: ## remove what the other targets made; node_modules stays
	rm -rf build

# npm deletes and copies half a gigabyte, so it runs only when the lock has changed.
deps:
	@cmp -s package-lock.json node_modules/.drumbeat-lock || { \
		command -v npm >/dev/null || { echo "make: npm is missing: install Node.js with npm, then run make again" >&2; exit 1; }; \
		echo "installing the embedded ClickHouse, the chart library and the test browser (once, about 600 MB)"; \
		npm ci --no-audit --no-fund --loglevel=error && npm run --silent charts && cp package-lock.json node_modules/.drumbeat-lock; }
