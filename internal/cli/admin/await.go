package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/cli/cmdline"
)

const (
	// settleTimeout bounds how long a command waits for brokers to know what the
	// controller has done.
	settleTimeout = 30 * time.Second
	// pollInterval is the pause between two looks.
	pollInterval = 50 * time.Millisecond
)

// awaitTopics waits until what a broker says of topics is as it should be, so
// that the next command can rely on it. That it does not come to be is no failure
// of this command: it says so and ends.
func (s *session) awaitTopics(ctx context.Context, topics []string, what string, done func(kadm.TopicDetails) bool) error {
	if len(topics) == 0 {
		return nil
	}
	progress := s.env.NewProgress()
	defer progress.Done()
	deadline := s.env.Now().Add(settleTimeout)
	for {
		details, err := s.admin.ListTopicsWithInternal(ctx, topics...)
		if err == nil && done(details) {
			return nil
		}
		if s.env.Now().After(deadline) {
			s.env.Notef("moldau: %s still not %s after %v; 'moldau topics list' shows them", cmdline.Count(len(topics), "topic"), what, settleTimeout)
			return nil
		}
		progress.Update("waiting for %s to be %s", cmdline.Count(len(topics), "topic"), what)
		if err := pause(ctx, pollInterval); err != nil {
			return err
		}
	}
}

// awaitLeaders waits until new topics or partitions have leaders.
func (s *session) awaitLeaders(ctx context.Context, partitions map[string]int) error {
	return s.awaitTopics(ctx, sortedKeys(partitions), "ready", func(details kadm.TopicDetails) bool {
		for topic, count := range partitions {
			d := details[topic]
			if d.Err != nil || len(d.Partitions) < count || healthOf(d).Offline > 0 {
				return false
			}
		}
		return true
	})
}

// awaitGone waits until deleted topics are not listed any more.
func (s *session) awaitGone(ctx context.Context, topics []string) error {
	return s.awaitTopics(ctx, topics, "gone", func(details kadm.TopicDetails) bool {
		for _, topic := range topics {
			if d, ok := details[topic]; ok && d.Err == nil {
				return false
			}
		}
		return true
	})
}

// patiently repeats what fails because a coordinator is not there yet: the
// offsets topic is created when the first group needs it, and read after a start.
func (s *session) patiently(ctx context.Context, f func() error) error {
	timeout, err := s.conn.RequestTimeout()
	if err != nil {
		return err
	}
	progress := s.env.NewProgress()
	defer progress.Done()
	for deadline := s.env.Now().Add(timeout); ; {
		err := f()
		if !coordinatorMoves(err) || s.env.Now().After(deadline) {
			return err
		}
		progress.Update("waiting for the coordinator: %v", err)
		if err := pause(ctx, 2*pollInterval); err != nil {
			return err
		}
	}
}

func coordinatorMoves(err error) bool {
	return errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.CoordinatorLoadInProgress) || errors.Is(err, kerr.NotCoordinator)
}

// onlyIf gives an error if it is of a kind.
func onlyIf(is func(error) bool, err error) error {
	if is(err) {
		return err
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// committed asks what a group has committed.
func (s *session) committed(ctx context.Context, name string) (kadm.OffsetResponses, error) {
	var fetched kadm.OffsetResponses
	err := s.patiently(ctx, func() error {
		var err error
		fetched, err = s.admin.FetchOffsets(ctx, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("offsets of group %q: %w", name, err)
	}
	return fetched, nil
}
