package trust

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign.example/stircert"
)

func TestASetIsReadFromFiles(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	crl, err := stircert.NewCRL(w.anchor, w.anchorKey, stircert.CRLTemplate{ThisUpdate: noon, NextUpdate: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	logKey, err := x509.MarshalPKIXPublicKey(&newKey(t).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load(Files{
		Anchors:    []string{file(t, "two.pem", stircert.EncodePEM(w.anchor, other.anchor)), file(t, "again.pem", stircert.EncodePEM(w.anchor))},
		CRLs:       []string{file(t, "crl.der", crl), file(t, "crl.pem", pemOf("X509 CRL", crl))},
		CRLSigners: []string{file(t, "signer.pem", stircert.EncodePEM(other.anchor))},
		Logs:       []string{file(t, "log.pem", pemOf("PUBLIC KEY", logKey))},
	})
	if err != nil || s.Anchors.Len() != 2 || s.CRLs.Len() != 2 || len(s.Logs) != 1 {
		t.Errorf("Load = %+v, %v", s, err)
	}
	if s, err := Load(Files{}); err != nil || s.Anchors.Len() != 0 || s.CRLs.Len() != 0 {
		t.Errorf("Load of nothing = %+v, %v", s, err)
	}
}

func TestAFileThatIsWrongIsNamedWithWhatToDo(t *testing.T) {
	w := newWorld(t)
	good := stircert.EncodePEM(w.anchor)
	for name, tc := range map[string]struct {
		files Files
		want  string
	}{
		"not there":             {Files{Anchors: []string{filepath.Join(t.TempDir(), "none.pem")}}, "no such file"},
		"a folder":              {Files{Anchors: []string{t.TempDir()}}, "a folder"},
		"empty":                 {Files{Anchors: []string{file(t, "f", nil)}}, "holds no certificate"},
		"text":                  {Files{Anchors: []string{file(t, "f", []byte("hello"))}}, "holds no certificate"},
		"DER":                   {Files{Anchors: []string{file(t, "f", w.anchor.Raw)}}, "holds no certificate"},
		"a signer's":            {Files{Anchors: []string{file(t, "f", stircert.EncodePEM(w.anchor, w.signer(nil)))}}, "certificate 2 is a signer's"},
		"a private key":         {Files{Anchors: []string{file(t, "f", append(pemOf("EC PRIVATE KEY", []byte{1}), good...))}}, `of type "EC PRIVATE KEY"`},
		"half":                  {Files{Anchors: []string{file(t, "f", append(good, good[:99]...))}}, "1 of its 2 PEM blocks"},
		"no certificate in PEM": {Files{Anchors: []string{file(t, "f", pemOf("CERTIFICATE", []byte{1}))}}, "certificate 1:"},
		"no CRL":                {Files{CRLs: []string{file(t, "f", good)}}, `a PEM block of type "CERTIFICATE"`},
		"no CRL at all":         {Files{CRLs: []string{"/nonexistent/crl"}}, "no such file"},
		"no CRL signer":         {Files{CRLSigners: []string{file(t, "f", []byte("x"))}}, "holds no certificate"},
		"no log key":            {Files{Logs: []string{file(t, "f", good)}}, "not PUBLIC KEY"},
		"no log key at all":     {Files{Logs: []string{"/nonexistent/log"}}, "no such file"},
	} {
		_, err := Load(tc.files)
		f, ok := errors.AsType[*FileError](err)
		if !ok || f.Path == "" || f.Hint == "" || !strings.Contains(err.Error(), f.Path) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Load = %v, want %q", name, err, tc.want)
		}
		if ok && strings.Count(err.Error(), f.Path) != 1 {
			t.Errorf("%s: the path is named twice: %v", name, err)
		}
	}
	_, err := Load(Files{Anchors: []string{"/nonexistent/anchors"}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load = %v, want it to wrap %v", err, os.ErrNotExist)
	}
}
