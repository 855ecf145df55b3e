package record

import "fmt"

// NoPosition is the Position of a CorruptError that is not tied to a place.
const NoPosition int64 = -1

// CorruptError says that bytes are not a well-formed batch. It is about the
// bytes alone: validation wraps it into the protocol error the client gets.
type CorruptError struct {
	// Reason is a short clause without the position.
	Reason string
	// Position counts bytes from the start of what was read, NoPosition when
	// the error is not tied to a place.
	Position int64
}

func (e *CorruptError) Error() string {
	if e.Position == NoPosition {
		return "corrupt record batch: " + e.Reason
	}
	return fmt.Sprintf("corrupt record batch at byte %d: %s", e.Position, e.Reason)
}

func corruptf(position int64, format string, args ...any) error {
	return &CorruptError{Reason: fmt.Sprintf(format, args...), Position: position}
}
