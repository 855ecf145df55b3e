package storage

import (
	"math"

	"moldau.dev/moldau/broker/internal/segment"
	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/record"
)

// settings is a topic's configuration in the form that a log uses. It is
// immutable and shared by the logs that have the same configuration.
type settings struct {
	config     *config.Topic
	limits     segment.Limits
	validation record.Validation // Without topic, time and origin.
}

func newSettings(c *config.Topic) *settings {
	s := &settings{
		config: c,
		limits: segment.Limits{
			SegmentBytes:  int64(c.SegmentBytes),
			SegmentMs:     c.MaxSegmentMs(),
			IndexBytes:    c.SegmentIndexBytes,
			IndexInterval: c.IndexIntervalBytes,
			Preallocate:   c.Preallocate,
		},
		validation: record.Validation{
			Compacted:       c.Cleanup.Compact,
			TimestampType:   record.TimestampType(c.TimestampType),
			BeforeMaxMs:     c.TimestampBeforeMaxMs,
			AfterMaxMs:      c.TimestampAfterMaxMs,
			TargetCodec:     record.ProducerCodec,
			Level:           compress.DefaultLevel,
			MaxMessageBytes: c.MaxMessageBytes,
			MaxRecord:       c.MaxDecompressedMessageBytes,
		},
	}
	s.setCodec()
	return s
}

// setCodec resolves compression.type, whose value was validated when it was set.
func (s *settings) setCodec() {
	v, c := &s.validation, s.config
	switch c.CompressionType {
	case "uncompressed":
		v.TargetCodec = compress.None
	case "gzip":
		v.TargetCodec, v.Level = compress.Gzip, c.CompressionGzipLevel
		if c.CompressionGzipLevel == -1 {
			v.Level = compress.DefaultLevel
		}
	case "snappy":
		v.TargetCodec = compress.Snappy
	case "lz4":
		v.TargetCodec, v.Level = compress.LZ4, c.CompressionLZ4Level
	case "zstd":
		v.TargetCodec, v.Level = compress.Zstd, c.CompressionZstdLevel
	}
}

// timedFlush tells whether flush.ms asks for syncs.
func (s *settings) timedFlush() bool { return s.config.FlushMs < math.MaxInt64 }
