package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestProgramServesBoth starts the program twice on one folder.
func TestProgramServesBoth(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := run(ctx, dir, "localhost:0", "localhost:0", w)
			_ = w.CloseWithError(io.EOF)
			ended <- err
		}()
		url, err := bufio.NewReader(r).ReadString('\n')
		if err != nil {
			t.Fatalf("%v: %v", err, <-ended)
		}
		url = strings.TrimSpace(url)
		for path, method := range map[string]string{"/visits": http.MethodPost, "/kafka/readyz": http.MethodGet, "/kafka/metrics": http.MethodGet} {
			req, err := http.NewRequestWithContext(ctx, method, url+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
