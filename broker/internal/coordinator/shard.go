package coordinator

import (
	"errors"
	"time"

	"moldau.dev/moldau/internal/kafka"
)

// ErrUnknownRecord is what Codec.Decode returns for a record whose type this
// version does not know: left over from a newer broker, it is skipped.
var ErrUnknownRecord = errors.New("record of an unknown type")

// Codec translates the records of a shard to the key and value in the log.
type Codec[R any] interface {
	// Encode gives key and value; a nil value is a tombstone.
	Encode(r R) (key, value []byte)
	// Decode reads what Encode, or Apache Kafka, wrote. It must not keep key and
	// value. ErrUnknownRecord makes the loader skip the record, any other error
	// fails the load.
	Decode(key, value []byte) (R, error)
}

// Producer names the transaction a record belongs to. Use NoProducer outside
// transactions.
type Producer struct {
	ID    kafka.ProducerID
	Epoch kafka.ProducerEpoch
}

// NoProducer is that of records outside of transactions.
var NoProducer = Producer{ID: kafka.NoProducerID, Epoch: kafka.NoProducerEpoch}

// Shard is the state machine of one partition. The runtime calls it from one
// goroutine at a time: while it loads from the loader, then from its loop.
type Shard[R any] interface {
	// Replay applies a record of the log, or one that is about to be appended at
	// that offset. An error is a broken invariant: it fails the batch or load.
	Replay(offset kafka.Offset, producer Producer, r R) error
	// ReplayEndTransaction applies a transaction marker.
	ReplayEndTransaction(producer Producer, committed bool) error
	// Loaded is called once, when the whole log was replayed.
	Loaded(now time.Time)
	// Unloaded is called when the shard is given up: whatever requests are parked
	// in it must be answered with err.
	Unloaded(now time.Time, err error)
	// NextTimer gives the time of the earliest timer.
	NextTimer() (at time.Time, ok bool)
	// FireTimer runs one timer that is due at now; ok is false when there is none.
	FireTimer(now time.Time) (r Result[R], ok bool)
}

// Result is the outcome of a write: what it decided.
type Result[R any] struct {
	// Records are to be appended. Without records the write is a read.
	Records []R
	// Atomic keeps all records in one batch.
	Atomic bool
	// Applied says that the decision has already changed the shard: the records
	// are not replayed. Such a change is soft state, which Done must put right if
	// the append fails.
	Applied bool
	// Producer makes the batch part of that transaction if it is set and not
	// NoProducer; such a batch is atomic and appended at once.
	Producer *Producer
	// Done, if not nil, runs on the shard's loop before the caller is released:
	// when the records are committed, or with the reason why they are not (a
	// timeout included, after which they may still become so).
	Done func(now time.Time, err error)
}
