package quorum

import (
	"context"
	"io"

	"go.etcd.io/raft/v3/raftpb"
)

// Transport carries raft's messages to the other voters. What another voter
// sends arrives by Quorum.Step. A quorum of one has none.
type Transport interface {
	// Send hands over a message that everything it rests on is durable for. It
	// must not block; a message it cannot deliver it may drop, and must then
	// report with Quorum.ReportUnreachable. Entries carry whole record batches.
	Send(to Voter, m *raftpb.Message)
	// FetchSnapshot copies a snapshot file of another voter, which serves it
	// with Quorum.ReadSnapshot. Name is the file's name without its suffix.
	FetchSnapshot(ctx context.Context, from Voter, name string, w io.Writer) error
}
