package offline

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kbin"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

// decodeRecord tells what a record of one of the cluster's own topics means; nil
// for other topics. With an error the record is to be shown as it is.
func decodeRecord(topic string, key, value []byte, secrets bool) (*Decoded, error) {
	if topic == kafka.ClusterMetadataTopic {
		return decodeMetadata(value, secrets)
	}
	topics, err := loadSchema()
	if err != nil {
		return nil, err
	}
	types, ok := topics[topic]
	if !ok {
		return nil, nil
	}
	return decodeCoordinator(types, key, value)
}

func decodeMetadata(value []byte, secrets bool) (*Decoded, error) {
	r, err := metadata.Decode(value)
	if err != nil {
		return nil, err
	}
	version := r.WireVersion()
	return &Decoded{Name: recordName(r), Version: &version, Data: metadataJSON(r, secrets)}, nil
}

// decodeCoordinator reads a record whose key and value begin with a version; that
// of the key is the record's type.
func decodeCoordinator(types map[int16]recordType, key, value []byte) (*Decoded, error) {
	if len(key) < 2 {
		return nil, fmt.Errorf("key of %d bytes", len(key))
	}
	kind := int16(binary.BigEndian.Uint16(key))
	t, ok := types[kind]
	if !ok || t.key == nil || t.value == nil {
		return nil, fmt.Errorf("record type %d is unknown to this software", kind)
	}
	d := &Decoded{Name: t.key.name, Data: json.RawMessage("null")}
	var err error
	// The key's own version is always 0: the number before it is the type.
	if d.Key, err = t.key.decode(0, key[2:]); err != nil {
		return nil, fmt.Errorf("key of %s: %w", t.key.name, err)
	}
	if value == nil {
		return d, nil
	}
	if len(value) < 2 {
		return nil, fmt.Errorf("value of %s of %d bytes", t.value.name, len(value))
	}
	version := int16(binary.BigEndian.Uint16(value))
	if !t.value.valid.has(version) {
		return nil, fmt.Errorf("value of %s of version %d; this software knows %d to %d", t.value.name, version, t.value.valid.min, t.value.valid.max)
	}
	d.Version = &version
	if d.Data, err = t.value.decode(version, value[2:]); err != nil {
		return nil, fmt.Errorf("value of %s, version %d: %w", t.value.name, version, err)
	}
	return d, nil
}

var errShort = errors.New("it ends in the middle of a field")

// decode gives the fields as a JSON object.
func (m *message) decode(version int16, b []byte) (json.RawMessage, error) {
	d := schemaDecoder{Reader: kbin.Reader{Src: b}, version: version, flexible: m.flexible.has(version)}
	d.object(m.fields)
	switch {
	case !d.Ok():
		return nil, errShort
	case len(d.Src) > 0:
		return nil, fmt.Errorf("%d bytes too many", len(d.Src))
	}
	return d.out.Bytes(), nil
}

// schemaDecoder turns the bytes of a message into JSON.
type schemaDecoder struct {
	kbin.Reader
	version  int16
	flexible bool
	out      bytes.Buffer
}

func (d *schemaDecoder) object(fields []*schemaField) {
	d.out.WriteByte('{')
	first := true
	name := func(f *schemaField) {
		if !first {
			d.out.WriteByte(',')
		}
		first = false
		d.quote(f.name)
		d.out.WriteByte(':')
	}
	for _, f := range fields {
		if d.Ok() && f.tag < 0 && f.versions.has(d.version) {
			name(f)
			d.field(f)
		}
	}
	if d.flexible {
		d.tags(fields, name)
	}
	d.out.WriteByte('}')
}

func (d *schemaDecoder) tags(fields []*schemaField, name func(*schemaField)) {
	for n := d.Uvarint(); n > 0 && d.Ok(); n-- {
		tag := d.Uvarint()
		body := d.Span(int(d.Uvarint()))
		if !d.Ok() {
			return
		}
		for _, f := range fields {
			if f.tag != int(tag) {
				continue
			}
			rest := d.Src
			d.Src = body
			name(f)
			d.field(f)
			if d.Ok() {
				d.Src = rest
			}
		}
	}
}

func (d *schemaDecoder) field(f *schemaField) {
	switch {
	case f.array:
		d.array(f)
	case f.kind != "":
		d.primitive(f.kind)
	case f.null.has(d.version) && !d.present(f):
		d.out.WriteString("null")
	default:
		d.object(f.fields)
	}
}

// present reads the mark before a struct that may be null.
func (d *schemaDecoder) present(f *schemaField) bool {
	if f.tag >= 0 {
		return d.Uvarint() > 0
	}
	return d.Int8() >= 0
}

func (d *schemaDecoder) array(f *schemaField) {
	n := int32(0)
	if d.flexible {
		n = d.CompactArrayLen()
	} else {
		n = d.ArrayLen()
	}
	if n < 0 {
		d.out.WriteString("null")
		return
	}
	d.out.WriteByte('[')
	for i := range n {
		if !d.Ok() {
			return
		}
		if i > 0 {
			d.out.WriteByte(',')
		}
		if f.kind != "" {
			d.primitive(f.kind)
		} else {
			d.object(f.fields)
		}
	}
	d.out.WriteByte(']')
}

func (d *schemaDecoder) primitive(kind string) {
	switch kind {
	case "int8":
		d.number(int64(d.Int8()))
	case "int16":
		d.number(int64(d.Int16()))
	case "uint16":
		d.number(int64(d.Uint16()))
	case "int32":
		d.number(int64(d.Int32()))
	case "int64":
		d.number(d.Int64())
	case "uuid":
		d.quote(kafka.UUID(d.Uuid()).String())
	case "string":
		s := (*string)(nil)
		if d.flexible {
			s = d.CompactNullableString()
		} else {
			s = d.NullableString()
		}
		if s == nil {
			d.out.WriteString("null")
		} else {
			d.quote(*s)
		}
	case "bytes":
		b := []byte(nil)
		if d.flexible {
			b = d.CompactNullableBytes()
		} else {
			b = d.NullableBytes()
		}
		if b == nil {
			d.out.WriteString("null")
		} else {
			d.quote(base64.StdEncoding.EncodeToString(b))
		}
	default:
		d.Src = nil
		d.Span(1) // Invalidates the reader: the schema names no such type.
	}
}

func (d *schemaDecoder) number(n int64) {
	d.out.Write(strconv.AppendInt(d.out.AvailableBuffer(), n, 10))
}

func (d *schemaDecoder) quote(s string) { d.out.Write(quoted(s)) }

// quoted gives a text as JSON.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // A string always encodes, into memory.
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// decodeControl tells what a control record says. Types that are not known give
// their number.
func decodeControl(key, value []byte) (kind string, d *Decoded, err error) {
	t, err := record.ParseControlKey(key)
	if err != nil {
		return "", nil, err
	}
	kind = t.String()
	var data any
	switch t {
	case record.ControlAbort, record.ControlCommit:
		var m record.EndTxnMarker
		m, err = record.ParseEndTxnMarker(key, value)
		data = struct{ CoordinatorEpoch int32 }{m.CoordinatorEpoch}
	case record.ControlLeaderChange:
		var m *record.LeaderChange
		m, err = record.ParseLeaderChange(value)
		data = leaderChangeJSON{m.Version, m.LeaderID, voterIDs(m.Voters), voterIDs(m.GrantingVoters)}
	case record.ControlSnapshotHeader:
		data, err = record.ParseSnapshotHeader(value)
	case record.ControlSnapshotFooter:
		data, err = record.ParseSnapshotFooter(value)
	case record.ControlKRaftVersion:
		data, err = record.ParseKRaftVersion(value)
	case record.ControlVoters:
		var m *record.Voters
		m, err = record.ParseVoters(value)
		data = votersOf(m)
	default:
		return kind, nil, nil
	}
	if err != nil {
		return kind, nil, err
	}
	return kind, &Decoded{Name: kind, Data: toJSON(data)}, nil
}

// The control records whose fields Kafka arranges otherwise than we do.
type (
	leaderChangeJSON struct {
		Version                int16
		LeaderID               kafka.NodeID
		Voters, GrantingVoters []voterIDJSON
	}
	voterIDJSON struct{ VoterID kafka.NodeID }
	votersJSON  struct {
		Version int16
		Voters  []voterJSON
	}
	voterJSON struct {
		VoterID             kafka.NodeID
		VoterDirectoryID    kafka.UUID
		Endpoints           []record.VoterEndpoint
		KRaftVersionFeature versionRangeJSON
	}
	versionRangeJSON struct{ MinSupportedVersion, MaxSupportedVersion int16 }
)

func voterIDs(ids []kafka.NodeID) []voterIDJSON {
	all := make([]voterIDJSON, len(ids))
	for i, id := range ids {
		all[i] = voterIDJSON{id}
	}
	return all
}

func votersOf(m *record.Voters) votersJSON {
	all := votersJSON{Version: m.Version, Voters: make([]voterJSON, len(m.Voters))}
	for i, v := range m.Voters {
		all.Voters[i] = voterJSON{v.ID, v.DirectoryID, v.Endpoints, versionRangeJSON{v.MinKRaftVersion, v.MaxKRaftVersion}}
	}
	return all
}
