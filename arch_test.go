package countersign_test

import (
	"os"
	"testing"
)

// house is the law: a package may import the packages of this module that its line
// names, and no other. Storeys go up: a line names rooms of its own storey or of one
// below, and only the assembly and the top name the edge and the middle together. A new arrow is an
// edit to this table, in the same commit, with the reason in its message.
//
// Tests are held to less: they may import their own storey, what lies below it, and
// the laboratory.
var house = []storey{
	{name: "public", rooms: map[string]string{
		"tn":                  "",
		"internal/strictjson": "",
		"passport":            "tn internal/strictjson",
		"sipidentity":         "passport tn",
		"rcd":                 "passport tn internal/strictjson",
		"stircert":            "passport tn",
		"verification":        "tn passport sipidentity stircert rcd internal/strictjson",
	}},
	{name: "vocabulary", rooms: map[string]string{
		"internal/call": "tn passport rcd",
	}},
	{name: "middle", rooms: map[string]string{
		"internal/verdict":         "internal/call",
		"internal/policy":          "internal/call tn",
		"internal/callflow":        "internal/call internal/verdict",
		"internal/evidence":        "internal/call",
		"internal/evidence/inband": "internal/call internal/verdict verification passport sipidentity stircert",
		"internal/authentication":  "internal/call passport sipidentity stircert verification",
	}},
	{name: "edge", rooms: map[string]string{
		"internal/directory":      "internal/call tn",
		"internal/store":          "internal/call tn",
		"internal/store/sqlite":   "internal/store",
		"internal/store/postgres": "internal/store",
		// One or the other, by one line of configuration.
		"internal/store/database":  "internal/store internal/store/sqlite internal/store/postgres",
		"internal/store/storetest": "internal/call internal/store tn",
		"internal/export":          "internal/call passport",
		"internal/sipcore":         "",
		"internal/gateway":         "internal/call internal/sipcore sipidentity passport tn",
		"internal/fetch":           "",
		"internal/atomicfile":      "",
		"internal/trust":           "internal/fetch internal/atomicfile internal/strictjson stircert passport tn",
		"internal/credential":      "internal/atomicfile stircert passport tn",
		// A key that another process holds.
		"internal/credential/remote": "",
		// The certificate repository that we serve.
		"internal/repository": "internal/atomicfile stircert",
		"internal/explain":    "internal/call verification sipidentity stircert passport tn",
	}},
	{name: "assembly", rooms: map[string]string{
		"internal/server": "*",
	}},
	{name: "top", rooms: map[string]string{
		"internal/lab": "*",
		// It reads a SIP request from a file the way the gateway does (verify --invite),
		// and replays recorded calls against a draft of a policy (policy test).
		"cmd/countersign": "internal/lab internal/trust internal/fetch internal/credential internal/explain" +
			" internal/sipcore internal/gateway internal/evidence/inband internal/call internal/verdict internal/policy internal/store internal/store/database internal/export verification sipidentity stircert passport tn",
	}},
}

// missing lists rooms that the law knows and nobody has built yet. It is empty
// except while a floor is being built.
var missing = map[string]bool{}

// only says who may use a technology: one technology, one importer. A name ending in
// a slash stands for what is below it; "tests" stands for every test, and for nothing
// else. A module that no line names may not be imported at all, except golang.org/x.
var only = map[string]string{
	"database/sql":                    "internal/store internal/store/",
	"html/template":                   "internal/console",
	"net/http":                        "internal/fetch internal/lab internal/repository internal/sipcore tests",
	"github.com/emiago/sipgo":         "tests",
	"github.com/miekg/dns":            "internal/sipcore",
	"github.com/pressly/goose/v3":     "internal/store internal/store/",
	"modernc.org/sqlite":              "internal/store internal/store/",
	"github.com/jackc/pgx/v5":         "internal/store/postgres internal/store/storetest tests",
	"github.com/spf13/cobra":          "cmd/countersign",
	"cel.dev/cel-go":                  "internal/policy",
	"github.com/pelletier/go-toml/v2": "internal/policy",
	"github.com/rogpeppe/go-internal": "tests",
	"go.uber.org/goleak":              "tests",
	"pgregory.net/rapid":              "tests",
}

// notInPublic are packages of the standard library that a protocol package has no
// business with: it touches neither the machine nor the network, and logs nothing.
var notInPublic = []string{"database/sql", "expvar", "log", "net/http", "os", "os/exec", "runtime/debug"}

// budgets are the sizes that nothing may exceed without a line in exceptions. The
// habit is smaller: functions of 60 lines, files of 400.
var budgets = budget{
	function:     80,
	main:         40,
	file:         600,
	folder:       3000,
	folders:      map[string]int{"internal/call": 1000},
	methods:      4,
	dependencies: 30,
}

// banned are the names of packages that hold whatever nobody found a name for.
var banned = []string{"util", "utils", "common", "helper", "helpers", "type", "types", "model", "models", "base", "manager", "misc", "shared"}

// exceptions are complaints that are allowed to stand, each with its reason. One that
// nothing needs any more is a complaint itself.
var exceptions = map[string]string{
	"folder internal/sipcore": "messages, transactions and the core of a proxy keep one promise together, the order within a call;" +
		" the library's own layers could not be mended from outside (docs/decisions/002-libraries.md)",
	"function internal/policy.TestWhatIsWrongIsToldWithItsPlace": "a table with a line for each mistake that can be made in a file of rules",
	"function internal/repository.TestNoCallIsLostInARollover":   "one story: calls are signed and verified while credentials change under them",
	"folder stircert": "one certificate profile: chains, lists of numbers, limits, delegation, revocation, logging, lint and issuing" +
		" read the same extensions, and apart they would have to export them to each other",
}

func TestTheHouseKeepsItsLaw(t *testing.T) {
	complaints, err := theLaw().broken(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range complaints {
		t.Error(c)
	}
}

func theLaw() law {
	return law{
		module:      "countersign.example",
		house:       house,
		missing:     missing,
		only:        only,
		notInPublic: notInPublic,
		budgets:     budgets,
		banned:      banned,
		exceptions:  exceptions,
		libraries:   "docs/decisions/002-libraries.md",
		overview:    "doc.go",
		page:        "docs/architecture.md",
		prose:       []string{"README.md", "CONTRIBUTING.md", "docs/terms.md", "docs/architecture.md", "docs/standards.md", "docs/security.md"},
	}
}
