package group

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/group/offset"
	"moldau.dev/moldau/internal/kafka"
)

// The types of records in __consumer_offsets: the first two bytes of the key.
const (
	legacyOffsetCommitType int16 = 0
	offsetCommitType       int16 = 1
	groupMetadataType      int16 = 2
)

// Versions of the values.
const (
	// maxValueVersion is the newest we can read, of both types.
	maxValueVersion = 4
	// offsetValueVersion has the topic id.
	offsetValueVersion = 4
	// expiringOffsetValueVersion is the only one with an expire timestamp.
	expiringOffsetValueVersion = 1
)

// Record is one record of __consumer_offsets: OffsetCommit or Metadata.
//
//	key:   type int16 | fields
//	value: version int16 | fields (none for a tombstone)
type Record interface{ isRecord() }

// OffsetCommit says what a group has committed; a nil Value is a tombstone.
type OffsetCommit struct {
	offset.Key
	Value *offset.Committed
}

// Metadata is one stored generation of a classic group; a nil Value is a
// tombstone.
type Metadata struct {
	Group string
	Value *kmsg.GroupMetadataValue
}

func (OffsetCommit) isRecord() {}

func (Metadata) isRecord() {}

// codec is the coordinator.Codec of Record.
type codec struct{}

func (codec) Encode(r Record) (key, value []byte) {
	switch r := r.(type) {
	case OffsetCommit:
		k := kmsg.OffsetCommitKey{Version: offsetCommitType, Group: r.Group, Topic: r.Topic, Partition: r.Partition}
		return k.AppendTo(nil), encodeOffset(r.Value)
	case Metadata:
		k := kmsg.GroupMetadataKey{Version: groupMetadataType, Group: r.Group}
		if r.Value != nil {
			value = r.Value.AppendTo(nil)
		}
		return k.AppendTo(nil), value
	default:
		panic(fmt.Sprintf("record of type %T", r)) // the interface is closed.
	}
}

func encodeOffset(c *offset.Committed) []byte {
	if c == nil {
		return nil
	}
	v := kmsg.NewOffsetCommitValue()
	v.Version = offsetValueVersion
	v.Offset = int64(c.Offset)
	v.LeaderEpoch = int32(c.LeaderEpoch)
	v.Metadata = c.Metadata
	v.CommitTimestamp = c.CommitTimestamp
	v.TopicID = c.TopicID
	if c.ExpireTimestamp != offset.NoExpiry {
		v.Version = expiringOffsetValueVersion
		v.ExpireTimestamp = c.ExpireTimestamp
	}
	return v.AppendTo(nil)
}

func (codec) Decode(key, value []byte) (Record, error) {
	if len(key) < 2 {
		return nil, fmt.Errorf("key of %d bytes", len(key))
	}
	switch t := int16(binary.BigEndian.Uint16(key)); t {
	case legacyOffsetCommitType, offsetCommitType:
		return decodeOffset(key, value)
	case groupMetadataType:
		return decodeGroup(key, value)
	default:
		return nil, fmt.Errorf("type %d: %w", t, coordinator.ErrUnknownRecord)
	}
}

func decodeOffset(key, value []byte) (Record, error) {
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(key); err != nil {
		return nil, fmt.Errorf("key of an offset commit: %w", err)
	}
	r := OffsetCommit{Key: offset.Key{Group: k.Group, Topic: k.Topic, Partition: k.Partition}}
	if value == nil {
		return r, nil
	}
	if err := checkVersion(value); err != nil {
		return nil, err
	}
	v := kmsg.NewOffsetCommitValue()
	if err := v.ReadFrom(value); err != nil {
		return nil, fmt.Errorf("value of an offset commit: %w", err)
	}
	r.Value = &offset.Committed{
		Offset:          kafka.Offset(v.Offset),
		LeaderEpoch:     kafka.NoLeaderEpoch,
		Metadata:        v.Metadata,
		CommitTimestamp: v.CommitTimestamp,
		ExpireTimestamp: offset.NoExpiry,
		TopicID:         v.TopicID,
	}
	if v.Version >= 3 {
		r.Value.LeaderEpoch = kafka.LeaderEpoch(v.LeaderEpoch)
	}
	if v.Version == expiringOffsetValueVersion {
		r.Value.ExpireTimestamp = v.ExpireTimestamp
	}
	return r, nil
}

func decodeGroup(key, value []byte) (Record, error) {
	var k kmsg.GroupMetadataKey
	if err := k.ReadFrom(key); err != nil {
		return nil, fmt.Errorf("key of a group's metadata: %w", err)
	}
	r := Metadata{Group: k.Group}
	if value == nil {
		return r, nil
	}
	if err := checkVersion(value); err != nil {
		return nil, err
	}
	v := kmsg.NewGroupMetadataValue()
	if err := v.ReadFrom(value); err != nil {
		return nil, fmt.Errorf("value of a group's metadata: %w", err)
	}
	r.Value = &v
	return r, nil
}

// checkVersion refuses what a version we do not know has written: nobody can
// tell what it says.
func checkVersion(value []byte) error {
	if len(value) < 2 {
		return errors.New("value without version")
	}
	if v := int16(binary.BigEndian.Uint16(value)); v < 0 || v > maxValueVersion {
		return fmt.Errorf("value of version %d, this broker knows 0 to %d", v, maxValueVersion)
	}
	return nil
}
