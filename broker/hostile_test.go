package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/vfs/memfs"
	"moldau.dev/moldau/test/hostile"
)

var givenSeed = flag.Uint64("seed", 0, "the `seed` of what tests leave to chance; 0 takes one from the clock")

// seedOf gives the seed of what a test leaves to chance. It is written at once, and
// not to the test's log, which is lost when a panic of the node ends the process.
func seedOf(t *testing.T) uint64 {
	seed := *givenSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	fmt.Fprintf(os.Stderr, "%s: repeat with -seed %d\n", t.Name(), seed)
	return seed
}

// frameOf encodes a request as a client does, with its size in front.
func frameOf(req kmsg.Request, correlation int32) []byte { return hostile.Frame(req, correlation) }

func (n *testNode) dial(listener string) net.Conn {
	n.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(n.t.Context(), "tcp", n.Addr(listener).String())
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// readFrame reads one response.
func readFrame(conn net.Conn) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(conn, body)
	return body, err
}

// heap gives the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// peakHeap watches the heap until stop is called, which gives its peak.
func peakHeap() (stop func() int64) {
	var peak atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), int64(m.HeapInuse+m.StackInuse)))
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		close(done)
		<-ended
		return peak.Load()
	}
}

const mib = 1 << 20

// attackWith sends frames over connection after connection until ctx ends.
func attackWith(ctx context.Context, f *hostile.Frames, addr string) (sent int) {
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return sent
		}
		for range 20 {
			if _, err := conn.Write(f.Next()); err != nil {
				break
			}
			sent++
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := readFrame(conn); err != nil {
				break // Closed, or one of those that wait.
			}
		}
		_ = conn.Close()
	}
	return sent
}

// TestHostileFramesHarmNobody has connections send random requests of every API,
// whole and damaged, to both listeners, while a well-behaved client produces and
// fetches. Nothing panics, the client notices nothing, and the memory stays small.
func TestHostileFramesHarmNobody(t *testing.T) {
	seed := seedOf(t)
	n := startNodeOn(t, memfs.New(), "group.initial.rebalance.delay.ms=0")
	n.createTopic("good", 2, nil)
	n.createTopic("victim", 2, nil)
	before, peak := heap(), peakHeap()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var sent atomic.Int64
	var wg sync.WaitGroup
	for i, listener := range []string{"PLAINTEXT", "PLAINTEXT", "PLAINTEXT", "CONTROLLER"} {
		f := hostile.NewFrames(seed + uint64(i))
		wg.Go(func() { sent.Add(int64(attackWith(ctx, f, n.Addr(listener).String()))) })
	}
	good := n.wellBehaved(ctx)
	wg.Wait()
	top := peak()
	t.Logf("%d hostile frames, %d records of the good client; heap %d MiB before, %d at its peak, %d after", sent.Load(), good, before/mib, top/mib, heap()/mib)
	if sent.Load() < 100 || good < 10 {
		t.Error("hardly anything happened")
	}
	if top > before+300*mib {
		t.Errorf("the heap grew from %d to %d MiB", before/mib, top/mib)
	}
	n.produce("good", 1_000_000, 10)
}

// wellBehaved produces and fetches until ctx ends, and fails the test if a round
// trip fails or takes long. It returns how many records came back.
func (n *testNode) wellBehaved(ctx context.Context) (records int) {
	n.t.Helper()
	cl := n.client(kgo.DefaultProduceTopic("good"), kgo.ConsumeTopics("good"), kgo.ProducerLinger(0), kgo.FetchMaxWait(100*time.Millisecond))
	defer cl.Close()
	for ; ctx.Err() == nil; records++ {
		round, cancel := context.WithTimeout(n.t.Context(), 10*time.Second)
		err := cl.ProduceSync(round, kgo.StringRecord("x")).FirstErr()
		if err == nil {
			err = cl.PollFetches(round).Err()
		}
		cancel()
		if err != nil {
			n.t.Errorf("the good client after %d records: %v", records, err)
			return records
		}
	}
	return records
}

// TestGiantLengthsCostNothing announces frames that never come: too large ones
// end the connection, allowed ones take no memory before their bytes are there.
func TestGiantLengthsCostNothing(t *testing.T) {
	n := startNodeOn(t, memfs.New())
	for _, size := range []uint32{math.MaxInt32, 1 << 31, math.MaxUint32, 100*mib + 1, 0} {
		conn := n.dial("PLAINTEXT")
		_, _ = conn.Write(binary.BigEndian.AppendUint32(nil, size))
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := readFrame(conn); !errors.Is(err, io.EOF) && !isReset(err) {
			t.Errorf("size %d: %v, want the connection closed", size, err)
		}
	}
	before, peak := heap(), peakHeap()
	conns := make([]net.Conn, 50)
	for i := range conns {
		conns[i] = n.dial("PLAINTEXT")
		_, _ = conns[i].Write(append(binary.BigEndian.AppendUint32(nil, 100*mib), frameOf(kmsg.NewPtrMetadataRequest(), 1)[4:]...))
	}
	n.createTopic("good", 1, nil) // The node has seen all of them by now, or nearly.
	n.produce("good", 0, 100)
	if top := peak(); top > before+50*mib {
		t.Errorf("50 announcements of 100 MiB: the heap grew from %d to %d MiB", before/mib, top/mib)
	}
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// TestThoseWhoNeverReadAreHeldBack has clients ask for much and read nothing: the
// node stops reading from them instead of piling up answers.
func TestThoseWhoNeverReadAreHeldBack(t *testing.T) {
	n := startNodeOn(t, memfs.New())
	n.createTopic("good", 1, nil)
	c := n.raw()
	id := c.topicID("good")
	for range 200 {
		if err := c.produceBig("good", 0); err != nil {
			t.Fatal(err)
		}
	}
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.MaxBytes, fetch.SessionEpoch = 16, 50*mib, -1
	fetch.Topics = []kmsg.FetchRequestTopic{{Topic: "good", TopicID: id, Partitions: []kmsg.FetchRequestTopicPartition{{PartitionMaxBytes: 50 * mib, CurrentLeaderEpoch: -1}}}}
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Version = 12
	before, peak := heap(), peakHeap()
	for i := range 40 {
		frame := frameOf(fetch, 1)
		if i%2 == 0 {
			frame = frameOf(metadata, 1)
		}
		conn := n.dial("PLAINTEXT")
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		for range 20_000 {
			if _, err := conn.Write(frame); err != nil {
				break // The node reads no more.
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	n.wellBehaved(ctx)
	if top := peak(); top > before+200*mib {
		t.Errorf("40 clients that do not read: the heap grew from %d to %d MiB", before/mib, top/mib)
	}
}

// TestIdleConnectionsAreCheap opens many connections that have spoken once.
func TestIdleConnectionsAreCheap(t *testing.T) {
	const connections = 2000
	n := startNodeOn(t, memfs.New())
	before := heap()
	frame := frameOf(kmsg.NewPtrMetadataRequest(), 1)
	for range connections {
		conn := n.dial("PLAINTEXT")
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		if _, err := readFrame(conn); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / connections
	t.Logf("%d bytes for each connection and its client", each)
	if each > 40<<10 {
		t.Errorf("an idle connection costs %d bytes", each)
	}
}
