package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestHashCodeIsJavas(t *testing.T) {
	// Values from java.lang.String.hashCode.
	for s, want := range map[string]int32{"": 0, "a": 97, "group": 98629247, "grüße": 98768023, "😀": 1772899, "consumer-group-1": 147483020} {
		if got := HashCode(s); got != want {
			t.Errorf("HashCode(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestCoordinatorPartitionIsKafkas(t *testing.T) {
	for id, want := range map[string]int32{ // Found in the folders of an Apache Kafka with 4 partitions.
		"classic": 2, "join-instance-6": 3, "join-instance-8": 1, "listed": 3, "protocols": 1,
		"polygenelubricants": 0, // Has the only hash without an absolute value.
	} {
		if got := CoordinatorPartition(id, 4); got != want {
			t.Errorf("%s with the hash %d is in partition %d, not %d", id, HashCode(id), got, want)
		}
	}
}

func TestUUIDTextFormRoundTrips(t *testing.T) {
	for range 1000 {
		u := NewUUID()
		if strings.HasPrefix(u.String(), "-") {
			t.Fatalf("%v starts with a dash", u)
		}
		back, err := ParseUUID(u.String())
		if err != nil || back != u {
			t.Fatalf("ParseUUID(%v) = %v, %v", u, back, err)
		}
	}
	if _, err := ParseUUID("short"); err == nil {
		t.Error("a short id was accepted")
	}
}

func TestValidateTopicName(t *testing.T) {
	for _, name := range []string{"a", "A.b_c-9", strings.Repeat("x", 249), "..."} {
		if err := ValidateTopicName(name); err != nil {
			t.Errorf("%q refused: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a b", "ä", "a/b", strings.Repeat("x", 250)} {
		if err := ValidateTopicName(name); !errors.Is(err, kerr.InvalidTopicException) {
			t.Errorf("%q: %v, want INVALID_TOPIC_EXCEPTION", name, err)
		}
	}
}
