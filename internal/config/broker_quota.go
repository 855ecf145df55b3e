package config

import (
	"math"
	"time"
)

// quotaKeys are the keys of the windows over which quotas are measured.
var quotaKeys = []Key{
	{
		Name: "quota.window.num", Type: Int, Default: int32(11), Valid: atLeast(1), Importance: Low,
		Doc: "How many windows client quotas are measured over.",
	},
	{
		Name: "replication.quota.window.num", Type: Int, Default: int32(11), Valid: atLeast(1), Importance: Low,
		Doc: "How many windows throttles of replication are measured over.",
	},
	{
		Name: "alter.log.dirs.replication.quota.window.num", Type: Int, Default: int32(11), Valid: atLeast(1), Importance: Low,
		Doc: "How many windows the throttle of moves between log directories is measured over.",
	},
	{
		Name: "controller.quota.window.num", Type: Int, Default: int32(11), Valid: atLeast(1), Importance: Low,
		Doc: "How many windows quotas on changes by the controller are measured over.",
	},
	{
		Name: "quota.window.size.seconds", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Low,
		Doc: "The length, in seconds, of a window of client quotas.",
	},
	{
		Name: "replication.quota.window.size.seconds", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Low,
		Doc: "The length, in seconds, of a window of replication throttles.",
	},
	{
		Name: "alter.log.dirs.replication.quota.window.size.seconds", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Low,
		Doc: "The length, in seconds, of a window of the throttle of moves between log directories.",
	},
	{
		Name: "controller.quota.window.size.seconds", Type: Int, Default: int32(1), Valid: atLeast(1), Importance: Low,
		Doc: "The length, in seconds, of a window of quotas on changes by the controller.",
	},
	{
		Name: "client.quota.callback.class", Type: Class, Importance: Low,
		Doc: "The class that decides which quota holds for a client. Not set means by user and client id.",
	},
}

// dynamicQuotaKeys throttle replication; they are dynamic only.
var dynamicQuotaKeys = []Key{
	{
		Name: "leader.replication.throttled.rate", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes per second this broker sends at most as the leader of the replicas that a topic marks as throttled.",
	},
	{
		Name: "follower.replication.throttled.rate", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes per second this broker reads at most as a follower for the replicas that a topic marks as throttled.",
	},
	{
		Name: "replica.alter.log.dirs.io.max.bytes.per.second", Type: Long, Default: int64(math.MaxInt64), Valid: atLeast(0), Importance: Medium, Dynamic: ClusterWide,
		Doc: "How many bytes per second moves between this broker's log directories copy at most.",
	},
}

// QuotaSettings are the values of these keys as Broker has them; each field is
// named for its key. Times keep negative values as they are given.
type QuotaSettings struct {
	QuotaWindowNum                         int           // quota.window.num
	ReplicationQuotaWindowNum              int           // replication.quota.window.num
	AlterLogDirsReplicationQuotaWindowNum  int           // alter.log.dirs.replication.quota.window.num
	ControllerQuotaWindowNum               int           // controller.quota.window.num
	QuotaWindowSize                        time.Duration // quota.window.size.seconds
	ReplicationQuotaWindowSize             time.Duration // replication.quota.window.size.seconds
	AlterLogDirsReplicationQuotaWindowSize time.Duration // alter.log.dirs.replication.quota.window.size.seconds
	ControllerQuotaWindowSize              time.Duration // controller.quota.window.size.seconds
}

func quotaSettings(v values) QuotaSettings {
	return QuotaSettings{
		QuotaWindowNum:                         v.int("quota.window.num"),
		ReplicationQuotaWindowNum:              v.int("replication.quota.window.num"),
		AlterLogDirsReplicationQuotaWindowNum:  v.int("alter.log.dirs.replication.quota.window.num"),
		ControllerQuotaWindowNum:               v.int("controller.quota.window.num"),
		QuotaWindowSize:                        v.duration("quota.window.size.seconds", time.Second),
		ReplicationQuotaWindowSize:             v.duration("replication.quota.window.size.seconds", time.Second),
		AlterLogDirsReplicationQuotaWindowSize: v.duration("alter.log.dirs.replication.quota.window.size.seconds", time.Second),
		ControllerQuotaWindowSize:              v.duration("controller.quota.window.size.seconds", time.Second),
	}
}
