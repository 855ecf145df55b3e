package metadata

import (
	"fmt"

	"moldau.dev/moldau/internal/kafka"
)

// API keys of the metadata records. The numbers are Kafka's and part of the
// format of the metadata log.
const (
	KeyRegisterBroker            int16 = 0
	KeyUnregisterBroker          int16 = 1
	KeyTopic                     int16 = 2
	KeyPartition                 int16 = 3
	KeyConfig                    int16 = 4
	KeyPartitionChange           int16 = 5
	KeyFenceBroker               int16 = 7
	KeyUnfenceBroker             int16 = 8
	KeyRemoveTopic               int16 = 9
	KeyDelegationToken           int16 = 10
	KeyUserScramCredential       int16 = 11
	KeyFeatureLevel              int16 = 12
	KeyClientQuota               int16 = 14
	KeyProducerIDs               int16 = 15
	KeyBrokerRegistrationChange  int16 = 17
	KeyAccessControlEntry        int16 = 18
	KeyRemoveAccessControlEntry  int16 = 19
	KeyNoOp                      int16 = 20
	KeyZkMigrationState          int16 = 21
	KeyRemoveUserScramCredential int16 = 22
	KeyBeginTransaction          int16 = 23
	KeyEndTransaction            int16 = 24
	KeyAbortTransaction          int16 = 25
	KeyRemoveDelegationToken     int16 = 26
	KeyRegisterController        int16 = 27
	KeyClearElr                  int16 = 28
	KeyUnregisterController      int16 = 29
)

// Record is one metadata record: a pointer to one of the Record types of this
// package. A record must not be changed once it has been handed on.
type Record interface {
	// Key gives the record's API key.
	Key() int16
	// WireVersion gives the version it is encoded in: the one it was made for,
	// or a newer one if its fields need that.
	WireVersion() int16
	// code walks the fields in the order of the wire.
	code(c *codec)
}

// frameVersion is the only version there is of the frame around a record.
const frameVersion = 1

// Encode gives the value of the record in the metadata log:
//
//	frame version (uvarint, 1) | API key (uvarint) | version (uvarint) | fields | tagged fields
func Encode(r Record) []byte { return AppendRecord(nil, r) }

// AppendRecord appends the encoded record to dst.
func AppendRecord(dst []byte, r Record) []byte {
	version := r.WireVersion()
	c := &codec{buf: dst, version: version}
	for _, u := range []uint32{frameVersion, uint32(r.Key()), uint32(version)} {
		c.uvarint(&u)
	}
	r.code(c)
	return c.buf
}

// Decode reads one record. It keeps no reference to b. The error tells what is
// wrong with the bytes; a record of a newer software is an error too, since
// what it says can not be known.
func Decode(b []byte) (Record, error) {
	c := &codec{buf: b, decoding: true}
	var frame, key, version uint32
	c.uvarint(&frame)
	c.uvarint(&key)
	c.uvarint(&version)
	switch {
	case c.err != nil:
		return nil, fmt.Errorf("metadata record header: %w", c.err)
	case frame != frameVersion:
		return nil, fmt.Errorf("metadata record frame version %d is unknown; this software knows version %d", frame, frameVersion)
	}
	r, newest := newRecord(key, version)
	switch {
	case r == nil:
		return nil, fmt.Errorf("metadata record key %d is unknown to this software", key)
	case version > newest:
		return nil, fmt.Errorf("metadata record %T version %d is newer than %d, the newest this software knows", r, version, newest)
	}
	c.version = int16(version)
	r.code(c)
	switch {
	case c.err != nil:
		return nil, fmt.Errorf("metadata record %T version %d: %w", r, version, c.err)
	case len(c.buf) > 0:
		return nil, fmt.Errorf("metadata record %T version %d: %d bytes too many", r, version, len(c.buf))
	}
	return r, nil
}

// newRecord gives an empty record for the key, with the defaults of fields that
// the version may leave out, and the newest version this software knows.
func newRecord(key, version uint32) (r Record, newest uint32) {
	v := int16(min(version, 1<<15-1))
	switch int16(min(key, 1<<15-1)) {
	case KeyRegisterBroker:
		return &RegisterBrokerRecord{Version: v}, 4
	case KeyUnregisterBroker:
		return &UnregisterBrokerRecord{}, 0
	case KeyTopic:
		return &TopicRecord{}, 0
	case KeyPartition:
		return &PartitionRecord{Version: v}, 2
	case KeyConfig:
		return &ConfigRecord{}, 0
	case KeyPartitionChange:
		return NewPartitionChange(v, 0, kafka.UUID{}), 2
	case KeyFenceBroker:
		return &FenceBrokerRecord{}, 0
	case KeyUnfenceBroker:
		return &UnfenceBrokerRecord{}, 0
	case KeyRemoveTopic:
		return &RemoveTopicRecord{}, 0
	case KeyDelegationToken:
		return &DelegationTokenRecord{}, 0
	case KeyUserScramCredential:
		return &UserScramCredentialRecord{}, 0
	case KeyFeatureLevel:
		return &FeatureLevelRecord{}, 0
	case KeyClientQuota:
		return &ClientQuotaRecord{}, 0
	case KeyProducerIDs:
		return &ProducerIDsRecord{}, 0
	case KeyBrokerRegistrationChange:
		return &BrokerRegistrationChangeRecord{Version: v}, 3
	case KeyAccessControlEntry:
		return &AccessControlEntryRecord{}, 0
	case KeyRemoveAccessControlEntry:
		return &RemoveAccessControlEntryRecord{}, 0
	case KeyNoOp:
		return &NoOpRecord{}, 0
	case KeyZkMigrationState:
		return &ZkMigrationStateRecord{}, 0
	case KeyRemoveUserScramCredential:
		return &RemoveUserScramCredentialRecord{}, 0
	case KeyBeginTransaction:
		return &BeginTransactionRecord{}, 0
	case KeyEndTransaction:
		return &EndTransactionRecord{}, 0
	case KeyAbortTransaction:
		return &AbortTransactionRecord{}, 0
	case KeyRemoveDelegationToken:
		return &RemoveDelegationTokenRecord{}, 0
	case KeyRegisterController:
		return &RegisterControllerRecord{}, 0
	case KeyClearElr:
		return &ClearElrRecord{}, 0
	case KeyUnregisterController:
		return &UnregisterControllerRecord{}, 0
	default:
		return nil, 0
	}
}
