package broker

import (
	"context"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/vfs/memfs"
)

// FuzzFrame sends frames to a node. It must answer or close the connection, and
// answer others as before.
func FuzzFrame(f *testing.F) {
	for key := range int16(95) {
		if req := kmsg.RequestForKey(key); req != nil {
			for version := range req.MaxVersion() + 1 {
				req.SetVersion(version)
				f.Add(frameOf(req, 7)[4:])
			}
		}
	}
	node, err := Start(f.Context(), Config{FS: memfs.New(), Overrides: []string{
		"listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0", "moldau.http.listener=", "log.dirs=/a",
		"controller.quorum.bootstrap.servers=localhost:0", "group.initial.rebalance.delay.ms=0",
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := node.Shutdown(context.Background()); err != nil {
			f.Error(err)
		}
	})
	versions := kmsg.NewPtrApiVersionsRequest()
	f.Fuzz(func(t *testing.T, frame []byte) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", node.Addr("PLAINTEXT").String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, err = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
		if err != nil {
			return // Closed.
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond)) // Some wait, as they asked for.
		_, _ = readFrame(conn)
		other, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", node.Addr("PLAINTEXT").String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		_ = other.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := other.Write(frameOf(versions, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := readFrame(other); err != nil {
			t.Fatalf("another client gets no answer: %v", err)
		}
	})
}
