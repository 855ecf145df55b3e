package admin

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kmsg"

	"moldau.dev/moldau/internal/cli/cmdline"
)

// resourceHelp tells how resources are named.
const resourceHelp = `A resource is named by its kind and its name:

  topic NAME            a topic
  broker ID             one broker
  broker default        all brokers, where none has its own
  broker-logger ID      the log levels of one broker
  group NAME            a group
  client-metrics NAME   a subscription to metrics of clients`

func newConfigs(env *cmdline.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "configs",
		Aliases: []string{"config", "c"},
		Short:   "Show, explain and change configurations of topics, brokers and groups",
		Long: `Show, explain and change the configurations of topics, brokers and groups.

` + resourceHelp,
		Example: `  moldau configs describe topic orders
  moldau configs describe broker 1 --all --doc
  moldau configs get topic orders retention.ms
  moldau configs set topic orders retention.ms=604800000
  moldau configs set broker default log.retention.ms=86400000
  moldau configs unset topic orders retention.ms`,
	}
	t := newNoun(env, cmd)
	cmd.AddCommand(t.newConfigsDescribe(), t.newConfigsGet(), t.newConfigsSet(), t.newConfigsUnset())
	return cmd
}

// defaultBroker names all brokers, where none has its own configuration.
const defaultBroker = "default"

// parseResource reads the kind and the name of a resource.
func parseResource(kind, name string) (resource, error) {
	kinds := make([]string, 0, len(kindNames))
	for k, text := range kindNames {
		kinds = append(kinds, text)
		if kind != text && kind != text+"s" {
			continue
		}
		r := resource{k, name}
		if k == kmsg.ConfigResourceTypeBroker && name == defaultBroker {
			r.name = ""
			return r, nil
		}
		if k == kmsg.ConfigResourceTypeBroker || k == kmsg.ConfigResourceTypeBrokerLogger {
			if id, err := strconv.ParseInt(name, 10, 32); err != nil || id < 0 {
				return resource{}, cmdline.WithHint(cmdline.Usagef("%q is no broker id", name), "'moldau cluster nodes' lists the brokers; 'broker default' is all of them")
			}
		}
		return r, nil
	}
	slices.Sort(kinds)
	err := cmdline.Usagef("unknown kind of resource %q: want one of %s", kind, strings.Join(kinds, ", "))
	if near, ok := cmdline.Nearest(kind, kinds); ok {
		return resource{}, cmdline.WithHint(err, "did you mean %s?", near)
	}
	return resource{}, err
}

// readResource reads the resource of arguments and, where that can be missing
// without the cluster's saying so, looks whether it is there.
func (s *session) readResource(ctx context.Context, args []string) (resource, error) {
	r, err := parseResource(args[0], args[1])
	if err != nil || r.kind != kmsg.ConfigResourceTypeTopic {
		return r, err
	}
	details, err := s.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return r, err
	}
	if !details.Has(r.name) {
		return r, missing("topic", r.name, details.Names())
	}
	return r, nil
}

// completeResource completes the kind, then the name, then keys with an end such as "=".
func (t *tool) completeResource(end string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return []string{
				"topic\ta topic", "broker\tone broker, or all of them (default)", "broker-logger\tlog levels of a broker",
				"group\ta group", "client-metrics\ta subscription to clients' metrics",
			}, cobra.ShellCompDirectiveNoFileComp
		case 1:
			return t.completeName(cmd, args[0], typed)
		}
		r, err := parseResource(args[0], args[1])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if end != "" {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return cmdline.CompleteKeys(keys(r.kind), end), directive
	}
}

func (t *tool) completeName(cmd *cobra.Command, kind, typed string) ([]string, cobra.ShellCompDirective) {
	switch strings.TrimSuffix(kind, "s") {
	case "topic":
		return t.conn.CompleteTopics(cmd, nil, typed)
	case "group":
		return t.conn.CompleteGroups(cmd, nil, typed)
	case "broker":
		brokers, directive := t.conn.CompleteBrokers(cmd, nil, typed)
		return append(brokers, defaultBroker+"\tall brokers"), directive
	case "broker-logger":
		return t.conn.CompleteBrokers(cmd, nil, typed)
	default:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

func (t *tool) newConfigsDescribe() *cobra.Command {
	var describe configsDescribe
	cmd := &cobra.Command{
		Use:     "describe KIND NAME [KEY]...",
		Aliases: []string{"desc", "show", "list", "ls"},
		Short:   "Show configurations that differ from the default, with their source",
		Long: `Show the configurations of a resource that are set on it, or that differ from
Kafka's default because of its broker: value, default, and where the value is set.
With keys it shows those, with --all every one.

` + resourceHelp,
		Example: `  moldau configs describe topic orders
  moldau configs describe topic orders retention.ms --doc
  moldau configs describe broker 1 --all
  moldau configs describe broker default
  moldau configs describe group billing --all -o json`,
		Args:              cmdline.Args(2, cmdline.Many),
		ValidArgsFunction: t.completeResource(""),
		RunE:              t.run(describe.run),
	}
	cmd.Flags().BoolVarP(&describe.all, "all", "a", false, "every configuration, also those that are at their default")
	cmd.Flags().BoolVar(&describe.doc, "doc", false, "explain each configuration")
	return cmd
}

type configsDescribe struct{ all, doc bool }

// describedResource is a resource in JSON.
type describedResource struct {
	Kind    string  `json:"kind"`
	Name    string  `json:"name"`
	Configs []entry `json:"configs"`
}

func (d *configsDescribe) run(ctx context.Context, s *session, args []string) error {
	r, err := s.readResource(ctx, args)
	if err != nil {
		return err
	}
	entries, err := s.describeKeys(ctx, r, args[2:])
	if err != nil {
		return err
	}
	if len(args) == 2 && !d.all {
		entries = slices.DeleteFunc(entries, func(e entry) bool { return !e.differs(r.kind) })
	}
	described := describedResource{Kind: kindNames[r.kind], Name: quotable(r), Configs: entries}
	return s.out.Write(described, func() error {
		switch {
		case len(entries) == 0 && !d.all:
			s.env.Notef("%s has no configuration of its own; --all shows every one", upperFirst(r.String()))
			return nil
		case d.doc:
			return s.explain(entries)
		default:
			return s.configTable(entries).Write()
		}
	})
}

// describeKeys asks for configurations of a resource; a key that it does not
// have is an error.
func (s *session) describeKeys(ctx context.Context, r resource, names []string) ([]entry, error) {
	described, failed, err := s.describe(ctx, names, r)
	if err != nil {
		return nil, err
	}
	if err := failed[r]; err != nil {
		return nil, fmt.Errorf("describe the configurations of %v: %w", r, err)
	}
	entries := list(described[r])
	for _, name := range names {
		if slices.ContainsFunc(entries, func(e entry) bool { return e.Key == name }) {
			continue
		}
		err := missingError{fmt.Sprintf("%s has no configuration %q", r, name)}
		if near, ok := cmdline.Nearest(name, keyNames(r.kind)); ok {
			return nil, cmdline.WithHint(err, "did you mean %s?", near)
		}
		return nil, cmdline.WithHint(err, "'moldau configs describe %s %s --all' lists them", kindNames[r.kind], quotable(r))
	}
	return entries, nil
}

// quotable is the name of a resource as it is written on the command line.
func quotable(r resource) string {
	if r.name == "" {
		return defaultBroker
	}
	return r.name
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// explain writes configurations below one another, with their documentation.
func (s *session) explain(entries []entry) error {
	for i, e := range entries {
		if i > 0 {
			if err := s.env.Printf(""); err != nil {
				return err
			}
		}
		if err := s.env.Printf("%s", s.env.Bold(e.Key+"="+e.text())); err != nil {
			return err
		}
		facts := fmt.Sprintf("%s, %s", e.Type, e.Source)
		if e.set() && e.Default != nil {
			facts += ", default " + e.defaultText()
		}
		if e.ReadOnly {
			facts += ", read-only"
		}
		if err := s.env.Printf("  %s", s.env.Faint(facts)); err != nil {
			return err
		}
		if doc := plainText(pointee(e.Documentation)); doc != "" {
			if err := s.env.Printf("%s", cmdline.Wrap(doc, 80, "  ")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tool) newConfigsGet() *cobra.Command {
	var get configsGet
	return &cobra.Command{
		Use:   "get KIND NAME KEY",
		Short: "Print one value, for scripts",
		Long: `Print the value of one configuration and nothing else. A value that is not set is
an empty line; one that is hidden is an error.

` + resourceHelp,
		Example:           `  retention=$(moldau configs get topic orders retention.ms)`,
		Args:              cmdline.Args(3, 3),
		ValidArgsFunction: t.completeResource(""),
		RunE:              t.run(get.run),
	}
}

type configsGet struct{}

func (configsGet) run(ctx context.Context, s *session, args []string) error {
	r, err := s.readResource(ctx, args)
	if err != nil {
		return err
	}
	entries, err := s.describeKeys(ctx, r, args[2:])
	if err != nil {
		return err
	}
	e := entries[0]
	if e.Sensitive {
		return fmt.Errorf("%s is sensitive: the cluster does not show it to anybody", e.Key)
	}
	return s.out.Write(e, func() error { return s.env.Printf("%s", pointee(e.Value)) })
}

func (t *tool) newConfigsSet() *cobra.Command {
	var set configsSet
	cmd := &cobra.Command{
		Use:     "set KIND NAME KEY=VALUE...",
		Aliases: []string{"alter"},
		Short:   "Set configurations",
		Long: `Set configurations of a resource. All of them are set, or none. KEY+=VALUE adds to
a list, KEY-=VALUE takes out of it.

` + resourceHelp,
		Example: `  moldau configs set topic orders retention.ms=604800000 cleanup.policy+=compact
  moldau configs set broker default log.retention.ms=86400000 --dry-run
  moldau configs set broker-logger 1 root=DEBUG`,
		Args:              cmdline.Args(3, cmdline.Many),
		ValidArgsFunction: t.completeResource("="),
		RunE:              t.run(set.run),
	}
	cmd.Flags().BoolVar(&set.dryRun, "dry-run", false, "let the cluster check it, and change nothing")
	return cmd
}

type configsSet struct{ dryRun bool }

func (c *configsSet) run(ctx context.Context, s *session, args []string) error {
	changes, err := parseChanges(args[2:])
	if err != nil {
		return err
	}
	r, err := s.readResource(ctx, args)
	if err != nil {
		return err
	}
	return s.alterAll(ctx, c.dryRun, changes, []resource{r}, nil)
}

// parseChanges reads KEY=VALUE, KEY+=VALUE and KEY-=VALUE.
func parseChanges(args []string) ([]change, error) {
	var changes []change
	seen := map[string]bool{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		op := kmsg.IncrementalAlterConfigOpSet
		if added, is := strings.CutSuffix(key, "+"); is {
			key, op = added, kmsg.IncrementalAlterConfigOpAppend
		} else if removed, is := strings.CutSuffix(key, "-"); is {
			key, op = removed, kmsg.IncrementalAlterConfigOpSubtract
		}
		if key = strings.TrimSpace(key); !ok || key == "" {
			return nil, cmdline.Usagef("%q: want key=value, key+=value or key-=value", arg)
		}
		if seen[key] {
			return nil, cmdline.Usagef("%s is given twice", key)
		}
		seen[key] = true
		changes = append(changes, change{key, op, &value})
	}
	return changes, nil
}

func (t *tool) newConfigsUnset() *cobra.Command {
	var unset configsUnset
	cmd := &cobra.Command{
		Use:     "unset KIND NAME KEY...",
		Aliases: []string{"delete", "rm", "reset"},
		Short:   "Unset configurations, so that the default holds",
		Long: `Unset configurations of a resource: what holds then is the broker's, or Kafka's
default.

` + resourceHelp,
		Example: `  moldau configs unset topic orders retention.ms
  moldau configs unset broker default log.retention.ms`,
		Args:              cmdline.Args(3, cmdline.Many),
		ValidArgsFunction: t.completeResource(""),
		RunE:              t.run(unset.run),
	}
	cmd.Flags().BoolVar(&unset.dryRun, "dry-run", false, "let the cluster check it, and change nothing")
	return cmd
}

type configsUnset struct{ dryRun bool }

func (c *configsUnset) run(ctx context.Context, s *session, args []string) error {
	r, err := s.readResource(ctx, args)
	if err != nil {
		return err
	}
	var changes []change
	for _, key := range args[2:] {
		changes = append(changes, change{key, kmsg.IncrementalAlterConfigOpDelete, nil})
	}
	return s.alterAll(ctx, c.dryRun, changes, []resource{r}, nil)
}
