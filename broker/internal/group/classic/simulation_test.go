package classic_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"moldau.dev/moldau/broker/internal/group/classic"
)

// simMember is a client of the simulated group.
type simMember struct {
	name       string
	instance   *string
	id         string
	generation int32
	leads      []string // the members to assign to, while it leads.
	asking     bool
	synced     int32 // the last generation it has synced.
	assignment string
}

// simulation plays random members against one group, with writes that take
// their time or fail.
type simulation struct {
	*script
	t       *rapid.T
	members []*simMember
	open    int
	// assigned has, by generation, what was stored.
	assigned map[int32]map[string]string
	highest  int32
}

// TestSimulation checks: every request is answered exactly once; generations
// only grow; an assignment is only given out as it was stored, to members of
// that generation; at rest, a group with members becomes stable.
func TestSimulation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &simulation{script: newScript(), t: t, assigned: make(map[int32]map[string]string)}
		s.env.MaxSize = rapid.IntRange(1, 6).Draw(t, "max size")
		s.holding = true
		for i := range rapid.IntRange(1, 5).Draw(t, "members") {
			m := &simMember{name: fmt.Sprint("m", i)}
			if rapid.Bool().Draw(t, "static") {
				m.instance = kmsg.StringPtr(fmt.Sprint("i", i))
			}
			s.members = append(s.members, m)
		}
		t.Repeat(map[string]func(*rapid.T){
			"join":      func(t *rapid.T) { s.join(s.pick(t), rapid.SampledFrom([]string{"", "x"}).Draw(t, "metadata")) },
			"sync":      func(t *rapid.T) { s.sync(s.pick(t)) },
			"restart":   func(t *rapid.T) { m := s.pick(t); m.id, m.leads, m.asking = "", nil, false },
			"heartbeat": func(t *rapid.T) { s.heartbeat(s.pick(t)) },
			"leave":     func(t *rapid.T) { s.leave(s.pick(t)) },
			"write":     func(t *rapid.T) { s.write(rapid.IntRange(0, 9).Draw(t, "luck") > 0) },
			"time":      func(t *rapid.T) { s.pass(time.Duration(rapid.IntRange(0, 15000).Draw(t, "ms")) * time.Millisecond) },
			"":          func(*rapid.T) { s.check() },
		})
		s.settle()
	})
}

func (s *simulation) pick(t *rapid.T) *simMember {
	return rapid.SampledFrom(s.members).Draw(t, "member")
}

func (s *simulation) check() {
	if g := s.group.Generation(); g < s.highest {
		s.t.Fatalf("generation went from %d to %d", s.highest, g)
	}
	s.highest = s.group.Generation()
}

// once wraps a reply to see that it is called exactly once.
func (s *simulation) once(what string) func() {
	answered := false
	s.open++
	return func() {
		if answered {
			s.t.Fatalf("%s is answered twice", what)
		}
		answered = true
		s.open--
	}
}

func (s *simulation) join(m *simMember, metadata string) {
	if m.asking {
		return
	}
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = 9
	req.Group, req.MemberID, req.InstanceID, req.ProtocolType = "g", m.id, m.instance, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10000, 20000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", []byte(metadata)
	req.Protocols = append(req.Protocols, p)
	m.asking = true
	done := s.once("a join of " + m.name)
	s.keep(s.group.Join(s.now, classic.Client{ID: m.name}, req, func(resp *kmsg.JoinGroupResponse) {
		done()
		if m.id != req.MemberID {
			return // it was restarted meanwhile.
		}
		m.asking = false
		switch err := kerr.ErrorForCode(resp.ErrorCode); {
		case err == nil:
			m.id, m.generation, m.leads = resp.MemberID, resp.Generation, nil
			if resp.LeaderID == m.id && !resp.SkipAssignment {
				for _, other := range resp.Members {
					m.leads = append(m.leads, other.MemberID)
				}
			}
		case errors.Is(err, kerr.MemberIDRequired):
			m.id, m.generation = resp.MemberID, -1
		case errors.Is(err, kerr.RebalanceInProgress):
		default:
			m.id = ""
		}
	}))
}

func (s *simulation) sync(m *simMember) {
	if m.asking || m.id == "" {
		return
	}
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.Generation = "g", m.id, m.instance, m.generation
	for _, id := range m.leads {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = id, fmt.Appendf(nil, "%s@%d", id, m.generation)
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	m.asking = true
	done := s.once("a sync of " + m.name)
	s.keep(s.group.Sync(s.now, req, func(resp *kmsg.SyncGroupResponse) {
		done()
		if m.id != req.MemberID {
			return
		}
		m.asking = false
		if resp.ErrorCode != 0 {
			if !errors.Is(kerr.ErrorForCode(resp.ErrorCode), kerr.RebalanceInProgress) {
				m.id = ""
			}
			return
		}
		m.assignment, m.synced = string(resp.MemberAssignment), req.Generation
		stored, ok := s.assigned[req.Generation]
		if !ok {
			s.t.Fatalf("generation %d is given out and was not stored", req.Generation)
		}
		// A static member may have been given a new id in a stored generation.
		if want, ok := stored[m.id]; ok && want != m.assignment {
			s.t.Fatalf("%s got %q, stored was %q", m.id, m.assignment, want)
		}
	}))
}

func (s *simulation) heartbeat(m *simMember) {
	if m.id == "" || m.asking {
		return
	}
	req := kmsg.NewPtrHeartbeatRequest()
	req.MemberID, req.InstanceID, req.Generation = m.id, m.instance, m.generation
	if err := s.group.Heartbeat(s.now, req); err != nil && !errors.Is(err, kerr.RebalanceInProgress) {
		m.id = ""
	}
}

func (s *simulation) leave(m *simMember) {
	if m.id == "" || m.asking {
		return
	}
	l := kmsg.NewLeaveGroupRequestMember()
	l.MemberID, l.InstanceID = m.id, m.instance
	_, store := s.group.Leave(s.now, []kmsg.LeaveGroupRequestMember{l})
	m.id = ""
	s.keep(store)
}

func (s *simulation) keep(store *classic.Store) {
	if store != nil {
		s.stores = append(s.stores, store)
	}
}

// write completes the oldest open write.
func (s *simulation) write(ok bool) {
	if len(s.stores) == 0 {
		return
	}
	store := s.stores[0]
	s.stores = s.stores[1:]
	var err error
	if ok {
		stored := make(map[string]string)
		for _, m := range store.Value.Members {
			stored[m.MemberID] = string(m.Assignment)
		}
		s.assigned[store.Value.Generation] = stored
	} else {
		err = kerr.NotEnoughReplicas
	}
	if store.Done != nil {
		store.Done(s.now, err)
	}
}

// pass lets time go by; timers' records are written like others.
func (s *simulation) pass(by time.Duration) {
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
		s.keep(s.group.Expire(s.now, key))
		s.check()
	}
	s.now = end
}

// settle stops the chaos: members behave, writes succeed. The group must become
// stable with all who fit, and every request be answered.
func (s *simulation) settle() {
	s.env.MaxSize = len(s.members)
	for range 400 {
		for len(s.stores) > 0 {
			s.write(true)
		}
		for _, m := range s.members {
			switch {
			case m.asking:
			case m.id == "" || m.generation != s.group.Generation() || s.group.State() == classic.PreparingRebalance:
				s.join(m, "")
			case m.synced != m.generation:
				s.sync(m)
			default:
				s.heartbeat(m)
			}
		}
		s.pass(time.Second)
	}
	if s.group.State() != classic.Stable || s.group.Size() < len(s.members) {
		s.t.Fatalf("the group does not settle: %v with %d of %d members", s.group.State(), s.group.Size(), len(s.members))
	}
	if s.open != 0 {
		s.t.Fatalf("%d requests are not answered", s.open)
	}
	s.group.Kill(s.now, kerr.NotCoordinator)
	if n := s.env.Timers.Len(); n != 0 {
		s.t.Fatalf("%d timers survive their group", n)
	}
}
