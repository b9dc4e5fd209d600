package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"countersign.example/internal/credential"
	"countersign.example/stircert"
)

// repository is the certificate repository: a web server on loopback. It speaks plain
// http, which is why its certificates are fetched in lab mode only.
type repository struct {
	listener net.Listener
	pages    map[string][]byte
}

func newRepository() (*repository, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the certificate repository: %w", err)
	}
	return &repository{listener: l, pages: make(map[string][]byte)}, nil
}

// site returns the URL at which the chain of that name is found.
func (r *repository) site(name string) string {
	return "http://" + r.listener.Addr().String() + "/" + name + ".pem"
}

// publish puts the chains of credentials where their x5u says; before run.
func (r *repository) publish(all ...*credential.Credential) {
	for _, c := range all {
		r.pages[c.X5U] = stircert.EncodePEM(c.Chain...)
	}
}

// ServeHTTP serves the chains and nothing else.
func (r *repository) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	page, ok := r.pages["http://"+r.listener.Addr().String()+req.URL.Path]
	if !ok || req.Method != http.MethodGet {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", "application/pem-certificate-chain")
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Write(page)
}

// run serves until ctx is done.
func (r *repository) run(ctx context.Context) error {
	server := &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	// Whoever still reads a certificate at the end gets no more than this.
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(r.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving certificates: %w", err)
	}
	return nil
}

func (r *repository) close() { r.listener.Close() }
