package classic

// State is where a group is in its life.
//
//	Empty -> PreparingRebalance -> CompletingRebalance -> Stable
//	  ^            |   ^                   |                |
//	  +------------+   +-------------------+----------------+
//
// and Dead from everywhere.
type State int8

// The states of a group.
const (
	// Empty has no members, but maybe offsets.
	Empty State = iota
	// PreparingRebalance waits for the members to join.
	PreparingRebalance
	// CompletingRebalance waits for the leader's assignment.
	CompletingRebalance
	// Stable has an assignment.
	Stable
	// Dead is no longer known to its coordinator.
	Dead
)

// String gives the name as clients see it.
func (s State) String() string {
	switch s {
	case Empty:
		return "Empty"
	case PreparingRebalance:
		return "PreparingRebalance"
	case CompletingRebalance:
		return "CompletingRebalance"
	case Stable:
		return "Stable"
	default:
		return "Dead"
	}
}

// follows tells whether a group may go from one state to the next.
func (s State) follows(from State) bool {
	switch s {
	case Empty, CompletingRebalance:
		return from == PreparingRebalance
	case PreparingRebalance:
		return from == Stable || from == CompletingRebalance || from == Empty
	case Stable:
		return from == CompletingRebalance
	default:
		return true
	}
}
