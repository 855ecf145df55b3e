package hostile

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/compress"
)

// attacker is all that attacks, in a process of its own.
type attacker struct {
	addrs  []string
	random atomic.Uint64

	mu     sync.Mutex // Guards counts.
	counts map[string]int64
}

// attack is one way to attack: many connections at once do the same.
type attack struct {
	name        string
	connections int
	run         func(*attacker, context.Context, *rand.Rand, net.Conn) int64 // It returns what is counted under the name.
}

// attacks go on at the same time. A connection that has ended is opened again.
var attacks = []attack{
	{"random and damaged requests", 6, (*attacker).frames},
	{"requests with giant arrays", 2, (*attacker).giantArrays},
	{"lengths announced that never come", 100, (*attacker).giantLengths},
	{"decompression bombs", 3, (*attacker).bombs},
	{"big fetches whose answers nobody reads", 40, (*attacker).neverRead},
	{"requests sent at a byte a second", 300, (*attacker).slowWrite},
	{"connections that stop in the middle of a request", 400, (*attacker).halfOpen},
	{"connections reset at once", 2, (*attacker).reset},
	{"connections that say nothing", 4100, (*attacker).silent},
}

// chosen are the attacks that were asked for.
func chosen() []attack {
	return slices.DeleteFunc(slices.Clone(attacks), func(a attack) bool { return !strings.Contains(a.name, *only) })
}

// attackProcess is the process that attacks: it prints what it did as JSON.
func attackProcess(addrs []string) int {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10) // It must not win by taking the client's processor.
	a := &attacker{addrs: addrs, counts: map[string]int64{}}
	a.random.Store(*seed)
	bombs()
	fmt.Println()
	ctx, cancel := context.WithTimeout(context.Background(), *duration)
	defer cancel()
	var wg sync.WaitGroup
	for _, kind := range chosen() {
		for range kind.connections {
			wg.Go(func() { a.keepAttacking(ctx, kind) })
		}
	}
	wg.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(a.counts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// keepAttacking opens one connection after the other.
func (a *attacker) keepAttacking(ctx context.Context, kind attack) {
	random := rand.New(rand.NewPCG(a.random.Add(1), 0)) //nolint:gosec // No secret.
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", a.addrs[a.pick(random, kind)])
		if err != nil {
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		n := kind.run(a, ctx, random, conn)
		stop()
		_ = conn.Close()
		a.mu.Lock()
		a.counts[kind.name] += n
		a.mu.Unlock()
	}
}

// pick chooses a listener: sometimes the controller's.
func (a *attacker) pick(random *rand.Rand, kind attack) int {
	if kind.connections < 10 && random.IntN(4) == 0 {
		return len(a.addrs) - 1
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// answer reads one response, and waits for it no longer than that.
func answer(conn net.Conn, wait time.Duration) ([]byte, error) {
	_ = conn.SetReadDeadline(time.Now().Add(wait))
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, min(binary.BigEndian.Uint32(size[:]), 64*mib))
	_, err := io.ReadFull(conn, body)
	return body, err
}

func (a *attacker) frames(ctx context.Context, random *rand.Rand, conn net.Conn) (sent int64) {
	f := NewFrames(random.Uint64())
	for ; sent < 50 && ctx.Err() == nil; sent++ {
		if _, err := conn.Write(f.Next()); err != nil {
			return sent
		}
		if _, err := answer(conn, 20*time.Millisecond); err != nil {
			return sent + 1 // Closed, or one of those that wait.
		}
	}
	return sent
}

// giantArrays sends requests with as many elements as fit, and with counts of
// elements that are not there.
func (a *attacker) giantArrays(ctx context.Context, random *rand.Rand, conn net.Conn) int64 {
	var frame []byte
	switch random.IntN(5) {
	case 0:
		req := kmsg.NewPtrMetadataRequest()
		req.Version = 12
		req.Topics = make([]kmsg.MetadataRequestTopic, 200_000)
		for i := range req.Topics {
			req.Topics[i].Topic = kmsg.StringPtr(fmt.Sprint(i))
		}
		frame = Frame(req, 1)
	case 1:
		req := kmsg.NewPtrFetchRequest()
		req.Version = 16
		req.Topics = []kmsg.FetchRequestTopic{{TopicID: [16]byte{1}, Partitions: make([]kmsg.FetchRequestTopicPartition, 100_000)}}
		frame = Frame(req, 1)
	case 2:
		req := kmsg.NewPtrJoinGroupRequest()
		req.Version, req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 9, "victims", 10_000, 1000, "consumer"
		req.Protocols = make([]kmsg.JoinGroupRequestProtocol, 50_000)
		for i := range req.Protocols {
			req.Protocols[i].Name = fmt.Sprint(i)
		}
		frame = Frame(req, 1)
	case 3:
		req := kmsg.NewPtrListOffsetsRequest()
		req.Version = 7
		req.Topics = make([]kmsg.ListOffsetsRequestTopic, 100)
		for i := range req.Topics {
			req.Topics[i] = kmsg.ListOffsetsRequestTopic{Topic: "victim", Partitions: make([]kmsg.ListOffsetsRequestTopicPartition, 1000)}
		}
		frame = Frame(req, 1)
	case 4: // A count of two billion, and few bytes.
		req := kmsg.NewPtrMetadataRequest()
		req.Version = 8
		frame = Frame(req, 1)
		binary.BigEndian.PutUint32(frame[len(frame)-7:], math.MaxInt32)
	}
	if _, err := conn.Write(frame); err != nil {
		return 0
	}
	_, _ = answer(conn, 5*time.Second)
	return 1
}

// giantLengths announces the largest frame that is allowed, or more, and sends
// next to nothing of it.
func (a *attacker) giantLengths(ctx context.Context, random *rand.Rand, conn net.Conn) int64 {
	sizes := []uint32{maxRequestBytes, maxRequestBytes, maxRequestBytes - 1, maxRequestBytes + 1, math.MaxInt32, 1 << 31, math.MaxUint32}
	frame := append(binary.BigEndian.AppendUint32(nil, sizes[random.IntN(len(sizes))]), make([]byte, random.IntN(2000))...)
	if _, err := conn.Write(frame); err != nil {
		return 0
	}
	_, _ = answer(conn, time.Minute) // The node closes it, at once or in time.
	sleep(ctx, 20*time.Millisecond)
	return 1
}

// bombs are batches that unpack to bombSize, or as far as they fit into a request.
var bombs = sync.OnceValue(func() [][]byte {
	return [][]byte{
		Bomb(compress.Gzip, bombSize), Bomb(compress.Zstd, bombSize), Bomb(compress.LZ4, bombSize),
		Bomb(compress.Snappy, 15*mib), Bomb(compress.Gzip, 15*mib), Bomb(compress.Zstd, 15*mib),
	}
})

// bombs sends a bomb to a topic that keeps batches as they are, or to one that
// packs them anew.
func (a *attacker) bombs(ctx context.Context, random *rand.Rand, conn net.Conn) (sent int64) {
	for ; sent < 20 && ctx.Err() == nil; sent++ {
		req := kmsg.NewPtrProduceRequest()
		req.Version, req.Acks, req.TimeoutMillis = 9, -1, 10_000
		batch := bombs()[random.IntN(len(bombs()))]
		req.Topics = []kmsg.ProduceRequestTopic{{
			Topic: []string{"victim", "recompressed"}[random.IntN(2)], Partitions: []kmsg.ProduceRequestTopicPartition{{Records: batch}},
		}}
		if _, err := conn.Write(Frame(req, 1)); err != nil {
			return sent
		}
		if _, err := answer(conn, 20*time.Second); err != nil {
			return sent + 1
		}
	}
	return sent
}

// bigFetch asks for all of a topic.
func bigFetch() []byte {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes, req.SessionEpoch, req.MaxWaitMillis = 11, 64*mib, -1, 100
	req.Topics = []kmsg.FetchRequestTopic{{Topic: bigTopic, Partitions: []kmsg.FetchRequestTopicPartition{{PartitionMaxBytes: 64 * mib, CurrentLeaderEpoch: -1}}}}
	return Frame(req, 1)
}

// neverRead sends requests until the node reads no more, and waits. Some read a
// little.
func (a *attacker) neverRead(ctx context.Context, random *rand.Rand, conn net.Conn) (sent int64) {
	_ = conn.(*net.TCPConn).SetReadBuffer(8 << 10)
	frame := bigFetch()
	for ctx.Err() == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
		if _, err := conn.Write(frame); err != nil {
			break
		}
		sent++
	}
	until := time.Now().Add(time.Duration(random.IntN(40)) * time.Second)
	for ctx.Err() == nil && time.Now().Before(until) {
		sleep(ctx, time.Second)
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := conn.Read(make([]byte, 100)); err != nil {
			break
		}
	}
	return sent
}

// slowWrite sends a request byte by byte.
func (a *attacker) slowWrite(ctx context.Context, random *rand.Rand, conn net.Conn) int64 {
	frame := Frame(kmsg.NewPtrMetadataRequest(), 1)
	if random.IntN(2) == 0 {
		frame = append(binary.BigEndian.AppendUint32(nil, maxRequestBytes), make([]byte, 100)...)
	}
	for i := range frame {
		if _, err := conn.Write(frame[i : i+1]); err != nil {
			break
		}
		sleep(ctx, time.Second)
	}
	return 1
}

// halfOpen sends a part of a request and nothing more.
func (a *attacker) halfOpen(ctx context.Context, random *rand.Rand, conn net.Conn) int64 {
	frame := NewFrames(random.Uint64()).Next()
	if _, err := conn.Write(frame[:random.IntN(len(frame))]); err != nil {
		return 0
	}
	_, _ = answer(conn, 40*time.Second)
	sleep(ctx, 100*time.Millisecond)
	return 1
}

// reset breaks the connection with a request on its way.
func (a *attacker) reset(ctx context.Context, random *rand.Rand, conn net.Conn) int64 {
	_, _ = conn.Write(NewFrames(random.Uint64()).Next())
	_ = conn.(*net.TCPConn).SetLinger(0)
	sleep(ctx, time.Duration(random.IntN(3))*time.Millisecond)
	return 1
}

// silent keeps a connection open until the node closes it, which it does when
// nothing has come for so long.
func (a *attacker) silent(ctx context.Context, _ *rand.Rand, conn net.Conn) int64 {
	_, _ = answer(conn, 2*time.Minute)
	sleep(ctx, 50*time.Millisecond)
	return 1
}

// bigTopic has what big fetches ask for.
const bigTopic = "big"

// fillBigTopic writes more than one fetch may return.
func fillBigTopic(ctx context.Context, cl *kgo.Client) error {
	var records []*kgo.Record
	for range 64 {
		records = append(records, &kgo.Record{Topic: bigTopic, Value: make([]byte, mib/2)})
	}
	return cl.ProduceSync(ctx, records...).FirstErr()
}
