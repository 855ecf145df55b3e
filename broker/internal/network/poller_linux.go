package network

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// pollEvents is how many events one system call brings.
	pollEvents = 64
	// turnRequests is how many requests of a connection are served before it is the
	// others' turn.
	turnRequests = 16
	// yieldInterval is how often the leader yields, which may never wait, in intervals of
	// the watch. Go's scheduler takes the processor at each look, every 20 µs, from
	// those who have had it for 10 ms, and each yield moves the leader to another thread.
	yieldInterval = 4
	// maxIdleFollowers is how many goroutines of a poller wait to lead.
	maxIdleFollowers = 64
	// watchInterval is how often turns that take too long are looked for: one takes
	// twice that at most before another goroutine leads.
	watchInterval = time.Millisecond
	// watchIdle is for how many intervals without a turn the watch goes on.
	watchIdle = 100
)

// pollers watch the TCP connections of a server.
//
// Go's own poller has a goroutine for each connection, and wakes it through the
// scheduler: measured with small requests, that costs 3 to 5 µs each, as much as
// half of what the kernel takes to receive a request and to send its answer.
// Here one goroutine, the leader, asks the kernel which connections have something
// to read, and serves them itself, one after the other: an idle connection has no
// goroutine. Before the leader does what may wait it lets another goroutine lead
// (standAside); and whoever takes long without having said so loses the lead to
// another one, too (watch). So no connection waits for another one's disk.
//
// The pattern is Leader/Followers (Schmidt et al., 2000). docs/adr/0004-epoll.md
// says what was measured.
type pollers struct {
	server     *Server
	mu         sync.Mutex
	all        []*poller // None if the first one could not be made.
	made       bool
	next       int
	processors int // GOMAXPROCS.
	wg         sync.WaitGroup
	stop       chan struct{}
	ended      chan struct{} // Not nil after shutdown.
	// watched has a token when the watch should go on; resting says that it waits for one.
	watched chan struct{}
	resting atomic.Bool
}

// poller is one epoll instance and the goroutines that lead it in turn.
type poller struct {
	pollers *pollers
	fd      int
	wakeFD  int // An eventfd, to wake the leader that waits in the kernel.
	// file is fd as Go's poller knows it, if it does, see nest.
	file *os.File
	raw  syscall.RawConn
	look func(uintptr) bool // Asks the kernel, and tells whether it has told of anything.

	// yield says that the leader is to yield.
	yield atomic.Bool

	// turn is the number of the leader's turn to serve a connection, or 0 between turns.
	// Whoever sets it to 0 has the lead.
	turn atomic.Uint64
	lend chan struct{} // Has no buffer: what is sent has found a follower.
	idle chan struct{} // Has a token for each that waits.
	trim chan struct{} // Like lend: ends a follower.

	mu    sync.Mutex
	conns map[int32]*Conn
	// handed are connections whose answers the leader is to write, waits says that it
	// has to be woken for that, and some that there are any.
	handed []*Conn
	waits  bool
	some   atomic.Bool

	// The fields below belong to the leader.

	turns  uint64
	events [pollEvents]unix.EpollEvent
	ready  int // How many of events there are.
	// queue are the connections to be served: those from next up to end before the
	// kernel is asked again, the others then.
	queue     []*Conn
	next, end int
	// answered is what the leader has taken of handed.
	answered []*Conn
}

func (p *pollers) init(s *Server) {
	p.server = s
	p.stop = make(chan struct{})
	p.watched = make(chan struct{}, 1)
}

// adopt takes a TCP connection, if it can, from Go's poller.
func (p *pollers) adopt(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	poller := p.pick()
	if poller == nil {
		return conn
	}
	s, err := detach(tcp)
	if err != nil {
		p.server.options.Logger.Warn("A connection is served by Go's poller, at a higher cost", "error", err)
		return conn
	}
	s.poller = poller
	return s
}

// pick returns the next poller in turn, or nil if there are none.
func (p *pollers) pick() *poller {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.made {
		p.made = true
		p.makeLocked()
	}
	if len(p.all) == 0 {
		return nil
	}
	p.next++
	return p.all[p.next%len(p.all)]
}

// makeLocked starts the pollers, one at least: two less than Go has processors. A goroutine
// that waits in the kernel keeps its own until the scheduler notices, which it looks for
// every 20 µs, waking threads, while no processor is idle: so one is for everybody else,
// and one to be idle.
func (p *pollers) makeLocked() {
	p.processors = runtime.GOMAXPROCS(0)
	for range max(1, p.processors-2) {
		poller, err := newPoller(p)
		if err != nil {
			p.server.options.Logger.Warn("There is no epoll instance for every processor: requests cost more", "error", err)
			return
		}
		p.all = append(p.all, poller)
		p.wg.Go(poller.lead)
	}
	p.wg.Go(p.watch)
}

// shutdown ends the pollers. The channel it returns is closed when they have ended.
func (p *pollers) shutdown() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = true // Nothing starts any more.
	if p.ended != nil {
		return p.ended
	}
	p.ended = make(chan struct{})
	close(p.stop)
	for _, poller := range p.all {
		poller.wake()
	}
	go func() {
		p.wg.Wait()
		for _, poller := range p.all {
			for c := poller.takeAnswered(); c != nil; c = poller.takeAnswered() {
				c.flush() // Drops what was handed over before its connection ended.
			}
			_ = poller.close() // Nobody could do anything about it.
		}
		close(p.ended)
	}()
	return p.ended
}

// watch takes the lead from those who keep it for too long.
func (p *pollers) watch() {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	last := make([]uint64, len(p.all))
	for idle, ticks := 0, 0; ; idle++ {
		select {
		case <-ticker.C:
		case <-p.stop:
			return
		}
		ticks++
		for i, poller := range p.all {
			if ticks%yieldInterval == 0 {
				poller.yield.Store(true)
			}
			turn := poller.turn.Load()
			if turn != 0 {
				idle = 0
				if turn == last[i] {
					poller.pass(turn)
				}
			}
			last[i] = turn
		}
		if idle > watchIdle {
			ticker.Stop()
			p.rest()
			ticker.Reset(watchInterval)
			idle = 0
		}
	}
}

// rest waits until some connection is served. What a burst has left of followers ends.
func (p *pollers) rest() {
	for _, poller := range p.all {
		poller.endFollowers()
	}
	p.resting.Store(true)
	for _, poller := range p.all {
		if poller.turn.Load() != 0 {
			p.goOn() // The turn may have begun before resting was set.
		}
	}
	select {
	case <-p.watched:
	case <-p.stop:
	}
}

// goOn has the watch go on if it rests. It is called after a turn has begun.
func (p *pollers) goOn() {
	if p.resting.Load() && p.resting.CompareAndSwap(true, false) {
		p.watched <- struct{}{} // There is room: it is taken before resting is set again.
	}
}

func newPoller(ps *pollers) (_ *poller, err error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wakeFD, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(os.NewSyscallError("eventfd", err), unix.Close(fd))
	}
	p := &poller{
		pollers: ps, fd: fd, wakeFD: wakeFD, conns: make(map[int32]*Conn),
		lend: make(chan struct{}), trim: make(chan struct{}), idle: make(chan struct{}, maxIdleFollowers),
	}
	err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, wakeFD, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wakeFD)})
	if err == nil && ps.processors == 1 {
		err = p.nest()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare an epoll instance: %w", err), p.close())
	}
	return p, nil
}

// nest has Go's poller watch this one, which then never waits in the kernel: it would
// keep the only processor that Go has from everybody else, for as long as the
// scheduler takes to notice, up to 10 ms.
func (p *poller) nest() error {
	if err := unix.SetNonblock(p.fd, true); err != nil { // So that Go's poller takes it.
		return err
	}
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	var err error
	p.raw, err = p.file.SyscallConn()
	p.look = func(uintptr) bool {
		p.ask(0)
		return p.ready > 0
	}
	return err
}

func (p *poller) close() error {
	if p.file != nil {
		return errors.Join(p.file.Close(), unix.Close(p.wakeFD))
	}
	return errors.Join(unix.Close(p.fd), unix.Close(p.wakeFD))
}

// add begins to watch a connection.
func (p *poller) add(c *Conn) error {
	s := c.sock
	if !s.use() {
		return net.ErrClosed
	}
	defer s.done()
	p.mu.Lock()
	p.conns[int32(s.fd)] = c
	p.mu.Unlock()
	// Edge-triggered: whoever reads needs no system call to be told of what comes later.
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(s.fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, s.fd, &event))
}

// remove forgets a connection.
func (p *poller) remove(c *Conn) {
	p.mu.Lock()
	if fd := int32(c.sock.fd); p.conns[fd] == c { // Not another one's already.
		delete(p.conns, fd)
	}
	p.mu.Unlock()
}

// lead serves the connections that have something to read, until the poller ends or
// there are enough others who could.
func (p *poller) lead() {
	for {
		c, answered := p.take()
		if c == nil {
			return
		}
		p.turns++
		turn := p.turns
		c.sock.turn.Store(turn)
		p.turn.Store(turn)
		p.pollers.goOn()
		more := (!answered || c.flush() && c.sock.wake()) && c.run(turnRequests)
		if p.turn.CompareAndSwap(turn, 0) {
			if more {
				p.queue = append(p.queue, c)
			}
			continue
		}
		if more {
			c.run(math.MaxInt)
		}
		if !p.follow() {
			return
		}
	}
}

// follow waits to lead again. It returns false if that is not needed.
func (p *poller) follow() bool {
	select {
	case p.idle <- struct{}{}:
	default:
		return false
	}
	defer func() { <-p.idle }()
	select {
	case <-p.lend:
		return true
	case <-p.trim:
		return false
	case <-p.pollers.stop:
		return false
	}
}

// endFollowers ends the goroutines that wait to lead.
func (p *poller) endFollowers() {
	for {
		select {
		case p.trim <- struct{}{}:
		default:
			return
		}
	}
}

// standAside lets another goroutine lead if the caller does, who is about to wait.
func (p *poller) standAside(s *socket) {
	if turn := s.turn.Load(); turn != 0 {
		p.pass(turn)
	}
}

// pass has another goroutine lead if that turn has not ended.
func (p *poller) pass(turn uint64) {
	if !p.turn.CompareAndSwap(turn, 0) {
		return
	}
	select {
	case p.lend <- struct{}{}:
	default:
		p.pollers.wg.Go(p.lead) // The caller is counted, or the leader until it has noticed.
	}
}

// take returns a connection that has something to read, or one whose answers are to
// be written, or nil at the end.
func (p *poller) take() (c *Conn, answered bool) {
	for {
		if c := p.takeAnswered(); c != nil {
			return c, true
		}
		if p.next < p.end {
			c := p.queue[p.next]
			p.queue[p.next] = nil
			p.next++
			return c, false
		}
		if !p.poll() {
			return nil, false
		}
	}
}

// handOver has the leader write a connection's answers. It returns false if it better
// does not. The caller holds the connection's lock.
func (p *poller) handOver(c *Conn) bool {
	if p.raw != nil {
		return false // Go's poller might not look for the leader for long.
	}
	p.mu.Lock()
	p.handed = append(p.handed, c)
	p.some.Store(true)
	wake := p.waits
	p.waits = false
	p.mu.Unlock()
	if wake {
		p.wake()
	}
	return true
}

// takeAnswered returns a connection that was handed over, or nil.
func (p *poller) takeAnswered() *Conn {
	if len(p.answered) == 0 {
		if !p.some.Load() {
			return nil
		}
		p.mu.Lock()
		p.handed, p.answered = p.answered, p.handed
		p.some.Store(false)
		p.mu.Unlock()
		slices.Reverse(p.answered)
	}
	last := len(p.answered) - 1
	c := p.answered[last]
	p.answered[last] = nil
	p.answered = p.answered[:last]
	return c
}

// wake has the leader return from the kernel.
func (p *poller) wake() {
	_, _ = unix.Write(p.wakeFD, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // It cannot be full.
}

// mayWait tells whether nothing was handed over, and has the leader woken when
// something is.
func (p *poller) mayWait() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = len(p.handed) == 0
	return p.waits
}

// poll queues the connections that have something to read, and waits for one if the
// queue is empty. It returns false at the end.
func (p *poller) poll() bool {
	p.queue = append(p.queue[:0], p.queue[p.next:]...)
	p.next = 0
	if p.pollers.processors == 1 || p.yield.Load() && p.yield.Swap(false) {
		runtime.Gosched() // To those whom the last turns have woken, if no other processor is.
	}
	if len(p.queue) == 0 && p.mayWait() {
		p.await()
	} else {
		p.ask(0)
	}
	return p.enqueue()
}

// enqueue queues the connections that have something to read, and returns false at the end.
func (p *poller) enqueue() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = false
	for i := range p.events[:p.ready] {
		e := &p.events[i]
		if e.Fd == int32(p.wakeFD) {
			if p.stopped() {
				return false
			}
			var count [8]byte
			_, _ = unix.Read(p.wakeFD, count[:]) // Sets it back.
			continue
		}
		c := p.conns[e.Fd]
		if c == nil {
			continue
		}
		serve, write := c.sock.happened(e.Events)
		if serve {
			p.queue = append(p.queue, c)
		}
		if write {
			p.answered = append(p.answered, c)
		}
	}
	p.end = len(p.queue)
	return true
}

func (p *poller) stopped() bool {
	select {
	case <-p.pollers.stop:
		return true
	default:
		return false
	}
}

// await waits for events.
func (p *poller) await() {
	if p.raw == nil {
		p.ask(-1)
		return
	}
	_ = p.raw.Read(p.look) // Looks before it waits.
}

// ask asks the kernel for events, and waits for as many milliseconds; -1 is for ever.
func (p *poller) ask(timeout int) {
	n, _ := unix.EpollWait(p.fd, p.events[:], timeout) // -1 when a signal came.
	p.ready = max(n, 0)
}
