package cmdline

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"moldau.dev/moldau/internal/config"
)

// completionTimeout bounds what a press of the tab key may take.
const completionTimeout = 3 * time.Second

// CompleteTopics completes names of topics, each once.
func (c *Connection) CompleteTopics(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(args, func(ctx context.Context, admin *kadm.Client) ([]string, error) {
		topics, err := admin.ListTopics(ctx)
		return topics.Names(), err
	})
}

// CompleteGroups completes names of groups, each once.
func (c *Connection) CompleteGroups(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(args, func(ctx context.Context, admin *kadm.Client) ([]string, error) {
		groups, err := admin.ListGroups(ctx)
		return groups.Groups(), err
	})
}

// CompleteKeys completes configuration keys, each with an end such as "=" and with
// what it does.
func CompleteKeys(keys []config.Key, end string) []string {
	var names []string
	for _, k := range keys {
		if !k.Internal {
			first, _, _ := strings.Cut(k.Doc, ". ")
			names = append(names, k.Name+end+"\t"+strings.TrimSuffix(first, "."))
		}
	}
	return names
}

// CompleteBrokers completes ids of brokers, each once.
func (c *Connection) CompleteBrokers(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(args, func(ctx context.Context, admin *kadm.Client) ([]string, error) {
		brokers, err := admin.ListBrokers(ctx)
		var ids []string
		for _, b := range brokers {
			ids = append(ids, itoa(b.NodeID)+"\t"+b.Host)
		}
		return ids, err
	})
}

// Complete completes what list gives, without those of taken. Whatever fails,
// or takes too long, completes nothing: the person is in the middle of a line.
func (c *Connection) complete(taken []string, list func(context.Context, *kadm.Client) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	admin, err := c.Admin(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer admin.Close()
	names, err := list(ctx, admin)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(taken, name) })
	return names, cobra.ShellCompDirectiveNoFileComp
}
