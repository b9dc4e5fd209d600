package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"countersign.example/internal/call"
	"countersign.example/internal/store"
	"countersign.example/internal/store/database"
	"countersign.example/internal/store/storetest"
)

// many is how many records a search must not read through. SQLite chooses by the query
// alone, whatever there is.
const many = 200_000

// fill writes that many records past the store. One in a hundred is from an office, and
// one number is in all of them, as an office's own is. The function %s writes a series.
const fill = `INSERT INTO calls (id, arrived_at, direction, state, calling, called, office, standing, record)
SELECT '01K' || (100000000 + n), 1700000000000000 + n * 1000000, 'inbound', 'settled',
'1215' || (1000000 + (n * 7919) %% 50000), '442079460123',
CASE WHEN n %% 100 = 0 THEN 'president.example' ELSE '' END,
CASE n %% 50 WHEN 0 THEN 'refuted' WHEN 1 THEN 'verified' ELSE 'unverified' END, '{}'
FROM %s`

// searches are filters, and the index by which each is to be answered.
func searches() map[string]store.Filter {
	from, to := time.UnixMicro(1700010000000000), time.UnixMicro(1700150000000000)
	return map[string]store.Filter{
		"calls_by_arrival":  {},
		"calls_by_arrival ": {From: from, To: to},
		"calls_by_calling":  {Number: "12151000007"},
		"calls_by_called":   {Number: "442079460123"},
		"calls_by_calling ": {Number: "12151000007", Standings: []call.Standing{call.Refuted}, From: from, To: to},
		"calls_by_office":   {Office: "president.example"},
		"calls_by_office ":  {Office: "president.example", Standings: []call.Standing{call.Refuted}},
		"calls_by_standing": {Standings: []call.Standing{call.Refuted, call.Verified}, To: to},
	}
}

func TestSearchesInSQLiteAreAnsweredFromAnIndexInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "calls.db")
	db := filled(t, path, "sqlite", path, `(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) SELECT n FROM s)`)
	for index, f := range searches() {
		for _, after := range []string{"", "01K100100000"} {
			plan := explained(t, db, "EXPLAIN QUERY PLAN ", store.DialectSQLite, f, after)
			if !strings.Contains(plan, strings.TrimSpace(index)) || strings.Contains(plan, "SCAN calls\n") {
				t.Errorf("%+v after %q: the plan is\n%swant %s", f, after, plan, index)
			}
			// The pages that are joined are sorted, never what they are made of.
			if regexp.MustCompile(`calls USING[^\n]*\nUSE TEMP`).MatchString(plan) {
				t.Errorf("%+v after %q: the plan sorts what it finds:\n%s", f, after, plan)
			}
		}
	}
}

func TestSearchesInPostgreSQLReadNoMoreThanAPage(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t).Place(t)
	db := filled(t, url, "pgx", url, fmt.Sprintf(`generate_series(1::bigint, %d) AS s(n)`, many))
	if _, err := db.Exec(`SET default_statistics_target = 10000; ANALYZE calls`); err != nil {
		t.Fatal(err)
	}
	// Every row is counted: from a sample it would choose now so and now so. It chooses by
	// what it has counted, so the index is its own affair: that it stops at
	// the page is ours.
	read := regexp.MustCompile(`calls.*\(actual rows=(\d+)`)
	for _, f := range searches() {
		f.Limit = 20
		for _, after := range []string{"", "01K100100000"} {
			plan := explained(t, db, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ", store.DialectPostgres, f, after)
			found := read.FindAllStringSubmatch(plan, -1)
			for _, rows := range found {
				if len(rows[1]) > 4 {
					t.Errorf("%+v after %q: %s rows are read:\n%s", f, after, rows[1], plan)
				}
			}
			if len(found) == 0 || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%+v after %q: the plan is\n%s", f, after, plan)
			}
		}
	}
}

// filled prepares the place and fills it, and returns a connection past the store.
func filled(t *testing.T, place, driver, source, series string) *sql.DB {
	t.Helper()
	s, err := database.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec(fmt.Sprintf(fill, series)); err != nil {
		t.Fatal(err)
	}
	return db
}

func explained(t *testing.T, db *sql.DB, how, dialect string, f store.Filter, after string) string {
	t.Helper()
	query, args := store.QueryOf(dialect, f, after, 1700100000000000)
	rows, err := db.Query(how+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	plan := ""
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(string)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		plan += *cells[len(cells)-1].(*string) + "\n"
	}
	return plan
}
