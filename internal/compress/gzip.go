package compress

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// sliceWriter appends to a slice.
type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

type gzipWriter struct {
	out sliceWriter
	w   *gzip.Writer
}

// gzipWriters has one pool per level: DefaultCompression, then 1 to 9.
var gzipWriters [GzipMaxLevel + 1]sync.Pool

func compressGzip(dst []byte, level int, src []byte) ([]byte, error) {
	slot := 0
	if level != DefaultLevel && level != GzipDefaultLevel {
		slot = min(max(level, GzipMinLevel), GzipMaxLevel)
		level = slot
	} else {
		level = flate.DefaultCompression
	}
	pool := &gzipWriters[slot]
	g, ok := pool.Get().(*gzipWriter)
	if !ok {
		g = new(gzipWriter)
		w, err := gzip.NewWriterLevel(&g.out, level)
		if err != nil {
			return dst, fmt.Errorf("gzip at level %d: %w", level, err)
		}
		g.w = w
	}
	g.out.b = dst
	g.w.Reset(&g.out)
	_, err := g.w.Write(src)
	if closeErr := g.w.Close(); err == nil {
		err = closeErr
	}
	out := g.out.b
	g.out.b = nil
	pool.Put(g)
	if err != nil {
		return dst, fmt.Errorf("gzip: %w", err)
	}
	return out, nil
}

type gzipReader struct {
	in bytes.Reader
	r  gzip.Reader
}

var gzipReaders = sync.Pool{New: func() any { return new(gzipReader) }}

func decompressGzip(dst, src []byte, maxSize int) ([]byte, error) {
	g := gzipReaders.Get().(*gzipReader)
	defer func() {
		g.in.Reset(nil)
		gzipReaders.Put(g)
	}()
	g.in.Reset(src)
	if err := g.r.Reset(&g.in); err != nil {
		return nil, fmt.Errorf("%w: gzip: %w", errCorrupt, err)
	}
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = grow(dst, max(512, min(2*len(src), maxSize)), start+maxSize+1)
		}
		// One byte beyond the bound tells a bomb from an exact fit.
		room := dst[len(dst):min(cap(dst), start+maxSize+1)]
		n, err := g.r.Read(room)
		dst = dst[:len(dst)+n]
		if len(dst)-start > maxSize {
			return dst, ErrTooLarge
		}
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: gzip: %w", errCorrupt, err)
		}
	}
}
