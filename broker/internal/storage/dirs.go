package storage

import (
	"slices"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/producerstate"
	"moldau.dev/moldau/internal/kafka"
)

// DirInfo describes one log directory.
type DirInfo struct {
	Path string
	// ID is the directory's id, zero if it was not formatted.
	ID kafka.UUID
	// Err says why the directory is offline, nil while it is not.
	Err error
	// TotalBytes and UsableBytes are those of the file system, -1 if unknown.
	TotalBytes, UsableBytes int64
	// Clean says that the shutdown before this start was clean, by the broker
	// with BrokerEpoch, which is checkpoint.NoBrokerEpoch if that is not known.
	Clean bool
	// Recovered says that the directory held logs and was not shut down cleanly.
	Recovered   bool
	BrokerEpoch kafka.BrokerEpoch
}

// Dirs describes the log directories in the order of the configuration.
func (m *Manager) Dirs() []DirInfo {
	infos := make([]DirInfo, len(m.dirs))
	for i, d := range m.dirs {
		infos[i] = DirInfo{
			Path: d.path, ID: d.id, Err: d.err(), TotalBytes: -1, UsableBytes: -1, Clean: d.clean, Recovered: d.recovered, BrokerEpoch: d.brokerEpoch,
		}
		if d.err() != nil {
			continue
		}
		if total, usable, err := m.env.fs.DiskUsage(d.path); err == nil {
			infos[i].TotalBytes, infos[i].UsableBytes = total, usable
		}
	}
	return infos
}

// PreviousBrokerEpoch is the epoch under which the broker was last registered
// if all directories were shut down cleanly by it, else
// checkpoint.NoBrokerEpoch: the controller may count on the replicas being
// complete only in the first case (KIP-966).
func (m *Manager) PreviousBrokerEpoch() kafka.BrokerEpoch {
	epoch := m.dirs[0].brokerEpoch
	for _, d := range m.dirs {
		if !d.clean || d.brokerEpoch != epoch {
			return checkpoint.NoBrokerEpoch
		}
	}
	return epoch
}

// Strays gives the folders that were set aside.
func (m *Manager) Strays() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.strays)
}

// OpenFiles is the number of files of logs that are open now.
func (m *Manager) OpenFiles() int { return m.env.handles.Open() }

// ActiveProducers lists the producers that the log knows, by id.
func (l *Log) ActiveProducers() []producerstate.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.producers.Active()
}

// AbortedTxn is an aborted transaction whose records readers of committed data
// skip.
type AbortedTxn = producerstate.AbortedTxn

// CollectAborted gives the aborted transactions that overlap the offsets from
// from to upTo, exclusive. It gives none for offsets that are gone.
func (l *Log) CollectAborted(from, upTo kafka.Offset) ([]AbortedTxn, error) {
	all, err := l.abortedTxns(from, upTo)
	if err == nil {
		return all, nil
	}
	err = l.settle(func() error {
		all, err = l.abortedTxns(from, upTo)
		return err
	})
	return all, err
}

func (l *Log) abortedTxns(from, upTo kafka.Offset) ([]AbortedTxn, error) {
	var all []AbortedTxn
	list := l.list()
	for _, s := range list[floor(list, from):] {
		found, done, err := s.Aborted(all, from, upTo)
		if all = found; err != nil || done {
			return all, err
		}
	}
	return all, nil
}

// StartVerification begins the question to the transaction coordinator whether
// a producer's transaction includes this partition (KIP-890).
func (l *Log) StartVerification(v producerstate.Verification) (producerstate.Guard, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.producers.StartVerification(v)
}

// HasOngoingTransaction tells whether the producer has a transaction open here.
func (l *Log) HasOngoingTransaction(id kafka.ProducerID, epoch kafka.ProducerEpoch) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.producers.HasOngoingTransaction(id, epoch)
}
