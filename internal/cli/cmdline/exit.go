package cmdline

import (
	"errors"
	"fmt"
	"strings"
)

// Exit codes of the process.
const (
	// ExitOK says that everything that was asked for is done.
	ExitOK = 0
	// ExitFailure says that something failed, even if other parts succeeded.
	ExitFailure = 1
	// ExitUsage says that the command line was wrong and nothing was done.
	ExitUsage = 2
	// ExitInterrupted says that SIGINT ended the command, as shells count it.
	ExitInterrupted = 130
)

// ErrReported is the error of a command that has already told everything about
// its failure: the process exits with ExitFailure and prints nothing more.
var ErrReported = errors.New("some of it failed; see above")

// ErrDone ends a command that has done all it was asked for, before what it does
// otherwise: the process exits with ExitOK.
var ErrDone = errors.New("done")

// hinted is an error with a cure.
type hinted struct {
	err  error
	hint string
}

func (e hinted) Error() string { return e.err.Error() }
func (e hinted) Unwrap() error { return e.err }

// WithHint adds to an error what the person can do about it, a sentence without
// a full stop. Nil stays nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return hinted{err, fmt.Sprintf(format, args...)}
}

// Hint is the cure that the outermost WithHint gave, if there is any.
func Hint(err error) (string, bool) {
	var h hinted
	if !errors.As(err, &h) {
		return "", false
	}
	return h.hint, true
}

// Report writes an error to standard error as the whole command line does it,
// its cause and its cure.
func (e *Env) Report(err error) {
	e.Notef("%s %s", e.paintErr(red, "moldau:"), strings.ReplaceAll(err.Error(), "\n", "\n  "))
	if hint, ok := Hint(err); ok {
		e.Notef("  %s %s", e.paintErr(cyan, "hint:"), strings.ReplaceAll(hint, "\n", "\n        "))
	}
}

// ExitCode is the exit code of a command that ended with err.
func ExitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	default:
		return ExitFailure
	}
}
