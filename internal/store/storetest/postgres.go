package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver, past the store
)

// Peer skips a test that needs a program of another maker, visibly, or fails it if
// COUNTERSIGN_REQUIRE_PEERS is set to 1. It returns where the program is.
func Peer(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name)
	}
	return path
}

func missing(t testing.TB, name string) {
	t.Helper()
	if os.Getenv("COUNTERSIGN_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("SKIPPED: %s is not installed", name)
}

// Server is a PostgreSQL server.
type Server struct {
	// own is the folder of a server that a test has started, empty for one that it was
	// given; programs is where its programs are.
	own, programs string
	// url is that of its database.
	url string
	n   atomic.Int32
}

// Postgres returns a server: the one at COUNTERSIGN_TEST_POSTGRES if that is set, or
// else a new one, which ends with the test. Without its programs the test is skipped, as
// [Peer] does.
func Postgres(t testing.TB) *Server {
	t.Helper()
	if given := os.Getenv("COUNTERSIGN_TEST_POSTGRES"); given != "" {
		return &Server{url: given}
	}
	return OwnPostgres(t)
}

// OwnPostgres returns a new server, which the test may stop.
func OwnPostgres(t testing.TB) *Server {
	t.Helper()
	s := &Server{programs: programs(t)}
	// The path of a socket may have little more than a hundred characters.
	folder, err := os.MkdirTemp("", "csgn")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	s.own = folder
	if err := giveAway(folder); err != nil {
		t.Fatal(err)
	}
	s.run(t, "initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	s.url = "postgres://postgres@/postgres?host=" + url.QueryEscape(folder)
	t.Cleanup(func() {
		if s.command("pg_ctl", "-D", s.data(), "status").Run() == nil {
			s.Stop(t)
		}
	})
	s.Start(t)
	return s
}

// programs returns the folder of PostgreSQL's programs. Debian keeps those of the server
// out of the path.
func programs(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path)
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		missing(t, "PostgreSQL (Debian package postgresql)")
	}
	return filepath.Dir(slices.Max(found))
}

func (s *Server) data() string { return filepath.Join(s.own, "data") }

// giveAway gives the folder to whom the server will run as: it refuses to be run by
// root.
func giveAway(folder string) error {
	who, err := runAs()
	if err != nil || who == nil {
		return err
	}
	return os.Chown(folder, int(who.Uid), int(who.Gid))
}

func runAs() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.programs, name), args...)
	cmd.Dir = s.own
	if who, err := runAs(); err == nil && who != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	}
	return cmd
}

func (s *Server) run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := s.command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// Start starts a server that was stopped, with more options if there are any, and waits
// until it answers.
func (s *Server) Start(t testing.TB, options ...string) {
	t.Helper()
	s.run(t, "pg_ctl", "-D", s.data(), "-w", "-s", "-l", filepath.Join(s.own, "log"),
		"-o", "-c listen_addresses= -c unix_socket_directories="+s.own+" -c max_connections=60 "+strings.Join(options, " "), "start")
}

// Stop stops the server as a crash would: what is not on the disk is lost.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.run(t, "pg_ctl", "-D", s.data(), "-w", "-s", "-m", "immediate", "stop")
}

// Freeze stops all processes of the server where they are, without a word to anybody,
// until the function returned is called.
func (s *Server) Freeze(t testing.TB) (thaw func()) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	pids := append(children(pid), pid)
	signal := func(sig syscall.Signal) {
		for _, p := range pids {
			if err := syscall.Kill(p, sig); err != nil && err != syscall.ESRCH {
				t.Error(err)
			}
		}
	}
	signal(syscall.SIGSTOP)
	return func() { signal(syscall.SIGCONT) }
}

// children returns the processes that the process has started.
func children(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, word := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(word); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// Place makes a new, empty place for records, a schema, and returns its URL.
func (s *Server) Place(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("countersign_%d_%d", os.Getpid(), s.n.Add(1))
	s.tell(t, "CREATE SCHEMA "+name)
	if s.own == "" {
		t.Cleanup(func() { s.tell(t, "DROP SCHEMA IF EXISTS "+name+" CASCADE") })
	}
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func (s *Server) tell(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", s.url)
	if err == nil {
		_, err = db.ExecContext(context.Background(), statement)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// Dump returns everything that is kept on the server as text, by pg_dump.
func (s *Server) Dump(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(Peer(t, "pg_dump"), "--dbname", s.url).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	return string(out)
}
