// Command mailer sends a mail for every record of the topic signups. What is worth
// seeing here is its test, which has a broker of its own and lets it fail.
//
//	go run ./examples/mailer [host:port]
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/twmb/franz-go/pkg/kgo"
)

// mailer sends each mail at least once.
type mailer struct {
	client *kgo.Client
	send   func(to string) error
}

func newMailer(send func(to string) error, opts ...kgo.Opt) (*mailer, error) {
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.ConsumerGroup("mailer"), kgo.ConsumeTopics("signups"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
	}, opts...)...)
	if err != nil {
		return nil, err
	}
	return &mailer{client: cl, send: send}, nil
}

// run sends until ctx ends or a mail cannot be sent. That mail is tried again at the
// next start, since its offset is committed only after it was sent.
func (m *mailer) run(ctx context.Context) error {
	defer m.client.Close()
	for {
		fetches := m.client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			log.Print(err) // The client tries again by itself, for instance while the broker is down.
			continue
		}
		for _, record := range fetches.Records() {
			if err := m.send(string(record.Value)); err != nil {
				return fmt.Errorf("mail to %s: %w", record.Value, err)
			}
			// What was sent is committed, also when the program is to end.
			if err := m.client.CommitRecords(context.WithoutCancel(ctx), record); err != nil {
				return err
			}
		}
	}
}

func main() {
	addr := "localhost:9092"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	m, err := newMailer(func(to string) error {
		_, err := fmt.Println("mail to", to)
		return err
	}, kgo.SeedBrokers(addr))
	if err == nil {
		err = m.run(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
}
