package quorum

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/vfs"
)

// housekeepingInterval is how often old snapshots are looked at when nothing
// happens.
const housekeepingInterval = time.Hour

// snapshotter writes snapshots of the Image, deletes old ones with the log below
// them, and fetches those of other voters. It works beside the loop.
type snapshotter struct {
	q    *Quorum
	jobs chan func(ctx context.Context)

	// The fields below belong to the loop.
	busy     bool // A snapshot is being written.
	newest   snapshotID
	size     int64     // Bytes committed since newest.
	since    time.Time // When newest was written or loaded.
	fetching map[snapshotID]bool

	// infos belongs to run: the snapshots on disk, oldest first.
	infos []snapshotInfo
}

type snapshotInfo struct {
	id        snapshotID
	index     uint64 // 0 if it is not known.
	size      int64
	timestamp int64 // Of the last record of the log in it, in ms.
}

func newSnapshotter(q *Quorum, loaded *snapshotContent) *snapshotter {
	return &snapshotter{
		q: q, jobs: make(chan func(context.Context), 16),
		newest: loaded.id, since: q.o.Now(), fetching: map[snapshotID]bool{},
	}
}

// note accounts for committed bytes and starts a snapshot when one is due.
func (s *snapshotter) note(image *metadata.Image, at logPosition, size, timestamp int64, inTransaction bool) {
	s.size += size
	now := s.q.o.Now()
	byTime := s.q.o.SnapshotInterval > 0 && now.Sub(s.since) >= s.q.o.SnapshotInterval
	if s.busy || inTransaction || s.size < s.q.o.SnapshotBytes && !byTime {
		return
	}
	id := snapshotID{offset: at.offset, epoch: at.epoch}
	_, voters := s.q.log.votersAt(at.offset)
	spec := snapshotSpec{id: id, voters: voters, anchor: &snapshotAnchor{index: at.index}, timestamp: timestamp}
	job := func(ctx context.Context) { s.write(ctx, spec, image) }
	select {
	case s.jobs <- job:
		s.busy, s.size, s.since = true, 0, now
		s.q.logger.Info("Creating a metadata snapshot", "snapshot", id.String(), "byTime", byTime)
	default: // Try again at the next commit.
	}
}

// run does the jobs until ctx ends.
func (s *snapshotter) run(ctx context.Context) error {
	if err := s.list(); err != nil {
		s.q.logger.Error("Listing the metadata snapshots failed", "dir", s.q.dir, "err", err)
	}
	s.housekeep()
	ticker := time.NewTicker(housekeepingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case job := <-s.jobs:
			job(ctx)
		case <-ticker.C:
		}
		s.housekeep()
	}
}

// list learns which snapshots there are from their headers.
func (s *snapshotter) list() error {
	found, err := listFolder(s.q.o.FS, s.q.dir)
	if err != nil {
		return err
	}
	for _, id := range found.snapshots {
		info, err := s.stat(id)
		if err != nil {
			s.q.logger.Warn("Ignoring an unreadable metadata snapshot", "snapshot", id.String(), "err", err)
			continue
		}
		s.add(info)
	}
	return nil
}

func (s *snapshotter) stat(id snapshotID) (snapshotInfo, error) {
	f, err := s.q.o.FS.OpenFile(id.path(s.q.dir), os.O_RDONLY, 0)
	if err != nil {
		return snapshotInfo{}, err
	}
	defer func() { _ = f.Close() }() // Only read.
	size, err := f.Size()
	if err != nil {
		return snapshotInfo{}, err
	}
	header, err := (&logSegment{file: f, size: size}).batchAt(0)
	if err != nil {
		return snapshotInfo{}, err
	}
	var c snapshotContent
	if _, err := c.readControl(header); err != nil {
		return snapshotInfo{}, err
	}
	return snapshotInfo{id: id, index: c.anchor.index, size: size, timestamp: c.timestamp}, nil
}

func (s *snapshotter) write(ctx context.Context, spec snapshotSpec, image *metadata.Image) {
	err := writeSnapshot(s.q.o.FS, s.q.dir, spec, image.Records(), s.q.o.Now())
	var info snapshotInfo
	if err == nil {
		info, err = s.stat(spec.id)
	}
	if err != nil {
		// The log still has everything; the next one is tried as usual.
		s.q.logger.Error("Writing a metadata snapshot failed", "snapshot", spec.id.String(), "err", err)
	} else {
		s.add(info)
	}
	s.report(ctx, func() {
		s.busy = false
		if err == nil {
			s.newest = spec.id
			s.q.storage.snapshot = storedSnapshot{id: spec.id, index: spec.anchor.index}
		}
	})
}

// report runs f on the loop.
func (s *snapshotter) report(ctx context.Context, f func()) {
	select {
	case s.q.calls <- f:
	case <-s.q.stopped:
	case <-ctx.Done():
	}
}

// housekeep brings leader-epoch-checkpoint up to date and deletes what exceeds
// the retention.
func (s *snapshotter) housekeep() {
	if err := s.q.log.writeEpochs(); err != nil {
		s.q.logger.Error("Writing the metadata log's leader epochs failed", "dir", s.q.dir, "err", err)
	}
	for len(s.infos) >= 2 && s.exceeded() {
		next := s.infos[1]
		if next.id.offset > s.q.HighWatermark() {
			return // It was fetched, but is not installed yet: the log is still needed.
		}
		n, err := s.q.log.deleteBefore(logPosition{index: next.index, offset: next.id.offset, epoch: next.id.epoch})
		if err == nil {
			err = removeSnapshot(s.q.o.FS, s.q.dir, s.infos[0].id)
		}
		if err != nil {
			s.q.logger.Error("Deleting an old metadata snapshot failed", "snapshot", s.infos[0].id.String(), "err", err)
			return
		}
		s.q.logger.Info("Deleted an old metadata snapshot", "snapshot", s.infos[0].id.String(), "segments", n)
		s.infos = slices.Delete(s.infos, 0, 1)
	}
}

// exceeded tells whether the oldest snapshot must go.
func (s *snapshotter) exceeded() bool {
	o := s.q.o
	if o.Retention >= 0 && o.Now().UnixMilli()-s.infos[0].timestamp > o.Retention.Milliseconds() {
		return true
	}
	size := s.q.log.size()
	for _, info := range s.infos {
		size += info.size
	}
	return o.RetentionBytes >= 0 && size > o.RetentionBytes
}

// fetch copies a snapshot of another voter and then hands m to raft again. The
// loop calls it.
func (s *snapshotter) fetch(from Voter, id snapshotID, m *raftpb.Message) {
	if s.fetching[id] {
		return
	}
	job := func(ctx context.Context) {
		err := s.download(ctx, from, id)
		if err != nil {
			s.q.logger.Warn("Fetching a metadata snapshot failed", "snapshot", id.String(), "from", int32(from.ID), "err", err)
		}
		s.report(ctx, func() {
			delete(s.fetching, id)
			if err == nil {
				s.q.step(m)
			}
		})
	}
	select {
	case s.jobs <- job:
		s.fetching[id] = true
	default: // The leader sends it again.
	}
}

func (s *snapshotter) download(ctx context.Context, from Voter, id snapshotID) error {
	partial := filepath.Join(s.q.dir, id.String()+"-"+from.DirectoryID.String()+partialSuffix)
	f, err := s.q.o.FS.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	err = s.q.o.Transport.FetchSnapshot(ctx, from, id.String(), io.NewOffsetWriter(f, 0))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		// Once it has its name, the next start and the installation rely on it.
		err = checkSnapshot(s.q.o.FS, partial)
	}
	if err == nil {
		err = s.q.o.FS.Rename(partial, id.path(s.q.dir))
	}
	if err != nil {
		return errors.Join(err, vfs.RemoveIfExists(s.q.o.FS, partial))
	}
	if err := s.q.o.FS.SyncDir(s.q.dir); err != nil {
		return err
	}
	info, err := s.stat(id)
	if err != nil {
		return err
	}
	s.add(info)
	return nil
}

// add notes a snapshot that is on disk; it may have been there before.
func (s *snapshotter) add(info snapshotInfo) {
	s.infos = slices.DeleteFunc(s.infos, func(old snapshotInfo) bool { return old.id == info.id })
	s.infos = append(s.infos, info)
	slices.SortFunc(s.infos, func(a, b snapshotInfo) int { return a.id.compare(b.id) })
}

// install replaces log and Image by a snapshot that raft has accepted.
func (q *Quorum) install(snapshot *raftpb.Snapshot) error {
	id, err := decodeSnapshotID(snapshot.GetData())
	if err != nil {
		return err
	}
	content, err := readSnapshot(q.o.FS, q.dir, id)
	if err != nil {
		return err
	}
	image, err := content.image()
	if err != nil {
		return err
	}
	at := logPosition{index: snapshot.GetMetadata().GetIndex(), offset: id.offset, epoch: id.epoch}
	if content.anchored && content.anchor.index != at.index {
		return fmt.Errorf("snapshot %v is of raft index %d, not %d", id, content.anchor.index, at.index)
	}
	voters := q.votersOf(content)
	if err := q.log.restart(at, voters, q.o.Now()); err != nil {
		return err
	}
	q.conf, q.applied, q.tail = voters, at, at.offset
	q.storage.conf = voters.confState()
	q.storage.snapshot = storedSnapshot{id: id, index: at.index}
	q.snapshots.newest, q.snapshots.size, q.snapshots.since = id, 0, q.o.Now()
	q.logger.Info("Installed a metadata snapshot of the leader", "snapshot", id.String())
	delta := metadata.Diff(q.Image(), image)
	q.image.Store(image)
	q.publisher.add(delta, image)
	return nil
}

// handOver transfers leadership to the voter whose log is longest, if this node
// leads others, and closes moved when it has lost it. It runs on the loop.
func (q *Quorum) handOver(moved chan struct{}) {
	if !q.elected || q.alone() {
		close(moved)
		return
	}
	var best, match uint64
	q.node.WithProgress(func(id uint64, kind raft.ProgressType, p trackerProgress) {
		if id != q.id && kind == raft.ProgressTypePeer && p.Match >= match {
			best, match = id, p.Match
		}
	})
	q.node.TransferLeader(best)
	q.onLost = append(q.onLost, moved)
}
