// Command embedded has Kafka inside: a broker for its own use and for any client on
// this machine, with its health and metrics in the program's own HTTP server.
//
//	go run ./examples/embedded
//	curl localhost:8080/kafka/readyz
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/broker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, "kafka-data", "localhost:9092", "localhost:8080", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run runs until ctx ends, or until the broker fails.
func run(ctx context.Context, dir, kafkaAddr, httpAddr string, out io.Writer) (err error) {
	node, err := broker.Start(ctx, broker.Config{
		Overrides: []string{
			"log.dirs=" + dir,
			"listeners=PLAINTEXT://" + kafkaAddr + ",CONTROLLER://localhost:0",
			"moldau.http.listener=", // It has ours.
		},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	defer func() { // Last of all: whoever uses the broker ends before it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, node.Shutdown(ctx))
	}()

	cl, err := kgo.NewClient(kgo.SeedBrokers(node.Addr("PLAINTEXT").String()), kgo.AllowAutoTopicCreation())
	if err != nil {
		return err
	}
	defer cl.Close()
	mux := http.NewServeMux()
	mux.Handle("/kafka/", http.StripPrefix("/kafka", node.Handler()))
	mux.HandleFunc("POST /visits", func(w http.ResponseWriter, r *http.Request) {
		visit := &kgo.Record{Topic: "visits", Value: []byte(r.RemoteAddr)}
		if err := cl.ProduceSync(r.Context(), visit).FirstErr(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", httpAddr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	defer server.Close() //nolint:errcheck // Its requests end with it.
	go func() { _ = server.Serve(listener) }()
	fmt.Fprintf(out, "http://%s\n", listener.Addr())

	select {
	case <-ctx.Done():
		return nil
	case <-node.Done():
		return node.Err()
	}
}
