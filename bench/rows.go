package main

import "slices"

// groups of rows, in the order in which they run.
const (
	groupProduce    = "produce"
	groupFetch      = "fetch"
	groupRequests   = "requests"
	groupFlush      = "flush"
	groupEndToEnd   = "e2e"
	groupStart      = "start"
	groupIdle       = "idle"
	groupPartitions = "partitions"
	groupMembers    = "groups"
)

// row is one line of the table.
type row struct {
	group string
	// metric is its name in the raw data.
	metric string
	title  string
	unit   string
	target target
}

// target is what Moldau has to reach.
type target struct {
	// times is how many times better than Apache Kafka; 0 is no such target.
	times float64
	// most is the largest value allowed; 0 is no such target.
	most float64
	// higher says that more is better.
	higher bool
}

// rows is the table.
var rows = []row{
	{groupProduce, "produce-8", "broker CPU per GB produced: 1 KiB records, 64 KiB batches, acks=all, 8 partitions", "s/GB", target{times: 4}},
	{groupProduce, "produce-64", "the same, 64 partitions", "s/GB", target{times: 4}},
	{groupFetch, "fetch-1", "broker CPU per GB fetched, hot: 1 consumer", "s/GB", target{times: 1.5}},
	{groupFetch, "fetch-8", "the same, 8 consumers", "s/GB", target{times: 1.5}},
	{groupFetch, "fetch-100", "the same, 100 consumers", "s/GB", target{times: 1.5}},
	{groupRequests, "requests-1", "one-record produce requests (100 B, acks=all) per CPU-second: 1 connection", "1/s", target{times: 3, higher: true}},
	{groupRequests, "requests-100", "the same, 100 connections", "1/s", target{times: 3, higher: true}},
	{groupRequests, "requests-1000", "the same, 1,000 connections", "1/s", target{times: 3, higher: true}},
	{groupRequests, "requests-1-p50", "their p50 at 1 connection", "µs", target{times: 2}},
	{groupFlush, "flush", "flush.messages=1, 64 connections on 8 partitions, 100 B: requests per second", "1/s", target{times: 8, higher: true}},
	{groupEndToEnd, "e2e-10000-p99", "end to end at 10,000 records/s of 1 KiB: p99", "ms", target{times: 5}},
	{groupEndToEnd, "e2e-10000-p99.9", "the same: p99.9", "ms", target{times: 10}},
	{groupEndToEnd, "e2e-30000-p99", "end to end at 30,000 records/s: p99", "ms", target{times: 5}},
	{groupEndToEnd, "e2e-30000-p99.9", "the same: p99.9", "ms", target{times: 10}},
	{groupStart, "start", "exec to the first acknowledged produce", "ms", target{most: 100}},
	{groupIdle, "idle-rss", "idle: resident memory", "MiB", target{most: 32}},
	{groupIdle, "idle-cpu", "idle: CPU", "% of a core", target{most: 0.3}},
	{groupPartitions, "partitions-create", "1,000 topics of 10 partitions created, and one record in each", "s", target{most: 5}},
	{groupPartitions, "partitions-rss", "with them: resident memory", "MiB", target{most: 150}},
	{groupPartitions, "partitions-stop", "with them: clean stop", "s", target{most: 2}},
	{groupPartitions, "partitions-restart", "with them: restart after a clean stop until all answer", "s", target{most: 2}},
	{groupPartitions, "partitions-killed", "with them: restart after kill -9 until all answer", "s", target{most: 4}},
	{groupMembers, "groups-restart", "100 classic groups of 5 members: all stable after a restart of the broker", "s", target{times: 2}},
}

// groupNames are the names of all groups.
func groupNames() []string {
	var names []string
	for _, r := range rows {
		if !slices.Contains(names, r.group) {
			names = append(names, r.group)
		}
	}
	return names
}
