package data

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// A broker may learn of a topic some time after the controller has created it,
// so that one that is not there is asked for again, so often and so long.
const (
	unknownTopicTries = 4
	unknownTopicPause = 100 * time.Millisecond
)

// findTopics gives the topics of these names, or an error that names the one
// that is not there and what to do.
func findTopics(ctx context.Context, admin *kadm.Client, names []string) (kadm.TopicDetails, error) {
	for try := 1; ; try++ {
		details, err := admin.ListTopicsWithInternal(ctx, names...)
		if err != nil {
			return nil, err
		}
		missing := ""
		for _, name := range names {
			switch detail, ok := details[name]; {
			case !ok || errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
				missing = name
			case detail.Err != nil:
				return nil, fmt.Errorf("topic %s: %w", name, cmdline.KafkaError(detail.Err, ""))
			}
		}
		if missing == "" {
			return details, nil
		}
		if try == unknownTopicTries {
			return details, unknownTopic(ctx, admin, missing)
		}
		if err := pause(ctx, unknownTopicPause); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// unknownTopicError says that a topic is not there.
type unknownTopicError struct {
	name string
	near string // The closest name there is, or empty.
}

func (e *unknownTopicError) Error() string { return "there is no topic " + strconv.Quote(e.name) }

// hint says what to do about it, and what else creates the topic.
func (e *unknownTopicError) hint(alternative string) string {
	create := fmt.Sprintf("'moldau topics create %s'%s creates it", e.name, alternative)
	if e.near != "" {
		return fmt.Sprintf("did you mean %s? Otherwise %s", e.near, create)
	}
	return create + ", 'moldau topics list' lists those there are"
}

func unknownTopic(ctx context.Context, admin *kadm.Client, name string) error {
	err := &unknownTopicError{name: name}
	// Whatever fails here, the person learns of the missing topic.
	if all, listErr := admin.ListTopics(ctx); listErr == nil {
		if near, ok := cmdline.Nearest(name, all.Names()); ok {
			err.near = near
		}
	}
	return cmdline.WithHint(err, "%s", err.hint(""))
}

// partitionNumbers gives the partitions of a topic in order.
func partitionNumbers(topic kadm.TopicDetail) []int32 {
	numbers := make([]int32, 0, len(topic.Partitions))
	for p := range topic.Partitions {
		numbers = append(numbers, p)
	}
	slices.Sort(numbers)
	return numbers
}

// noPartition says that a topic has no such partition.
func noPartition(topic string, partition int32, count int) error {
	if count == 1 {
		return fmt.Errorf("topic %s has no partition %d, only partition 0", topic, partition)
	}
	return fmt.Errorf("topic %s has no partition %d, only 0 to %d", topic, partition, count-1)
}
