// Command ledger keeps balances from a topic of payments, each counted exactly once
// whatever fails: the offset is stored together with the result, in one file that
// is replaced as a whole, and not with the broker.
//
//	go run ./examples/ledger [host:port]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ledger is what is stored. In a database one transaction would change it.
type ledger struct {
	Balances map[string]int64 `json:"balances"`
	Next     int64            `json:"next"` // The first offset that is not counted.
}

// payment is the value of a record.
type payment struct {
	Account string `json:"account"`
	Amount  int64  `json:"amount"`
}

func load(file string) (*ledger, error) {
	l := &ledger{Balances: map[string]int64{}}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil // Its first start: offset 0.
	}
	if err != nil {
		return nil, err
	}
	return l, json.Unmarshal(text, l)
}

func (l *ledger) store(file string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file) // All of it, or nothing.
}

func main() {
	addr := "localhost:9092"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	if err := run(context.Background(), addr, "ledger.json", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run counts payments until ctx ends.
func run(ctx context.Context, addr, file string, out io.Writer) error {
	l, err := load(file)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		"payments": {0: kgo.NewOffset().At(l.Next)},
	}))
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			var p payment
			if err := json.Unmarshal(record.Value, &p); err != nil {
				return fmt.Errorf("payment at offset %d: %w", record.Offset, err)
			}
			l.Balances[p.Account] += p.Amount
			l.Next = record.Offset + 1
		}
		if err := l.store(file); err != nil {
			return err
		}
		fmt.Fprintf(out, "%d payments: %v\n", l.Next, l.Balances)
	}
}
