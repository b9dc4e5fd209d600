package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// chunk is how much of a file is looked at at once, overlap how much of it again with
// the next: more than any number, and what may surround it.
const (
	chunk   = 1 << 20
	overlap = 16 << 10
)

// retryPause is how long a reader that is in the way is given.
const retryPause = 20 * time.Millisecond

// scrubber returns the function that leaves no byte of what was overwritten. SQLite
// overwrites what it deletes (secure_delete), and copies of it stand in the log until
// that is emptied. A page that was split may keep a copy that no record knows of: then
// the whole file is written anew, during which nothing else can be written.
func scrubber(file *os.File, writer *sql.DB) func(ctx context.Context, clean func([]byte) bool) error {
	return func(ctx context.Context, clean func([]byte) bool) error {
		if err := emptyLog(ctx, writer); err != nil {
			return err
		}
		left, err := unclean(ctx, file, clean)
		if err != nil || left == "" {
			return err
		}
		if _, err := writer.ExecContext(ctx, `VACUUM`); err != nil {
			return err
		}
		if err := emptyLog(ctx, writer); err != nil {
			return err
		}
		if left, err = unclean(ctx, file, clean); err == nil && left != "" {
			err = fmt.Errorf("something of what was erased is still in %s", left)
		}
		return err
	}
}

// emptyLog moves everything from the log into the file, and waits for readers of it.
func emptyLog(ctx context.Context, writer *sql.DB) error {
	for {
		var busy, pages, moved int
		if err := writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return fmt.Errorf("waiting for readers of the log: %w", ctx.Err())
		}
	}
}

// unclean returns the file, of the records and their log, that is not clean.
func unclean(ctx context.Context, file *os.File, clean func([]byte) bool) (string, error) {
	is, err := cleanFile(ctx, file, clean)
	if err != nil || !is {
		return file.Name(), err
	}
	// SQLite holds no lock on the log itself, so that it may be opened and closed here.
	log, err := os.Open(file.Name() + "-wal")
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer log.Close()
	if is, err = cleanFile(ctx, log, clean); err != nil || !is {
		return log.Name(), err
	}
	return "", nil
}

func cleanFile(ctx context.Context, file io.ReaderAt, clean func([]byte) bool) (is bool, err error) {
	f := io.NewSectionReader(file, 0, 1<<62)
	piece := make([]byte, 0, chunk+overlap)
	for ctx.Err() == nil {
		n, err := io.ReadFull(f, piece[len(piece):cap(piece)])
		piece = piece[:len(piece)+n]
		if !clean(piece) {
			return false, nil
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		piece = piece[:copy(piece, piece[len(piece)-overlap:])]
	}
	return false, ctx.Err()
}
