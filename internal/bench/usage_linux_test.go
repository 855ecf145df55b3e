package bench

import (
	"net"
	"os"
	"testing"
	"time"
)

func TestTheProcessBehindAPortIsFound(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Logf("%s: %v", addr, err)
			continue // A machine without IPv6.
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if pid, ok := listener("localhost:" + port); !ok || pid != os.Getpid() {
			t.Errorf("%s: found %d, %v; this is %d", addr, pid, ok, os.Getpid())
		}
	}
	if _, ok := listener("localhost:1"); ok {
		t.Error("somebody listens on port 1")
	}
	if _, ok := listener("192.0.2.1:9092"); ok {
		t.Error("an address elsewhere is taken for this machine")
	}
}

func TestWhatAProcessUses(t *testing.T) {
	before, err := ReadProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var after Process
	for after.CPUSeconds < before.CPUSeconds+0.05 { // Burns what it waits for.
		if after, err = ReadProcess(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if after.RSS < 1<<20 || after.Files < 3 {
		t.Errorf("%+v", after)
	}
	if _, err := ReadProcess(1 << 30); err == nil {
		t.Error("a process that is not there has used something")
	}
}

func TestPacersWaitLongEnough(t *testing.T) {
	p, err := newPacer()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for _, d := range []time.Duration{-time.Second, 0, time.Microsecond, time.Millisecond, 20 * time.Millisecond} {
		begin := time.Now()
		if err := p.sleep(d); err != nil || time.Since(begin) < d {
			t.Errorf("slept %v instead of %v: %v", time.Since(begin), d, err)
		}
	}
}
