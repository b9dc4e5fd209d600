// Package export writes records of calls for other programs: as CSV, as JSON lines, and
// as vCons (draft-ietf-vcon-vcon-core).
//
// Start with [New]. Records are written one by one as they come, and none is held back,
// so that any number of them takes no more memory than one. Writing the same records
// again gives the same bytes.
//
// The three forms are for different readers. CSV is one line a call for a spreadsheet,
// with the columns of [Columns]; what a stranger wrote can not become a formula there.
// JSON lines are the records as they are kept, one a line, complete, and what policy
// tests replay. A vCon is for other products: one a line, in the unsigned form, with the
// PASSporT that was verified in the party's stir parameter, and the verdict, with all
// that led to it, as an analysis. A call that was erased has no parties any more.
//
// Whole telephone numbers stand in all of them: who may have them is for others to say.
// Signing vCons, and reading them, is not done here.
package export

import (
	"fmt"
	"io"
	"slices"

	"countersign.example/internal/call"
)

// Format is a form in which records are written.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	VCon      Format = "vcon"
)

// Formats returns all formats.
func Formats() []Format { return []Format{CSV, JSONLines, VCon} }

// A Writer writes records.
type Writer interface {
	// Write writes one record. After an error nothing more is written.
	Write(rec call.Record) error
	// Close writes what is still to be written, and leaves what lies beneath open.
	Close() error
}

// New returns a writer of the format onto w. The domain, of the office that exports, is
// what the UUIDs of vCons are made from; the other formats do without.
func New(f Format, w io.Writer, domain string) (Writer, error) {
	switch f {
	case CSV:
		return newCSV(w), nil
	case JSONLines:
		return newLines(w), nil
	case VCon:
		return newVCons(w, domain), nil
	}
	return nil, fmt.Errorf("export: there is no format %q", f)
}

// Known reports whether there is a format of the name.
func Known(f Format) bool { return slices.Contains(Formats(), f) }
