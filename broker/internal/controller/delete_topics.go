package controller

import (
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/metadata"
	"moldau.dev/moldau/internal/kafka"
	"moldau.dev/moldau/internal/protocol"
)

// DeleteTopics deletes topics, named by name or, from version 6 on, by id. Each
// topic has its own error in the response. The request as a whole is refused if
// delete.topic.enable is false.
func (c *Core) DeleteTopics(_ time.Time, req *kmsg.DeleteTopicsRequest) Result {
	if !c.options.Config.Broker.DeleteTopicEnable {
		if req.Version < 3 {
			return refuse(kerr.InvalidRequest, "This version does not support topic deletion.")
		}
		return Result{Err: kerr.TopicDeletionDisabled}
	}
	wanted := req.Topics
	for i := range req.TopicNames {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &req.TopicNames[i]
		wanted = append(wanted, t)
	}
	d := deletion{image: c.image, names: map[string]int{}, ids: map[kafka.UUID]int{}}
	for i := range wanted {
		d.count(&wanted[i])
	}
	resp := kmsg.NewPtrDeleteTopicsResponse()
	resp.Version = req.Version
	var configs, removals []metadata.Record
	for i := range wanted {
		t := kmsg.NewDeleteTopicsResponseTopic()
		t.Topic, t.TopicID = wanted[i].Topic, wanted[i].TopicID
		topic, err, answered := d.resolve(&wanted[i])
		if answered {
			continue
		}
		t.ErrorCode, t.ErrorMessage = protocol.Code(err), protocol.Message(err)
		if topic != nil {
			t.Topic, t.TopicID = &topic.Name, topic.ID
		}
		if topic != nil && err == nil {
			configs = append(configs, removedConfigs(topic.Name, d.image.TopicConfig(topic.Name))...)
			removals = append(removals, &metadata.RemoveTopicRecord{TopicID: topic.ID})
		}
		resp.Topics = append(resp.Topics, t)
	}
	records := append(configs, removals...)
	if len(records) > maxRecordsPerOperation {
		records = removals
	}
	return Result{Records: records, Response: resp, Atomic: true}.bounded()
}

// removedConfigs gives the records that take a topic's configuration away.
//
// Differs from Kafka: RemoveTopicRecord does that by itself, but Apache Kafka
// overlooks it when it replays a log in which the topic was also created: after
// its next start, a later topic of the same name has the old one's configuration.
// With these records it has not.
func removedConfigs(topic string, config map[string]string) []metadata.Record {
	var records []metadata.Record
	for _, key := range slices.Sorted(maps.Keys(config)) {
		records = append(records, &metadata.ConfigRecord{ResourceType: metadata.ResourceTopic, ResourceName: topic, Name: key})
	}
	return records
}

// deletion finds the topics of one request. A topic that is wanted more than
// once is refused once, and not deleted.
type deletion struct {
	image *metadata.Image
	names map[string]int
	ids   map[kafka.UUID]int
}

func (d *deletion) count(t *kmsg.DeleteTopicsRequestTopic) {
	switch {
	case t.Topic != nil && kafka.UUID(t.TopicID).IsZero():
		d.names[*t.Topic]++
	case t.Topic == nil && !kafka.UUID(t.TopicID).IsZero():
		d.ids[t.TopicID]++
	}
}

// resolve gives the topic to delete, or why not, then with the topic if naming it
// tells the client nothing new. Answered says that it is a
// duplicate and the client has its answer.
func (d *deletion) resolve(t *kmsg.DeleteTopicsRequestTopic) (topic *metadata.Topic, err error, answered bool) {
	id := kafka.UUID(t.TopicID)
	switch {
	case t.Topic == nil && id.IsZero():
		return nil, kafka.Errorf(kerr.InvalidRequest, "Neither topic name nor id were specified."), false
	case t.Topic != nil && !id.IsZero():
		return nil, kafka.Errorf(kerr.InvalidRequest, "You may not specify both topic name and topic id."), false
	case t.Topic == nil:
		return d.resolveID(id)
	}
	name := *t.Topic
	switch n := d.names[name]; {
	case n == 0:
		return nil, nil, true
	case n > 1:
		d.names[name] = 0
		return nil, kafka.Errorf(kerr.InvalidRequest, "Duplicate topic name."), false
	}
	topic = d.image.Topic(name)
	switch {
	case topic == nil:
		return nil, described(kerr.UnknownTopicOrPartition), false
	case d.ids[topic.ID] != 0:
		return topic, kafka.Errorf(kerr.InvalidRequest, "The provided topic name maps to an ID that was already supplied."), false
	}
	return topic, nil, false
}

func (d *deletion) resolveID(id kafka.UUID) (topic *metadata.Topic, err error, answered bool) {
	switch n := d.ids[id]; {
	case n < 0:
		return nil, nil, true
	case n > 1:
		// Negative, so that a name of this topic still counts as a repetition.
		d.ids[id] = -1
		return nil, kafka.Errorf(kerr.InvalidRequest, "Duplicate topic id."), false
	}
	topic = d.image.TopicByID(id)
	switch {
	case topic == nil:
		return nil, described(kerr.UnknownTopicID), false
	case d.names[topic.Name] == 1:
		// Its name is in the request as well, and gets the error.
		return nil, nil, true
	}
	return topic, nil, false
}
