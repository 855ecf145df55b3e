package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"moldau.dev/moldau/internal/bench"
)

// What the group of rows has. Timeouts are the consumer's defaults.
const (
	classicGroups    = 100
	membersEach      = 5
	sessionTimeout   = 45 * time.Second
	rebalanceTimeout = 5 * time.Minute
	heartbeatPause   = time.Second
	memberRetryPause = 50 * time.Millisecond
	stableTimeout    = 3 * time.Minute
)

// members measures how long groups need to be stable again when the broker restarts:
// from exec until every member has got a heartbeat answered without error and
// every group is described as stable with all its members.
func (s *suite) members(ctx context.Context) error {
	const most = 3
	for round := range min(s.options.rounds, most) {
		for _, kind := range order(round, s.kinds()) {
			s.tell("groups, round %d: %s", round+1, kind)
			if err := s.membersOf(ctx, kind, round); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
	}
	return nil
}

func (s *suite) membersOf(ctx context.Context, kind string, round int) (err error) {
	b, err := s.installation.newBroker(ctx, kind)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.remove()) }()
	if err := settle(); err != nil {
		return err
	}
	if err := b.start(anywhere); err != nil {
		return err
	}
	if err := b.await(ctx); err != nil {
		return err
	}
	crowd := &crowd{addr: b.addr}
	living, end := context.WithCancel(ctx)
	defer end()
	group, living := errgroup.WithContext(living)
	for i := range classicGroups * membersEach {
		m := &member{crowd: crowd, group: fmt.Sprintf("bench-%03d", i/membersEach)}
		group.Go(func() error { return m.live(living) })
	}
	defer func() {
		end()
		if ended := group.Wait(); ended != nil && !errors.Is(ended, context.Canceled) {
			err = errors.Join(err, ended)
		}
	}()
	crowd.up.Store(1)
	if err := crowd.stable(living, 1); err != nil {
		return err
	}
	crowd.up.Store(0)
	if err := s.stopWithin(ctx, b); err != nil {
		return err
	}
	begin := time.Now()
	if err := b.start(anywhere); err != nil {
		return err
	}
	if err := listens(living, b); err != nil {
		return err
	}
	crowd.up.Store(2)
	if err := crowd.stable(living, 2); err != nil {
		return fmt.Errorf("%w\n%s", err, b.output())
	}
	s.note(measurement{Metric: "groups-restart", Broker: kind, Round: round, Value: time.Since(begin).Seconds()})
	return nil
}

// listens waits until the broker takes connections: five hundred members that
// try on their own would take the processors that it starts on.
func listens(ctx context.Context, b *broker) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		probing, done := context.WithCancel(ctx)
		_, err := bench.Dial(probing, b.addr)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-b.exited:
			return fmt.Errorf("%s has ended\n%s", b.kind, b.output())
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen: %w", b.kind, err)
		case <-time.After(retryPause):
		}
	}
}

// crowd is all members of all groups.
type crowd struct {
	addr string
	// up counts the lives of the broker; 0 is down.
	up atomic.Int64
	// alive counts the members whose last heartbeat was fine, by the broker's life.
	alive [3]atomic.Int64
}

// stable waits until all members are alive in this life of the broker, and the broker says so.
func (c *crowd) stable(ctx context.Context, life int64) error {
	ctx, cancel := context.WithTimeout(ctx, stableTimeout)
	defer cancel()
	for {
		var last error
		if alive := c.alive[life].Load(); alive < classicGroups*membersEach {
			last = fmt.Errorf("%d of %d members are alive", alive, classicGroups*membersEach)
		} else if last = c.described(ctx); last == nil {
			return nil
		}
		if err := wait(ctx, manyRetryPause); err != nil {
			return fmt.Errorf("the groups do not become stable: %w", last)
		}
	}
}

// described asks whether every group is stable with all its members.
func (c *crowd) described(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := bench.Dial(ctx, c.addr)
	if err != nil {
		return err
	}
	req, resp := kmsg.NewPtrDescribeGroupsRequest(), kmsg.NewPtrDescribeGroupsResponse()
	req.SetVersion(conn.Version(req))
	for i := range classicGroups {
		req.Groups = append(req.Groups, fmt.Sprintf("bench-%03d", i))
	}
	if err := conn.Do(req, resp); err != nil {
		return err
	}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return fmt.Errorf("describe %s: %w", g.Group, err)
		}
		if g.State != "Stable" || len(g.Members) != membersEach {
			return fmt.Errorf("%s is %s with %d members", g.Group, g.State, len(g.Members))
		}
	}
	return nil
}

// member is one consumer of a classic group, reduced to its protocol.
type member struct {
	*crowd
	group      string
	conn       *bench.Conn
	hangUp     context.CancelFunc
	id         string
	generation int32
	joined     bool
	// counted is the life of the broker in which the member was counted as alive.
	counted int64
}

// live joins, and sends heartbeats until ctx ends; it connects and joins again as
// the broker's answers ask for.
func (m *member) live(ctx context.Context) error {
	defer func() { m.drop() }()
	for ctx.Err() == nil {
		pause := memberRetryPause
		if m.up.Load() > 0 {
			err := m.step(ctx)
			switch {
			case err == nil:
				pause = heartbeatPause
			case m.handle(err):
				continue
			}
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *member) drop() {
	if m.hangUp != nil {
		m.hangUp()
	}
	m.conn, m.hangUp = nil, nil
}

// step does what comes next.
func (m *member) step(ctx context.Context) error {
	life := m.up.Load()
	if m.conn == nil {
		ctx, hangUp := context.WithCancel(ctx)
		conn, err := bench.Dial(ctx, m.addr)
		if err != nil {
			hangUp()
			return err
		}
		m.conn, m.hangUp = conn, hangUp
		if err := m.findCoordinator(); err != nil {
			return err
		}
	}
	if !m.joined {
		if err := m.join(); err != nil {
			return err
		}
		if err := m.sync(); err != nil {
			return err
		}
		m.joined = true
	}
	if err := m.heartbeat(); err != nil {
		return err
	}
	if m.counted != life && life > 0 {
		m.counted = life
		m.alive[life].Add(1)
	}
	return nil
}

// handle takes back what an error makes untrue, and tells whether to go on at once.
func (m *member) handle(err error) bool {
	if m.counted > 0 && !errors.Is(err, kerr.CoordinatorLoadInProgress) {
		// Not alive until the next heartbeat is fine.
		m.alive[m.counted].Add(-1)
		m.counted = 0
	}
	code := (*kerr.Error)(nil)
	switch {
	case !errors.As(err, &code):
		m.drop()
		return false
	case errors.Is(err, kerr.MemberIDRequired), errors.Is(err, kerr.RebalanceInProgress):
		m.joined = false
		return true
	case errors.Is(err, kerr.IllegalGeneration):
		m.joined = false
		return true
	case errors.Is(err, kerr.UnknownMemberID):
		m.id, m.joined = "", false
		return true
	default: // Loading, no coordinator yet: ask again.
		return false
	}
}

func (m *member) findCoordinator() error {
	req, resp := kmsg.NewPtrFindCoordinatorRequest(), kmsg.NewPtrFindCoordinatorResponse()
	const single = 3 // The last version that asks for one.
	req.SetVersion(min(m.conn.Version(req), single))
	req.CoordinatorKey = m.group
	if err := m.conn.Do(req, resp); err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

func (m *member) join() error {
	req, resp := kmsg.NewPtrJoinGroupRequest(), kmsg.NewPtrJoinGroupResponse()
	req.SetVersion(m.conn.Version(req))
	req.Group, req.MemberID, req.ProtocolType = m.group, m.id, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = int32(sessionTimeout.Milliseconds()), int32(rebalanceTimeout.Milliseconds())
	subscription := kmsg.NewConsumerMemberMetadata()
	subscription.Topics = []string{"orders"}
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", subscription.AppendTo(nil)
	req.Protocols = append(req.Protocols, p)
	if err := m.conn.Do(req, resp); err != nil {
		return err
	}
	if resp.MemberID != "" {
		m.id = resp.MemberID
	}
	m.generation = resp.Generation
	return kerr.ErrorForCode(resp.ErrorCode)
}

// sync gets the assignment. The first member would compute it; what it says does
// not matter here, and members that are given nothing have nothing to do.
func (m *member) sync() error {
	req, resp := kmsg.NewPtrSyncGroupRequest(), kmsg.NewPtrSyncGroupResponse()
	req.SetVersion(m.conn.Version(req))
	req.Group, req.MemberID, req.Generation = m.group, m.id, m.generation
	protocolType, protocol := "consumer", "range"
	req.ProtocolType, req.Protocol = &protocolType, &protocol
	if err := m.conn.Do(req, resp); err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

func (m *member) heartbeat() error {
	req, resp := kmsg.NewPtrHeartbeatRequest(), kmsg.NewPtrHeartbeatResponse()
	req.SetVersion(m.conn.Version(req))
	req.Group, req.MemberID, req.Generation = m.group, m.id, m.generation
	if err := m.conn.Do(req, resp); err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}
