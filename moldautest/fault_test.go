package moldautest_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/moldautest"
)

func TestProducerRetriesAfterErrors(t *testing.T) {
	eachKind(t, func(t *testing.T, opts ...moldautest.Option) {
		b := moldautest.Start(t, append(opts, moldautest.WithTopic("t", 1))...)
		fault := b.Inject(moldautest.Fault{Error: kerr.NotEnoughReplicas, Times: 2}, kmsg.Produce)
		produce(t, b, "t", "a")
		if fault.Hits() != 2 {
			t.Errorf("%d produce requests were refused", fault.Hits())
		}
		wantRecords(t, b, "t", "a")
	})
}

func TestErrorReachesTheClient(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	fault := b.Inject(moldautest.Fault{Error: kerr.TopicAuthorizationFailed}, kmsg.Produce)
	cl := b.Client(kgo.DefaultProduceTopic("t"))
	err := cl.ProduceSync(t.Context(), kgo.StringRecord("a")).FirstErr()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("produce: %v", err)
	}
	fault.Remove()
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("b")).FirstErr(); err != nil {
		t.Errorf("produce after the fault: %v", err)
	}
	wantRecords(t, b, "t", "b")
}

// TestDroppedResponse shows what an idempotent producer is for: the broker has
// written the record, the producer does not know, sends it again, and it is there
// once.
func TestDroppedResponse(t *testing.T) {
	eachKind(t, func(t *testing.T, opts ...moldautest.Option) {
		b := moldautest.Start(t, append(opts, moldautest.WithTopic("t", 1))...)
		fault := b.Inject(moldautest.Fault{DropResponse: true, Times: 1}, kmsg.Produce)
		produce(t, b, "t", "once")
		produce(t, b, "t", "then")
		if fault.Hits() != 1 {
			t.Errorf("%d responses were dropped", fault.Hits())
		}
		wantRecords(t, b, "t", "once", "then")
	})
}

func TestDisconnectDoesNothing(t *testing.T) {
	b := moldautest.Start(t)
	b.Inject(moldautest.Fault{Disconnect: true}, kmsg.CreateTopics)
	cl := b.Client(kgo.RequestRetries(0))
	req := kmsg.NewPtrCreateTopicsRequest()
	create := kmsg.NewCreateTopicsRequestTopic()
	create.Topic, create.NumPartitions, create.ReplicationFactor = "t", 1, 1
	req.Topics = append(req.Topics, create)
	if _, err := req.RequestWith(t.Context(), cl); err == nil {
		t.Error("there was an answer")
	}
	topics, err := kadm.NewClient(b.Client()).ListTopics(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	if topics.Has("t") {
		t.Error("the topic has been created")
	}
}

func TestSkipTimesAndMatch(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1), moldautest.WithTopic("other", 1))
	fault := b.Inject(moldautest.Fault{
		Error: kerr.InvalidRecord, Skip: 1, Times: 2,
		Match: func(req kmsg.Request) bool { return req.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Partition == 0 },
	}, kmsg.Produce)
	cl := b.Client(kgo.DefaultProduceTopic("t"), kgo.DisableIdempotentWrite())
	var failed []int
	for i := range 5 {
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); errors.Is(err, kerr.InvalidRecord) {
			failed = append(failed, i)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if want := []int{1, 2}; !reflect.DeepEqual(failed, want) || fault.Hits() != 2 {
		t.Errorf("records %v have failed, want %v; %d hits", failed, want, fault.Hits())
	}
}

func TestDelayHoldsTheAnswerBack(t *testing.T) {
	b := moldautest.Start(t)
	b.Inject(moldautest.Fault{Delay: 50 * time.Millisecond, Times: 1}, kmsg.Metadata)
	began := time.Now()
	if _, err := kadm.NewClient(b.Client()).ListTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

// TestErrorOfEveryAPI asks every API, with one of everything, while it has a fault:
// the answer must carry the error, and name what was asked for.
func TestErrorOfEveryAPI(t *testing.T) {
	b := moldautest.Start(t)
	cl := b.Client(kgo.RequestRetries(0))
	if err := cl.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	for _, api := range versions.ApiKeys {
		key := kmsg.Key(api.ApiKey)
		if key == kmsg.ApiVersions {
			continue // The client would not get far.
		}
		for version := api.MinVersion; version <= api.MaxVersion; version++ {
			req := kmsg.RequestForKey(api.ApiKey)
			one(reflect.ValueOf(req).Elem())
			req.SetVersion(version)
			fault := b.Inject(moldautest.Fault{Error: kerr.PolicyViolation, Match: func(r kmsg.Request) bool { return r.GetVersion() == version }}, key)
			resp := rawRequest(t, b, req)
			fault.Remove()
			if resp == nil {
				if key == kmsg.DescribeLogDirs && version < 3 {
					continue // It has no place for an error as long as there is no log directory.
				}
				t.Errorf("%s version %d: disconnected", key.Name(), version)
				continue
			}
			if n := codes(reflect.ValueOf(resp).Elem()); n == 0 {
				t.Errorf("%s version %d: no error in %+v", key.Name(), version, resp)
			}
		}
	}
}

// rawRequest asks over a connection of its own, in the version that the request has.
func rawRequest(t *testing.T, b *moldautest.Broker, req kmsg.Request) kmsg.Response {
	t.Helper()
	conn, err := b.DialContext(t.Context(), "tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw")).AppendRequest(nil, req, 1)); err != nil {
		t.Fatal(err)
	}
	size := make([]byte, 4)
	if _, err := io.ReadFull(conn, size); err != nil {
		return nil
	}
	frame := make([]byte, int(size[0])<<24|int(size[1])<<16|int(size[2])<<8|int(size[3]))
	if _, err := io.ReadFull(conn, frame); err != nil {
		return nil
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	body := frame[4:]
	if resp.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		t.Fatalf("%s version %d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp
}

// one gives every list one element, and every name a value.
func one(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch {
		case !v.Type().Field(i).IsExported() || v.Type().Field(i).Name == "Version" || f.Type() == reflect.TypeFor[kmsg.Tags]():
		case f.Kind() == reflect.String:
			f.SetString("x")
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() != reflect.Uint8:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			switch e := f.Index(0); e.Kind() {
			case reflect.Struct:
				one(e)
			case reflect.String:
				e.SetString("x")
			}
		case f.Kind() == reflect.Struct:
			one(f)
		}
	}
}

// codes counts the error codes that are set.
func codes(v reflect.Value) int {
	n := 0
	for i := range v.NumField() {
		f := v.Field(i)
		switch {
		case strings.HasSuffix(v.Type().Field(i).Name, "ErrorCode") && f.Kind() == reflect.Int16 && f.Int() == int64(kerr.PolicyViolation.Code):
			n++
		case f.Kind() == reflect.Struct:
			n += codes(f)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			for j := range f.Len() {
				n += codes(f.Index(j))
			}
		}
	}
	return n
}

func TestFullDisk(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1))
	produce(t, b, "t", "a")
	b.FillDisk()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cl := b.Client(kgo.DefaultProduceTopic("t"), kgo.RecordRetries(1), kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	large := strings.Repeat("x", 100_000)
	if err := cl.ProduceSync(ctx, kgo.StringRecord(large)).FirstErr(); !errors.Is(err, kerr.KafkaStorageError) {
		t.Errorf("produce on a full disk: %v", err)
	}
	wantRecords(t, b, "t", "a")
	b.FreeDisk()
	if err := b.Client(kgo.DefaultProduceTopic("t")).ProduceSync(ctx, kgo.StringRecord(large)).FirstErr(); err != nil {
		t.Errorf("produce after that: %v", err)
	}
	wantRecords(t, b, "t", "a", large)
}

// TestFailedSync breaks the only disk: the broker ends, which does not fail the
// test, and with a disk that works it is there again.
func TestFailedSync(t *testing.T) {
	b := moldautest.Start(t, moldautest.WithTopic("t", 1, "flush.messages=1"))
	produce(t, b, "t", "a")
	b.FailSync()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.Client(kgo.DefaultProduceTopic("t")).ProduceSync(ctx, kgo.StringRecord("b")).FirstErr(); err == nil {
		t.Error("a record was acknowledged that was not synced")
	}
	b.HealSync()
	b.Restart()
	produce(t, b, "t", "c")
	cl := b.Client(kgo.ConsumeTopics("t"))
	got := poll(t, cl, 1)
	for got[len(got)-1] != "c" { // The record that was not acknowledged may be there or not.
		got = append(got, poll(t, cl, 1)...)
	}
	if got[0] != "a" {
		t.Errorf("the topic has %v", got)
	}
}
