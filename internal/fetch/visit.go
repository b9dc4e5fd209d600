package fetch

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// maxHeader bounds the header of a response, in bytes, interim responses
	// included.
	maxHeader = 16 << 10
	// maxInterim bounds the interim responses (RFC 9110 section 15.2) before
	// the final one.
	maxInterim = 5
	// userAgent lets the owner of a repository see who asks.
	userAgent = "countersign"
)

// response is what one request brought.
type response struct {
	status int
	header http.Header
	// redirect is the Location field of a redirect; body is then empty.
	redirect string
	body     []byte
}

// visit makes one request on a connection of its own. A failure of it has its Reason,
// but does not know the URL.
//
// net/http's client is not used, only its reading and writing: the client keeps
// connections, dials in the background beyond the deadline of the request, and
// tells a refused address and a broken handshake apart by text alone.
func (f *Fetcher) visit(ctx context.Context, t target, kind Kind) (response, error) {
	leave, err := f.places.enter(ctx, t.host)
	if err != nil {
		if errors.Is(context.Cause(ctx), ErrClosed) {
			return response{}, ErrClosed
		}
		return response{}, failure(NoPlace, "too many fetches are under way, in all or to %s", t.host)
	}
	defer leave()
	conn, err := f.connect(ctx, t)
	if err != nil {
		return response{}, err
	}
	// It is the bare connection that is closed: a farewell by TLS might wait for
	// somebody who does not listen.
	defer conn.Close()
	defer breakOff(ctx, conn)()
	if t.tls {
		secure := tls.Client(conn, f.tlsConfig(t.host))
		if err := secure.HandshakeContext(ctx); err != nil {
			return response{}, interrupted(ctx, TLSFailed, "agreeing on TLS with "+t.host, err)
		}
		conn = secure
	}
	if err := ask(conn, t); err != nil {
		return response{}, interrupted(ctx, Unreachable, "sending the request", err)
	}
	limit := f.cfg.MaxBytes
	if kind == List {
		limit = f.cfg.MaxListBytes
	}
	resp, err := receive(conn, limit)
	if _, judged := errors.AsType[*Failure](err); err != nil && !judged {
		err = interrupted(ctx, Malformed, "reading the response", err)
	}
	return resp, err
}

// breakOff makes whatever waits for conn return as soon as ctx is done. The function
// it returns ends that, and must be called.
func breakOff(ctx context.Context, conn net.Conn) (end func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		conn.SetDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

func (f *Fetcher) tlsConfig(host string) *tls.Config {
	return &tls.Config{
		RootCAs:    f.cfg.RootCAs,
		ServerName: host,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
	}
}

// ask writes the request.
func ask(w io.Writer, t target) error {
	req := &http.Request{
		Method: http.MethodGet,
		URL:    t.url,
		Host:   t.url.Host,
		Header: http.Header{
			"Accept":          {"*/*"},
			"Accept-Encoding": {"identity"},
			"User-Agent":      {userAgent},
		},
		Close: true,
	}
	return req.Write(w)
}

// wire is the connection as the reading of one response sees it.
type wire struct {
	conn io.Reader
	// left is how many bytes may still be read.
	left int64
	// err is why there is no more to read, once there is not.
	err error
}

// Read implements io.Reader.
func (w *wire) Read(p []byte) (n int, err error) {
	if w.left <= 0 {
		w.err = failure(TooLarge, "the header is longer than %d bytes", maxHeader)
		return 0, w.err
	}
	n, err = w.conn.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

// explain returns why reading the response ended in err: the connection's reason if
// it had one, else the response is at fault.
func (w *wire) explain(err error) error {
	if _, judged := errors.AsType[*Failure](err); judged {
		return err
	}
	if w.err != nil && w.err != io.EOF {
		return w.err
	}
	if w.err == io.EOF {
		return failure(Malformed, "the response breaks off")
	}
	return failure(Malformed, "%v", err)
}

// receive reads the response from conn: a body of at most limit bytes, or a redirect.
// What is wrong with the response is a *Failure; any other error is of conn.
//
// The body is not closed, since closing it would first read the rest of it. It is
// the connection that ends it.
func receive(conn io.Reader, limit int) (response, error) {
	w := &wire{conn: conn, left: maxHeader}
	resp, err := readHeader(bufio.NewReader(w))
	if err != nil {
		return response{}, w.explain(err)
	}
	// From here on the body's own limit counts, and the reader of chunks has
	// one for what is around them.
	w.left = math.MaxInt64

	got := response{status: resp.StatusCode, header: resp.Header}
	switch resp.StatusCode {
	case http.StatusOK:
		if got.body, err = readBody(resp, limit); err != nil {
			return response{}, w.explain(err)
		}
		return got, nil
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if got.redirect = resp.Header.Get("Location"); got.redirect != "" {
			return got, nil
		}
	}
	fail := failure(BadStatus, "%s", describe(resp.StatusCode))
	fail.Status = resp.StatusCode
	return response{}, fail
}

// describe tells a status code in words. The server's own words are left out.
func describe(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("the server answered %d, %s", status, strings.ToLower(text))
	}
	return fmt.Sprintf("the server answered %d", status)
}

// readHeader reads up to the body of the final response.
func readHeader(r *bufio.Reader) (*http.Response, error) {
	for range maxInterim + 1 {
		resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet})
		if err != nil {
			return nil, err
		}
		// 101 is final: it is the last thing said in HTTP (RFC 9110
		// section 15.2.2).
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
	return nil, failure(Malformed, "there are more than %d interim responses", maxInterim)
}

// readBody reads the body, and never more than a byte beyond limit.
func readBody(resp *http.Response, limit int) ([]byte, error) {
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, failure(Malformed, "the body is encoded as %.40q though that was not asked for", e)
	}
	if resp.ContentLength > int64(limit) {
		return nil, failure(TooLarge, "the document is said to be %d bytes, more than %d", resp.ContentLength, limit)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if len(body) > limit {
		return nil, failure(TooLarge, "the document is larger than %d bytes", limit)
	}
	return body, err
}
