// Package atomicfile writes small files that are either whole or not there: a process
// that is killed, or a disk that is full, leaves the file that was there before.
//
// Start with [Write], which replaces a file, and [Create], which makes one that must
// not be there yet. [Sweep] removes what a killed process left half written; call it
// when a folder is opened.
//
// When Write or Create return without an error the file is on the disk, its name
// included, so what it says may be acted upon (architecture.md section 1: write, then
// act). Readers see the old or the new file and nothing between.
//
// It keeps nobody from writing at the same time: of two who Write one name the last
// wins, of two who Create one the first does. What is in the files is their owner's
// business.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// suffix ends the names of files that are not finished. They begin with a dot.
const suffix = ".unfinished"

// abandoned is how old an unfinished file is when nobody can still be writing it.
const abandoned = time.Hour

// Write puts data into the file at path, in place of what was there, with the mode
// given. The folder must exist. The error wraps that of the file system.
func Write(path string, data []byte, mode fs.FileMode) error {
	return write(path, data, mode, os.Rename)
}

// Create is [Write] for a file that must not be there yet. If it is, the error wraps
// [fs.ErrExist] and the file is left as it is.
func Create(path string, data []byte, mode fs.FileMode) error {
	return write(path, data, mode, func(from, to string) error {
		// Unlike a rename, a link is refused when the name is taken.
		if err := os.Link(from, to); err != nil {
			return err
		}
		return os.Remove(from)
	})
}

func write(path string, data []byte, mode fs.FileMode, publish func(from, to string) error) error {
	dir := filepath.Dir(path)
	from, err := fill(dir, filepath.Base(path), data, mode)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := publish(from, path); err != nil {
		return fmt.Errorf("writing %s: %w", path, errors.Join(err, os.Remove(from)))
	}
	if err := syncFolder(dir); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// fill writes an unfinished file and returns its path. What it could not finish it
// removes.
func fill(dir, base string, data []byte, mode fs.FileMode) (string, error) {
	f, err := os.CreateTemp(dir, "."+base+".*"+suffix)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Sweep removes from a folder the unfinished files of processes that were killed, if
// they are old enough that nobody can still be writing them. The error wraps that of
// the file system.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweeping %s: %w", dir, err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < abandoned {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("sweeping %s: %w", dir, err)
		}
	}
	return nil
}
