package network

// maxIdleWriters is how many goroutines wait for the next answer that a stranger
// completes. More start when they are all busy, for instance with clients that
// do not read, and end afterwards.
const maxIdleWriters = 64

// writers write the answers that are completed by others than their
// connection's reader, such as a log's flusher, where no poller does. They are kept between answers: a
// new goroutine grows its stack on the way to the socket, step by step, which
// cost half as much as the write (measured with flush.messages=1).
type writers struct {
	server *Server
	// handoff has no buffer: what is sent has found an idle writer.
	handoff chan *Conn
	// idle has a token for each that waits.
	idle chan struct{}
}

func (w *writers) init(s *Server) {
	w.server = s
	w.handoff = make(chan *Conn)
	w.idle = make(chan struct{}, maxIdleWriters)
}

// flush has the connection's answers written. The caller has set Conn.writing,
// and holds Conn.mu: the reader, which needs it to end, keeps the server's wait
// group from being waited for meanwhile.
func (w *writers) flush(c *Conn) {
	select {
	case w.handoff <- c:
	default:
		w.server.wg.Go(func() { w.run(c) })
	}
}

// run writes what it is handed until there is too little to do or the server
// stops.
func (w *writers) run(c *Conn) {
	for {
		if c.flush() {
			c.kick()
		}
		select {
		case w.idle <- struct{}{}:
		default:
			return
		}
		select {
		case c = <-w.handoff:
			<-w.idle
		case <-w.server.stop:
			<-w.idle
			return
		}
	}
}
