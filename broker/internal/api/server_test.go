package api

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/broker/internal/network"
)

// oneConn is a listener of one connection in memory.
type oneConn struct {
	conns chan net.Conn
	once  sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.conns) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// exchange sends one frame to a server of the table and reads the response's
// body behind the correlation id.
func exchange(t *testing.T, kind Listener, table []API, frame []byte) (body []byte, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := network.New(network.Options{
			Handler: NewServer(kind, table, ServerOptions{NodeID: 1}), Limits: network.DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
		})
		l := &oneConn{conns: make(chan net.Conn, 1)}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l, "PLAINTEXT") }()
		ours, theirs := net.Pipe()
		l.conns <- theirs
		if _, err := ours.Write(frame); err != nil {
			t.Fatal(err)
		}
		var size [4]byte
		if _, err = io.ReadFull(ours, size[:]); err == nil {
			body = make([]byte, binary.BigEndian.Uint32(size[:]))
			_, err = io.ReadFull(ours, body)
		}
		_ = ours.Close()
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, network.ErrServerClosed) {
			t.Error(err)
		}
	})
	if len(body) >= 4 {
		body = body[4:]
	}
	return body, err
}

func testTable() []API {
	versions := &apiVersions{image: metadata.EmptyImage, clusterID: "cluster", nodeID: 1}
	table := []API{
		row(kmsg.ApiVersions, 0, 4, Broker|Controller, request.Adapt(versions.ApiVersions)),
		row(kmsg.ListGroups, 3, 5, Broker, func(_ context.Context, rc *request.Context, req kmsg.Request) kmsg.Response {
			if rc.ClientID != "test" || rc.Self != 1 || rc.Version != req.GetVersion() || rc.FromController || rc.Listener != "PLAINTEXT" {
				return nil
			}
			return req.ResponseKind()
		}),
		row(kmsg.DescribeCluster, 0, 0, Controller, func(context.Context, *request.Context, kmsg.Request) kmsg.Response { return nil }),
	}
	versions.table = table
	return table
}

func TestServerHandsRequestsToTheirRow(t *testing.T) {
	formatted := func(req kmsg.Request, version int16) []byte {
		req.SetVersion(version)
		return kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, 7)
	}
	for name, test := range map[string]struct {
		kind   Listener
		frame  []byte
		closes bool
	}{
		"served":                 {Broker, formatted(kmsg.NewPtrListGroupsRequest(), 4), false},
		"oldest version":         {Broker, formatted(kmsg.NewPtrListGroupsRequest(), 3), false},
		"version too old":        {Broker, formatted(kmsg.NewPtrListGroupsRequest(), 2), true},
		"other listener":         {Controller, formatted(kmsg.NewPtrListGroupsRequest(), 4), true},
		"not offered":            {Broker, formatted(kmsg.NewPtrHeartbeatRequest(), 4), true},
		"handler without answer": {Controller, formatted(kmsg.NewPtrDescribeClusterRequest(), 0), true},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := exchange(t, test.kind, testTable(), test.frame)
			if test.closes != errors.Is(err, io.EOF) || !test.closes && (err != nil || len(body) == 0) {
				t.Fatalf("%d bytes, %v", len(body), err)
			}
		})
	}
}

// TestApiVersionsAnswersEveryVersion: a client that speaks a newer version than
// we know is told in version 0.
func TestApiVersionsAnswersEveryVersion(t *testing.T) {
	for version := int16(0); version <= 4; version++ {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = "test", "1.0"
		req.Version = version
		body, err := exchange(t, Broker, testTable(), kmsg.NewRequestFormatter().AppendRequest(nil, req, 7))
		resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
		if err == nil {
			err = resp.ReadFrom(body)
		}
		if err != nil || resp.ErrorCode != 0 || len(resp.ApiKeys) != 2 || resp.ApiKeys[0].ApiKey != int16(kmsg.ListGroups) || resp.ApiKeys[0].MinVersion != 3 {
			t.Fatalf("version %d: %+v, %v", version, resp, err)
		}
	}
	newer := binary.BigEndian.AppendUint32(nil, 4+4+2+4+1)
	newer = append(newer, 0, 18, 0, 99, 0, 0, 0, 7, 0, 4, 't', 'e', 's', 't', 0)
	body, err := exchange(t, Broker, testTable(), newer)
	resp := kmsg.NewPtrApiVersionsResponse()
	if err == nil {
		err = resp.ReadFrom(body)
	}
	if err != nil || resp.ErrorCode != kerr.UnsupportedVersion.Code || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].MaxVersion != 4 {
		t.Fatalf("%+v, %v", resp, err)
	}
}
