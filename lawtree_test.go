package countersign_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// tree is the module as the law sees it: parsed, never built, so that the law runs
// without the network and judges code that does not compile.
type tree struct {
	fset    *token.FileSet
	folders []*folder
}

// folder is one folder with Go files in it.
type folder struct {
	room  string // its path below the root; "." is the root
	files []*file
}

// file is one Go file.
type file struct {
	path   string
	test   bool
	lines  int
	syntax *ast.File
}

// read parses every Go file of the module. Folders that are modules of their own, and
// those that the go command passes over, are not part of it.
func read(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	rooms := make(map[string]*folder)
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if passedOver(fsys, name) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(name) != ".go":
			return nil
		}
		f, err := t.parse(fsys, name)
		if err != nil {
			return err
		}
		room := path.Dir(name)
		if rooms[room] == nil {
			rooms[room] = &folder{room: room}
			t.folders = append(t.folders, rooms[room])
		}
		rooms[room].files = append(rooms[room].files, f)
		return nil
	})
	return t, err
}

func passedOver(fsys fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

func (t *tree) parse(fsys fs.FS, name string) (*file, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	syntax, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parsing %s: %w", name, err)
	}
	return &file{
		path:   name,
		test:   strings.HasSuffix(name, "_test.go"),
		lines:  bytes.Count(text, []byte("\n")),
		syntax: syntax,
	}, nil
}

// lines returns how many lines n takes.
func (t *tree) lines(n ast.Node) int {
	return t.fset.Position(n.End()).Line - t.fset.Position(n.Pos()).Line + 1
}

// name is the package's, without the suffix of an external test.
func (f *folder) name() string {
	return strings.TrimSuffix(f.files[0].syntax.Name.Name, "_test")
}

// code returns the files that are not tests.
func (f *folder) code() []*file {
	return slices.DeleteFunc(slices.Clone(f.files), func(f *file) bool { return f.test })
}

// imports returns the paths that the file imports.
func (f *file) imports() []string {
	var paths []string
	for _, spec := range f.syntax.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// title names a function as go doc does, with the room before it.
func title(room string, fn *ast.FuncDecl) string {
	name := fn.Name.Name
	if r := receiver(fn); r != "" {
		name = r + "." + name
	}
	return "function " + room + "." + name
}

// receiver returns the name of the type that fn is a method of, or nothing.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	typ := fn.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}
