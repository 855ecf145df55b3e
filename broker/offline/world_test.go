package offline

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/leaderepoch"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/compress"
	"moldau.dev/moldau/internal/config"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

const (
	testDir    = "/data"
	testFolder = "/data/events-0"
	metaFolder = "/data/__cluster_metadata-0"
)

var (
	testTopicID   = kafka.UUID{0: 7, 15: 7}
	testDirectory = kafka.UUID{0: 9, 15: 9}
)

// world is a data folder in memory that a node has left after a clean stop:
// topic events with several segments, idempotent and transactional producers,
// committed and aborted transactions, and the cluster's metadata.
type world struct {
	t  testing.TB
	fs vfs.FS
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, fs: memfs.New()}
	w.must(w.fs.MkdirAll(metaFolder, 0o755))
	w.must(checkpoint.WriteMetaProperties(w.fs, testDir, checkpoint.MetaProperties{
		Version: 1, ClusterID: "cluster", NodeID: 1, DirectoryID: testDirectory,
	}, time.UnixMilli(0)))
	w.writeMetadata()
	w.writeEvents()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// writeMetadata writes a snapshot that contains the topic and a log that goes on after it.
func (w *world) writeMetadata() {
	w.t.Helper()
	w.must(quorum.Format(w.fs, testDir, quorum.FormatOptions{Records: []metadata.Record{
		&metadata.FeatureLevelRecord{Name: metadata.FeatureMetadataVersion, Level: int16(metadata.NewestMetadataVersion)},
	}}, time.UnixMilli(5)))
	records := []metadata.Record{
		&metadata.FeatureLevelRecord{Name: metadata.FeatureMetadataVersion, Level: int16(metadata.NewestMetadataVersion)},
		&metadata.RegisterBrokerRecord{Version: 4, BrokerID: 1, LogDirs: []kafka.UUID{testDirectory}},
		&metadata.TopicRecord{Name: "events", TopicID: testTopicID},
		&metadata.PartitionRecord{
			Version: 2, TopicID: testTopicID, Replicas: []kafka.NodeID{1}, ISR: []kafka.NodeID{1}, RemovingReplicas: []kafka.NodeID{},
			AddingReplicas: []kafka.NodeID{}, Leader: 1, Directories: []kafka.UUID{testDirectory},
		},
		&metadata.ConfigRecord{ResourceType: metadata.ResourceBroker, ResourceName: "1", Name: "ssl.key.password", Value: pointer("hush")},
	}
	log := metadataBatches(0, records...)
	w.write(metaFolder+"/00000000000000000000.log", log)
	w.write(metaFolder+"/"+leaderepoch.File, []byte("0\n1\n1 0\n"))
	w.write(metaFolder+"/"+quorum.StateFile, []byte(`{"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}`))
}

func pointer(s string) *string { return &s }

// metadataBatches gives a batch for each record.
func metadataBatches(base kafka.Offset, records ...metadata.Record) []byte {
	var all []byte
	for _, r := range records {
		o := record.NewOptions(base)
		o.LeaderEpoch = 1
		b := record.NewBuilder(o)
		b.Append(1000, nil, metadata.Encode(r))
		all = append(all, b.Build()...)
		base++
	}
	return all
}

func (w *world) storage() *storage.Manager {
	w.t.Helper()
	topic := &config.Topic{
		SegmentBytes: 20_000, SegmentMs: math.MaxInt64 / 2, SegmentIndexBytes: 10 << 20, IndexIntervalBytes: 1000,
		FlushMessages: math.MaxInt64, FlushMs: math.MaxInt64, RetentionBytes: -1, RetentionMs: -1, FileDeleteDelayMs: 60_000,
		Cleanup: config.Cleanup{Delete: true}, MaxMessageBytes: 16 << 20, CompressionType: "producer",
		TimestampBeforeMaxMs: math.MaxInt64, TimestampAfterMaxMs: math.MaxInt64, MinInSyncReplicas: 1,
	}
	m, err := storage.Open(w.t.Context(), storage.Options{
		FS: w.fs, Dirs: []string{testDir}, ConfigFor: func(string) *config.Topic { return topic }, Now: func() time.Time { return time.UnixMilli(2_000_000) },
	})
	w.must(err)
	return m
}

func (w *world) writeEvents() {
	w.t.Helper()
	m := w.storage()
	l, err := m.Create(kafka.TopicPartition{Topic: "events"}, testTopicID, testDirectory)
	w.must(err)
	sequence := map[kafka.ProducerID]int32{}
	put := func(epoch kafka.LeaderEpoch, producer kafka.ProducerID, transactional bool, codec compress.Codec) {
		o := record.NewOptions(0)
		o.Codec = codec
		if producer >= 0 {
			o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = producer, 3, sequence[producer], transactional
			sequence[producer] += 3
		}
		b := record.NewBuilder(o)
		for i := range 3 {
			value := strings.Repeat(fmt.Sprintf("%d-%d ", l.LogEndOffset(), i), 40)
			b.Append(1_000_000+int64(l.LogEndOffset())*10+int64(i), []byte("key"), []byte(value), record.Header{Key: "h", Value: []byte{0xff}})
		}
		_, err := l.AppendAsLeader(b.Build(), epoch, record.Client)
		w.must(err)
	}
	end := func(epoch kafka.LeaderEpoch, producer kafka.ProducerID, commit bool) {
		b := record.NewEndTxnBatch(record.EndTxnMarker{Commit: commit, CoordinatorEpoch: 2}, 1_000_000+int64(l.LogEndOffset())*10, producer, 3)
		_, err := l.AppendTransactional(b, epoch, producerstate.Append{Origin: record.Coordinator})
		w.must(err)
	}
	for i := range 60 {
		epoch := kafka.LeaderEpoch(i / 20)
		put(epoch, kafka.NoProducerID, false, compress.Codec(i%5))
		put(epoch, 100, false, compress.None)
		put(epoch, 200, true, compress.None)
		end(epoch, 200, i%2 == 0)
	}
	l.SetHighWatermark(l.LogEndOffset())
	w.must(m.Close(context.Background(), 42))
}

func (w *world) write(path string, data []byte) {
	w.t.Helper()
	w.must(vfs.WriteFile(w.fs, path, data))
}

func (w *world) read(path string) []byte {
	w.t.Helper()
	data, err := vfs.ReadFile(w.fs, path)
	w.must(err)
	return data
}

// segments gives the base offsets of the segments of events.
func (w *world) segments() []kafka.Offset {
	w.t.Helper()
	f, err := scanFolder(w.fs, testFolder)
	w.must(err)
	var bases []kafka.Offset
	for _, s := range f.segments {
		bases = append(bases, s.base)
	}
	if len(bases) < 3 {
		w.t.Fatalf("only %d segments", len(bases))
	}
	return bases
}

// file names a file of the n-th segment of events.
func (w *world) file(n int, suffix string) string {
	return filepath.Join(testFolder, fmt.Sprintf("%020d%s", w.segments()[n], suffix))
}

// edit changes the content of a file.
func (w *world) edit(path string, change func(b []byte) []byte) {
	w.t.Helper()
	w.write(path, change(w.read(path)))
}

// verify gives the findings, without those that are only worth knowing.
func (w *world) verify(dirs ...string) (findings []*Finding, s *Summary) {
	w.t.Helper()
	if len(dirs) == 0 {
		dirs = []string{testDir}
	}
	v := &verifier{
		fs: w.fs, isLocked: func(string) (bool, error) { return false, nil }, node: kafka.NoNode, progress: func(Progress) {},
		emit: func(f *Finding) error {
			findings = append(findings, f)
			return nil
		},
	}
	s, err := v.verify(w.t.Context(), dirs)
	w.must(err)
	return findings, s
}
