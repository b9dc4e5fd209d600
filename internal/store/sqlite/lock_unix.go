//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"countersign.example/internal/store"
)

// own makes this program the owner of the records in path until release is called, or
// until it ends, however it ends: the kernel gives the lock up. It is held on a file of
// its own, because SQLite locks the records themselves for moments only.
func own(path string) (release func() error, err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%w%s; stop it first, or only read", store.ErrInUse, owner(f))
		}
		return nil, errors.Join(err, f.Close())
	}
	// Who it is, for the error of the next. That it could not be written is no reason not
	// to open the records.
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return func() error {
		// A child that is being started may have the file open still.
		return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
	}, nil
}

// owner names the program that wrote itself into the lock file.
func owner(f *os.File) string {
	var pid int
	if _, err := fmt.Fscan(f, &pid); err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}
