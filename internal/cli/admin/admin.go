package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// New gives the commands of this package.
func New(env *cmdline.Env) []*cobra.Command {
	return []*cobra.Command{newTopics(env), newGroups(env), newConfigs(env), newCluster(env)}
}

// tool is what the commands of one noun share: the world, and their flags.
type tool struct {
	env  *cmdline.Env
	conn *cmdline.Connection
	out  *cmdline.Output
}

// newNoun makes the command of a noun, which has only children, and their tool.
func newNoun(env *cmdline.Env, cmd *cobra.Command) *tool {
	cmd.Args = cmdline.Args(0, 0)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return &tool{env: env, conn: cmdline.NewConnection(env, cmd), out: cmdline.NewOutput(env, cmd)}
}

// session is a tool with a connection, for the time of one command.
type session struct {
	*tool
	client *kgo.Client
	admin  *kadm.Client
}

// run makes the function of a command that works with the cluster.
func (t *tool) run(f func(ctx context.Context, s *session, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		client, err := t.conn.Client(cmd.Context())
		if err != nil {
			return err
		}
		defer client.Close()
		timeout, err := t.conn.RequestTimeout()
		if err != nil {
			return err
		}
		admin := kadm.NewClient(client)
		admin.SetTimeoutMillis(int32(timeout.Milliseconds()))
		return t.conn.Explain(f(cmd.Context(), &session{tool: t, client: client, admin: admin}, args))
	}
}

// failures are the errors of the things of a command of which others may have
// succeeded.
type failures []error

// add notes that something failed, by what was tried; nil is no failure.
func (f *failures) add(err error, format string, args ...any) {
	if err != nil {
		*f = append(*f, fmt.Errorf(format+": %w", append(args, err)...))
	}
}

// report tells the failures, and gives the error of the whole command.
func (s *session) report(f failures) error {
	switch len(f) {
	case 0:
		return nil
	case 1:
		return f[0]
	}
	for _, err := range f {
		s.env.Report(s.conn.Explain(err))
	}
	return cmdline.ErrReported
}

// finish reports failures after the result has been written.
func (s *session) finish(written error, f failures) error {
	if written != nil {
		return written
	}
	return s.report(f)
}

// selection picks things by name or, with --regex, by regular expressions.
type selection struct{ regex bool }

func (sel *selection) addFlags(cmd *cobra.Command, things string) {
	cmd.Flags().BoolVarP(&sel.regex, "regex", "r", false, "the arguments are regular expressions, each for whole names of "+things)
}

// pick gives the names that exist and were meant, sorted, and an error for each
// argument that means none.
func (sel *selection) pick(args, names []string, thing string) ([]string, failures, error) {
	var picked []string
	var failed failures
	for _, arg := range args {
		if !sel.regex {
			if !slices.Contains(names, arg) {
				failed = append(failed, missing(thing, arg, names))
				continue
			}
			picked = append(picked, arg)
			continue
		}
		pattern, err := cmdline.WholeName(arg)
		if err != nil {
			return nil, nil, err
		}
		before := len(picked)
		for _, name := range names {
			if pattern.MatchString(name) {
				picked = append(picked, name)
			}
		}
		if len(picked) == before {
			failed = append(failed, fmt.Errorf("no %s matches %q", thing, arg))
		}
	}
	slices.Sort(picked)
	return slices.Compact(picked), failed, nil
}

// errMissing marks an error about something that is not there.
var errMissing = errors.New("there is none")

type missingError struct{ text string }

func (e missingError) Error() string        { return e.text }
func (e missingError) Is(target error) bool { return target == errMissing }

// missing is the error for a name that does not exist, with the nearest one.
func missing(thing, name string, names []string) error {
	err := missingError{fmt.Sprintf("there is no %s %q", thing, name)}
	if near, ok := cmdline.Nearest(name, names); ok {
		return cmdline.WithHint(err, "did you mean %s?", near)
	}
	return cmdline.WithHint(err, "'moldau %ss list' lists them", thing)
}

// ids writes ids of brokers as a list.
func ids(nodes []int32) string {
	texts := make([]string, len(nodes))
	for i, id := range nodes {
		texts[i] = fmt.Sprint(id)
	}
	return strings.Join(texts, ",")
}

// topicNames are the topics there are; internal ones only if asked for.
func topicNames(details kadm.TopicDetails, internal bool) []string {
	var names []string
	for _, d := range details.Sorted() {
		if internal || !d.IsInternal {
			names = append(names, d.Topic)
		}
	}
	return names
}
