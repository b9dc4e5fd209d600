package countersign_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// conformance are the rows of the conformance checklist that concern what is built. The
// others wait for the rooms that they concern.
var conformance = [][2]int{{1, 39}, {48, 64}, {66, 113}, {115, 122}, {127, 127}, {138, 143}, {151, 152}}

// Where a test says which row it proves: in its name, in a comment, or in the name of a
// data file.
var (
	rowInName    = regexp.MustCompile(`func Test\w*?Row0*(\d+)`)
	rowInComment = regexp.MustCompile(`(?i)\brows? (\d+(?:(?:,| and|, and) \d+)*)\b`)
	rowInFile    = regexp.MustCompile(`^(?:row-)?(\d{2,3})-`)
	number       = regexp.MustCompile(`\d+`)
)

// Every row is named by the test or the data that proves it, so that whoever asks
// "where is row 66?" finds it.
func TestEveryRowOfTheChecklistIsNamedByAProof(t *testing.T) {
	proved := make(map[int][]string)
	note := func(row, where string) {
		if n, err := strconv.Atoi(row); err == nil {
			proved[n] = append(proved[n], where)
		}
	}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if m := rowInFile.FindStringSubmatch(path.Base(name)); m != nil && strings.Contains(name, "testdata/") {
			note(m[1], name)
		}
		if !strings.HasSuffix(name, "_test.go") || name == "rows_test.go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range rowInName.FindAllStringSubmatch(string(text), -1) {
			note(m[1], name)
		}
		for _, m := range rowInComment.FindAllStringSubmatch(string(text), -1) {
			for _, n := range number.FindAllString(m[1], -1) {
				note(n, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, r := range conformance {
		for row := r[0]; row <= r[1]; row++ {
			if len(proved[row]) == 0 {
				missing = append(missing, strconv.Itoa(row))
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("no test names these rows of the checklist: %s", strings.Join(missing, " "))
	}
	if testing.Verbose() {
		for row := range 163 {
			if len(proved[row]) > 0 {
				fmt.Printf("row %d: %s\n", row, strings.Join(proved[row][:min(3, len(proved[row]))], " "))
			}
		}
	}
}
