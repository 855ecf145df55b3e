package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/broker"
)

// local gives the settings of a node that has its data in dir and takes any free
// ports of localhost.
func local(dir string) broker.Config {
	return broker.Config{
		Overrides: []string{
			"log.dirs=" + dir,
			"listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0",
			"moldau.http.listener=", // None: see Node.Handler.
		},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A program with Kafka inside: its clients, and those of other programs, connect to
// it as to any broker.
func ExampleStart() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "kafka")
	check(err)
	defer os.RemoveAll(dir)

	node, err := broker.Start(ctx, local(dir))
	check(err) // It serves clients now, or says why not.
	defer func() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		check(node.Shutdown(ctx))
	}()

	cl, err := kgo.NewClient(kgo.SeedBrokers(node.Addr("PLAINTEXT").String()),
		kgo.AllowAutoTopicCreation(), kgo.ConsumeTopics("greetings"))
	check(err)
	defer cl.Close()
	check(cl.ProduceSync(ctx, &kgo.Record{Topic: "greetings", Value: []byte("ahoj")}).FirstErr())
	for _, record := range cl.PollFetches(ctx).Records() {
		fmt.Printf("%s\n", record.Value)
	}
	// Output: ahoj
}

// A program with an HTTP server of its own serves the node's health and metrics there.
func ExampleNode_Handler() {
	dir, err := os.MkdirTemp("", "kafka")
	check(err)
	defer os.RemoveAll(dir)
	node, err := broker.Start(context.Background(), local(dir))
	check(err)
	defer node.Shutdown(context.Background())

	mux := http.NewServeMux()
	mux.Handle("/kafka/", http.StripPrefix("/kafka", node.Handler()))
	server := httptest.NewServer(mux)
	defer server.Close()

	resp, err := server.Client().Get(server.URL + "/kafka/readyz")
	check(err)
	check(resp.Body.Close())
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// A node that fails by itself, because its disk does, tells so by Done and Err. The
// program decides what becomes of it.
func ExampleNode_Done() {
	dir, err := os.MkdirTemp("", "kafka")
	check(err)
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	node, err := broker.Start(context.WithoutCancel(ctx), local(dir))
	check(err)

	select {
	case <-node.Done():
		fmt.Println("the broker has failed:", node.Err())
	case <-ctx.Done(): // The program is to end.
	}
	fmt.Println(node.Shutdown(context.Background()), node.Err())
	// Output: <nil> <nil>
}
