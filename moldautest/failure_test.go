package moldautest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/vfs/faultfs"
)

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	mu     sync.Mutex // Guards the fields below.
	log    bytes.Buffer
	failed string
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *recorder) Output() io.Writer { return r }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed += fmt.Sprintf(format, args...)
}

func (r *recorder) failure() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// fatal is what Fatal panics with.
type fatal string

func (r *recorder) Fatalf(format string, args ...any) { panic(fatal(fmt.Sprintf(format, args...))) }
func (r *recorder) Fatal(args ...any)                 { panic(fatal(fmt.Sprint(args...))) }

func fatally(f func()) (message string) {
	defer func() {
		if m, ok := recover().(fatal); ok {
			message = string(m)
		}
	}()
	f()
	return ""
}

// TestBrokerThatEndsFailsTheTest lets the disk of a broker fail unasked.
func TestBrokerThatEndsFailsTheTest(t *testing.T) {
	r := &recorder{TB: t}
	b := Start(r, WithTopic("t", 1, "flush.messages=1"))
	b.disk.faulty.Inject(faultfs.Fault{Kinds: []faultfs.Kind{faultfs.Sync}, Err: syscall.EIO})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b.Client(kgo.DefaultProduceTopic("t")).Produce(ctx, kgo.StringRecord("x"), nil)
	for r.failure() == "" && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if !strings.Contains(r.failure(), "the broker has ended: ") || !strings.Contains(r.failure(), "input/output error") {
		t.Errorf("the test has failed with %q", r.failure())
	}
	if r.mu.Lock(); !strings.Contains(r.log.String(), "level=ERROR") {
		t.Errorf("the log says %q", r.log.String())
	}
	r.mu.Unlock()
	cancel()
	b.disk.plugIn()
	_ = fatally(b.Stop)
}

func TestWrongUseIsExplained(t *testing.T) {
	for want, use := range map[string]func(r *recorder){
		"num.partitions":       func(r *recorder) { Start(r, WithConfig("num.partitions=many")) },
		"retention.ms":         func(r *recorder) { Start(r, WithTopic("t", 1, "retention.ms=never")) },
		"key=value":            func(r *recorder) { Start(r, WithTopic("t", 1, "retention.ms")) },
		"INVALID_PARTITIONS":   func(r *recorder) { Start(r, WithTopic("t", 0)) },
		"PowerFailure needs":   func(r *recorder) { Start(r, WithTempDir()).PowerFailure() },
		"FillDisk needs":       func(r *recorder) { Start(r, WithTempDir()).FillDisk() },
		"TOPIC_ALREADY_EXISTS": func(r *recorder) { Start(r, WithTopic("t", 1)).CreateTopic("t", 1) },
	} {
		t.Run(want, func(t *testing.T) {
			if got := fatally(func() { use(&recorder{TB: t}) }); !strings.Contains(got, want) {
				t.Errorf("the test ends with %q", got)
			}
		})
	}
}

func TestBubbleNeedsAVirtualNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := fatally(func() { Start(&recorder{TB: t}) }); !strings.Contains(got, "WithVirtualNetwork") {
			t.Errorf("the test ends with %q", got)
		}
	})
}
