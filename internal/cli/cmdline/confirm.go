package cmdline

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Confirmation is the flag -y, --yes of a command that destroys something.
type Confirmation struct {
	env *Env
	yes bool
}

// NewConfirmation adds -y, --yes to a command.
func NewConfirmation(env *Env, cmd *cobra.Command) *Confirmation {
	c := &Confirmation{env: env}
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do it without asking")
	return c
}

// errDeclined says that the person answered no.
var errDeclined = errors.New("nothing done")

// Ask asks a question at the terminal and returns nil for yes. Without a
// terminal nobody can answer, and it is an error of usage to leave out -y. When
// ctx ends, so does the question.
func (c *Confirmation) Ask(ctx context.Context, format string, args ...any) error {
	if c.yes {
		return nil
	}
	question := fmt.Sprintf(format, args...)
	if !c.env.InIsTerminal() || !c.env.ErrIsTerminal() {
		return WithHint(Usagef("%s There is no terminal to ask at", question), "add -y to do it without asking, or --dry-run to see what would be done")
	}
	if _, err := fmt.Fprintf(c.env.Err, "%s [y/N] ", question); err != nil {
		return err
	}
	answered := make(chan error, 1)
	// Nothing interrupts a read of a terminal: where ctx ends first, the goroutine
	// ends with the process, which does not wait for a person who said no by ^C.
	go func() { answered <- answer(c.env.In) }()
	select {
	case err := <-answered:
		return err
	case <-ctx.Done():
		c.env.Notef("")
		return ctx.Err()
	}
}

func answer(r io.Reader) error {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	default:
		return errDeclined
	}
}
