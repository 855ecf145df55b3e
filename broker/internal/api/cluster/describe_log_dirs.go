package cluster

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/api/request"
	"moldau.dev/moldau/broker/internal/storage"
	"moldau.dev/moldau/internal/kafka"
)

// DescribeLogDirs tells the log directories of this node, how full they are,
// and the size of each replica in them (KIP-113, KIP-827).
func (h *Handlers) DescribeLogDirs(_ context.Context, rc *request.Context, req *kmsg.DescribeLogDirsRequest) *kmsg.DescribeLogDirsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeLogDirsResponse)
	if h.Logs == nil {
		return resp
	}
	wanted := wantedLogs(req)
	byDir := map[string][]*storage.Log{}
	for _, log := range h.Logs.Logs() {
		if wanted == nil || wanted[log.TopicPartition()] {
			byDir[log.LogDir()] = append(byDir[log.LogDir()], log)
		}
	}
	for _, info := range h.Logs.Dirs() {
		d := kmsg.NewDescribeLogDirsResponseDir()
		d.Dir = info.Path
		if absolute, err := filepath.Abs(info.Path); err == nil {
			d.Dir = absolute
		}
		if info.Err != nil {
			d.ErrorCode = kerr.KafkaStorageError.Code
			resp.Dirs = append(resp.Dirs, d)
			continue
		}
		d.TotalBytes, d.UsableBytes = info.TotalBytes, info.UsableBytes
		d.IsCordoned = h.isCordoned(info.ID)
		d.Topics = topicsOf(byDir[info.Path])
		resp.Dirs = append(resp.Dirs, d)
	}
	return resp
}

// wantedLogs gives the partitions that the request asks for; nil for all.
func wantedLogs(req *kmsg.DescribeLogDirsRequest) map[kafka.TopicPartition]bool {
	if req.Topics == nil {
		return nil
	}
	wanted := map[kafka.TopicPartition]bool{}
	for _, t := range req.Topics {
		for _, partition := range t.Partitions {
			wanted[kafka.TopicPartition{Topic: t.Topic, Partition: partition}] = true
		}
	}
	return wanted
}

func (h *Handlers) isCordoned(dir kafka.UUID) bool {
	for b := range h.Image().Brokers() {
		if slices.Contains(b.CordonedDirectories, dir) {
			return true
		}
	}
	return false
}

// topicsOf lists the logs by topic and partition.
func topicsOf(logs []*storage.Log) []kmsg.DescribeLogDirsResponseDirTopic {
	slices.SortFunc(logs, func(a, b *storage.Log) int {
		return cmp.Or(cmp.Compare(a.TopicPartition().Topic, b.TopicPartition().Topic), cmp.Compare(a.TopicPartition().Partition, b.TopicPartition().Partition))
	})
	var topics []kmsg.DescribeLogDirsResponseDirTopic
	for _, log := range logs {
		tp := log.TopicPartition()
		if len(topics) == 0 || topics[len(topics)-1].Topic != tp.Topic {
			t := kmsg.NewDescribeLogDirsResponseDirTopic()
			t.Topic = tp.Topic
			topics = append(topics, t)
		}
		p := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		p.Partition, p.Size = tp.Partition, log.Size()
		p.OffsetLag = max(int64(log.HighWatermark())-int64(log.LogEndOffset()), 0)
		last := &topics[len(topics)-1]
		last.Partitions = append(last.Partitions, p)
	}
	return topics
}
