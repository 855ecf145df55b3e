package protocol

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The requests of the hot path are decoded here, into memory that they have already: kmsg
// makes new lists of partitions each time, which was nearly all the garbage of a broker.
// Bodies have been checked before (checkBody). The loops over topics and partitions are
// spelled out: one that calls a function for each element takes half as long again.

// Versions from which on topics are named by their ids.
const (
	produceTopicIDs = 13
	fetchTopicIDs   = 13
)

// reader reads a body whose strings and lists are compact in flexible versions.
type reader struct {
	kbin.Reader
	flexible bool
}

// decodeProduce is kmsg's ReadFrom without unknown tagged fields.
func decodeProduce(req *kmsg.ProduceRequest, body []byte) error {
	version := req.Version
	r := reader{kbin.Reader{Src: body}, req.IsFlexible()}
	if version >= 3 {
		r.nullableText(&req.TransactionID)
	} else {
		req.TransactionID = nil
	}
	req.Acks, req.TimeoutMillis = r.Int16(), r.Int32()
	req.Topics = resize(req.Topics, r.length())
	for i := range req.Topics {
		t := &req.Topics[i]
		r.topic(version >= produceTopicIDs, &t.Topic, &t.TopicID)
		t.Partitions = resize(t.Partitions, r.length())
		for j := range t.Partitions {
			p := &t.Partitions[j]
			p.Partition, p.Records = r.Int32(), r.nullableBytes()
			r.skipTags()
		}
		r.skipTags()
	}
	r.skipTags()
	return r.Complete()
}

// decodeFetch is kmsg's ReadFrom without unknown tagged fields.
func decodeFetch(req *kmsg.FetchRequest, body []byte) error {
	version := req.Version
	r := reader{kbin.Reader{Src: body}, req.IsFlexible()}
	*req = kmsg.FetchRequest{Version: version, Topics: req.Topics, ForgottenTopics: req.ForgottenTopics, Rack: req.Rack}
	req.Default()
	if version <= 14 {
		req.ReplicaID = r.Int32()
	}
	req.MaxWaitMillis, req.MinBytes = r.Int32(), r.Int32()
	if version >= 3 {
		req.MaxBytes = r.Int32()
	}
	if version >= 4 {
		req.IsolationLevel = r.Int8()
	}
	if version >= 7 {
		req.SessionID, req.SessionEpoch = r.Int32(), r.Int32()
	}
	req.Topics = resize(req.Topics, r.length())
	for i := range req.Topics {
		t := &req.Topics[i]
		r.topic(version >= fetchTopicIDs, &t.Topic, &t.TopicID)
		t.Partitions = resize(t.Partitions, r.length())
		for j := range t.Partitions {
			r.fetchPartition(version, &t.Partitions[j])
		}
		r.skipTags()
	}
	if version >= 7 {
		req.ForgottenTopics = resize(req.ForgottenTopics, r.length())
		for i := range req.ForgottenTopics {
			t := &req.ForgottenTopics[i]
			r.topic(version >= fetchTopicIDs, &t.Topic, &t.TopicID)
			t.Partitions = resize(t.Partitions, r.length())
			for j := range t.Partitions {
				t.Partitions[j] = r.Int32()
			}
			r.skipTags()
		}
	} else {
		req.ForgottenTopics = req.ForgottenTopics[:0]
	}
	if version >= 11 {
		r.text(&req.Rack)
	} else {
		req.Rack = ""
	}
	for n := r.tags(); n > 0 && r.Ok(); n-- {
		switch tag, content := r.tag(); tag {
		case 0:
			content.nullableText(&req.ClusterID)
		case 1:
			req.ReplicaState.ID, req.ReplicaState.Epoch = content.Int32(), content.Int64()
		}
	}
	return r.Complete()
}

func (r *reader) fetchPartition(version int16, p *kmsg.FetchRequestTopicPartition) {
	*p = kmsg.FetchRequestTopicPartition{}
	p.Default()
	p.Partition = r.Int32()
	if version >= 9 {
		p.CurrentLeaderEpoch = r.Int32()
	}
	p.FetchOffset = r.Int64()
	if version >= 12 {
		p.LastFetchedEpoch = r.Int32()
	}
	if version >= 5 {
		p.LogStartOffset = r.Int64()
	}
	p.PartitionMaxBytes = r.Int32()
	for n := r.tags(); n > 0 && r.Ok(); n-- {
		switch tag, content := r.tag(); tag {
		case 0:
			p.ReplicaDirectoryID = content.Uuid()
		case 1:
			p.HighWatermark = content.Int64()
		}
	}
}

// topic reads what a topic is named by in this version, and empties the other one.
func (r *reader) topic(byID bool, name *string, id *[16]byte) {
	if byID {
		*name, *id = "", r.Uuid()
		return
	}
	r.text(name)
	*id = [16]byte{}
}

// text reads a string, and keeps the one that is there if it is the same.
func (r *reader) text(s *string) {
	if b := r.textBytes(); *s != string(b) {
		*s = string(b)
	}
}

func (r *reader) nullableText(s **string) {
	b := r.textBytes()
	switch {
	case b == nil:
		*s = nil
	case *s == nil || **s != string(b):
		text := string(b)
		*s = &text
	}
}

// textBytes returns the bytes of a string, which are nil if it is null.
func (r *reader) textBytes() []byte {
	n := 0
	if r.flexible {
		n = int(r.Uvarint()) - 1
	} else {
		n = int(r.Int16())
	}
	if n < 0 {
		return nil
	}
	return r.Span(n)
}

func (r *reader) nullableBytes() []byte {
	if r.flexible {
		return r.CompactNullableBytes()
	}
	return r.NullableBytes()
}

func (r *reader) length() int {
	if r.flexible {
		return int(r.CompactArrayLen())
	}
	return int(r.ArrayLen())
}

// tags returns how many tagged fields a structure has, none in versions without.
func (r *reader) tags() uint32 {
	if !r.flexible {
		return 0
	}
	return r.Uvarint()
}

func (r *reader) tag() (tag uint32, content reader) {
	tag = r.Uvarint()
	return tag, reader{kbin.Reader{Src: r.Span(int(r.Uvarint()))}, true}
}

func (r *reader) skipTags() {
	for n := r.tags(); n > 0 && r.Ok(); n-- {
		r.tag()
	}
}

// Elements counts the elements that a Produce or Fetch request has memory for, which it
// keeps whatever DecodeInto reads into it: who keeps requests may drop those that have been large.
func Elements(req kmsg.Request) int {
	switch req := req.(type) {
	case *kmsg.ProduceRequest:
		return elements(req.Topics, func(t *kmsg.ProduceRequestTopic) int { return cap(t.Partitions) })
	case *kmsg.FetchRequest:
		return elements(req.Topics, func(t *kmsg.FetchRequestTopic) int { return cap(t.Partitions) }) +
			elements(req.ForgottenTopics, func(t *kmsg.FetchRequestForgottenTopic) int { return cap(t.Partitions) })
	}
	return 0
}

func elements[T any](topics []T, partitions func(*T) int) int {
	topics = topics[:cap(topics)]
	n := len(topics)
	for i := range topics {
		n += partitions(&topics[i])
	}
	return n
}

// resize returns a list of n elements that keep what they have of memory.
func resize[T any](list []T, n int) []T {
	if n <= cap(list) {
		return list[:max(n, 0)]
	}
	return slices.Grow(list[:cap(list)], n-cap(list))[:n]
}
