package countersign_test

import (
	"go/ast"
	"go/token"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// documented asks that every exported name of a folder has a comment that begins with
// it. The members of a group may share the comment of the group.
func (c *court) documented(f *folder) {
	for _, file := range f.code() {
		for _, d := range file.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				r := receiver(d)
				if d.Name.IsExported() && (r == "" || ast.IsExported(r)) {
					c.begins(title(f.room, d), d.Doc, d.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					c.documentedSpec(f, d, spec)
				}
			}
		}
	}
}

func (c *court) documentedSpec(f *folder, d *ast.GenDecl, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		doc := s.Doc
		if doc == nil && !d.Lparen.IsValid() {
			doc = d.Doc
		}
		c.begins("type "+f.room+"."+s.Name.Name, doc, s.Name)
		if i, ok := s.Type.(*ast.InterfaceType); ok {
			for _, m := range i.Methods.List {
				if len(m.Names) == 1 && m.Names[0].IsExported() {
					c.begins("method "+f.room+"."+s.Name.Name+"."+m.Names[0].Name, m.Doc, m.Names[0])
				}
			}
		}
	case *ast.ValueSpec:
		names := slices.DeleteFunc(slices.Clone(s.Names), func(n *ast.Ident) bool { return !n.IsExported() })
		grouped := d.Lparen.IsValid()
		if len(names) == 0 || grouped && s.Doc == nil && (s.Comment.Text() != "" || d.Doc.Text() != "") {
			return
		}
		doc := s.Doc
		if doc == nil && !grouped {
			doc = d.Doc
		}
		c.begins(d.Tok.String()+" "+f.room+"."+names[0].Name, doc, names...)
	}
}

// firstName finds the first word that a name could be, after an article if there is one.
var firstName = regexp.MustCompile(`^(?:(?:A|An|The) )?([\pL\d_]*)`)

// begins complains unless doc begins with one of the names, an article before it at
// most.
func (c *court) begins(about string, doc *ast.CommentGroup, names ...*ast.Ident) {
	text := doc.Text()
	if text == "" {
		c.complain(about, "has no comment")
		return
	}
	word := firstName.FindStringSubmatch(text)[1]
	if !slices.ContainsFunc(names, func(n *ast.Ident) bool { return n.Name == word }) {
		c.complain(about, "has a comment that does not begin with its name")
	}
}

// interfaces counts methods, those of embedded interfaces of the same folder too.
func (c *court) interfaces(f *folder) {
	named := make(map[string]*ast.InterfaceType)
	for _, file := range f.files {
		for _, d := range file.syntax.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				if i, ok := s.(*ast.TypeSpec).Type.(*ast.InterfaceType); ok {
					named[s.(*ast.TypeSpec).Name.Name] = i
				}
			}
		}
	}
	for name, i := range named {
		if n := methods(i, named, 0); n > c.budgets.methods {
			c.complain("interface "+f.room+"."+name, "has %d methods, the budget is %d", n, c.budgets.methods)
		}
	}
}

func methods(i *ast.InterfaceType, named map[string]*ast.InterfaceType, depth int) int {
	n := 0
	for _, m := range i.Methods.List {
		id, embedded := m.Type.(*ast.Ident)
		switch {
		case len(m.Names) > 0:
			n += len(m.Names)
		case embedded && named[id.Name] != nil && depth < 8:
			n += methods(named[id.Name], named, depth+1)
		default:
			n++
		}
	}
	return n
}

var unnumbered = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b(?:[^#]|#\D|#$|$)`)

// remarks complains of comments that switch a tool off, and of promises without the
// number of an issue.
func (c *court) remarks(f *folder) {
	for _, file := range f.files {
		for _, group := range file.syntax.Comments {
			for _, r := range group.List {
				switch {
				case strings.HasPrefix(r.Text, "//nolint"), strings.HasPrefix(r.Text, "//lint:"):
					c.complain("file "+file.path, "switches a checker off")
				case unnumbered.MatchString(r.Text):
					c.complain("file "+file.path, "has a promise without the number of an issue")
				}
			}
		}
	}
}

// dependencies counts the direct ones, and asks for a line about each.
func (c *court) dependencies() {
	text, err := fs.ReadFile(c.fsys, "go.mod")
	if err != nil {
		c.complain("go.mod", "cannot be read: %v", err)
		return
	}
	direct := directly(string(text))
	if len(direct) > c.budgets.dependencies {
		c.complain("go.mod", "has %d direct dependencies, the budget is %d", len(direct), c.budgets.dependencies)
	}
	if c.libraries == "" {
		return
	}
	about, err := fs.ReadFile(c.fsys, c.libraries)
	if err != nil {
		c.complain(c.libraries, "cannot be read: %v", err)
		return
	}
	for _, module := range direct {
		if !strings.Contains(string(about), "`"+module+"`") {
			c.complain(c.libraries, "has no line about %s", module)
		}
	}
}

// directly returns the modules that a go.mod requires without the mark "indirect".
func directly(gomod string) []string {
	var direct []string
	block := false
	for line := range strings.Lines(gomod) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.Contains(line, "// indirect"):
		case words[0] == "require" && len(words) > 1 && words[1] == "(":
			block = true
		case words[0] == ")":
			block = false
		case block && len(words) > 1:
			direct = append(direct, words[0])
		case words[0] == "require" && len(words) > 2:
			direct = append(direct, words[1])
		}
	}
	return direct
}

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*\\| ([^|]*) \\|$")

// papers holds the map and the page of architecture against the table of the house.
func (c *court) papers() {
	c.namesExist()
	if c.overview != "" {
		text, err := fs.ReadFile(c.fsys, c.overview)
		if err != nil {
			c.complain(c.overview, "cannot be read: %v", err)
		}
		c.named(c.overview, strings.Fields(string(text)))
	}
	if c.page == "" {
		return
	}
	text, err := fs.ReadFile(c.fsys, c.page)
	if err != nil {
		c.complain(c.page, "cannot be read: %v", err)
		return
	}
	var rooms []string
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		room, line := m[1], strings.Trim(m[2], "`—")
		rooms = append(rooms, room)
		level := c.storeyOf(room)
		if level < 0 {
			c.complain(c.page, "has a row for %s, which the law does not know", room)
			continue
		}
		if want := c.house[level].rooms[room]; !sameWords(strings.ReplaceAll(line, "everything below", "*"), want) {
			c.complain(c.page, "says that %s may import %q, the law says %q", room, line, want)
		}
	}
	c.named(c.page, rooms)
}

var goName = regexp.MustCompile("`([a-z]+)\\.([A-Z]\\w*)(?:\\.(\\w+))?(?:\\(\\))?`")

// namesExist complains of Go names in the papers that nothing in the tree bears.
func (c *court) namesExist() {
	bears := make(map[string]map[string]bool)
	for _, f := range c.folders {
		if bears[f.name()] == nil {
			bears[f.name()] = make(map[string]bool)
		}
		for _, file := range f.code() {
			ast.Inspect(file.syntax, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.IsExported() {
					bears[f.name()][id.Name] = true
				}
				return true
			})
		}
	}
	for _, paper := range c.prose {
		text, err := fs.ReadFile(c.fsys, paper)
		if err != nil {
			c.complain(paper, "cannot be read: %v", err)
		}
		for _, m := range goName.FindAllStringSubmatch(string(text), -1) {
			names, ours := bears[m[1]]
			if ours && !(names[m[2]] && (m[3] == "" || names[m[3]])) {
				c.complain(paper, "speaks of %s, which is not in the code", strings.Trim(m[0], "`"))
			}
		}
	}
}

// named complains of rooms that a paper leaves out.
func (c *court) named(paper string, words []string) {
	for i, w := range words {
		words[i] = strings.TrimPrefix(strings.Trim(w, "`[]:,.;()"), c.module+"/")
	}
	for _, s := range c.house {
		for room := range s.rooms {
			if !c.missing[room] && !slices.Contains(words, room) {
				c.complain(paper, "does not name %s", room)
			}
		}
	}
}

func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
