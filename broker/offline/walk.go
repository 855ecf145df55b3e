package offline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
	"moldau.dev/moldau/internal/vfs"
)

const (
	// windowBytes is how much of a file is read at once.
	windowBytes = 1 << 20
	// maxBatchBytes bounds the batches that are held in memory and decoded. Of
	// larger ones only the checksum is verified, piece by piece.
	maxBatchBytes = 128 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// window reads a file through one buffer.
type window struct {
	file  vfs.File
	size  int64
	buf   []byte
	start int64 // Position of buf[0].
	// read is told how many bytes were read, for the progress; may be nil.
	read func(n int64)
}

// openWindow opens a file; close must follow.
func openWindow(fsys vfs.FS, path string) (*window, error) {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &window{file: f, size: size}, nil
}

func (w *window) close() { _ = w.file.Close() } // Only read.

// at gives the n bytes from position on, or fewer where the file ends; they are
// valid until the next call.
func (w *window) at(position int64, n int) ([]byte, error) {
	n = int(max(0, min(int64(n), w.size-position)))
	if position >= w.start && position+int64(n) <= w.start+int64(len(w.buf)) {
		return w.buf[position-w.start:][:n], nil
	}
	want := int(min(int64(max(n, windowBytes)), w.size-position))
	if cap(w.buf) < want || cap(w.buf) > 4*windowBytes && want <= windowBytes {
		w.buf = make([]byte, max(want, windowBytes))
	}
	w.start, w.buf = position, w.buf[:want]
	got, err := w.file.ReadAt(w.buf, position)
	w.buf = w.buf[:got]
	if w.read != nil {
		w.read(int64(got))
	}
	if got < want {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // The file became shorter.
		}
		return nil, fmt.Errorf("read %s at byte %d: %w", w.file.Name(), position+int64(got), err)
	}
	return w.buf[:n], nil
}

// zeros tells whether only zero bytes follow position.
func (w *window) zeros(position int64) (bool, error) {
	for position < w.size {
		b, err := w.at(position, windowBytes)
		if err != nil {
			return false, err
		}
		for _, c := range b {
			if c != 0 {
				return false, nil
			}
		}
		position += int64(len(b))
	}
	return true, nil
}

// batch is one framed batch of a file, whole or not.
type batch struct {
	record.Peeked
	position int64
	// header has the first bytes, HeaderSize of them for magic 2.
	header []byte
	// data is the whole batch; nil for one larger than maxBatchBytes. The memory is
	// valid until the walk goes on.
	data []byte
	// stored and computed are the checksums.
	stored, computed uint32
}

func (b *batch) valid() bool { return b.stored == b.computed }

// end is the position after the batch.
func (b *batch) end() int64 { return b.position + int64(b.Size) }

// v2 gives the header as a batch of magic 2.
func (b *batch) v2() record.Batch { return record.Batch(b.header) }

// walker walks the batches of a .log file or a snapshot, and goes on behind bytes that are none.
type walker struct {
	*window
	position int64
	next     kafka.Offset // The offset that the next batch has at least.
	report   func(*Finding)
}

// walk hands every framed batch of the file to visit. What is no batch is reported, and the
// walk goes on at the next batch with a right checksum, if there is one.
func (w *walker) walk(ctx context.Context, visit func(*batch) error) error {
	for w.position < w.size {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, problem, err := w.read()
		if err != nil {
			return err
		}
		if problem != nil {
			if done, err := w.resume(ctx, problem); err != nil || done {
				return err
			}
			continue
		}
		if err := visit(b); err != nil {
			return err
		}
		w.position = b.end()
		w.next = b.Offset + 1
		if b.Magic == record.Magic && b.v2().LastOffsetDelta() >= 0 {
			w.next = b.v2().NextOffset()
		}
	}
	return nil
}

// read frames the batch at the position; a problem says that there is none.
func (w *walker) read() (*batch, *Finding, error) {
	name := w.file.Name()
	head, err := w.at(w.position, record.HeaderSize)
	if err != nil {
		return nil, nil, err
	}
	p, err := record.Peek(head)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, found(codeBatchTorn, name, "the last %d bytes are the beginning of a batch", w.size-w.position).at(w.position), nil
	case err != nil:
		return nil, found(codeBatchFraming, name, "no batch begins here: %s", reason(err)).at(w.position), nil
	case int64(p.Size) > w.size-w.position:
		return nil, found(codeBatchTorn, name, "a batch of %d bytes is cut off after %d", p.Size, w.size-w.position).
			at(w.position).offset(int64(p.Offset)), nil
	}
	b := &batch{Peeked: p, position: w.position, header: append([]byte(nil), head[:min(len(head), p.Size)]...)}
	return b, nil, w.checksum(b)
}

// reason gives what a record.CorruptError says without the position, which counts from the batch.
func reason(err error) string {
	if corrupt := (*record.CorruptError)(nil); errors.As(err, &corrupt) {
		return corrupt.Reason
	}
	return err.Error()
}

// Where the checksums lie, and what they cover.
const (
	crcAtV2, crcFromV2   = 17, 21
	crcAtOld, crcFromOld = 12, 16
)

// checksum computes the batch's checksum and keeps its bytes if they are not too many.
func (w *walker) checksum(b *batch) error {
	table, at, from := castagnoli, crcAtV2, crcFromV2
	if b.Magic != record.Magic {
		table, at, from = crc32.IEEETable, crcAtOld, crcFromOld
	}
	b.stored = binary.BigEndian.Uint32(b.header[at:])
	if b.Size <= maxBatchBytes {
		data, err := w.at(b.position, b.Size)
		if err != nil {
			return err
		}
		b.data, b.computed = data, crc32.Checksum(data[from:], table)
		return nil
	}
	for position := b.position + int64(from); position < b.end(); {
		piece, err := w.at(position, int(min(windowBytes, b.end()-position)))
		if err != nil {
			return err
		}
		b.computed = crc32.Update(b.computed, table, piece)
		position += int64(len(piece))
	}
	return nil
}

// resume reports what is no batch and looks for the next one.
func (w *walker) resume(ctx context.Context, problem *Finding) (done bool, err error) {
	zeros, err := w.zeros(w.position)
	if err != nil {
		return true, err
	}
	if zeros {
		w.report(found(codeZeros, w.file.Name(), "the last %d bytes are zero", w.size-w.position).at(w.position))
		return true, nil
	}
	w.report(problem)
	position, ok, err := w.search(ctx)
	if err != nil || !ok {
		return true, err
	}
	head, err := w.at(position, record.HeaderSize)
	if err != nil {
		return true, err
	}
	w.report(found(codeLost, w.file.Name(), "%d bytes are unreadable; the next batch is at byte %d and begins with offset %d",
		position-w.position, position, record.Batch(head).BaseOffset()).at(w.position).offset(int64(w.next)))
	w.position = position
	return false, nil
}

// search looks behind the position for a batch of magic 2 with a right checksum whose
// offset follows. It gives up when checksums of false alarms cost too much.
func (w *walker) search(ctx context.Context) (position int64, ok bool, err error) {
	budget := 4*(w.size-w.position) + 16*windowBytes
	for at := w.position + 1; at+record.HeaderSize <= w.size; {
		if err := ctx.Err(); err != nil {
			return 0, false, err
		}
		piece, err := w.at(at, windowBytes)
		if err != nil {
			return 0, false, err
		}
		i := 0
		for ; i+record.HeaderSize <= len(piece); i++ {
			if size := w.plausible(piece[i:], w.size-at-int64(i)); size > 0 {
				if budget -= int64(size); budget < 0 {
					return 0, false, nil
				}
				b := batch{Peeked: record.Peeked{Size: size, Magic: record.Magic}, position: at + int64(i), header: append([]byte(nil), piece[i:i+record.HeaderSize]...)}
				if err := w.checksum(&b); err != nil {
					return 0, false, err
				}
				if b.valid() {
					return b.position, true, nil
				}
				if piece, err = w.at(at, windowBytes); err != nil {
					return 0, false, err
				}
			}
		}
		at += int64(i)
	}
	return 0, false, nil
}

// plausible gives the size of the batch that may begin with b; 0 if none does.
func (w *walker) plausible(b []byte, rest int64) int {
	const magicAt = 16
	if b[magicAt] != record.Magic {
		return 0
	}
	p, err := record.Peek(b)
	if err != nil || int64(p.Size) > rest || p.Offset < w.next || p.Offset-w.next > 1<<31 || record.Batch(b[:record.HeaderSize]).LastOffsetDelta() < 0 {
		return 0
	}
	return p.Size
}
