package data

import (
	"encoding/binary"
	"encoding/json"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kafka's topics whose records consume shows as what they mean. Others of the
// kind (__share_group_state) are shown as bytes.
const (
	consumerOffsets  = "__consumer_offsets"
	transactionState = "__transaction_state"
)

func isInternal(topic string) bool { return topic == consumerOffsets || topic == transactionState }

// decodeInternal gives a record of an internal topic with key and value as JSON
// documents. What it does not know stays as it is.
func decodeInternal(r *kgo.Record) *kgo.Record {
	decoded := *r
	var key, value any
	if r.Topic == consumerOffsets {
		key, value = decodeOffsetsRecord(r)
	} else {
		key, value = decodeTransactionRecord(r)
	}
	if key == nil {
		return r
	}
	decoded.Key = document(key)
	if r.Value != nil && value != nil {
		decoded.Value = document(value)
	}
	return &decoded
}

// document is v as JSON. What is given to it cannot fail to be that.
func document(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return text
}

// The versions of the keys of __consumer_offsets say what a record is about;
// from 3 on they are those of the newer kinds of groups.
const (
	lastOffsetKeyVersion = 1
	groupKeyVersion      = 2
)

type offsetKey struct {
	Type      string `json:"type"`
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

type offsetValue struct {
	Offset          int64  `json:"offset"`
	LeaderEpoch     int32  `json:"leaderEpoch"`
	Metadata        string `json:"metadata"`
	CommitTimestamp int64  `json:"commitTimestamp"`
}

type groupKey struct {
	Type  string `json:"type"`
	Group string `json:"group"`
}

type groupValue struct {
	ProtocolType string        `json:"protocolType"`
	Generation   int32         `json:"generation"`
	Protocol     *string       `json:"protocol"`
	Leader       *string       `json:"leader"`
	Members      []groupMember `json:"members"`
}

type groupMember struct {
	MemberID           string  `json:"memberId"`
	InstanceID         *string `json:"groupInstanceId,omitempty"`
	ClientID           string  `json:"clientId"`
	ClientHost         string  `json:"clientHost"`
	RebalanceTimeoutMs int32   `json:"rebalanceTimeoutMs"`
	SessionTimeoutMs   int32   `json:"sessionTimeoutMs"`
}

func decodeOffsetsRecord(r *kgo.Record) (key, value any) {
	if len(r.Key) < 2 {
		return nil, nil
	}
	switch version := int16(binary.BigEndian.Uint16(r.Key)); {
	case version >= 0 && version <= lastOffsetKeyVersion:
		var k kmsg.OffsetCommitKey
		if k.ReadFrom(r.Key) != nil {
			return nil, nil
		}
		key = offsetKey{"offset", k.Group, k.Topic, k.Partition}
		var v kmsg.OffsetCommitValue
		if v.ReadFrom(r.Value) == nil {
			value = offsetValue{v.Offset, v.LeaderEpoch, v.Metadata, v.CommitTimestamp}
		}
	case version == groupKeyVersion:
		var k kmsg.GroupMetadataKey
		if k.ReadFrom(r.Key) != nil {
			return nil, nil
		}
		key = groupKey{"group", k.Group}
		var v kmsg.GroupMetadataValue
		if v.ReadFrom(r.Value) == nil {
			value = newGroupValue(&v)
		}
	}
	return key, value
}

func newGroupValue(v *kmsg.GroupMetadataValue) groupValue {
	g := groupValue{v.ProtocolType, v.Generation, v.Protocol, v.Leader, []groupMember{}}
	for _, m := range v.Members {
		g.Members = append(g.Members, groupMember{m.MemberID, m.InstanceID, m.ClientID, m.ClientHost, m.RebalanceTimeoutMillis, m.SessionTimeoutMillis})
	}
	return g
}

type transactionKey struct {
	Type            string `json:"type"`
	TransactionalID string `json:"transactionalId"`
}

type transactionValue struct {
	ProducerID int64             `json:"producerId"`
	Epoch      int16             `json:"producerEpoch"`
	TimeoutMs  int32             `json:"timeoutMs"`
	State      string            `json:"state"`
	Started    int64             `json:"startTimestamp"`
	Partitions []topicPartitions `json:"partitions"`
}

type topicPartitions struct {
	Topic      string  `json:"topic"`
	Partitions []int32 `json:"partitions"`
}

func decodeTransactionRecord(r *kgo.Record) (key, value any) {
	var k kmsg.TxnMetadataKey
	if k.ReadFrom(r.Key) != nil {
		return nil, nil
	}
	key = transactionKey{"transaction", k.TransactionalID}
	var v kmsg.TxnMetadataValue
	if v.ReadFrom(r.Value) == nil {
		t := transactionValue{v.ProducerID, v.ProducerEpoch, v.TimeoutMillis, v.State.String(), v.StartTimestamp, []topicPartitions{}}
		for _, topic := range v.Topics {
			t.Partitions = append(t.Partitions, topicPartitions{topic.Topic, topic.Partitions})
		}
		value = t
	}
	return key, value
}
