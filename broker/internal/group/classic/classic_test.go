package classic_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/broker/internal/coordinator"
	"moldau.dev/moldau/broker/internal/group/classic"
)

// script plays one group: requests come in, time passes, records are written.
type script struct {
	now     time.Time
	env     *classic.Env
	group   *classic.Group
	ids     int
	stores  []*classic.Store
	holding bool
	last    *kmsg.GroupMetadataValue
	out     strings.Builder
}

func newScript() *script {
	s := &script{now: time.Unix(1000, 0)}
	s.env = &classic.Env{
		InitialRebalanceDelay: 3 * time.Second,
		MaxSize:               1000,
		Timers:                coordinator.NewTimers[classic.TimerKey](),
		UniqueSuffix:          func() string { s.ids++; return strconv.Itoa(s.ids) },
		Logger:                slog.New(slog.DiscardHandler),
	}
	s.group = classic.NewGroup(s.now, "g", s.env)
	return s
}

// TestScripts runs testdata/scripts. The commands, with the name of a request first:
//
//	join a [member=] [instance=] [version=9] [protocols=range:x,rr:y] [session=10s] [rebalance=60s] [type=consumer]
//	sync a member= generation= [assign=m1:x,m2:y]
//	heartbeat member= generation= [instance=]
//	leave [member=] [instance=]
//	commit [member=] [generation=-1] [instance=] [txn]
//	advance 3s                  time passes, timers fire
//	hold                        records are not written until
//	stored [err=NOT_COORDINATOR]  all held records are written, or none
//	max-size 2
//	failover                    the group is restored from its last record
//	kill                        the coordinator moves
//	describe
//
// Every command prints the answers given meanwhile, then the group's state.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := newScript()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			s.command(t, d)
			fmt.Fprintf(&s.out, "%v generation=%d members=%d\n", s.group.State(), s.group.Generation(), s.group.Size())
			return s.out.String()
		})
	})
}

func (s *script) command(t *testing.T, d *datadriven.TestData) {
	switch d.Cmd {
	case "join":
		s.join(t, d)
	case "sync":
		s.sync(t, d)
	case "heartbeat":
		req := kmsg.NewPtrHeartbeatRequest()
		req.MemberID, req.Generation, req.InstanceID = arg(d, "member", ""), int32(number(t, d, "generation", 0)), instance(d)
		s.printf("%s\n", name(s.group.Heartbeat(s.now, req)))
	case "leave":
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID, m.InstanceID = arg(d, "member", ""), instance(d)
		answers, store := s.group.Leave(s.now, []kmsg.LeaveGroupRequestMember{m})
		s.printf("%s\n", name(errorOf(answers[0].ErrorCode)))
		s.store(store)
	case "commit":
		generation := int32(number(t, d, "generation", -1))
		s.printf("%s\n", name(s.group.ValidateCommit(arg(d, "member", ""), instance(d), generation, d.HasArg("txn"))))
	case "advance":
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.advance(by)
	case "hold":
		s.holding = true
	case "stored":
		s.stored(d)
	case "max-size":
		s.env.MaxSize, _ = strconv.Atoi(d.CmdArgs[0].Key)
	case "failover":
		s.group.Kill(s.now, kerr.NotCoordinator)
		s.env.Timers = coordinator.NewTimers[classic.TimerKey]()
		s.group = classic.FromRecord("g", s.last, s.env)
		s.group.StartSessions(s.now)
		s.store(s.group.RebalanceIfOverCapacity(s.now))
	case "kill":
		s.group.Kill(s.now, kerr.NotCoordinator)
		s.printf("%d timers\n", s.env.Timers.Len())
	case "describe":
		g := s.group.Describe()
		s.printf("%s %s %s\n", g.State, g.ProtocolType, g.Protocol)
		for _, m := range g.Members {
			s.printf("  %s %q %s metadata=%q assignment=%q\n", m.MemberID, orNil(m.InstanceID), m.ClientHost, m.ProtocolMetadata, m.MemberAssignment)
		}
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
}

func (s *script) join(t *testing.T, d *datadriven.TestData) {
	label := d.CmdArgs[0].Key
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = int16(number(t, d, "version", 9))
	req.Group, req.MemberID, req.InstanceID = "g", arg(d, "member", ""), instance(d)
	req.ProtocolType = arg(d, "type", "consumer")
	req.SessionTimeoutMillis = int32(duration(t, d, "session", "10s").Milliseconds())
	req.RebalanceTimeoutMillis = int32(duration(t, d, "rebalance", "60s").Milliseconds())
	for _, p := range strings.Split(arg(d, "protocols", "range"), "+") {
		protocol := kmsg.NewJoinGroupRequestProtocol()
		var metadata string
		protocol.Name, metadata, _ = strings.Cut(p, ":")
		protocol.Metadata = []byte(metadata)
		req.Protocols = append(req.Protocols, protocol)
	}
	answered := false
	s.store(s.group.Join(s.now, classic.Client{ID: label, Host: "/host"}, req, func(resp *kmsg.JoinGroupResponse) {
		if answered {
			t.Errorf("join %s is answered twice", label)
		}
		answered = true
		s.printf("%s: join %s member=%s", label, name(errorOf(resp.ErrorCode)), resp.MemberID)
		if resp.ErrorCode == 0 {
			s.printf(" generation=%d protocol=%s leader=%s", resp.Generation, orNil(resp.Protocol), resp.LeaderID)
			if resp.SkipAssignment {
				s.printf(" skip")
			}
			for _, m := range resp.Members {
				s.printf(" [%s %s %s]", m.MemberID, orNil(m.InstanceID), m.ProtocolMetadata)
			}
		}
		s.printf("\n")
	}))
}

func (s *script) sync(t *testing.T, d *datadriven.TestData) {
	label := d.CmdArgs[0].Key
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.InstanceID = "g", arg(d, "member", ""), instance(d)
	req.Generation = int32(number(t, d, "generation", 0))
	if p := arg(d, "protocol", ""); p != "" {
		req.Protocol = &p
	}
	if assign := arg(d, "assign", ""); assign != "" {
		for _, a := range strings.Split(assign, "+") {
			assignment := kmsg.NewSyncGroupRequestGroupAssignment()
			var work string
			assignment.MemberID, work, _ = strings.Cut(a, ":")
			assignment.MemberAssignment = []byte(work)
			req.GroupAssignment = append(req.GroupAssignment, assignment)
		}
	}
	answered := false
	s.store(s.group.Sync(s.now, req, func(resp *kmsg.SyncGroupResponse) {
		if answered {
			t.Errorf("sync %s is answered twice", label)
		}
		answered = true
		s.printf("%s: sync %s assignment=%q\n", label, name(errorOf(resp.ErrorCode)), resp.MemberAssignment)
	}))
}

func (s *script) advance(by time.Duration) {
	end := s.now.Add(by)
	for {
		at, ok := s.env.Timers.Next()
		if !ok || at.After(end) {
			break
		}
		if at.After(s.now) {
			s.now = at
		}
		key, _ := s.env.Timers.Pop(s.now)
		s.store(s.group.Expire(s.now, key))
	}
	s.now = end
}

// store has a record written at once, unless held.
func (s *script) store(store *classic.Store) {
	if store == nil {
		return
	}
	s.printf("store generation=%d members=%d\n", store.Value.Generation, len(store.Value.Members))
	if s.holding {
		s.stores = append(s.stores, store)
		return
	}
	s.last = store.Value
	if store.Done != nil {
		store.Done(s.now, nil)
	}
}

func (s *script) stored(d *datadriven.TestData) {
	var err error
	if code := arg(d, "err", ""); code != "" {
		err = map[string]error{"NOT_COORDINATOR": kerr.NotCoordinator, "NOT_ENOUGH_REPLICAS": kerr.NotEnoughReplicas}[code]
	}
	stores := s.stores
	s.stores, s.holding = nil, false
	for _, store := range stores {
		if err == nil {
			s.last = store.Value
		}
		store.Done(s.now, err)
	}
}

func (s *script) printf(format string, args ...any) { fmt.Fprintf(&s.out, format, args...) }

func arg(d *datadriven.TestData, key, otherwise string) string {
	for _, a := range d.CmdArgs {
		if a.Key == key && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return otherwise
}

func instance(d *datadriven.TestData) *string {
	if i := arg(d, "instance", ""); i != "" {
		return &i
	}
	return nil
}

func number(t *testing.T, d *datadriven.TestData, key string, otherwise int) int {
	n, err := strconv.Atoi(arg(d, key, strconv.Itoa(otherwise)))
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return n
}

func duration(t *testing.T, d *datadriven.TestData, key, otherwise string) time.Duration {
	v, err := time.ParseDuration(arg(d, key, otherwise))
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return v
}

func errorOf(code int16) *kerr.Error {
	if code == 0 {
		return nil
	}
	return kerr.TypedErrorForCode(code)
}

func name(err *kerr.Error) string {
	if err == nil {
		return "ok"
	}
	return err.Message
}

func orNil(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}
