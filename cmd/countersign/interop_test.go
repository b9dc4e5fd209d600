package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Interoperation with two independent implementations, in both directions: what they
// sign we verify, and what we sign they verify (row 2 of the conformance checklist).

// peer finds a program that speaks the standard independently of us. Without it the
// test is skipped, and says so; where COUNTERSIGN_REQUIRE_PEERS is set it fails.
func peer(t *testing.T, found bool, what string) {
	t.Helper()
	switch {
	case found:
	case os.Getenv("COUNTERSIGN_REQUIRE_PEERS") != "":
		t.Fatalf("%s is not there, and COUNTERSIGN_REQUIRE_PEERS is set", what)
	default:
		t.Skipf("%s is not there; nothing was checked against it", what)
	}
}

// countersign runs one of our own command lines and returns what it prints.
func countersign(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(context.Background(), args, strings.NewReader(""), &out, &errs); got != want {
		t.Fatalf("countersign %q: status %d, want %d\n%s%s", args, got, want, &out, &errs)
	}
	return strings.TrimSpace(out.String())
}

// command runs a peer and returns what it prints.
func command(t *testing.T, ok bool, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if (err == nil) != ok {
		t.Fatalf("%s %q: %v, want success: %v\n%s", name, args, err, ok, out)
	}
	return strings.TrimSpace(string(out))
}

// signers makes a trust anchor and a carrier in dir.
func signers(t *testing.T, dir string) (anchor, carrier string) {
	t.Helper()
	anchor, carrier = filepath.Join(dir, "anchor"), filepath.Join(dir, "carrier")
	countersign(t, 0, "cert", "new", "anchor", "--out", anchor)
	countersign(t, 0, "cert", "new", "provider", "--parent", anchor, "--spc", "1234", "--out", carrier)
	return anchor, carrier
}

const (
	testX5U  = "https://cert.example.org/chain.pem"
	testOrig = "+12025550100"
	testDest = "+12025550199"
)

func TestInteropWithSecsipidx(t *testing.T) {
	_, err := exec.LookPath("secsipidx")
	peer(t, err == nil, "secsipidx (the Debian package of that name)")
	dir := t.TempDir()
	anchor, carrier := signers(t, dir)
	verify := []string{"verify", "--anchors", anchor + ".pem", "--cert", carrier + ".pem", "--orig", testOrig, "--dest", testDest}

	t.Run("what it signs we verify", func(t *testing.T) {
		for _, attest := range []string{"A", "B", "C"} {
			field := command(t, true, "secsipidx", "-sign-full", "-orig-tn", testOrig[1:], "-dest-tn", testDest[1:],
				"-attest", attest, "-x5u", testX5U, "-k", carrier+".key")
			out := countersign(t, 0, append(verify, field)...)
			if !strings.Contains(out, "attestation "+attest) {
				t.Errorf("the report does not name attestation %s:\n%s", attest, out)
			}
		}
	})
	t.Run("what we sign it verifies", func(t *testing.T) {
		field := countersign(t, 0, "sign", "--key", carrier+".key", "--x5u", testX5U, "--attest", "A", "--orig", testOrig, "--dest", testDest)
		path := filepath.Join(dir, "identity")
		if err := os.WriteFile(path, []byte(field), 0o600); err != nil {
			t.Fatal(err)
		}
		check := []string{"-check", "-fidentity", path, "-p", carrier + ".pem", "-expire", "3600"}
		if out := command(t, true, "secsipidx", check...); !strings.Contains(out, "ok") {
			t.Errorf("secsipidx says %q, want ok", out)
		}
		// The peer can refuse, too: it does not say ok to everything.
		if err := os.WriteFile(path, []byte(strings.Replace(field, "eyJhdHRlc3", "eyJhdHRlc2", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		command(t, false, "secsipidx", check...)
	})
}

// josePeer is a program for Node.js on the npm package jose: it signs or verifies a
// JWS with ES256, and knows nothing of PASSporTs.
const josePeer = `
import { readFileSync } from 'node:fs'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { CompactSign, compactVerify } from 'jose'
const [what, keyFile, input] = process.argv.slice(2)
if (what === 'sign') {
  const { header, claims } = JSON.parse(input)
  const key = createPrivateKey(readFileSync(keyFile))
  const jws = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader(header).sign(key)
  console.log(jws)
} else {
  const { payload, protectedHeader } = await compactVerify(input, createPublicKey(readFileSync(keyFile)),
    { algorithms: ['ES256'] })
  console.log(JSON.stringify(protectedHeader) + new TextDecoder().decode(payload))
}
`

func TestInteropWithJose(t *testing.T) {
	// COUNTERSIGN_JOSE names a folder in which the npm package jose is installed.
	modules := os.Getenv("COUNTERSIGN_JOSE")
	_, err := exec.LookPath("node")
	peer(t, err == nil && modules != "", "node with the npm package jose (COUNTERSIGN_JOSE names the folder)")
	dir := t.TempDir()
	anchor, carrier := signers(t, dir)
	program := filepath.Join(dir, "peer.mjs")
	if err := os.WriteFile(program, []byte(josePeer), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(modules, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	verify := []string{"verify", "--anchors", anchor + ".pem", "--cert", carrier + ".pem", "--orig", testOrig, "--dest", testDest}

	t.Run("what it signs we verify", func(t *testing.T) {
		// The members are not in order, as many signers write them: noted, not refused.
		iat := countersign(t, 0, "sign", "--json", "--key", carrier+".key", "--x5u", testX5U, "--attest", "B", "--orig", testOrig, "--dest", testDest)
		_, after, _ := strings.Cut(iat, `"iat": `)
		now, _, _ := strings.Cut(after, ",")
		jws := command(t, true, "node", program, "sign", carrier+".key",
			`{"header":{"alg":"ES256","typ":"passport","ppt":"shaken","x5u":"`+testX5U+`"},
			  "claims":{"orig":{"tn":"12025550100"},"dest":{"tn":["12025550199"]},"iat":`+strings.TrimSpace(now)+`,
			  "attest":"B","origid":"123e4567-e89b-12d3-a456-426655440000"}}`)
		out := countersign(t, 0, append(verify, jws+";info=<"+testX5U+">;ppt=shaken")...)
		if !strings.Contains(out, "not-canonical-json") || !strings.Contains(out, "attestation B") {
			t.Errorf("the report does not note the order of members and attestation B:\n%s", out)
		}
	})
	t.Run("what we sign it verifies", func(t *testing.T) {
		field := countersign(t, 0, "sign", "--key", carrier+".key", "--x5u", testX5U, "--attest", "A", "--orig", testOrig, "--dest", testDest)
		jws, _, _ := strings.Cut(field, ";")
		out := command(t, true, "node", program, "verify", carrier+".pem", jws)
		if !strings.Contains(out, `"orig":{"tn":"12025550100"}`) {
			t.Errorf("the peer reads %s", out)
		}
		command(t, false, "node", program, "verify", carrier+".pem", strings.Replace(jws, "eyJhdHRlc3", "eyJhdHRlc2", 1))
	})
}
