package broker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// httpServer serves the node's health to orchestrators and load balancers.
type httpServer struct {
	server http.Server
	addr   net.Addr
}

// httpTimeout bounds the transfer of a request or response, httpIdle how long a
// connection is kept without any: nobody can collect them.
const (
	httpTimeout = 10 * time.Second
	httpIdle    = 2 * time.Minute
)

// Handler serves what the node serves on moldau.http.listener, for a program that
// has an HTTP server of its own: /healthz answers while the process lives,
// /readyz while clients may come.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := n.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	return mux
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
	if s == nil {
		return nil
	}
	if err := s.server.Close(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
