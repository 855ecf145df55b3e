package broker

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"moldau.dev/moldau/broker/internal/metrics"
	"moldau.dev/moldau/internal/kafka"
)

// health is what a node knows of itself while it starts, runs and stops.
type health struct {
	// doing is what the node is doing before it is ready, and after.
	doing atomic.Pointer[string]
	// served says that clients are let in.
	served atomic.Bool
}

func (h *health) enter(doing string) { h.doing.Store(&doing) }

// report is the answer to whether a node is healthy or ready.
type report struct {
	// OK is false if anything of Reasons forbids it.
	OK bool `json:"ok"`
	// Reasons say why not, and what is not as it should be although OK is true.
	Reasons []reason `json:"reasons"`
}

// reason is one thing that is not as it should be.
type reason struct {
	// What names the part: start, controller, log.dirs.
	What   string `json:"what"`
	Detail string `json:"detail"`
}

func (r *report) add(what, format string, args ...any) {
	r.Reasons = append(r.Reasons, reason{what, fmt.Sprintf(format, args...)})
}

// healthy is false when the node has failed and only a restart helps.
func (n *Node) healthy() report {
	r := report{OK: true, Reasons: []reason{}}
	if err := n.failure(); err != nil {
		r.OK = false
		r.add("node", "a part of the node has failed, and it is about to stop: %v", err)
	}
	return r
}

// ready is true when clients may be sent here. Log directories that are offline are
// told, but forbid nothing as long as others serve: to take the node's address away
// would cut clients off from its good partitions as well.
func (n *Node) ready() report {
	r := n.healthy()
	if !n.health.served.Load() {
		r.OK = false
		r.add("start", "%s", n.progress())
		return r
	}
	if leader, _ := n.quorum.Leader(); leader == kafka.NoNode {
		r.OK = false
		r.add("controller", "no controller is active: the voters of controller.quorum have no majority, or cannot reach each other")
	}
	if err := n.lifecycle.Lost(); err != nil {
		r.OK = false
		r.add("controller", "the broker is not registered any more (%v): it was unregistered, or another node has its node.id; restart it to register it anew", err)
	} else if n.lifecycle.Fenced() {
		r.OK = false
		r.add("controller", "the broker is fenced: the active controller does not get its heartbeats")
	}
	dirs, offline := n.logs.Dirs(), 0
	for _, d := range dirs {
		if d.Err != nil {
			offline++
			r.add("log.dirs", "%s is offline: %v", d.Path, d.Err)
		}
	}
	if offline == len(dirs) {
		r.OK = false
	}
	return r
}

// progress says what the node is doing, and how far it is.
func (n *Node) progress() string {
	doing := "starting"
	if p := n.health.doing.Load(); p != nil {
		doing = *p
	}
	if n.metrics.State() == metrics.Recovery {
		opened, found := n.loading.Logs()
		return fmt.Sprintf("%s: %d of %d", doing, opened, found)
	}
	return doing
}

// writeReport writes a report: as JSON to who asks for that, else as lines.
func writeReport(w http.ResponseWriter, r *http.Request, report report) {
	status := http.StatusOK
	if !report.OK {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	if strings.Contains(r.Header.Get("Accept"), "json") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(report) // Whoever asked is gone then.
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	text := "ok\n"
	if !report.OK {
		text = "not ok\n"
	}
	for _, reason := range report.Reasons {
		text += reason.What + ": " + reason.Detail + "\n"
	}
	_, _ = w.Write([]byte(text)) // As above.
}
