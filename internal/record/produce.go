package record

import (
	"errors"
	"io"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
)

// zstdMinVersion is the first version of the Produce API that takes zstd.
const zstdMinVersion = 7

// ReadProduce gives the one batch that the records of a partition in a Produce
// request of that version must consist of. Errors carry the protocol error:
// INVALID_RECORD (none, several, cut, an old message set), CORRUPT_MESSAGE
// (nonsense), UNSUPPORTED_COMPRESSION_TYPE (zstd before version 7). Checksum and
// records are left to Validation.
func ReadProduce(records []byte, version int16) (Batch, error) {
	if len(records) == 0 {
		return nil, kafka.Errorf(kerr.InvalidRecord,
			"Produce requests with version %d must have at least one record batch per partition", version)
	}
	p, err := Peek(records)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || (err == nil && p.Size > len(records)):
		// CORRUPT_MESSAGE would make the client send the same again.
		return nil, kafka.Errorf(kerr.InvalidRecord, "The record batch is cut off after %d bytes", len(records))
	case err != nil:
		return nil, kafka.Errorf(kerr.CorruptMessage, "%v", err)
	case p.Magic != Magic:
		return nil, kafka.Errorf(kerr.InvalidRecord,
			"Produce requests with version %d are only allowed to contain record batches with magic version 2", version)
	}
	b := Batch(records[:p.Size:p.Size])
	if b.Codec() == compress.Zstd && version < zstdMinVersion {
		return nil, kafka.Errorf(kerr.UnsupportedCompressionType,
			"Produce requests with version %d are not allowed to use ZStandard compression", version)
	}
	if p.Size < len(records) {
		// Differs from Kafka: it drops what follows the batch without a word, unless
		// that is a whole batch.
		return nil, kafka.Errorf(kerr.InvalidRecord,
			"Produce requests with version %d are only allowed to contain exactly one record batch per partition", version)
	}
	return b, nil
}
