package offline

import (
	"path/filepath"

	"moldau.dev/moldau/broker/internal/checkpoint"
	"moldau.dev/moldau/broker/internal/quorum"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
)

// checkFolders compares the folders with each other, with the checkpoints and with
// the cluster's metadata.
func (v *verifier) checkFolders() {
	seen := map[kafka.TopicPartition]*folder{}
	for _, d := range v.dirs {
		for _, path := range d.unknown {
			v.report(found(codeFolderName, path, "the folder is not called as a partition's"))
		}
		inDir := map[kafka.TopicPartition]bool{}
		for _, f := range d.folders {
			v.checkFolder(f)
			if f.state != storage.FolderOK {
				continue
			}
			inDir[f.tp] = true
			if other := seen[f.tp]; other != nil {
				v.reportOf(f, found(codeDuplicate, f.path, "the partition is in %s too", other.path))
			}
			seen[f.tp] = f
		}
		for _, name := range checkpointFiles {
			for _, e := range d.offsets[name] {
				if !inDir[e.Partition] {
					v.report(found(codeCheckpointStay, filepath.Join(d.path, name), "%v has offset %d, but no folder", e.Partition, e.Offset))
				}
			}
		}
	}
	v.checkMissing(seen)
}

func (v *verifier) reportOf(f *folder, finding *Finding) {
	finding.Partition = f.tp.String()
	v.report(finding)
}

// checkFolder compares one folder with the cluster's metadata.
func (v *verifier) checkFolder(f *folder) {
	switch {
	case f.state == storage.FolderStray:
		v.reportOf(f, found(codeStray, f.path, "the folder was set aside as stray, with %d bytes", f.size))
		return
	case f.state != storage.FolderOK || f.isMetadata() || v.image == nil:
		return
	}
	topic := v.image.Topic(f.tp.Topic)
	if topic == nil {
		v.reportOf(f, found(codeStray, f.path, "the cluster has no topic %s", f.tp.Topic))
		return
	}
	p := topic.Partition(f.tp.Partition)
	switch {
	case !f.topicID.IsZero() && topic.ID != f.topicID:
		v.reportOf(f, found(codeTopicID, f.path, "the folder belongs to topic id %v, but the cluster's topic %s has %v", f.topicID, topic.Name, topic.ID))
	case p == nil:
		v.reportOf(f, found(codeStray, f.path, "topic %s has %d partitions", topic.Name, topic.NumPartitions()))
	case v.node != kafka.NoNode && !p.HasReplica(v.node):
		v.reportOf(f, found(codeStray, f.path, "node %d is no replica of the partition: those are %v", v.node, p.Replicas))
	case f.topicID.IsZero() && !f.dir.single:
		v.reportOf(f, found(codeTopicIDFile, filepath.Join(f.path, checkpoint.PartitionMetadataFile), "the topic's id is missing"))
	}
}

// checkMissing looks for partitions that the cluster's metadata places in one of the
// directories, and that are not there.
func (v *verifier) checkMissing(seen map[kafka.TopicPartition]*folder) {
	if v.image == nil || v.node == kafka.NoNode {
		return
	}
	dirs := map[kafka.UUID]*logDir{}
	for _, d := range v.dirs {
		if d.formatted && !d.meta.DirectoryID.IsZero() {
			dirs[d.meta.DirectoryID] = d
		}
	}
	for topic := range v.image.Topics() {
		for id, p := range topic.Partitions() {
			directory, ok := p.Directory(v.node)
			d := dirs[directory]
			tp := kafka.TopicPartition{Topic: topic.Name, Partition: id}
			if !ok || d == nil {
				continue
			}
			path := filepath.Join(d.path, tp.String())
			switch f := seen[tp]; {
			case f == nil:
				finding := found(codeMissing, path, "the cluster's metadata places the partition in this directory")
				finding.Partition = tp.String()
				v.report(finding)
			case f.dir != d:
				v.reportOf(f, found(codeMissing, f.path, "the cluster's metadata places the partition in %s", d.path).as(Warning))
			}
		}
	}
}

// checkQuorumState reads raft's vote.
func (v *verifier) checkQuorumState(f *folder) {
	path := filepath.Join(f.path, quorum.StateFile)
	if !f.quorumState {
		if len(f.segments) > 0 {
			v.reportOf(f, found(codeQuorumState, path, "the file is missing").as(Warning))
		}
		return
	}
	data, err := readSmall(v.fs, path)
	if err == nil {
		_, err = quorum.ParseState(data)
	}
	if err != nil {
		v.reportOf(f, found(codeQuorumState, path, "%v", err))
	}
}
