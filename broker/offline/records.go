package offline

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// batches dumps a .log file or a metadata snapshot.
func (d *dumper) batches(ctx context.Context) error {
	win, err := openWindow(d.fs, d.path)
	if err != nil {
		return err
	}
	defer win.close()
	w := walker{window: win, report: d.report}
	return w.walk(ctx, func(b *batch) error {
		d.put(headerOf(b))
		if d.err != nil {
			return d.err
		}
		d.checked(b)
		return d.err
	})
}

// checked reports what is wrong with a batch, and shows its records.
func (d *dumper) checked(b *batch) {
	switch {
	case !b.valid():
		d.report(badChecksum(d.path, b))
		return
	case b.Magic != record.Magic:
		if d.Records {
			d.report(found(codeOldMagic, d.path, "magic %d", b.Magic).at(b.position).offset(int64(b.Offset)))
		}
		return
	case b.data == nil:
		d.report(found(codeLargeBatch, d.path, "%d bytes", b.Size).at(b.position).offset(int64(b.Offset)))
		return
	}
	v2 := record.Batch(b.data)
	if err := v2.Check(); err != nil {
		d.report(found(codeBatchHeader, d.path, "%s", reason(err)).at(b.position).offset(int64(b.Offset)))
		return
	}
	if !d.Records {
		return
	}
	for r, err := range v2.Records(record.DefaultMaxDecompressed) {
		if err != nil {
			d.report(found(codeRecord, d.path, "%s", reason(err)).at(b.position).offset(int64(b.Offset)))
			return
		}
		d.put(d.record(b, v2, &r))
		if d.err != nil {
			return
		}
	}
}

// headerOf gives the header of a batch of any version.
func headerOf(b *batch) *Batch {
	e := &Batch{
		Type: "batch", BaseOffset: int64(b.Offset), LastOffset: int64(b.Offset), Count: 1, Position: b.position, Size: int64(b.Size),
		Magic: b.Magic, PartitionLeaderEpoch: int32(kafka.NoLeaderEpoch), ProducerID: int64(kafka.NoProducerID),
		ProducerEpoch: int16(kafka.NoProducerEpoch), BaseSequence: kafka.NoSequence, LastSequence: kafka.NoSequence,
		TimestampType: "NoTimestampType", BaseTimestamp: record.NoTimestamp, MaxTimestamp: record.NoTimestamp,
		CRC: b.stored, IsValid: b.valid(),
	}
	if b.Magic != record.Magic {
		const attributesAt, timestampAt = 17, 18
		attributes := b.header[attributesAt]
		e.Compression = compress.Codec(attributes & 7).String()
		if b.Magic == 1 {
			e.TimestampType = record.TimestampType(attributes >> 3 & 1).String()
			e.MaxTimestamp = int64(binary.BigEndian.Uint64(b.header[timestampAt:]))
			e.BaseTimestamp = e.MaxTimestamp
		}
		return e
	}
	v2 := b.v2()
	e.LastOffset, e.Count, e.PartitionLeaderEpoch = int64(v2.LastOffset()), v2.Count(), int32(v2.LeaderEpoch())
	e.ProducerID, e.ProducerEpoch, e.BaseSequence, e.LastSequence = int64(v2.ProducerID()), int16(v2.ProducerEpoch()), v2.BaseSequence(), v2.LastSequence()
	e.IsTransactional, e.IsControl, e.Compression = v2.IsTransactional(), v2.IsControl(), v2.Codec().String()
	e.TimestampType, e.BaseTimestamp, e.MaxTimestamp = v2.TimestampType().String(), v2.BaseTimestamp(), v2.MaxTimestamp()
	if horizon, ok := v2.DeleteHorizon(); ok {
		e.DeleteHorizonMs = &horizon
	}
	return e
}

func (d *dumper) record(b *batch, v2 record.Batch, r *record.Record) *Record {
	e := &Record{Type: "record", Offset: int64(v2.Offset(r)), Timestamp: v2.Timestamp(r), Sequence: kafka.NoSequence, KeySize: sizeOf(r.Key), ValueSize: sizeOf(r.Value)}
	if v2.BaseSequence() != kafka.NoSequence && r.OffsetDelta >= 0 {
		e.Sequence = record.AddSequence(v2.BaseSequence(), r.OffsetDelta)
	}
	for _, h := range r.Headers {
		value, encoding := text(h.Value)
		e.Headers = append(e.Headers, Header{Key: h.Key, Value: value, ValueEncoding: encoding})
	}
	var err error
	switch {
	case v2.IsControl():
		e.Control, e.Decoded, err = decodeControl(r.Key, r.Value)
	default:
		e.Decoded, err = decodeRecord(d.Topic, r.Key, r.Value, d.Secrets)
	}
	if err != nil {
		code := codeRecord
		switch {
		case v2.IsControl():
			code = codeControl
		case d.Topic == kafka.ClusterMetadataTopic:
			code = codeMetaRecord
		}
		d.report(found(code, d.path, "%v", err).as(Warning).at(b.position).offset(e.Offset))
	}
	if e.Decoded == nil {
		e.Key, e.KeyEncoding = text(r.Key)
		e.Value, e.ValueEncoding = text(r.Value)
	}
	return e
}

func sizeOf(b []byte) int {
	if b == nil {
		return -1
	}
	return len(b)
}

// text gives bytes as they are if they are text, else in base64; nil for null.
func text(b []byte) (s *string, encoding string) {
	if b == nil {
		return nil, ""
	}
	if utf8.Valid(b) {
		v := string(b)
		return &v, ""
	}
	v := base64.StdEncoding.EncodeToString(b)
	return &v, "base64"
}
