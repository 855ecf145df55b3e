package producerstate

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
	"moldau.dev/moldau/internal/vfs/memfs"
)

// TestTraceOfApacheKafka repeats what was done to Apache Kafka's
// ProducerStateManager (4.4.0), step by step: each line has the operation, its
// result and the state after it. The operations were drawn at random.
func TestTraceOfApacheKafka(t *testing.T) {
	file, err := os.Open("testdata/trace.txt")
	must(t, err)
	defer func() { _ = file.Close() }()
	r := &replayer{t: t, fsys: memfs.New(), m: New(partition, nil), timestamp: 1700000000000}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		parts := strings.Split(lines.Text(), " => ")
		r.timestamp++
		if got := r.step(parts[0]); got != parts[1] {
			t.Fatalf("line %d: %s: result %q, Apache Kafka's %q", n, parts[0], got, parts[1])
		}
		if got := r.state(); got != parts[2] {
			t.Fatalf("line %d: %s: state\n%s, Apache Kafka's\n%s", n, parts[0], got, parts[2])
		}
	}
	must(t, lines.Err())
}

type replayer struct {
	t         *testing.T
	fsys      *memfs.FS
	m         *Manager
	end       kafka.Offset
	timestamp int64
}

func (r *replayer) step(line string) string {
	fields := strings.Fields(line)
	switch fields[0] {
	case "data":
		w := write{offset: r.end, timestamp: r.timestamp}
		var origin string
		_, err := fmt.Sscan(strings.Join(fields[1:], " "), &w.id, &w.epoch, &w.sequence, &w.count, &w.transactional, &origin)
		must(r.t, err)
		return r.append(w.batch(), Append{Origin: origins[origin]})
	case "marker":
		e := end{offset: r.end, timestamp: r.timestamp}
		var kind, origin string
		var a Append
		_, err := fmt.Sscan(strings.Join(fields[1:], " "), &e.id, &e.epoch, &kind, &e.coordinator, &a.TransactionVersion, &origin)
		must(r.t, err)
		e.commit, a.Origin = kind == "commit", origins[origin]
		return r.append(e.batch(), a)
	case "highwatermark":
		var o int64
		_, err := fmt.Sscan(fields[1], &o)
		must(r.t, err)
		r.m.OnHighWatermark(kafka.Offset(o))
		return "ok"
	case "reload":
		r.m.OnHighWatermark(r.end)
		_, err := r.m.TakeSnapshot(r.fsys, "/", r.end)
		must(r.t, err)
		r.forgetAsKafka()
		r.m = New(partition, nil)
		from, err := r.m.Load(r.fsys, "/", 0, r.end, r.timestamp)
		must(r.t, err)
		return fmt.Sprint("ok ", from)
	default:
		r.t.Fatalf("unknown step %q", line)
		return ""
	}
}

// forgetAsKafka leaves in the snapshot just taken what Apache Kafka's own holds: of
// each producer the last batch.
func (r *replayer) forgetAsKafka() {
	name := "/" + SnapshotFileName(r.end)
	data, err := vfs.ReadFile(r.fsys, name)
	must(r.t, err)
	must(r.t, vfs.WriteFile(r.fsys, name, asKafkaReads(data)))
}

var origins = map[string]record.Origin{
	"CLIENT": record.Client, "COORDINATOR": record.Coordinator, "REPLICATION": record.Replication,
}

func (r *replayer) append(b record.Batch, a Append) string {
	duplicate, err := r.m.CheckAppend(b, a)
	if code := (*kerr.Error)(nil); errors.As(err, &code) {
		return code.Message
	}
	must(r.t, err)
	if duplicate != nil {
		return fmt.Sprintf("dup %d %d", duplicate.FirstOffset(), duplicate.Timestamp)
	}
	completed := r.m.Update(b)
	r.end = b.NextOffset()
	if completed != nil {
		return fmt.Sprintf("ended %d %d %d %d %t", completed.ProducerID, completed.FirstOffset, completed.LastOffset,
			completed.LastStableOffset, completed.Aborted)
	}
	return "ok"
}

func (r *replayer) state() string {
	unstable, _ := r.m.FirstUnstableOffset()
	undecided, _ := r.m.FirstUndecidedOffset()
	s := fmt.Sprintf("%d %d", unstable, undecided)
	for _, e := range r.m.Active() {
		s += fmt.Sprintf(" | %d %d %d %d %d %d", e.ProducerID, e.ProducerEpoch, e.LastSequence, e.LastTimestamp,
			e.CoordinatorEpoch, e.CurrentTxnFirstOffset)
	}
	return s
}
