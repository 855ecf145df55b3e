package cmdline

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// Env is what a command sees of the world. The commands of one command line
// share one Env, which the root makes; none of its fields change while a command
// runs.
type Env struct {
	// In, Out and Err are the standard streams.
	In       io.Reader
	Out, Err io.Writer
	// Getenv looks an environment variable up, empty if it is not set.
	Getenv func(string) string
	// Now is the clock.
	Now func() time.Time

	color colorMode
}

// NewEnv gives the Env of a process with these streams, environment variables of
// that process, and the wall clock.
func NewEnv(in io.Reader, out, err io.Writer) *Env {
	return &Env{In: in, Out: out, Err: err, Getenv: os.Getenv, Now: time.Now, color: colorAuto}
}

// AddFlags adds the flags of Env itself; the root holds them.
func (e *Env) AddFlags(flags *pflag.FlagSet) {
	flags.Var(&e.color, "color", "colour the output: auto (on a terminal, unless NO_COLOR is set), always or never")
}

// InIsTerminal tells whether somebody types at standard input.
func (e *Env) InIsTerminal() bool { return isTerminal(e.In) }

// OutIsTerminal tells whether a person, not a pipe or a file, gets standard output.
func (e *Env) OutIsTerminal() bool { return isTerminal(e.Out) }

// ErrIsTerminal tells whether a person gets standard error.
func (e *Env) ErrIsTerminal() bool { return isTerminal(e.Err) }

// Colored tells whether standard output takes colours.
func (e *Env) Colored() bool { return e.colored(e.OutIsTerminal()) }

// ErrColored tells whether standard error takes colours.
func (e *Env) ErrColored() bool { return e.colored(e.ErrIsTerminal()) }

func (e *Env) colored(terminal bool) bool {
	switch e.color {
	case colorAlways:
		return true
	case colorNever:
		return false
	default:
		// https://no-color.org: any value but the empty one.
		return terminal && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
	}
}

// Width is the number of columns of the terminal behind standard output; 0 when
// there is none, and lines may be as long as they like.
func (e *Env) Width() int {
	file, ok := e.Out.(*os.File)
	if !ok || !e.OutIsTerminal() {
		return 0
	}
	if columns, err := strconv.Atoi(e.Getenv("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Printf writes a line of a result to standard output.
func (e *Env) Printf(format string, args ...any) error {
	_, err := fmt.Fprintf(e.Out, format+"\n", args...)
	return err
}

// Notef writes a line for a person to standard error. It is no part of the
// result, so that a failure to write it is none of the command.
func (e *Env) Notef(format string, args ...any) {
	_, _ = fmt.Fprintf(e.Err, format+"\n", args...)
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// colorMode is the value of --color.
type colorMode string

const (
	colorAuto   colorMode = "auto"
	colorAlways colorMode = "always"
	colorNever  colorMode = "never"
)

func (m *colorMode) String() string { return string(*m) }
func (m *colorMode) Type() string   { return "when" }

func (m *colorMode) Set(s string) error {
	switch mode := colorMode(s); mode {
	case colorAuto, colorAlways, colorNever:
		*m = mode
		return nil
	default:
		return fmt.Errorf("want auto, always or never")
	}
}
