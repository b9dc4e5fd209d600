package store

// QueryOf returns the query that the dialect is asked for a page of f that follows the
// last page, and its arguments.
func QueryOf(dialect string, f Filter, afterID string, afterTime int64) (string, []any) {
	query, args := f.query(place{afterID, afterTime})
	return binder(dialect)(query), args
}
