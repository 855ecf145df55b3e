package data

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// appendProduced appends the body of a Produce response (versions 3 to 13) in
// which every partition has been appended: without error messages, errors of
// records, and hints at leaders. kmsg, its oracle in the tests and the encoder of
// all others, compares each partition by reflection, which allocates.
//
// The layout, by version:
//
//	topics: name (to v12) or topic id (v13+)
//	  partitions: index int32 | error int16 | base offset int64 | log append time int64
//	    log start offset int64 (v5+) | record errors, error message (v8+)
//	throttle_ms int32
func appendProduced(dst []byte, resp *kmsg.ProduceResponse) []byte {
	const compactSince, messagesSince, logStartSince = 9, 8, 5
	compact := resp.Version >= compactSince
	dst = appendArrayLen(dst, len(resp.Topics), compact)
	for i := range resp.Topics {
		t := &resp.Topics[i]
		switch {
		case resp.Version >= produceTopicIDs:
			dst = append(dst, t.TopicID[:]...)
		case compact:
			dst = append(binary.AppendUvarint(dst, uint64(len(t.Topic))+1), t.Topic...)
		default:
			dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(t.Topic))), t.Topic...)
		}
		dst = appendArrayLen(dst, len(t.Partitions), compact)
		for j := range t.Partitions {
			p := &t.Partitions[j]
			dst = binary.BigEndian.AppendUint32(dst, uint32(p.Partition))
			dst = binary.BigEndian.AppendUint16(dst, uint16(p.ErrorCode))
			dst = binary.BigEndian.AppendUint64(dst, uint64(p.BaseOffset))
			dst = binary.BigEndian.AppendUint64(dst, uint64(p.LogAppendTime))
			if resp.Version >= logStartSince {
				dst = binary.BigEndian.AppendUint64(dst, uint64(p.LogStartOffset))
			}
			switch {
			case compact: // No record errors, no message, no tags.
				dst = append(dst, 1, 0, 0)
			case resp.Version >= messagesSince:
				dst = append(dst, 0, 0, 0, 0, 0xff, 0xff)
			}
		}
		if compact {
			dst = append(dst, 0)
		}
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(resp.ThrottleMillis))
	if compact {
		dst = append(dst, 0)
	}
	return dst
}

func appendArrayLen(dst []byte, n int, compact bool) []byte {
	if compact {
		return binary.AppendUvarint(dst, uint64(n)+1)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}
