package network

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// fixed answers every request with the same small body, without allocating.
type fixed struct{ parts []Part }

func (f *fixed) Handle(_ context.Context, r *Request) { r.Respond(Response{Parts: f.parts}) }

// byOther parks every request and lets one other goroutine answer it.
type byOther struct {
	fixed
	requests chan *Request
}

func (o *byOther) Handle(_ context.Context, r *Request) {
	r.Park()
	o.requests <- r
}

func (o *byOther) run() {
	for r := range o.requests {
		o.fixed.Handle(context.Background(), r)
	}
}

func benchmarkSmall(b *testing.B, conns, pipeline int) {
	benchmarkHandler(b, &fixed{parts: []Part{{Bytes: make([]byte, 40)}}}, conns, pipeline)
}

func benchmarkParked(b *testing.B, conns, pipeline int) {
	o := &byOther{fixed{parts: []Part{{Bytes: make([]byte, 40)}}}, make(chan *Request, 1000)}
	go o.run()
	defer close(o.requests)
	benchmarkHandler(b, o, conns, pipeline)
}

func benchmarkHandler(b *testing.B, handler Handler, conns, pipeline int) {
	_, address := start(b, Options{Handler: handler})
	request := frame(1, make([]byte, 180))
	burst := make([]byte, 0, pipeline*len(request))
	for range pipeline {
		burst = append(burst, request...)
	}
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i := range conns {
		n := b.N / conns / pipeline
		if i == 0 {
			n += b.N/pipeline - n*conns
		}
		c := dial(b, address)
		wg.Go(func() {
			response := make([]byte, pipeline*48)
			for range n {
				if _, err := c.Write(burst); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(c, response); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkSmallRequests1Conn(b *testing.B)        { benchmarkSmall(b, 1, 1) }
func BenchmarkSmallRequests64Conns(b *testing.B)      { benchmarkSmall(b, 64, 1) }
func BenchmarkSmallRequests64ConnsPipe5(b *testing.B) { benchmarkSmall(b, 64, 5) }

func BenchmarkParked1Conn(b *testing.B)        { benchmarkParked(b, 1, 1) }
func BenchmarkParked64Conns(b *testing.B)      { benchmarkParked(b, 64, 1) }
func BenchmarkParked64ConnsPipe5(b *testing.B) { benchmarkParked(b, 64, 5) }

func benchmarkFile(b *testing.B, size int64, conns int) {
	name := filepath.Join(b.TempDir(), "segment")
	if err := os.WriteFile(name, make([]byte, 64<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	parts := []Part{{Bytes: make([]byte, 60)}, {File: f, Position: 4096, Size: size}}
	_, address := start(b, Options{Handler: &fixed{parts: parts}})
	b.SetBytes(size)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range conns {
		c := dial(b, address)
		wg.Go(func() {
			request := frame(1, make([]byte, 100))
			response := make([]byte, 68+size)
			for range b.N / conns {
				if _, err := c.Write(request); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(c, response); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkFile32K(b *testing.B)      { benchmarkFile(b, 32<<10, 1) }
func BenchmarkFile128K(b *testing.B)     { benchmarkFile(b, 128<<10, 1) }
func BenchmarkFile1M(b *testing.B)       { benchmarkFile(b, 1<<20, 1) }
func BenchmarkFile1M8Conns(b *testing.B) { benchmarkFile(b, 1<<20, 8) }
