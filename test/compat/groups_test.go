package compat

import (
	"fmt"
	"math"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func groupScenarios() []scenario {
	return []scenario{
		{name: "JoinGroup: errors", run: joinErrors},
		{name: "Groups: one member in every version", run: groupVersions},
		{name: "Groups: the life of a group of two", run: groupLife},
		{name: "Groups: static members", run: groupStatic},
		{name: "Groups: heartbeats, syncs and leaves that are wrong", run: groupErrors},
		{name: "Groups: protocols that do not fit", run: groupProtocols},
		{name: "OffsetCommit and OffsetFetch: without a group", run: offsetsSimple},
		{name: "OffsetCommit: errors", run: offsetCommitErrors},
		{name: "OffsetFetch: what is not there", run: offsetFetchErrors},
		{name: "OffsetDelete", run: offsetDelete},
		{name: "OffsetDelete: topics that members subscribe to", run: offsetDeleteSubscribed},
		{name: "DescribeGroups and ListGroups", run: describeGroups},
		{name: "DeleteGroups", run: deleteGroups},
	}
}

// coordinator waits until groups can be used.
func (c *client) coordinator(group string) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.SetVersion(3)
	req.CoordinatorKey = group
	c.until("there is a coordinator", req, func(r kmsg.Response) bool { return r.(*kmsg.FindCoordinatorResponse).ErrorCode == 0 })
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.SetVersion(3)
	beat.Group, beat.MemberID = group, "nobody"
	c.until("the coordinator has loaded", beat, func(r kmsg.Response) bool {
		code := codeName(r.(*kmsg.HeartbeatResponse).ErrorCode)
		return code != "COORDINATOR_LOAD_IN_PROGRESS" && code != "NOT_COORDINATOR" && code != "COORDINATOR_NOT_AVAILABLE"
	})
}

func join(group, member string, protocols ...string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.SetVersion(9)
	req.Group, req.MemberID, req.ProtocolType = group, member, "consumer"
	// Longer than all scenarios take: what a member leaves behind is compared at the end.
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 1_700_000, 1_700_000
	for _, name := range protocols {
		p := kmsg.NewJoinGroupRequestProtocol()
		p.Name, p.Metadata = name, subscription("joined")
		req.Protocols = append(req.Protocols, p)
	}
	return req
}

// subscription is the metadata of a consumer.
func subscription(topics ...string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics = 1, topics
	return m.AppendTo(nil)
}

func syncGroup(group, member string, generation int32, assignments ...string) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.SetVersion(5)
	req.Group, req.MemberID, req.Generation = group, member, generation
	req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	for i := 0; i < len(assignments); i += 2 {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: assignments[i], MemberAssignment: []byte(assignments[i+1])})
	}
	return req
}

func heartbeat(group, member string, generation int32) *kmsg.HeartbeatRequest {
	req := kmsg.NewPtrHeartbeatRequest()
	req.SetVersion(4)
	req.Group, req.MemberID, req.Generation = group, member, generation
	return req
}

func leave(group string, members ...string) *kmsg.LeaveGroupRequest {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.SetVersion(5)
	req.Group = group
	for _, m := range members {
		req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{MemberID: m})
		req.MemberID = m
	}
	return req
}

func describe(groups ...string) *kmsg.DescribeGroupsRequest {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.SetVersion(6)
	req.Groups = groups
	return req
}

func joinErrors(c *client) {
	c.coordinator("join-errors")
	for _, test := range []struct {
		name   string
		change func(*kmsg.JoinGroupRequest)
	}{
		{"no member id", func(*kmsg.JoinGroupRequest) {}},
		{"no group", func(r *kmsg.JoinGroupRequest) { r.Group = "" }},
		{"unknown member", func(r *kmsg.JoinGroupRequest) { r.MemberID = "somebody" }},
		{"session timeout 0", func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 0 }},
		{"session timeout too long", func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = math.MaxInt32 }},
		{"no protocol type", func(r *kmsg.JoinGroupRequest) { r.ProtocolType = "" }},
		{"no protocols", func(r *kmsg.JoinGroupRequest) { r.Protocols = nil }},
		{"a session timeout below 0", func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = -1 }},
		{"an empty protocol type and no protocols", func(r *kmsg.JoinGroupRequest) { r.ProtocolType, r.Protocols = "", nil }},
		{"unknown member and no protocols", func(r *kmsg.JoinGroupRequest) { r.MemberID, r.Protocols = "somebody", nil }},
	} {
		c.each(test.name, 0, 9, func(v int16) kmsg.Request {
			req := join("join-errors", "", "range")
			if test.name == "no member id" && v < 4 {
				req.SessionTimeoutMillis = 0 // These versions would join.
			}
			test.change(req)
			return req
		})
	}
	c.each("an empty instance id", 5, 9, func(v int16) kmsg.Request {
		req := join(fmt.Sprintf("join-instance-%d", v), "", "range")
		req.InstanceID = kmsg.StringPtr("")
		return req
	})
	c.each("an unknown member with an instance id", 5, 9, func(int16) kmsg.Request {
		req := join("join-errors", "somebody", "range")
		req.InstanceID = kmsg.StringPtr("i")
		return req
	})
	for i, change := range []func(*kmsg.JoinGroupRequest){
		func(r *kmsg.JoinGroupRequest) { r.RebalanceTimeoutMillis = -1 },
		func(r *kmsg.JoinGroupRequest) { r.RebalanceTimeoutMillis = 0 },
		func(r *kmsg.JoinGroupRequest) { r.RebalanceTimeoutMillis = math.MaxInt32 },
		func(r *kmsg.JoinGroupRequest) { r.Protocols[0].Name = "" },
		func(r *kmsg.JoinGroupRequest) { r.Protocols[0].Metadata = nil },
		func(r *kmsg.JoinGroupRequest) { r.Protocols[0].Metadata = []byte("no subscription") },
		func(r *kmsg.JoinGroupRequest) { r.Protocols[0].Metadata = make([]byte, 100_000) },
		func(r *kmsg.JoinGroupRequest) { r.ProtocolType = "connect" },
		func(r *kmsg.JoinGroupRequest) { r.Reason = kmsg.StringPtr(strings.Repeat("r", 300)) },
		func(r *kmsg.JoinGroupRequest) { r.InstanceID = kmsg.StringPtr(strings.Repeat("i", 250)) },
	} {
		req := join(fmt.Sprintf("join-odd-%d", i), "", "range")
		c.coordinator(req.Group)
		change(req)
		first, ok := c.ask(fmt.Sprintf("odd %d", i), req).(*kmsg.JoinGroupResponse)
		if ok && codeName(first.ErrorCode) == "MEMBER_ID_REQUIRED" {
			req.MemberID = first.MemberID
			first, ok = c.ask(fmt.Sprintf("odd %d again", i), req).(*kmsg.JoinGroupResponse)
		}
		if req.RebalanceTimeoutMillis <= 0 {
			continue // Who has not synced is out as soon as a timer gets to it.
		}
		c.ask(fmt.Sprintf("odd %d, the group", i), describe(req.Group))
		if ok && first.ErrorCode == 0 {
			c.ask(fmt.Sprintf("odd %d leaves", i), leave(req.Group, first.MemberID))
		}
	}
	c.ask("the group", describe("join-errors"))
}

// joined joins a group without recording, and gives the answer of the last join.
func (c *client) joined(group string, protocols ...string) *kmsg.JoinGroupResponse {
	first := c.quiet(join(group, "", protocols...)).(*kmsg.JoinGroupResponse)
	if codeName(first.ErrorCode) != "MEMBER_ID_REQUIRED" {
		c.fail("join without a member id: %s", codeName(first.ErrorCode))
	}
	return c.quiet(join(group, first.MemberID, protocols...)).(*kmsg.JoinGroupResponse)
}

func groupVersions(c *client) {
	for v := int16(0); v <= 9; v++ {
		group := fmt.Sprintf("every-version-%d", v)
		c.coordinator(group)
		step := func(name string) string { return fmt.Sprintf("%s, v%d", name, v) }
		at := func(req kmsg.Request, last int16) kmsg.Request {
			req.SetVersion(min(v, last))
			return req
		}
		resp, ok := c.ask(step("join"), at(join(group, "", "range", "roundrobin"), 9)).(*kmsg.JoinGroupResponse)
		if ok && codeName(resp.ErrorCode) == "MEMBER_ID_REQUIRED" {
			resp, ok = c.ask(step("join again"), at(join(group, resp.MemberID, "range", "roundrobin"), 9)).(*kmsg.JoinGroupResponse)
		}
		if !ok {
			c.fail("join was not answered")
		}
		member := resp.MemberID
		c.ask(step("heartbeat before the sync"), at(heartbeat(group, member, resp.Generation), 4))
		c.ask(step("sync"), at(syncGroup(group, member, resp.Generation, member, "assigned"), 5))
		c.ask(step("heartbeat"), at(heartbeat(group, member, resp.Generation), 4))
		c.ask(step("describe"), at(describe(group), 6))
		c.ask(step("commit"), func() kmsg.Request {
			req := offsetCommit(group, "every-version", map[int32]int64{0: 5})
			req.MemberID, req.Generation = member, resp.Generation
			req.SetVersion(max(2, min(v, 9)))
			return req
		}())
		c.ask(step("leave"), at(leave(group, member), 5))
		c.ask(step("describe the empty group"), at(describe(group), 6))
		c.ask(step("heartbeat after leaving"), at(heartbeat(group, member, resp.Generation), 4))
	}
}

// begin sends a request whose answer is read later.
func (c *client) begin(req kmsg.Request) {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.clientID))
	if err := c.write(formatter.AppendRequest(nil, req, c.last+1)); err != nil {
		c.fail("%v", err)
	}
}

// end reads the answer of begin's request and records it.
func (c *client) end(name string, req kmsg.Request) kmsg.Response {
	resp, err := c.read(req)
	c.script.recordAnswer(name, c.node, req, resp, err)
	return resp
}

func groupLife(c *client) {
	c.coordinator("life")
	a, b := c.other("a"), c.other("b")
	defer a.close()
	defer b.close()
	first := a.joined("life", "range", "roundrobin")
	c.ask("describe before the sync", describe("life"))
	a.ask("sync of the only member", syncGroup("life", first.MemberID, first.Generation, first.MemberID, "all"))
	a.ask("sync again", syncGroup("life", first.MemberID, first.Generation))
	id := b.quiet(join("life", "", "range")).(*kmsg.JoinGroupResponse).MemberID
	second := join("life", id, "range")
	b.begin(second)
	c.until("the group rebalances", describe("life"), func(r kmsg.Response) bool {
		return r.(*kmsg.DescribeGroupsResponse).Groups[0].State == "PreparingRebalance"
	})
	a.ask("heartbeat while it rebalances", heartbeat("life", first.MemberID, first.Generation))
	a.ask("sync while it rebalances", syncGroup("life", first.MemberID, first.Generation))
	a.ask("commit while it rebalances", memberCommit("life", first.MemberID, first.Generation))
	again := a.ask("the first joins again", join("life", first.MemberID, "range", "roundrobin")).(*kmsg.JoinGroupResponse)
	b.end("the second has joined", second)
	generation := again.Generation
	a.ask("commit before the sync", memberCommit("life", first.MemberID, generation))
	follower := syncGroup("life", id, generation)
	b.begin(follower)
	a.ask("the leader syncs", syncGroup("life", first.MemberID, generation, first.MemberID, "half", id, "other half"))
	b.end("the follower has synced", follower)
	c.ask("describe the stable group", describe("life"))
	a.ask("commit", memberCommit("life", first.MemberID, generation))
	b.ask("the follower joins again unchanged", join("life", id, "range"))
	a.ask("heartbeat of the old generation", heartbeat("life", first.MemberID, generation-1))
	a.ask("commit of the old generation", memberCommit("life", first.MemberID, generation-1))
	a.ask("sync of the old generation", syncGroup("life", first.MemberID, generation-1))
	b.ask("the follower leaves", leave("life", id))
	a.ask("heartbeat after that", heartbeat("life", first.MemberID, generation))
	alone := a.ask("the leader is alone", join("life", first.MemberID, "range")).(*kmsg.JoinGroupResponse)
	a.ask("the leader leaves", leave("life", alone.MemberID))
	c.ask("describe the empty group", describe("life"))
}

func memberCommit(group, member string, generation int32) *kmsg.OffsetCommitRequest {
	req := offsetCommit(group, "life", map[int32]int64{0: 1})
	req.MemberID, req.Generation = member, generation
	return req
}

func groupStatic(c *client) {
	c.coordinator("static")
	instance := func(req *kmsg.JoinGroupRequest, id string) *kmsg.JoinGroupRequest {
		req.InstanceID = &id
		return req
	}
	first := c.ask("join", instance(join("static", "", "range"), "one")).(*kmsg.JoinGroupResponse)
	synced := syncGroup("static", first.MemberID, first.Generation, first.MemberID, "all")
	synced.InstanceID = kmsg.StringPtr("one")
	c.ask("sync", synced)
	second := c.ask("the same instance without member id", instance(join("static", "", "range"), "one")).(*kmsg.JoinGroupResponse)
	c.ask("the old member joins", instance(join("static", first.MemberID, "range"), "one"))
	beat := heartbeat("static", second.MemberID, second.Generation)
	beat.InstanceID = kmsg.StringPtr("one")
	c.ask("heartbeat of the new member", beat)
	beat = heartbeat("static", first.MemberID, first.Generation)
	beat.InstanceID = kmsg.StringPtr("one")
	c.ask("heartbeat of the old member", beat)
	beat.InstanceID = kmsg.StringPtr("two")
	c.ask("heartbeat of an unknown instance", beat)
	commit := memberCommit("static", first.MemberID, first.Generation)
	commit.InstanceID = kmsg.StringPtr("one")
	c.ask("commit of the old member", commit)
	synced = syncGroup("static", first.MemberID, first.Generation)
	synced.InstanceID = kmsg.StringPtr("one")
	c.ask("sync of the old member", synced)
	c.ask("describe", describe("static"))
	gone := leave("static")
	for _, m := range []struct{ member, instance string }{{"", "two"}, {first.MemberID, "one"}, {"nobody", ""}, {"", "one"}} {
		entry := kmsg.LeaveGroupRequestMember{MemberID: m.member}
		if m.instance != "" {
			entry.InstanceID = &m.instance
		}
		gone.Members = append(gone.Members, entry)
	}
	c.ask("leave", gone)
	c.ask("describe the empty group", describe("static"))
}

func groupErrors(c *client) {
	c.coordinator("wrong")
	for _, group := range []string{"", "not there"} {
		name := fmt.Sprintf("group %q", group)
		c.each(name+", heartbeat", 0, 4, func(int16) kmsg.Request { return heartbeat(group, "m", 1) })
		c.each(name+", sync", 0, 5, func(int16) kmsg.Request { return syncGroup(group, "m", 1) })
		c.each(name+", leave", 0, 5, func(int16) kmsg.Request { return leave(group, "m") })
		c.each(name+", leave of nobody", 3, 5, func(int16) kmsg.Request { return leave(group) })
	}
	joined := c.joined("wrong", "range")
	c.quiet(syncGroup("wrong", joined.MemberID, joined.Generation, joined.MemberID, "all"))
	c.each("unknown member, heartbeat", 0, 4, func(int16) kmsg.Request { return heartbeat("wrong", "m", joined.Generation) })
	c.each("unknown member, sync", 0, 5, func(int16) kmsg.Request { return syncGroup("wrong", "m", joined.Generation) })
	c.each("unknown member, leave", 0, 5, func(int16) kmsg.Request { return leave("wrong", "m") })
	c.each("no member, heartbeat", 0, 4, func(int16) kmsg.Request { return heartbeat("wrong", "", joined.Generation) })
	for _, generation := range []int32{-1, 0, joined.Generation + 1} {
		c.each(fmt.Sprintf("generation %d, heartbeat", generation), 0, 4, func(int16) kmsg.Request { return heartbeat("wrong", joined.MemberID, generation) })
		c.each(fmt.Sprintf("generation %d, sync", generation), 0, 5, func(int16) kmsg.Request { return syncGroup("wrong", joined.MemberID, generation) })
	}
	for _, names := range [][2]*string{{nil, nil}, {kmsg.StringPtr("connect"), kmsg.StringPtr("range")}, {kmsg.StringPtr("consumer"), kmsg.StringPtr("other")}, {nil, kmsg.StringPtr("range")}, {kmsg.StringPtr(""), kmsg.StringPtr("")}} {
		req := syncGroup("wrong", joined.MemberID, joined.Generation)
		req.ProtocolType, req.Protocol = names[0], names[1]
		text := func(s *string) string {
			if s == nil {
				return "null"
			}
			return fmt.Sprintf("%q", *s)
		}
		c.ask(fmt.Sprintf("sync with protocol type %s and protocol %s", text(names[0]), text(names[1])), req)
	}
	c.each("leave of the member and others", 3, 5, func(v int16) kmsg.Request {
		gone := leave("wrong", "m", "", "m")
		gone.Members[1].InstanceID = kmsg.StringPtr("")
		return gone
	})
	c.ask("leave twice", leave("wrong", joined.MemberID, joined.MemberID))
	again := c.joined("wrong", "range")
	c.ask("sync with assignments to a stranger and twice to a member", syncGroup("wrong", again.MemberID, again.Generation, "stranger", "a", again.MemberID, "b", again.MemberID, "c"))
	c.ask("sync again", syncGroup("wrong", again.MemberID, again.Generation))
	c.ask("describe", describe("wrong"))
	c.ask("leave", leave("wrong", again.MemberID))
	bare := c.joined("wrong", "range")
	c.ask("sync without assignments", syncGroup("wrong", bare.MemberID, bare.Generation))
	c.ask("heartbeat after that", heartbeat("wrong", bare.MemberID, bare.Generation))
	c.ask("describe the members without assignments", describe("wrong"))
	c.ask("leave at last", leave("wrong", bare.MemberID))
}

func groupProtocols(c *client) {
	c.coordinator("protocols")
	member := c.joined("protocols", "range", "roundrobin")
	c.quiet(syncGroup("protocols", member.MemberID, member.Generation, member.MemberID, "all"))
	other := c.other("other")
	defer other.close()
	other.each("another protocol", 0, 9, func(int16) kmsg.Request { return join("protocols", "", "sticky") })
	other.each("another protocol type", 0, 9, func(int16) kmsg.Request {
		req := join("protocols", "", "range")
		req.ProtocolType = "connect"
		return req
	})
	c.ask("describe", describe("protocols"))
	c.ask("leave", leave("protocols", member.MemberID))
}

func offsetCommit(group, topic string, offsets map[int32]int64) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.SetVersion(9)
	req.Group, req.Generation, req.RetentionTimeMillis = group, -1, -1
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = topic
	for p := int32(-1); p < 10; p++ {
		if offset, ok := offsets[p]; ok {
			part := kmsg.NewOffsetCommitRequestTopicPartition()
			part.Partition, part.Offset, part.Metadata = p, offset, kmsg.StringPtr("meta")
			t.Partitions = append(t.Partitions, part)
		}
	}
	req.Topics = append(req.Topics, t)
	return req
}

// offsetFetch asks for offsets of one group in both forms of the request.
func offsetFetch(group, topic string, id [16]byte, partitions ...int32) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.SetVersion(9)
	req.Group = group
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.MemberEpoch = group, -1
	if topic != "" {
		req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: partitions}}
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.TopicID, t.Partitions = topic, id, partitions
		g.Topics = append(g.Topics, t)
	}
	req.Groups = append(req.Groups, g)
	return req
}

func offsetsSimple(c *client) {
	id := c.create("simple", 3)
	c.coordinator("simple-group")
	for v := int16(1); v <= 11; v++ {
		req := offsetCommit("simple-group", "simple", map[int32]int64{0: int64(v), 1: 0})
		req.Topics[0].TopicID = id
		req.Topics[0].Partitions[0].LeaderEpoch = int32(v)
		req.SetVersion(v)
		c.ask(fmt.Sprintf("commit, v%d", v), req)
		c.each(fmt.Sprintf("fetch after the commit in v%d", v), 1, 10, func(int16) kmsg.Request { return offsetFetch("simple-group", "simple", id, 0, 1, 2) })
	}
	c.each("fetch all", 2, 10, func(int16) kmsg.Request { return offsetFetch("simple-group", "", id) })
	c.each("fetch nothing", 1, 10, func(int16) kmsg.Request {
		req := offsetFetch("simple-group", "", id)
		req.Topics, req.Groups[0].Topics = []kmsg.OffsetFetchRequestTopic{}, []kmsg.OffsetFetchRequestGroupTopic{}
		return req
	})
	c.each("fetch stable", 7, 10, func(int16) kmsg.Request {
		req := offsetFetch("simple-group", "simple", id, 0)
		req.RequireStable = true
		return req
	})
	empty := offsetCommit("simple-group", "simple", map[int32]int64{2: 5})
	empty.Topics[0].Partitions[0].Metadata = nil
	c.ask("commit without metadata", empty)
	c.ask("fetch without metadata", offsetFetch("simple-group", "simple", id, 2))
	c.ask("commit nothing", offsetCommit("simple-group", "simple", nil))
	c.ask("commit no topics", &kmsg.OffsetCommitRequest{Version: 9, Group: "simple-group", Generation: -1})
	c.ask("describe", describe("simple-group"))
	c.ask("delete", &kmsg.DeleteGroupsRequest{Version: 2, Groups: []string{"simple-group"}})
}

func offsetCommitErrors(c *client) {
	id := c.create("commit-errors", 1)
	c.coordinator("commit-errors-group")
	for _, test := range []struct {
		name   string
		change func(*kmsg.OffsetCommitRequest)
	}{
		{"unknown topic", func(r *kmsg.OffsetCommitRequest) {
			r.Topics[0].Topic, r.Topics[0].TopicID = "commit-unknown", [16]byte{1}
		}},
		{"the zero id", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].TopicID = [16]byte{} }},
		{"unknown partition", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Partition = 7 }},
		{"partition -1", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Partition = -1 }},
		{"offset -1", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Offset = -1 }},
		{"offset -5", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Offset = -5 }},
		{"the largest offset", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Offset = math.MaxInt64 }},
		{"too much metadata", func(r *kmsg.OffsetCommitRequest) {
			r.Topics[0].Partitions[0].Metadata = kmsg.StringPtr(strings.Repeat("m", 4097))
		}},
		{"much metadata", func(r *kmsg.OffsetCommitRequest) {
			r.Topics[0].Partitions[0].Metadata = kmsg.StringPtr(strings.Repeat("m", 4096))
		}},
		{"no group", func(r *kmsg.OffsetCommitRequest) { r.Group = "" }},
		{"generation 1 of no group", func(r *kmsg.OffsetCommitRequest) { r.Group, r.Generation, r.MemberID = "commit-new", 1, "m" }},
		{"generation 1 of an empty group", func(r *kmsg.OffsetCommitRequest) { r.Generation, r.MemberID = 1, "m" }},
		{"a member without generation", func(r *kmsg.OffsetCommitRequest) { r.MemberID = "m" }},
		{"generation 0", func(r *kmsg.OffsetCommitRequest) { r.Generation = 0 }},
		{"a leader epoch of -2", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].LeaderEpoch = -2 }},
		{"a retention of 1 ms", func(r *kmsg.OffsetCommitRequest) { r.RetentionTimeMillis = 1 }},
		{"a partition twice", func(r *kmsg.OffsetCommitRequest) {
			r.Topics[0].Partitions = append(r.Topics[0].Partitions, r.Topics[0].Partitions[0])
		}},
		{"a topic twice", func(r *kmsg.OffsetCommitRequest) { r.Topics = append(r.Topics, r.Topics[0]) }},
		{"a topic without partitions", func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions = nil }},
		{"an unknown topic without partitions", func(r *kmsg.OffsetCommitRequest) {
			r.Topics[0].Topic, r.Topics[0].TopicID, r.Topics[0].Partitions = "commit-unknown", [16]byte{1}, nil
		}},
	} {
		c.each(test.name, 2, 10, func(int16) kmsg.Request {
			req := offsetCommit("commit-errors-group", "commit-errors", map[int32]int64{0: 1})
			req.Topics[0].TopicID = id
			test.change(req)
			return req
		})
	}
	member := c.joined("commit-errors-group", "range")
	c.ask("without a member while there is one", offsetCommit("commit-errors-group", "commit-errors", map[int32]int64{0: 1}))
	c.ask("an unknown member", func() kmsg.Request {
		req := offsetCommit("commit-errors-group", "commit-errors", map[int32]int64{0: 1})
		req.MemberID, req.Generation = "m", member.Generation
		return req
	}())
	c.ask("leave", leave("commit-errors-group", member.MemberID))
}

func offsetFetchErrors(c *client) {
	id := c.create("offset-fetch", 2)
	c.coordinator("offset-fetch-group")
	c.each("an unknown group", 1, 10, func(int16) kmsg.Request { return offsetFetch("offset-fetch-none", "offset-fetch", id, 0) })
	c.each("an unknown group, all", 2, 10, func(int16) kmsg.Request { return offsetFetch("offset-fetch-none", "", id) })
	c.each("no group", 1, 10, func(int16) kmsg.Request { return offsetFetch("", "offset-fetch", id, 0) })
	c.quiet(offsetCommit("offset-fetch-group", "offset-fetch", map[int32]int64{0: 1}))
	c.each("an unknown topic", 1, 10, func(int16) kmsg.Request { return offsetFetch("offset-fetch-group", "offset-unknown", [16]byte{1}, 0) })
	c.each("an unknown partition", 1, 10, func(int16) kmsg.Request { return offsetFetch("offset-fetch-group", "offset-fetch", id, 0, 9, -1) })
	c.each("several groups", 8, 10, func(int16) kmsg.Request {
		req := offsetFetch("offset-fetch-group", "offset-fetch", id, 0)
		req.Groups = append(req.Groups, offsetFetch("offset-fetch-none", "offset-fetch", id, 0).Groups...)
		req.Groups = append(req.Groups, offsetFetch("offset-fetch-group", "", id).Groups...)
		return req
	})
	c.each("a partition twice", 1, 10, func(int16) kmsg.Request { return offsetFetch("offset-fetch-group", "offset-fetch", id, 0, 0) })
	c.each("a topic twice", 1, 10, func(int16) kmsg.Request {
		req := offsetFetch("offset-fetch-group", "offset-fetch", id, 0)
		req.Topics = append(req.Topics, req.Topics[0])
		req.Groups[0].Topics = append(req.Groups[0].Topics, req.Groups[0].Topics[0])
		return req
	})
	c.each("a topic without partitions", 1, 10, func(int16) kmsg.Request { return offsetFetch("offset-fetch-group", "offset-fetch", id) })
	c.each("no groups", 8, 10, func(int16) kmsg.Request { return &kmsg.OffsetFetchRequest{} })
	for _, epoch := range []int32{-1, 0, 5} {
		c.each(fmt.Sprintf("a member and epoch %d", epoch), 9, 10, func(int16) kmsg.Request {
			req := offsetFetch("offset-fetch-group", "offset-fetch", id, 0)
			req.Groups[0].MemberID, req.Groups[0].MemberEpoch = kmsg.StringPtr("m"), epoch
			return req
		})
	}
}

func offsetDelete(c *client) {
	c.create("offset-delete", 3)
	c.coordinator("offset-delete-group")
	request := func(group, topic string, partitions ...int32) *kmsg.OffsetDeleteRequest {
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = group
		t := kmsg.NewOffsetDeleteRequestTopic()
		t.Topic = topic
		for _, p := range partitions {
			t.Partitions = append(t.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: p})
		}
		req.Topics = append(req.Topics, t)
		return req
	}
	c.ask("an unknown group", request("offset-delete-none", "offset-delete", 0))
	c.ask("no group", request("", "offset-delete", 0))
	c.quiet(offsetCommit("offset-delete-group", "offset-delete", map[int32]int64{0: 1, 1: 2, 2: 3}))
	c.ask("one", request("offset-delete-group", "offset-delete", 0))
	c.ask("it again", request("offset-delete-group", "offset-delete", 0))
	c.ask("unknown partition", request("offset-delete-group", "offset-delete", 9))
	c.ask("unknown topic", request("offset-delete-group", "offset-delete-unknown", 0))
	c.ask("no topics", &kmsg.OffsetDeleteRequest{Group: "offset-delete-group"})
	c.ask("a topic without partitions", request("offset-delete-group", "offset-delete"))
	c.ask("a partition twice", request("offset-delete-group", "offset-delete", 2, 2))
	c.ask("partition -1", request("offset-delete-group", "offset-delete", -1))
	mixed := request("offset-delete-group", "offset-delete", 0, 9, 1)
	mixed.Topics = append(mixed.Topics, request("", "offset-delete-unknown", 0, 1).Topics[0])
	c.ask("partitions that are there and others", mixed)
	c.quiet(offsetCommit("offset-delete-group", "offset-delete", map[int32]int64{2: 3}))
	member := c.quiet(join("offset-delete-group", c.quiet(join("offset-delete-group", "", "range")).(*kmsg.JoinGroupResponse).MemberID, "range")).(*kmsg.JoinGroupResponse)
	c.quiet(syncGroup("offset-delete-group", member.MemberID, member.Generation, member.MemberID, ""))
	c.ask("of a stable group that does not subscribe", request("offset-delete-group", "offset-delete", 1))
	c.ask("fetch", offsetFetch("offset-delete-group", "", [16]byte{}))
	c.quiet(offsetCommit("offset-delete-simple", "offset-delete", map[int32]int64{0: 1}))
	c.ask("the last one", request("offset-delete-simple", "offset-delete", 0))
	c.ask("after the last one", describe("offset-delete-simple"))
}

func offsetDeleteSubscribed(c *client) {
	c.create("delete-subscribed", 2)
	c.create("delete-other", 2)
	ask := func(name, group string, partitions ...int32) {
		for _, topic := range []string{"delete-subscribed", "delete-other", "delete-unknown"} {
			for _, p := range partitions {
				req := kmsg.NewPtrOffsetDeleteRequest()
				req.Group = group
				t := kmsg.NewOffsetDeleteRequestTopic()
				t.Topic, t.Partitions = topic, []kmsg.OffsetDeleteRequestTopicPartition{{Partition: p}}
				req.Topics = append(req.Topics, t)
				c.ask(fmt.Sprintf("%s, %s-%d", name, topic, p), req)
			}
		}
	}
	commit := func(group string) {
		c.quiet(offsetCommit(group, "delete-subscribed", map[int32]int64{0: 1, 1: 2}))
		c.quiet(offsetCommit(group, "delete-other", map[int32]int64{0: 3, 1: 4}))
	}
	// enter makes a member of a group whose protocols have this metadata.
	enter := func(group, protocolType string, metadata []byte) *kmsg.JoinGroupResponse {
		first := c.quiet(join(group, "", "range")).(*kmsg.JoinGroupResponse)
		req := join(group, first.MemberID, "range", "sticky")
		req.ProtocolType = protocolType
		for i := range req.Protocols {
			req.Protocols[i].Metadata = metadata
		}
		return c.quiet(req).(*kmsg.JoinGroupResponse)
	}
	old := subscription("delete-subscribed")
	old[1] = 0
	for _, kind := range []struct {
		name         string
		protocolType string
		metadata     []byte
	}{
		{"subscribed", "consumer", subscription("delete-subscribed")},
		{"subscribed to both", "consumer", subscription("delete-subscribed", "delete-other")},
		{"subscribed to none", "consumer", subscription()},
		{"subscribed to a topic that is not there", "consumer", subscription("delete-unknown")},
		{"a newer version", "consumer", append([]byte{0, 99}, subscription("delete-subscribed")[2:]...)},
		{"version 0", "consumer", old},
		{"metadata that is none", "consumer", []byte("none")},
		{"empty metadata", "consumer", nil},
		{"another type", "connect", subscription("delete-subscribed")},
	} {
		group := "delete-" + strings.ReplaceAll(kind.name, " ", "-")
		c.coordinator(group)
		commit(group)
		member := enter(group, kind.protocolType, kind.metadata)
		c.ask(kind.name+", a heartbeat", &kmsg.HeartbeatRequest{Version: 4, Group: group, MemberID: member.MemberID, Generation: member.Generation})
		ask(kind.name+", while it rebalances", group, 0)
		sync := syncGroup(group, member.MemberID, member.Generation, member.MemberID, "")
		sync.ProtocolType = kmsg.StringPtr(kind.protocolType)
		c.quiet(sync)
		ask(kind.name+", stable", group, 0, 1, 9, -1)
		c.ask(kind.name+", what is left", offsetFetch(group, "", [16]byte{}))
		c.quiet(leave(group, member.MemberID))
		ask(kind.name+", when the member has left", group, 0, 1, 9)
		c.ask(kind.name+", what is left then", offsetFetch(group, "", [16]byte{}))
	}
}

func describeGroups(c *client) {
	c.coordinator("listed")
	c.quiet(offsetCommit("listed-simple", "listed", map[int32]int64{0: 1}))
	member := c.joined("listed", "range")
	c.quiet(syncGroup("listed", member.MemberID, member.Generation, member.MemberID, "x"))
	c.each("describe", 0, 6, func(int16) kmsg.Request { return describe("listed", "listed-simple", "listed-not", "") })
	c.each("describe a group twice", 0, 6, func(int16) kmsg.Request { return describe("listed", "listed") })
	c.each("describe with operations", 3, 6, func(int16) kmsg.Request {
		req := describe("listed", "listed-not")
		req.IncludeAuthorizedOperations = true
		return req
	})
	c.each("describe nothing", 0, 6, func(int16) kmsg.Request { return describe() })
	c.each("list", 0, 5, func(int16) kmsg.Request { return &kmsg.ListGroupsRequest{} })
	for _, states := range [][]string{{"Stable"}, {"stable"}, {"Empty"}, {"Empty", "Stable"}, {"Nonsense"}, {""}} {
		c.each(fmt.Sprintf("list %v", states), 4, 5, func(int16) kmsg.Request { return &kmsg.ListGroupsRequest{StatesFilter: states} })
	}
	for _, types := range [][]string{{"classic"}, {"Classic"}, {"consumer"}, {"share"}, {"nonsense"}, {"classic", "consumer"}} {
		c.each(fmt.Sprintf("list types %v", types), 5, 5, func(int16) kmsg.Request { return &kmsg.ListGroupsRequest{TypesFilter: types} })
	}
	c.ask("leave", leave("listed", member.MemberID))
}

func deleteGroups(c *client) {
	c.coordinator("deleted")
	member := c.joined("deleted", "range")
	request := func(groups ...string) *kmsg.DeleteGroupsRequest {
		req := kmsg.NewPtrDeleteGroupsRequest()
		req.Groups = groups
		return req
	}
	c.each("a group with members", 0, 3, func(int16) kmsg.Request { return request("deleted") })
	c.each("unknown groups", 0, 3, func(int16) kmsg.Request { return request("deleted-not", "") })
	c.each("no groups", 0, 3, func(int16) kmsg.Request { return request() })
	c.ask("leave", leave("deleted", member.MemberID))
	c.ask("an empty group", request("deleted"))
	c.ask("once more", request("deleted"))
	c.ask("a group twice", request("deleted-twice", "deleted-twice"))
	c.ask("describe", describe("deleted"))
}
