package offline

import "encoding/json"

// Entry is one thing that a file holds: a pointer to one of the types of this
// file, or to a Finding. Each has a Type, so that a stream of them can be told
// apart, and marshals to JSON with Kafka's names.
type Entry interface{ entry() }

// File begins the entries of a file.
type File struct {
	Type string `json:"type"` // "file".
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	Size int64  `json:"size"` // In bytes.
}

// Batch is the header of a record batch, of any version.
type Batch struct {
	Type       string `json:"type"` // "batch".
	BaseOffset int64  `json:"baseOffset"`
	LastOffset int64  `json:"lastOffset"`
	Count      int32  `json:"count"`
	// Position and Size are in bytes, the size with offset and length.
	Position             int64 `json:"position"`
	Size                 int64 `json:"size"`
	Magic                int8  `json:"magic"`
	PartitionLeaderEpoch int32 `json:"partitionLeaderEpoch"`
	// ProducerID is -1 for producers that are not idempotent.
	ProducerID      int64  `json:"producerId"`
	ProducerEpoch   int16  `json:"producerEpoch"`
	BaseSequence    int32  `json:"baseSequence"`
	LastSequence    int32  `json:"lastSequence"`
	IsTransactional bool   `json:"isTransactional"`
	IsControl       bool   `json:"isControl"`
	TimestampType   string `json:"timestampType"`
	// Timestamps are in milliseconds since 1970.
	BaseTimestamp   int64  `json:"baseTimestamp"`
	MaxTimestamp    int64  `json:"maxTimestamp"`
	DeleteHorizonMs *int64 `json:"deleteHorizonMs,omitempty"`
	Compression     string `json:"compression"`
	CRC             uint32 `json:"crc"`
	IsValid         bool   `json:"isValid"`
}

// Record is one record of a batch.
type Record struct {
	Type      string `json:"type"` // "record".
	Offset    int64  `json:"offset"`
	Timestamp int64  `json:"timestamp"` // In milliseconds.
	// Sequence is -1 for producers that are not idempotent.
	Sequence int32 `json:"sequence"`
	// KeySize and ValueSize are in bytes, -1 for null.
	KeySize   int `json:"keySize"`
	ValueSize int `json:"valueSize"`
	// Key and Value are text as they are, other bytes in base64 if
	// KeyEncoding or ValueEncoding says so; nil for null.
	Key           *string  `json:"key"`
	KeyEncoding   string   `json:"keyEncoding,omitempty"`
	Value         *string  `json:"value"`
	ValueEncoding string   `json:"valueEncoding,omitempty"`
	Headers       []Header `json:"headers,omitempty"`
	// Control is the type of a control record.
	Control string `json:"control,omitempty"`
	// Decoded is what the record means, for control records and for those of
	// the cluster's own topics; then Key and Value are left out.
	Decoded *Decoded `json:"decoded,omitempty"`
}

// Header is one header of a record.
type Header struct {
	Key           string  `json:"key"`
	Value         *string `json:"value"`
	ValueEncoding string  `json:"valueEncoding,omitempty"`
}

// Decoded is a record of one of the cluster's own topics.
type Decoded struct {
	// Name is Kafka's name of the record, such as PartitionRecord or OffsetCommit.
	Name string `json:"name"`
	// Version is that of the value.
	Version *int16 `json:"version,omitempty"`
	// Key and Data are the fields; Data is null for a tombstone.
	Key  json.RawMessage `json:"key,omitempty"`
	Data json.RawMessage `json:"data"`
}

// IndexEntry is one of an .index: the batch with that last offset is at Position.
type IndexEntry struct {
	Type     string `json:"type"` // "offsetIndex".
	Offset   int64  `json:"offset"`
	Position int64  `json:"position"` // In bytes.
}

// TimeIndexEntry is one of a .timeindex: no record up to Offset has a later
// timestamp.
type TimeIndexEntry struct {
	Type      string `json:"type"`      // "timeIndex".
	Timestamp int64  `json:"timestamp"` // In milliseconds.
	Offset    int64  `json:"offset"`
}

// AbortedTxn is one entry of a .txnindex.
type AbortedTxn struct {
	Type             string `json:"type"` // "abortedTxn".
	ProducerID       int64  `json:"producerId"`
	FirstOffset      int64  `json:"firstOffset"`
	LastOffset       int64  `json:"lastOffset"`
	LastStableOffset int64  `json:"lastStableOffset"`
}

// Producer is one entry of a producer snapshot.
type Producer struct {
	Type          string `json:"type"` // "producer".
	ProducerID    int64  `json:"producerId"`
	ProducerEpoch int16  `json:"producerEpoch"`
	// LastSequence and LastOffset are -1 if the producer wrote nothing in its epoch.
	LastSequence  int32 `json:"lastSequence"`
	LastOffset    int64 `json:"lastOffset"`
	OffsetDelta   int32 `json:"offsetDelta"`
	LastTimestamp int64 `json:"lastTimestamp"` // In milliseconds.
	// CoordinatorEpoch is -1 before the first transaction marker.
	CoordinatorEpoch int32 `json:"coordinatorEpoch"`
	// CurrentTxnFirstOffset is -1 if no transaction is open.
	CurrentTxnFirstOffset int64 `json:"currentTxnFirstOffset"`
}

// LeaderEpoch is one line of a leader-epoch-checkpoint.
type LeaderEpoch struct {
	Type        string `json:"type"` // "leaderEpoch".
	Epoch       int32  `json:"epoch"`
	StartOffset int64  `json:"startOffset"`
}

// PartitionOffset is one line of an offset checkpoint.
type PartitionOffset struct {
	Type      string `json:"type"` // "partitionOffset".
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// PartitionMetadata is a partition.metadata.
type PartitionMetadata struct {
	Type    string `json:"type"` // "partitionMetadata".
	Version int    `json:"version"`
	// TopicID is empty in a file that a crash left incomplete.
	TopicID string `json:"topicId"`
}

// MetaProperties is a meta.properties.
type MetaProperties struct {
	Type        string `json:"type"` // "metaProperties".
	Version     int    `json:"version"`
	ClusterID   string `json:"clusterId"`
	NodeID      int32  `json:"nodeId"`
	DirectoryID string `json:"directoryId,omitempty"`
}

// QuorumState is a quorum-state.
type QuorumState struct {
	Type             string `json:"type"`     // "quorumState".
	LeaderID         int32  `json:"leaderId"` // -1 if unknown.
	LeaderEpoch      int32  `json:"leaderEpoch"`
	VotedID          int32  `json:"votedId"` // -1 if for nobody.
	VotedDirectoryID string `json:"votedDirectoryId,omitempty"`
}

// CleanShutdown is a .kafka_cleanshutdown.
type CleanShutdown struct {
	Type string `json:"type"` // "cleanShutdown".
	// BrokerEpoch is -1 in files that do not tell it.
	BrokerEpoch int64 `json:"brokerEpoch"`
}

func (*File) entry()              {}
func (*Batch) entry()             {}
func (*Record) entry()            {}
func (*IndexEntry) entry()        {}
func (*TimeIndexEntry) entry()    {}
func (*AbortedTxn) entry()        {}
func (*Producer) entry()          {}
func (*LeaderEpoch) entry()       {}
func (*PartitionOffset) entry()   {}
func (*PartitionMetadata) entry() {}
func (*MetaProperties) entry()    {}
func (*QuorumState) entry()       {}
func (*CleanShutdown) entry()     {}
