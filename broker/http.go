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

// startHTTP listens on address ("" serves nothing) and returns at once.
// /healthz answers while the process lives, /readyz while ready returns nil.
func startHTTP(address string, ready func() error) (*httpServer, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, listenError("moldau.http.listener", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	s := &httpServer{server: http.Server{Handler: mux, ReadHeaderTimeout: httpTimeout, ReadTimeout: httpTimeout, WriteTimeout: httpTimeout, IdleTimeout: httpIdle}, addr: listener.Addr()}
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
