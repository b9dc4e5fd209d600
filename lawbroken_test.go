package countersign_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// cottage is the law of a house small enough to break in every way.
func cottage() law {
	return law{
		module: "house.example",
		house: []storey{
			{name: "public", rooms: map[string]string{"number": "", "letter": "number"}},
			{name: "middle", rooms: map[string]string{"internal/judge": "letter"}},
			{name: "edge", rooms: map[string]string{"internal/desk": "letter", "internal/shelf": ""}},
			{name: "top", rooms: map[string]string{"internal/lab": "*", "cmd/house": "internal/lab"}},
		},
		missing:     map[string]bool{},
		only:        map[string]string{"database/sql": "internal/shelf", "sip.example/stack": "internal/desk", "dice.example": "tests"},
		notInPublic: []string{"net/http"},
		budgets:     budget{function: 5, main: 3, file: 12, folder: 20, methods: 1, dependencies: 2},
		banned:      []string{"util"},
		libraries:   "libraries.md",
		overview:    "doc.go",
		page:        "page.md",
		prose:       []string{"page.md"},
	}
}

// tidy is a tree that keeps the law of the cottage.
func tidy() map[string]string {
	return map[string]string{
		"go.mod":                 "module house.example\n\nrequire sip.example/stack v1.0.0\n\nrequire (\n\tdice.example v1.0.0\n\tother.example v1.0.0 // indirect\n)\n",
		"libraries.md":           "`sip.example/stack` speaks, `dice.example` rolls.\n",
		"page.md":                "| `number` | numbers | — |\n| `letter` | letters | `number` |\n| `internal/judge` | judges | `letter` |\n| `internal/desk` | talks | `letter` |\n| `internal/shelf` | keeps | — |\n| `internal/lab` | tries | everything below |\n| `cmd/house` | runs | `internal/lab` |\n",
		"house_test.go":          "package house_test\n\nimport _ \"house.example/letter\"\n",
		"doc.go":                 "// Package house is [number], letter, internal/judge, internal/desk,\n// internal/shelf, internal/lab and cmd/house.\npackage house\n",
		"number/number.go":       "// Package number counts.\npackage number\n\n// A Number counts.\ntype Number int\n\n// The first numbers.\nconst (\n\tOne Number = 1\n\tTwo Number = 2\n)\n",
		"number/number_test.go":  "package number_test\n\nimport _ \"dice.example\"\n",
		"letter/letter.go":       "// Package letter is written.\npackage letter\n\nimport _ \"house.example/number\"\n",
		"letter/letter_test.go":  "package letter\n\nimport _ \"house.example/internal/lab\"\n",
		"internal/judge/j.go":    "// Package judge judges.\npackage judge\n\nimport _ \"house.example/letter\"\n",
		"internal/desk/d.go":     "// Package desk talks.\npackage desk\n\nimport _ \"sip.example/stack/parser\"\n",
		"internal/shelf/s.go":    "// Package shelf keeps.\npackage shelf\n\nimport _ \"database/sql\"\n",
		"internal/lab/l.go":      "// Package lab tries.\npackage lab\n\nimport (\n\t_ \"house.example/internal/desk\"\n\t_ \"house.example/internal/judge\"\n)\n",
		"cmd/house/main.go":      "// Command house runs.\npackage main\n\nimport _ \"house.example/internal/lab\"\n\nfunc main() {\n}\n",
		"bench/go.mod":           "module bench\n",
		"bench/util/util.go":     "package util\n",
		"letter/testdata/bad.go": "package util\n",
	}
}

// breaches are the ways to break the law that the test tries, one at a time.
var breaches = []struct {
	name  string
	files map[string]string // laid over the tidy tree; an empty one is taken away
	want  string
}{
	{"nothing", nil, ""},

	{"an import that no line names",
		map[string]string{"number/more.go": "package number\n\nimport _ \"house.example/letter\"\n"},
		"number imports letter"},
	{"the middle imports the edge",
		map[string]string{"internal/judge/more.go": "package judge\n\nimport _ \"house.example/internal/desk\"\n"},
		"internal/judge imports internal/desk"},
	{"the root is imported",
		map[string]string{"letter/more.go": "package letter\n\nimport _ \"house.example\"\n"},
		"letter imports the root"},
	{"a test imports what is above it",
		map[string]string{"number/above_test.go": "package number\n\nimport _ \"house.example/internal/desk\"\n"},
		"number imports internal/desk"},
	{"a room that the law does not know",
		map[string]string{"attic/a.go": "// Package attic is dusty.\npackage attic\n"},
		"attic is not in the law"},
	{"a room that is only in the law",
		map[string]string{"internal/shelf/s.go": ""},
		"internal/shelf is in the law as built, and is not"},

	{"a technology outside its room",
		map[string]string{"internal/desk/more.go": "package desk\n\nimport _ \"database/sql/driver\"\n"},
		"internal/desk imports database/sql/driver, which is for internal/shelf alone"},
	{"a technology outside its room, in a test",
		map[string]string{"internal/judge/j_test.go": "package judge\n\nimport _ \"sip.example/stack\"\n"},
		"internal/judge imports sip.example/stack, which is for internal/desk alone"},
	{"a module for tests, in code",
		map[string]string{"letter/more.go": "package letter\n\nimport _ \"dice.example\"\n"},
		"letter imports dice.example, which is for tests alone"},
	{"a module that no line allows",
		map[string]string{"internal/desk/more.go": "package desk\n\nimport _ \"other.example/x\"\n"},
		"internal/desk imports other.example/x, which no line allows"},
	{"a public package that reaches for the network",
		map[string]string{"letter/more.go": "package letter\n\nimport _ \"net/http\"\n"},
		"letter is public and imports net/http"},

	{"no package comment",
		map[string]string{"letter/letter.go": "package letter\n"},
		"letter has 0 package comments, want 1"},
	{"two package comments",
		map[string]string{"letter/more.go": "// Package letter is read.\npackage letter\n"},
		"letter has 2 package comments, want 1"},
	{"a package comment that begins with something else",
		map[string]string{"letter/letter.go": "// Letters are written.\npackage letter\n"},
		`letter has a package comment that does not begin "Package letter "`},
	{"an exported function without a comment",
		map[string]string{"letter/more.go": "package letter\n\nfunc Write() {}\n"},
		"function letter.Write has no comment"},
	{"a comment that begins with something else",
		map[string]string{"letter/more.go": "package letter\n\n// Writes a letter.\nfunc Write() {}\n"},
		"function letter.Write has a comment that does not begin with its name"},
	{"an exported method without a comment",
		map[string]string{"letter/more.go": "package letter\n\n// Pen writes.\ntype Pen struct{}\n\nfunc (p *Pen) Write() {}\n"},
		"function letter.Pen.Write has no comment"},
	{"a method of an interface without a comment",
		map[string]string{"letter/more.go": "package letter\n\n// Pen writes.\ntype Pen interface{ Write() }\n"},
		"method letter.Pen.Write has no comment"},
	{"an exported variable without a comment",
		map[string]string{"internal/desk/more.go": "package desk\n\nvar Lamp = true\n"},
		"var internal/desk.Lamp has no comment"},

	{"a function over its budget",
		map[string]string{"letter/more.go": "package letter\n\nfunc f() {\n" + strings.Repeat("\tf()\n", 4) + "}\n"},
		"function letter.f has 6 lines, the budget is 5"},
	{"main over its budget",
		map[string]string{"cmd/house/main.go": "// Command house runs.\npackage main\n\nfunc main() {\n\tmain()\n\tmain()\n}\n"},
		"function cmd/house.main has 4 lines, the budget is 3"},
	{"a file over its budget",
		map[string]string{"letter/more_test.go": "package letter\n" + strings.Repeat("\n", 12)},
		"file letter/more_test.go has 13 lines, the budget is 12"},
	{"a folder over its budget",
		map[string]string{"letter/a.go": "package letter\n" + strings.Repeat("\n", 9), "letter/b.go": "package letter\n" + strings.Repeat("\n", 9)},
		"folder letter has 24 lines, the budget is 20"},
	{"an interface over its budget, through what it embeds",
		map[string]string{"letter/more.go": "package letter\n\ntype pen interface {\n\tink\n\twrite()\n}\n\ntype ink interface{ dry() }\n"},
		"interface letter.pen has 2 methods, the budget is 1"},
	{"too many dependencies, one of them without a reason",
		map[string]string{"go.mod": "require (\n\tsip.example/stack v1.0.0\n\tdice.example v1.0.0\n\tthird.example v1.0.0\n)\n"},
		"go.mod has 3 direct dependencies, the budget is 2\nlibraries.md has no line about third.example"},

	{"a checker switched off",
		map[string]string{"letter/more.go": "package letter\n\n//lint:ignore U1000 because\n"},
		"file letter/more.go switches a checker off"},
	{"a promise without a number",
		map[string]string{"letter/more.go": "package letter\n\n// TODO: write.\n"},
		"file letter/more.go has a promise without the number of an issue"},
	{"a name that says nothing",
		map[string]string{"internal/desk/d.go": "// Package util does.\npackage util\n"},
		"internal/desk is called util, which says nothing"},

	{"a map that leaves a room out",
		map[string]string{"doc.go": "// Package house is number, letter, internal/judge, internal/desk, internal/lab, cmd/house.\npackage house\n"},
		"doc.go does not name internal/shelf"},
	{"a page that tells another law",
		map[string]string{"page.md": strings.Replace(tidy()["page.md"], "| letters | `number` |", "| letters | — |", 1)},
		`page.md says that letter may import "", the law says "number"`},
	{"a paper that speaks of what is not there",
		map[string]string{"page.md": tidy()["page.md"] + "`number.One` is, `number.Three` and `number.One.Half()` are not, `other.Thing` is not ours.\n"},
		"page.md speaks of number.One.Half(), which is not in the code\npage.md speaks of number.Three, which is not in the code"},
}

func TestTheLawIsRedWhenItIsBroken(t *testing.T) {
	for _, test := range breaches {
		t.Run(test.name, func(t *testing.T) {
			if got := complaintsAbout(t, cottage(), test.files); got != test.want {
				t.Errorf("complaints:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}

func TestAnArrowThatPointsUpIsRefusedByTheTableItself(t *testing.T) {
	l := cottage()
	l.house[0].rooms["letter"] = "number internal/judge attic"
	l.house[2].rooms["internal/shelf"] = "internal/judge"
	l.page = ""
	want := "internal/shelf may import internal/judge, but the edge does not know the middle\n" +
		"letter may import attic, which the law does not know\n" +
		"letter may import internal/judge, which is above it"
	if got := complaintsAbout(t, l, nil); got != want {
		t.Errorf("complaints:\n%s\nwant:\n%s", got, want)
	}
}

func TestAnExceptionAllowsOneThingAndIsRefusedWhenItAllowsNone(t *testing.T) {
	long := map[string]string{"letter/more.go": "package letter\n\nfunc f() {\n" + strings.Repeat("\tf()\n", 4) + "}\n"}
	l := cottage()
	l.exceptions = map[string]string{"function letter.f": "the alphabet is long"}
	if got := complaintsAbout(t, l, long); got != "" {
		t.Errorf("complaints about an exception that is needed: %s", got)
	}
	want := "function letter.f has an exception that allows nothing, or gives no reason"
	if got := complaintsAbout(t, l, nil); got != want {
		t.Errorf("complaints = %q, want %q", got, want)
	}
	l.exceptions["function letter.f"] = ""
	if got := complaintsAbout(t, l, long); !strings.Contains(got, want) {
		t.Errorf("complaints = %q, want %q among them", got, want)
	}
}

// complaintsAbout returns what l says of the tidy tree with the files laid over it.
func complaintsAbout(t *testing.T, l law, files map[string]string) string {
	t.Helper()
	tree := tidy()
	maps.Copy(tree, files)
	fsys := make(fstest.MapFS)
	for name, text := range tree {
		if text != "" {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	complaints, err := l.broken(fsys)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(complaints)
	return strings.Join(complaints, "\n")
}
