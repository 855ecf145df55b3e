package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"moldau.dev/moldau/test/apachekafka"
)

// What a round deletes, the next pays for: its folder stays, and nothing stays of a
// group that is over, or has failed.
func TestTheFoldersOfAllRoundsStayUntilTheLast(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name   string
		fails  int // The round that fails, or -1.
		rounds int
	}{{"all well", -1, 3}, {"a round fails", 1, 2}} {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{
				options: options{rounds: 3, skipKafka: true}, raw: &raw{Started: time.Now()},
				installation: &installation{kafka: &apachekafka.Install{}, moldau: "none", dir: t.TempDir()},
			}
			folders := func() int {
				entries, err := os.ReadDir(s.installation.dir)
				if err != nil {
					t.Fatal(err)
				}
				return len(entries)
			}
			rounds := 0
			err := s.onNewNodes(t.Context(), func(_ context.Context, _ *broker, round int) error {
				rounds++
				if n := folders(); n != rounds {
					t.Errorf("round %d: %d folders are there, want %d", round, n, rounds)
				}
				if round == test.fails {
					return broken
				}
				return nil
			})
			if errors.Is(err, broken) != (test.fails >= 0) || err != nil && test.fails < 0 {
				t.Error(err)
			}
			if rounds != test.rounds || folders() != 0 {
				t.Errorf("%d rounds, want %d; %d folders are left", rounds, test.rounds, folders())
			}
		})
	}
}
