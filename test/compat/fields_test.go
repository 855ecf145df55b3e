package compat

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// masks says what is not compared as it is, and why.
var masks = []struct{ what, why string }{
	{"topic ids", "each broker draws its own; one is written as the topic it belongs to"},
	{"cluster ids, directory ids and ports", "each broker has its own; a port is compared with the one the broker listens on"},
	{"member ids", "the random part is masked, the part before it compared"},
	{"producer ids", "how ids are dealt out in blocks is a broker's own affair; whether two are equal is compared"},
	{"times of the broker's clock", "the brokers are asked one after the other; times that the script has set are compared"},
	{"bytes of strings that are no UTF-8", "Java makes them replacement characters, Go keeps them"},
	{"ids of fetch sessions", "random; whether there is one is compared"},
	{"settings of the broker that name its addresses and folders, and moldau.*", "each broker has its own, and the latter only Moldau"},
	{"log directories and the sizes of their volumes", "each broker has its own"},
	{"the words of error messages", "they are for people; whether there is a message is compared"},
	{"bytes of compressed records", "they depend on the compressor's implementation where the broker compresses; the records in them are compared"},
	{"APIs that Moldau does not advertise", "in the answers to ApiVersions; Moldau advertises only what works"},
	{"the order of topics and partitions", "clients go by their names; Kafka's order is that of a hash map"},
	{"times and random ids in the records of groups", "in the files; every other byte of them is compared, and of other logs and indexes every byte"},
	{"entries of a producer in a snapshot before its last", "Moldau remembers a producer's last five batches over a restart, so that what was in flight is not written twice; Kafka takes the last entry"},
	{"the epoch of the finalized features, what DescribeQuorum says of the log's end and leader epoch", "offsets and elections of the metadata log, in which each broker has its own records"},
}

// ownSettings are those in which the two brokers must differ.
var ownSettings = []string{"listeners", "log.dirs", "controller.quorum.bootstrap.servers"}

// epoch is the time that scripts count from; what brokers stamp is later.
var epoch = time.Now().UnixMilli()

func newScript() *script {
	return &script{names: &names{topics: map[[16]byte]string{}, producers: map[int64]string{}}}
}

// names are the names of ids in one run of a script, in order of appearance.
type names struct {
	topics    map[[16]byte]string
	producers map[int64]string
}

func (n *names) topic(id [16]byte) string {
	if id == ([16]byte{}) {
		return "none"
	}
	if n.topics[id] == "" {
		n.topics[id] = fmt.Sprintf("id %d", len(n.topics)+1)
	}
	return n.topics[id]
}

func (n *names) producer(id int64) string {
	if id < 0 {
		return fmt.Sprint(id)
	}
	if n.producers[id] == "" {
		n.producers[id] = fmt.Sprintf("producer %d", len(n.producers)+1)
	}
	return n.producers[id]
}

// recordAnswer adds the step of a request of an API.
func (s *script) recordAnswer(name string, from *node, req kmsg.Request, resp kmsg.Response, err error) {
	s.record(name, from, resp, err)
	s.steps[len(s.steps)-1].asked = &apiVersion{kmsg.Key(req.Key()), req.GetVersion(), from.controller}
}

// record adds a step. What is not an answer is an outcome.
func (s *script) record(name string, from *node, resp kmsg.Response, err error) {
	fields := map[string]string{}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		fields["outcome"] = "connection closed"
	case errors.Is(err, os.ErrDeadlineExceeded):
		fields["outcome"] = "no answer"
	case err != nil:
		fields["outcome"] = err.Error()
	default:
		fields["outcome"] = "answer"
		s.normalize(from, resp)
		w := flattener{names: s.names, node: from, fields: fields}
		w.value("", "", reflect.ValueOf(resp).Elem())
	}
	s.steps = append(s.steps, step{name: name, fields: fields})
}

// normalize undoes what is not compared: the order of topics and partitions where
// a client goes by their names, and the APIs that Moldau has not.
func (s *script) normalize(from *node, resp kmsg.Response) {
	switch r := resp.(type) {
	case *kmsg.ApiVersionsResponse:
		r.ApiKeys = slices.DeleteFunc(r.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
			_, ok := advertisedAt(from.controller)[k.ApiKey]
			return !ok
		})
	case *kmsg.ProduceResponse:
		for _, t := range r.Topics {
			sortBy(t.Partitions, func(p kmsg.ProduceResponseTopicPartition) string { return number(p.Partition) })
		}
		sortBy(r.Topics, func(t kmsg.ProduceResponseTopic) string { return t.Topic + s.names.topic(t.TopicID) })
	case *kmsg.FetchResponse:
		s.normalizeFetch(r)
	case *kmsg.DeleteRecordsResponse:
		for _, t := range r.Topics {
			sortBy(t.Partitions, func(p kmsg.DeleteRecordsResponseTopicPartition) string { return number(p.Partition) })
		}
	case *kmsg.MetadataResponse:
		for _, t := range r.Topics {
			sortBy(t.Partitions, func(p kmsg.MetadataResponseTopicPartition) string { return number(p.Partition) })
		}
		sortBy(r.Topics, func(t kmsg.MetadataResponseTopic) string {
			if t.Topic == nil {
				return s.names.topic(t.TopicID)
			}
			return *t.Topic
		})
	case *kmsg.DescribeQuorumResponse:
		for _, t := range r.Topics {
			for i := range t.Partitions {
				p := &t.Partitions[i]
				p.HighWatermark, p.LeaderEpoch = min(p.HighWatermark, 1), min(p.LeaderEpoch, 1)
				for v := range p.CurrentVoters {
					p.CurrentVoters[v].LogEndOffset = min(p.CurrentVoters[v].LogEndOffset, 1)
				}
			}
		}
	case *kmsg.ListGroupsResponse:
		sortBy(r.Groups, func(g kmsg.ListGroupsResponseGroup) string { return g.Group })
	case *kmsg.ListConfigResourcesResponse:
		sortBy(r.ConfigResources, func(c kmsg.ListConfigResourcesResponseConfigResource) string { return number(int32(c.Type)) + c.Name })
	case *kmsg.JoinGroupResponse:
		sortBy(r.Members, func(m kmsg.JoinGroupResponseMember) string { return uuids.ReplaceAllString(m.MemberID, "") })
	case *kmsg.DescribeGroupsResponse:
		for _, g := range r.Groups {
			sortBy(g.Members, func(m kmsg.DescribeGroupsResponseGroupMember) string { return m.ClientID })
		}
		sortBy(r.Groups, func(g kmsg.DescribeGroupsResponseGroup) string { return g.Group })
	case *kmsg.CreateTopicsResponse:
		sortBy(r.Topics, func(t kmsg.CreateTopicsResponseTopic) string { return t.Topic })
	case *kmsg.CreatePartitionsResponse:
		sortBy(r.Topics, func(t kmsg.CreatePartitionsResponseTopic) string { return t.Topic })
	case *kmsg.DescribeConfigsResponse:
		for i := range r.Resources {
			keys := &r.Resources[i].Configs
			*keys = slices.DeleteFunc(*keys, func(c kmsg.DescribeConfigsResponseResourceConfig) bool { return strings.HasPrefix(c.Name, "moldau.") })
			for k := range *keys {
				if c := &(*keys)[k]; slices.Contains(ownSettings, c.Name) && c.Value != nil {
					c.Value = kmsg.StringPtr("its own")
				}
			}
		}
		sortBy(r.Resources, func(c kmsg.DescribeConfigsResponseResource) string {
			return number(int32(c.ResourceType)) + c.ResourceName
		})
	case *kmsg.AlterConfigsResponse:
		sortBy(r.Resources, func(c kmsg.AlterConfigsResponseResource) string {
			return number(int32(c.ResourceType)) + c.ResourceName
		})
	case *kmsg.IncrementalAlterConfigsResponse:
		sortBy(r.Resources, func(c kmsg.IncrementalAlterConfigsResponseResource) string {
			return number(int32(c.ResourceType)) + c.ResourceName
		})
	case *kmsg.DeleteTopicsResponse:
		sortBy(r.Topics, func(t kmsg.DeleteTopicsResponseTopic) string {
			if t.Topic == nil {
				return s.names.topic(t.TopicID)
			}
			return *t.Topic
		})
	case *kmsg.ElectLeadersResponse:
		for _, t := range r.Topics {
			sortBy(t.Partitions, func(p kmsg.ElectLeadersResponseTopicPartition) string { return number(p.Partition) })
		}
		sortBy(r.Topics, func(t kmsg.ElectLeadersResponseTopic) string { return t.Topic })
	case *kmsg.DescribeLogDirsResponse:
		for _, d := range r.Dirs {
			for _, t := range d.Topics {
				sortBy(t.Partitions, func(p kmsg.DescribeLogDirsResponseDirTopicPartition) string { return number(p.Partition) })
			}
			sortBy(d.Topics, func(t kmsg.DescribeLogDirsResponseDirTopic) string { return t.Topic })
		}
	}
}

// normalizeFetch makes the topics of a fetch one entry each.
func (s *script) normalizeFetch(r *kmsg.FetchResponse) {
	var topics []kmsg.FetchResponseTopic
	for _, t := range r.Topics {
		same := func(o kmsg.FetchResponseTopic) bool { return o.Topic == t.Topic && o.TopicID == t.TopicID }
		if i := slices.IndexFunc(topics, same); i >= 0 {
			topics[i].Partitions = append(topics[i].Partitions, t.Partitions...)
		} else {
			topics = append(topics, t)
		}
	}
	for _, t := range topics {
		sortBy(t.Partitions, func(p kmsg.FetchResponseTopicPartition) string { return number(p.Partition) })
	}
	sortBy(topics, func(t kmsg.FetchResponseTopic) string { return t.Topic + s.names.topic(t.TopicID) })
	r.Topics = topics
}

func number(n int32) string { return fmt.Sprintf("%012d", int64(n)+1<<31) }

func sortBy[E any](s []E, key func(E) string) {
	slices.SortStableFunc(s, func(a, b E) int { return strings.Compare(key(a), key(b)) })
}

// note adds a step that is no answer, but something that the script computed.
func (s *script) note(name string, value any) {
	s.steps = append(s.steps, step{name: name, fields: map[string]string{"value": fmt.Sprint(value)}})
}

// flattener writes the fields of an answer one by one, masked.
type flattener struct {
	names  *names
	node   *node
	fields map[string]string
}

func (w *flattener) put(path, format string, args ...any) {
	w.fields[path] = fmt.Sprintf(format, args...)
}

func (w *flattener) value(path, field string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		w.structure(path, v)
	case reflect.Pointer:
		if v.IsNil() {
			w.put(path, "null")
		} else {
			w.value(path, field, v.Elem())
		}
	case reflect.Slice:
		w.slice(path, field, v)
	case reflect.Array:
		w.put(path, "%s", w.names.topic(v.Interface().([16]byte)))
	case reflect.String:
		w.text(path, field, v.String())
	case reflect.Bool:
		w.put(path, "%v", v.Bool())
	case reflect.Uint16:
		w.number(path, field, int64(v.Uint()))
	default:
		w.number(path, field, v.Int())
	}
}

func (w *flattener) structure(path string, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == "Version" {
			continue
		}
		if f.Name == "UnknownTags" {
			if tags := v.Field(i).Addr().Interface().(*kmsg.Tags); tags.Len() > 0 {
				w.put(path+".tags", "%d", tags.Len())
			}
			continue
		}
		w.value(strings.TrimPrefix(path+"."+f.Name, "."), f.Name, v.Field(i))
	}
}

func (w *flattener) slice(path, field string, v reflect.Value) {
	switch {
	case v.IsNil():
		w.put(path, "null")
	case field == "RecordBatches":
		w.put(path, "%s", w.records(v.Bytes()))
	case v.Type().Elem().Kind() == reflect.Uint8:
		w.put(path, "%d bytes %x", v.Len(), v.Bytes())
	default:
		w.put(path, "%d", v.Len())
		for i := range v.Len() {
			w.value(fmt.Sprintf("%s[%s]", path, index(v.Index(i), i)), field, v.Index(i))
		}
	}
}

// index names an element of a list: by what it is where the order says nothing.
func index(element reflect.Value, i int) string {
	switch e := element.Interface().(type) {
	case kmsg.ApiVersionsResponseSupportedFeature:
		return e.Name
	case kmsg.ApiVersionsResponseFinalizedFeature:
		return e.Name
	case kmsg.ApiVersionsResponseApiKey:
		return kmsg.NameForKey(e.ApiKey)
	case kmsg.DescribeConfigsResponseResourceConfig:
		return e.Name
	default:
		return fmt.Sprint(i)
	}
}

var (
	uuids        = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	messageField = regexp.MustCompile(`^ErrorMessage$`)
)

func (w *flattener) text(path, field, s string) {
	switch {
	case messageField.MatchString(field) && s != "":
		w.put(path, "some words")
	case field == "Dir":
		w.put(path, "its own")
	case field == "ClusterID" && s == w.node.clusterID:
		w.put(path, "its own")
	default:
		w.put(path, "%q", strings.ToValidUTF8(uuids.ReplaceAllString(s, "<random>"), "\ufffd"))
	}
}

func (w *flattener) number(path, field string, n int64) {
	switch {
	case strings.HasSuffix(field, "ErrorCode"):
		w.put(path, "%s", codeName(int16(n)))
	case field == "Port" && strings.HasPrefix(path, "Nodes"):
		w.put(path, "its controller's")
	case field == "Port" && n == int64(w.node.port):
		w.put(path, "its own")
	case field == "ProducerID":
		w.put(path, "%s", w.names.producer(n))
	case field == "SessionID" && n != 0:
		w.put(path, "some session")
	case field == "TotalBytes" || field == "UsableBytes":
		w.put(path, "%v", n > 0)
	case field == "FinalizedFeaturesEpoch" && n > 0:
		w.put(path, "some offset")
	case strings.HasSuffix(field, "Timestamp") || field == "LogAppendTime":
		w.put(path, "%s", stamp(n))
	default:
		w.put(path, "%d", n)
	}
}

func codeName(code int16) string {
	if code == 0 {
		return "NONE"
	}
	if err := (*kerr.Error)(nil); errors.As(kerr.ErrorForCode(code), &err) {
		return err.Message
	}
	return fmt.Sprint(code)
}

// stamp writes a time: as the script set it, or that it is the broker's.
func stamp(ms int64) string {
	const day = 24 * 60 * 60 * 1000
	switch now := time.Now().UnixMilli(); {
	case ms < epoch-day || ms > epoch+day:
		return fmt.Sprint(ms)
	case ms > epoch && ms <= now:
		return "now"
	default:
		return fmt.Sprintf("epoch%+d", ms-epoch)
	}
}

// records writes batches, one a line.
func (w *flattener) records(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		if len(b) < 17 {
			fmt.Fprintf(&out, "%d bytes of a batch; ", len(b))
			break
		}
		size := 12 + int(int32(binary.BigEndian.Uint32(b[8:])))
		if size > len(b) || size < headerSize {
			fmt.Fprintf(&out, "%d of %d bytes of the batch at %d; ", len(b), size, binary.BigEndian.Uint64(b))
			break
		}
		out.WriteString(w.batch(b[:size]) + "; ")
		b = b[size:]
	}
	if out.Len() == 0 {
		return "no records"
	}
	return out.String()
}

func (w *flattener) batch(b []byte) string {
	var batch kmsg.RecordBatch
	if err := batch.ReadFrom(b); err != nil {
		return err.Error()
	}
	payload, size := batch.Records, fmt.Sprintf("%d bytes", len(b))
	if codec := kgo.CompressionCodecType(batch.Attributes & 7); codec != 0 {
		size = "compressed"
		var err error
		if payload, err = kgo.DefaultDecompressor().Decompress(payload, codec); err != nil {
			return err.Error()
		}
	}
	crc := "good CRC"
	if crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)) != uint32(batch.CRC) {
		crc = "bad CRC"
	}
	sum := sha256.Sum256(payload)
	return fmt.Sprintf("base %d, %s, epoch %d, magic %d, %s, attributes %x, last %d, times %s %s, %s epoch %d sequence %d, %d records %s",
		batch.FirstOffset, size, batch.PartitionLeaderEpoch, batch.Magic, crc, batch.Attributes, batch.LastOffsetDelta, stamp(batch.FirstTimestamp),
		stamp(batch.MaxTimestamp), w.names.producer(batch.ProducerID), batch.ProducerEpoch, batch.FirstSequence, batch.NumRecords, hex.EncodeToString(sum[:4]))
}
