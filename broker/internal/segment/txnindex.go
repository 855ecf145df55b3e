package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/internal/kafka"
)

// AbortedTxn is one entry of a transaction index.
type AbortedTxn = producerstate.AbortedTxn

const txnEntrySize = producerstate.AbortedTxnSize

// errTxnIndex says that an entry makes no sense.
var errTxnIndex = errors.New("impossible entry of a transaction index")

// parseTxnEntries reads whole entries; a torn last one is left out.
func parseTxnEntries(b []byte, base kafka.Offset) (entries []AbortedTxn, err error) {
	last := base - 1
	for ; len(b) >= txnEntrySize; b = b[txnEntrySize:] {
		t, err := producerstate.ParseAbortedTxn(b)
		if err != nil {
			return entries, err
		}
		if t.LastOffset <= last || t.LastOffset < t.FirstOffset {
			return entries, errTxnIndex
		}
		last = t.LastOffset
		entries = append(entries, t)
	}
	return entries, nil
}

// txnIndex is the aborted transactions of one segment. Most segments have none,
// and then no file.
type txnIndex struct {
	mu      sync.Mutex // Guards the fields below; held while the file is read the first time.
	loaded  bool
	entries []AbortedTxn // In the order of their markers.
	inFile  int          // The file holds that many of them.
	// unsynced says that the file was written to since it was synced.
	unsynced bool
}

// loadTxnsLocked reads the file once.
func (s *Segment) loadTxnsLocked() error {
	if s.txns.loaded {
		return nil
	}
	b, err := s.readTxnFile()
	if err != nil {
		return err
	}
	entries, err := parseTxnEntries(b, s.base)
	if err != nil {
		return &CorruptError{File: s.path(TxnIndexSuffix), Position: int64(len(entries) * txnEntrySize), Err: err}
	}
	s.txns.entries, s.txns.inFile, s.txns.loaded = entries, len(entries), true
	return nil
}

func (s *Segment) readTxnFile() ([]byte, error) {
	f, err := s.dir.fs.OpenFile(s.path(TxnIndexSuffix), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && size > 0 {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return b, nil
}

// syncTxns makes durable what was written to the file.
func (s *Segment) syncTxns() error {
	s.txns.mu.Lock()
	unsynced := s.txns.unsynced
	s.txns.unsynced = false
	s.txns.mu.Unlock()
	if !unsynced {
		return nil
	}
	f, err := s.dir.fs.OpenFile(s.path(TxnIndexSuffix), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", s.path(TxnIndexSuffix), err)
	}
	return nil
}

// NoTxnIndex tells the segment that it has no .txnindex file, which spares
// looking for one.
func (s *Segment) NoTxnIndex() {
	s.txns.mu.Lock()
	s.txns.loaded, s.txns.entries = true, nil
	s.txns.mu.Unlock()
}

// AppendAborted adds a transaction whose marker was just appended.
func (s *Segment) AppendAborted(t AbortedTxn) error {
	s.txns.mu.Lock()
	defer s.txns.mu.Unlock()
	if err := s.loadTxnsLocked(); err != nil {
		return err
	}
	s.txns.entries = append(s.txns.entries, t)
	err := s.writeTxnsLocked()
	if IsNoSpace(err) {
		// The entry in memory is enough until there is space, since a recovery
		// would find the transaction in the log. See UnwrittenAborted.
		return nil
	}
	return err
}

// UnwrittenAborted tells whether a full disk has kept aborted transactions out of
// the file, and gives the offset of the first one's marker: a recovery must read the
// records from there on.
func (s *Segment) UnwrittenAborted() (marker kafka.Offset, unwritten bool) {
	s.txns.mu.Lock()
	defer s.txns.mu.Unlock()
	if s.txns.inFile >= len(s.txns.entries) {
		return 0, false
	}
	return s.txns.entries[s.txns.inFile].LastOffset, true
}

// WriteAborted writes what UnwrittenAborted tells of, and makes it durable but for
// the file's name.
func (s *Segment) WriteAborted() error {
	s.txns.mu.Lock()
	err := s.writeTxnsLocked()
	s.txns.mu.Unlock()
	if err != nil {
		return err
	}
	return s.syncTxns()
}

// writeTxnsLocked brings the file to what the entries are.
func (s *Segment) writeTxnsLocked() error {
	var b []byte
	from := min(s.txns.inFile, len(s.txns.entries))
	for _, t := range s.txns.entries[from:] {
		b = t.AppendTo(b)
	}
	f, err := s.dir.fs.OpenFile(s.path(TxnIndexSuffix), os.O_RDWR|os.O_CREATE, filePerm)
	if err != nil {
		return err
	}
	if len(b) > 0 {
		_, err = f.WriteAt(b, int64(from*txnEntrySize))
	} else {
		err = f.Truncate(int64(from * txnEntrySize))
	}
	s.txns.unsynced = true
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", s.path(TxnIndexSuffix), err)
	}
	s.txns.inFile = len(s.txns.entries)
	return nil
}

// ForgetAborted forgets the aborted transactions whose marker is at or above
// from, before a recovery finds them again.
func (s *Segment) ForgetAborted(from kafka.Offset) error { return s.truncateTxns(from) }

// truncateTxns drops the transactions whose marker is at or above offset.
func (s *Segment) truncateTxns(offset kafka.Offset) error {
	s.txns.mu.Lock()
	defer s.txns.mu.Unlock()
	if err := s.loadTxnsLocked(); err != nil {
		if corrupt := (*CorruptError)(nil); !errors.As(err, &corrupt) {
			return err
		}
		s.txns.loaded, s.txns.entries, s.txns.inFile = true, nil, 0
		return s.writeTxnsLocked()
	}
	keep := 0
	for keep < len(s.txns.entries) && s.txns.entries[keep].LastOffset < offset {
		keep++
	}
	if keep == len(s.txns.entries) {
		return nil
	}
	s.txns.entries = s.txns.entries[:keep:keep]
	return s.writeTxnsLocked()
}

// Aborted appends to dst the aborted transactions that overlap the offsets from
// from to upTo, exclusive. done says that later segments hold no others.
func (s *Segment) Aborted(dst []AbortedTxn, from, upTo kafka.Offset) (all []AbortedTxn, done bool, err error) {
	s.txns.mu.Lock()
	defer s.txns.mu.Unlock()
	if err := s.loadTxnsLocked(); err != nil {
		return dst, false, err
	}
	for _, t := range s.txns.entries {
		if t.LastOffset >= from && t.FirstOffset < upTo {
			dst = append(dst, t)
		}
		if t.LastStableOffset >= upTo {
			return dst, true, nil
		}
	}
	return dst, false, nil
}
