package quorum

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// anchorTag is the tag of the snapshotAnchor in a snapshot's header record. It
// is far above the tags that Apache Kafka hands out, which grow from 0.
const anchorTag = 10_000

// snapshotHeaderFields is the size of a header record's value up to its tagged
// fields: version and timestamp.
const snapshotHeaderFields = 2 + 8

// snapshotAnchor ties the two ways of counting together at the end of a
// snapshot: the batch that ends just below the snapshot's offset has this raft
// index. It is stored in the snapshot's header as a tagged field, which Apache
// Kafka skips, so it travels with the snapshot to other voters.
type snapshotAnchor struct {
	index uint64
}

// controlRecord is one decoded control record; only the fields of its type are set.
type controlRecord struct {
	kind                      record.ControlType
	kraftVersion              int16          // KRaftVersion
	voters                    []Voter        // Voters
	lastContainedLogTimestamp int64          // SnapshotHeader, in ms
	anchor                    snapshotAnchor // SnapshotHeader
	anchored                  bool           // SnapshotHeader: it has an anchor.
}

// controlValue is a control record to be written.
type controlValue struct {
	kind  record.ControlType
	value []byte
}

// snapshotHeaderValue encodes a header with the anchor in its tagged fields; nil
// leaves it out.
func snapshotHeaderValue(lastContainedLogTimestamp int64, anchor *snapshotAnchor) []byte {
	b := record.SnapshotHeader{LastContainedLogTimestamp: lastContainedLogTimestamp}.Value()
	if anchor == nil {
		return b
	}
	b = kbin.AppendUvarint(b[:snapshotHeaderFields], 1)
	b = kbin.AppendUvarint(b, anchorTag)
	b = kbin.AppendUvarint(b, 8)
	return binary.BigEndian.AppendUint64(b, anchor.index)
}

// readAnchor finds the anchor in the value of a header that has been parsed.
func readAnchor(value []byte) (anchor snapshotAnchor, ok bool) {
	r := kbin.Reader{Src: value[min(snapshotHeaderFields, len(value)):]}
	for n := r.Uvarint(); n > 0 && r.Ok(); n-- {
		tag := r.Uvarint()
		field := r.Span(int(r.Uvarint()))
		if tag == anchorTag && len(field) == 8 {
			return snapshotAnchor{index: binary.BigEndian.Uint64(field)}, true
		}
	}
	return snapshotAnchor{}, false
}

// controlBatch builds a control batch.
func controlBatch(base kafka.Offset, epoch kafka.LeaderEpoch, timestampMs int64, records ...controlValue) record.Batch {
	o := record.NewOptions(base)
	o.LeaderEpoch, o.Control = epoch, true
	b := record.NewBuilder(o)
	for _, r := range records {
		b.Append(timestampMs, r.kind.Key(), r.value)
	}
	return b.Build()
}

// decodeControl reads the records of a control batch. Types that do not concern
// the quorum are returned with their number and nothing else.
func decodeControl(b record.Batch) ([]controlRecord, error) {
	var all []controlRecord
	for r, err := range b.Records(maxStoredBatchBytes) {
		if err != nil {
			return nil, err
		}
		kind, err := record.ParseControlKey(r.Key)
		if err != nil {
			return nil, fmt.Errorf("control record at offset %d: %w", b.Offset(&r), err)
		}
		c := controlRecord{kind: kind}
		if err := c.decode(r.Value); err != nil {
			return nil, fmt.Errorf("control record at offset %d: %w", b.Offset(&r), err)
		}
		all = append(all, c)
	}
	return all, nil
}

func (c *controlRecord) decode(value []byte) error {
	switch c.kind {
	case record.ControlKRaftVersion:
		v, err := record.ParseKRaftVersion(value)
		c.kraftVersion = v.Level
		return err
	case record.ControlVoters:
		v, err := record.ParseVoters(value)
		if err != nil {
			return err
		}
		c.voters = v.Voters
	case record.ControlSnapshotHeader:
		v, err := record.ParseSnapshotHeader(value)
		if err != nil {
			return err
		}
		c.lastContainedLogTimestamp = v.LastContainedLogTimestamp
		c.anchor, c.anchored = readAnchor(value)
	}
	return nil
}

// votersValue encodes a Voters record.
func votersValue(voters []Voter) []byte { return (&record.Voters{Voters: voters}).Value() }
