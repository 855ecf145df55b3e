package offline

import (
	"fmt"
	"path/filepath"

	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/record"
)

const txnEntrySize = producerstate.AbortedTxnSize

// producerCheck replays the producers of a partition and compares the snapshots.
type producerCheck struct {
	c     *partitionCheck
	state *producerstate.Manager
	// snapshots are those that were not compared yet.
	snapshots []kafka.Offset
}

func (p *producerCheck) init(c *partitionCheck) {
	p.c, p.state, p.snapshots = c, producerstate.New(c.tp, nil), c.folder.snapshots
}

// before compares the snapshots of the state before the batch at that offset.
func (p *producerCheck) before(offset kafka.Offset) {
	for len(p.snapshots) > 0 && p.snapshots[0] <= offset {
		p.compare(p.snapshots[0])
		p.snapshots = p.snapshots[1:]
	}
}

// finish compares the snapshots at the log's end.
func (p *producerCheck) finish() {
	p.before(max(p.c.next, 0))
	for _, offset := range p.snapshots {
		if !p.c.lost {
			p.c.report(found(codeSnapshotLate, p.path(offset), "the log ends at %d", p.c.next).offset(int64(offset)))
		}
	}
}

func (p *producerCheck) path(offset kafka.Offset) string {
	return filepath.Join(p.c.path, producerstate.SnapshotFileName(offset))
}

// replay takes note of a batch.
func (p *producerCheck) replay(s *segmentCheck, v2 record.Batch) {
	completed, err := p.state.Replay(v2)
	if err != nil {
		s.lost = true // The control record was reported.
		return
	}
	if completed != nil && completed.Aborted {
		t := completed.AbortedTxn()
		s.aborted = append(s.aborted, AbortedTxn{
			ProducerID: int64(t.ProducerID), FirstOffset: int64(t.FirstOffset), LastOffset: int64(t.LastOffset), LastStableOffset: int64(t.LastStableOffset),
		})
	}
}

// compare compares a snapshot with what was replayed up to it.
func (p *producerCheck) compare(offset kafka.Offset) {
	path := p.path(offset)
	data, err := readSmall(p.c.v.fs, path)
	if err != nil {
		p.c.report(found(codeUnreadable, path, "%v", err))
		return
	}
	entries, err := producerstate.ParseSnapshot(data)
	if err != nil {
		p.c.report(found(codeSnapshot, path, "%v", err))
		return
	}
	if p.c.lost || offset <= p.c.first {
		return
	}
	replayed := map[kafka.ProducerID]producerstate.SnapshotEntry{}
	for _, e := range p.state.SnapshotEntries() {
		replayed[e.ProducerID] = e
	}
	for i, e := range entries {
		if i+1 < len(entries) && entries[i+1].ProducerID == e.ProducerID {
			continue // An earlier batch, which the last entry goes on from.
		}
		r, ok := replayed[e.ProducerID]
		delete(replayed, e.ProducerID)
		if difference := p.difference(offset, e, r, ok); difference != "" {
			p.c.report(found(codeSnapshotWrong, path, "producer %d: %s", e.ProducerID, difference))
		}
	}
	for id, r := range replayed {
		// One that is only missing may have expired.
		if r.CurrentTxnFirstOffset >= 0 {
			p.c.report(found(codeSnapshotWrong, path, "producer %d is missing, whose transaction began at offset %d", id, r.CurrentTxnFirstOffset))
		}
	}
}

// difference tells what a snapshot says of a producer and the records do not.
func (p *producerCheck) difference(offset kafka.Offset, e, r producerstate.SnapshotEntry, replayed bool) string {
	unknown := p.c.gaps || p.c.retention == retentionCompact
	switch {
	case e.LastOffset >= offset || e.CurrentTxnFirstOffset >= offset:
		return fmt.Sprintf("last offset %d and transaction from %d, in a snapshot of what is below %d", e.LastOffset, e.CurrentTxnFirstOffset, offset)
	case !replayed && e.LastOffset >= p.c.first && !unknown:
		return fmt.Sprintf("its last batch is said to end at offset %d, but the log has none of it", e.LastOffset)
	case !replayed || unknown:
		return ""
	case e.ProducerEpoch != r.ProducerEpoch:
		return fmt.Sprintf("epoch %d, the log has %d", e.ProducerEpoch, r.ProducerEpoch)
	case e.LastOffset != r.LastOffset && (r.LastOffset >= 0 || e.LastOffset >= p.c.first):
		return fmt.Sprintf("last offset %d, the log has %d", e.LastOffset, r.LastOffset)
	case e.LastSequence != r.LastSequence && r.LastOffset >= 0:
		return fmt.Sprintf("last sequence %d, the log has %d", e.LastSequence, r.LastSequence)
	case e.CurrentTxnFirstOffset != r.CurrentTxnFirstOffset && (e.CurrentTxnFirstOffset < 0 || e.CurrentTxnFirstOffset >= max(p.c.first, p.c.logStart)):
		return fmt.Sprintf("transaction from offset %d, the log has %d (-1 is none)", e.CurrentTxnFirstOffset, r.CurrentTxnFirstOffset)
	default:
		return ""
	}
}

// readTxnIndex reads a .txnindex whole; false if it makes no sense. A segment without
// aborted transactions has no file.
func (s *segmentCheck) readTxnIndex(path string) ([]AbortedTxn, bool) {
	data, err := readSmall(s.v.fs, path)
	if missing(err) {
		return nil, true
	}
	if err != nil {
		s.report(found(codeUnreadable, path, "%v", err))
		return nil, false
	}
	var entries []AbortedTxn
	for position := 0; position < len(data); position += txnEntrySize {
		t, err := producerstate.ParseAbortedTxn(data[position:])
		problem := ""
		switch {
		case err != nil:
			problem = err.Error()
		case t.FirstOffset > t.LastOffset:
			problem = fmt.Sprintf("a transaction from offset %d to %d", t.FirstOffset, t.LastOffset)
		case len(entries) > 0 && int64(t.LastOffset) <= entries[len(entries)-1].LastOffset:
			problem = fmt.Sprintf("offset %d follows offset %d", t.LastOffset, entries[len(entries)-1].LastOffset)
		}
		if problem != "" {
			s.reportIndex(found(codeTxnFormat, path, "%s", problem).at(int64(position)))
			return nil, false
		}
		entries = append(entries, AbortedTxn{
			ProducerID: int64(t.ProducerID), FirstOffset: int64(t.FirstOffset), LastOffset: int64(t.LastOffset), LastStableOffset: int64(t.LastStableOffset),
		})
	}
	return entries, true
}
