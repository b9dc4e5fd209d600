package main

import (
	"cmp"
	"errors"

	"countersign.example/internal/credential"
	"countersign.example/internal/trust"
)

// The exit statuses.
const (
	statusValid   = 0
	statusInvalid = 1
	statusUsage   = 2
)

// exitError ends the program with a status. Its error, if any, is printed in one
// sentence, and its hint under it.
type exitError struct {
	status int
	err    error
	hint   string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return "not valid"
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage is a command line, or a file named on it, that can not be used.
func usage(err error, hint string) *exitError {
	if hint == "" {
		hint = fileHint(err)
	}
	return &exitError{statusUsage, err, hint}
}

// fileHint says what to do about a file that can not be used.
func fileHint(err error) string {
	if f, ok := errors.AsType[*credential.FileError](err); ok {
		return f.Do
	}
	if f, ok := errors.AsType[*trust.FileError](err); ok {
		return cmp.Or(f.Hint, "check the path, and that the file holds "+f.What)
	}
	return ""
}

// invalid is an answer that has been printed, and is not "valid".
func invalid(hint string) *exitError { return &exitError{statusInvalid, nil, hint} }
