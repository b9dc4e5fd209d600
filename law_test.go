package countersign_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// law is the whole of what the house demands of a tree.
type law struct {
	module      string
	house       []storey
	missing     map[string]bool
	only        map[string]string
	notInPublic []string
	budgets     budget
	banned      []string
	exceptions  map[string]string

	// The papers that must agree with the tree; an empty name asks for none.
	libraries string   // has a line for every direct dependency
	overview  string   // names every room
	page      string   // repeats the table of the house
	prose     []string // speak of Go names that exist
}

// storey is a row of rooms on one level. The line of a room is what it may import; a
// star is everything below.
type storey struct {
	name  string
	rooms map[string]string
}

type budget struct {
	function, main, file, folder int
	folders                      map[string]int
	methods, dependencies        int
}

// complaint says what is wrong about which thing. The thing is what an exception names.
type complaint struct{ about, says string }

// court collects the complaints about one tree.
type court struct {
	law
	*tree
	fsys       fs.FS
	complaints []complaint
}

// broken returns a sentence for everything in fsys that breaks the law, sorted.
func (l law) broken(fsys fs.FS) ([]string, error) {
	t, err := read(fsys)
	if err != nil {
		return nil, err
	}
	c := &court{law: l, tree: t, fsys: fsys}
	c.table()
	c.rooms()
	for _, f := range t.folders {
		c.imports(f)
		c.frontDoor(f)
		c.documented(f)
		c.sizes(f)
		c.interfaces(f)
		c.remarks(f)
	}
	c.dependencies()
	c.papers()
	return c.judged(), nil
}

func (c *court) complain(about, format string, args ...any) {
	c.complaints = append(c.complaints, complaint{about, fmt.Sprintf(format, args...)})
}

// judged drops the complaints that an exception allows, and adds one for each
// exception that allowed nothing or gives no reason.
func (c *court) judged() []string {
	var sentences []string
	used := make(map[string]bool)
	for _, x := range c.complaints {
		if c.exceptions[x.about] != "" {
			used[x.about] = true
			continue
		}
		sentences = append(sentences, x.about+" "+x.says)
	}
	for about := range c.exceptions {
		if !used[about] {
			sentences = append(sentences, about+" has an exception that allows nothing, or gives no reason")
		}
	}
	slices.Sort(sentences)
	return slices.Compact(sentences)
}

// storeyOf returns the level of a room, and -1 for one that the law does not know.
func (l law) storeyOf(room string) int {
	return slices.IndexFunc(l.house, func(s storey) bool {
		_, ok := s.rooms[room]
		return ok
	})
}

// line returns what the room may import.
func (l law) line(room string) []string {
	level := l.storeyOf(room)
	if level < 0 {
		return nil
	}
	line := l.house[level].rooms[room]
	if line != "*" {
		return strings.Fields(line)
	}
	var below []string
	for _, s := range l.house[:level] {
		below = slices.AppendSeq(below, maps.Keys(s.rooms))
	}
	return below
}

// table holds the law against itself: arrows point down or sideways, and the middle
// and the edge meet in the top alone.
func (c *court) table() {
	for level, s := range c.house {
		for room := range s.rooms {
			for _, to := range c.line(room) {
				switch l := c.storeyOf(to); {
				case l < 0:
					c.complain(room, "may import %s, which the law does not know", to)
				case l > level:
					c.complain(room, "may import %s, which is above it", to)
				case s.name == "edge" && c.house[l].name == "middle":
					c.complain(room, "may import %s, but the edge does not know the middle", to)
				}
			}
		}
	}
}

// rooms complains of rooms that are not in the law, and of rooms that are only there.
func (c *court) rooms() {
	built := make(map[string]bool)
	for _, f := range c.folders {
		built[f.room] = true
		if f.room != "." && c.storeyOf(f.room) < 0 {
			c.complain(f.room, "is not in the law")
		}
		if slices.Contains(c.banned, f.name()) {
			c.complain(f.room, "is called %s, which says nothing", f.name())
		}
	}
	for _, s := range c.house {
		for room := range s.rooms {
			if built[room] == c.missing[room] {
				c.complain(room, "is in the law as %s, and is not",
					map[bool]string{true: "missing", false: "built"}[c.missing[room]])
			}
		}
	}
}

// imports holds the imports of a folder against its line, and against the monopolies.
func (c *court) imports(f *folder) {
	line := c.line(f.room)
	for _, file := range f.files {
		for _, path := range file.imports() {
			if to, ok := c.within(path); ok {
				if to != f.room && !slices.Contains(line, to) && !(file.test && c.testMay(f.room, to)) {
					c.complain(f.room, "imports %s", cmp.Or(to, "the root"))
				}
				continue
			}
			c.technology(f, file, path)
		}
	}
}

// within returns the room that an import path of this module names.
func (c *court) within(path string) (room string, ok bool) {
	if path == c.module {
		return "", true
	}
	return strings.CutPrefix(path, c.module+"/")
}

// testMay reports whether a test in room may import to: its own storey, what lies
// below it, and the laboratory. The root stands above all storeys.
func (c *court) testMay(room, to string) bool {
	level := c.storeyOf(to)
	return level >= 0 && (room == "." || level <= c.storeyOf(room)) || to == "internal/lab"
}

// technology holds an import from outside the module against the monopolies.
func (c *court) technology(f *folder, file *file, path string) {
	public := c.storeyOf(f.room) >= 0 && !strings.Contains("/"+f.room+"/", "/internal/") && !strings.HasPrefix(f.room, "cmd/")
	if public && !file.test && slices.Contains(c.notInPublic, path) {
		c.complain(f.room, "is public and imports %s", path)
	}
	owner := ""
	for prefix := range c.only {
		if (path == prefix || strings.HasPrefix(path, prefix+"/")) && len(prefix) > len(owner) {
			owner = prefix
		}
	}
	standard := !strings.Contains(strings.Split(path, "/")[0], ".")
	switch {
	case owner != "":
		if !allowed(strings.Fields(c.only[owner]), f.room, file.test) {
			c.complain(f.room, "imports %s, which is for %s alone", path, cmp.Or(c.only[owner], "nobody"))
		}
	case !standard && !strings.HasPrefix(path, "golang.org/x/"):
		c.complain(f.room, "imports %s, which no line allows", path)
	}
}

func allowed(rooms []string, room string, test bool) bool {
	return slices.ContainsFunc(rooms, func(r string) bool {
		return r == room || strings.HasSuffix(r, "/") && strings.HasPrefix(room, r) || r == "tests" && test
	})
}

// frontDoor asks for exactly one package comment, which begins as go doc wants it.
func (c *court) frontDoor(f *folder) {
	files := f.code()
	if len(files) == 0 {
		files = f.files
	}
	var comments []string
	for _, file := range files {
		if text := file.syntax.Doc.Text(); text != "" {
			comments = append(comments, text)
		}
	}
	if len(comments) != 1 {
		c.complain(f.room, "has %d package comments, want 1", len(comments))
		return
	}
	want := "Package " + f.name() + " "
	if f.name() == "main" {
		want = "Command " + f.room[strings.LastIndex(f.room, "/")+1:] + " "
	}
	if !strings.HasPrefix(comments[0], want) {
		c.complain(f.room, "has a package comment that does not begin %q", want)
	}
}

// sizes holds functions, files and folders against their budgets.
func (c *court) sizes(f *folder) {
	total := 0
	for _, file := range f.files {
		if ast.IsGenerated(file.syntax) {
			continue
		}
		if !file.test {
			total += file.lines
		}
		c.fits("file "+file.path, file.lines, c.budgets.file)
		for _, d := range file.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			limit := c.budgets.function
			if f.name() == "main" && fn.Name.Name == "main" && fn.Recv == nil {
				limit = c.budgets.main
			}
			c.fits(title(f.room, fn), c.lines(fn), limit)
		}
	}
	c.fits("folder "+f.room, total, cmp.Or(c.budgets.folders[f.room], c.budgets.folder))
}

func (c *court) fits(about string, lines, limit int) {
	if lines > limit {
		c.complain(about, "has %d lines, the budget is %d", lines, limit)
	}
}
