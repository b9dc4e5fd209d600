//go:build !unix

package sqlite

// own does nothing where there is no lock that ends with the program.
func own(string) (release func() error, err error) {
	return func() error { return nil }, nil
}
