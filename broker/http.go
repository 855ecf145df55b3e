package broker

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"moldau.dev/moldau/broker/internal/metrics"
	"moldau.dev/moldau/internal/config"
)

// httpServer serves the node's health and metrics.
type httpServer struct {
	server http.Server
	addr   net.Addr
}

// httpTimeout bounds the transfer of a request or response, httpIdle how long a
// connection is kept without any: nobody can collect them. A profile takes as long
// as its reader asks for, profileTimeout at most.
const (
	httpTimeout    = 30 * time.Second
	httpIdle       = 2 * time.Minute
	profileTimeout = 5 * time.Minute
)

// indexPage is for people who look at the port: it says what is behind it. Its
// links hold below the path of another server too.
const indexPage = `<!DOCTYPE html>
<title>Moldau</title>
<h1>Moldau</h1>
<p>This node serves <a href="metrics">metrics</a> for Prometheus, its <a href="healthz">health</a> and its
<a href="readyz">readiness</a> here. Kafka's clients have a port of their own.</p>
`

// Handler serves what the node serves on moldau.http.listener, for a program that
// has an HTTP server of its own: / says what there is, /healthz answers while the node works, /readyz
// while clients may come, /metrics is for Prometheus, and with moldau.http.pprof
// there is /debug/pprof/.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, indexPage) // Whoever asked is gone otherwise.
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { writeReport(w, r, n.healthy()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { writeReport(w, r, n.ready()) })
	mux.HandleFunc("GET /metrics", n.serveMetrics)
	if n.settings.static.Broker.HTTPPprof {
		for path, serve := range map[string]http.HandlerFunc{
			"": pprof.Index, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
		} {
			mux.HandleFunc("GET /debug/pprof/"+path, func(w http.ResponseWriter, r *http.Request) {
				// Without support for deadlines there is none to get around.
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(profileTimeout))
				serve(w, r)
			})
		}
	}
	return mux
}

// serveMetrics writes the metrics for Prometheus.
func (n *Node) serveMetrics(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", metrics.ContentType)
	var to io.Writer = w
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		compressed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // The level exists.
		defer compressed.Close()                                //nolint:errcheck // Whoever asked is gone then.
		to = compressed
	}
	_ = n.metrics.Write(r.Context(), to) // As above.
}

// startHTTP listens on address ("" serves nothing) and returns at once.
func startHTTP(address string, handler http.Handler) (*httpServer, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, listenError("moldau.http.listener", address, err)
	}
	s := &httpServer{server: http.Server{Handler: handler, ReadHeaderTimeout: httpTimeout, ReadTimeout: httpTimeout, WriteTimeout: httpTimeout, IdleTimeout: httpIdle}, addr: listener.Addr()}
	go func() { _ = s.server.Serve(listener) }() // It ends with Close, and only then.
	return s, nil
}

func (s *httpServer) close() error {
	if err := s.server.Close(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// serveHTTP serves the node's health and metrics from early on: the start may take
// long, and whoever watches is told how far it is.
func (n *Node) serveHTTP(_ context.Context, static *config.Static) error {
	server, err := startHTTP(static.Broker.HTTPListener, n.Handler())
	if err != nil {
		return err
	}
	if server == nil {
		return nil
	}
	n.http = server
	n.onStop("http", func(context.Context) error { return server.close() })
	n.logger.Info("Health and metrics are served", "moldau.http.listener", server.addr.String())
	return nil
}

// HTTPAddr gives the address of moldau.http.listener; nil if there is none.
func (n *Node) HTTPAddr() net.Addr {
	if n.http == nil {
		return nil
	}
	return n.http.addr
}
