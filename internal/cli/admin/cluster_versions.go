package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"moldau.dev/moldau/internal/cli/cmdline"
	"moldau.dev/moldau/internal/protocol"
)

func (t *tool) newClusterFeatures() *cobra.Command {
	return &cobra.Command{
		Use:   "features",
		Short: "List features with the levels that brokers support and the cluster uses",
		Long: `List the features of the cluster: the levels that its brokers support, the level
that the cluster uses (finalized), and what that level stands for. A level
of "-" says that the feature is off.`,
		Example: `  moldau cluster features
  moldau cluster features -o json | jq '.[] | select(.feature == "metadata.version")'`,
		Args: cmdline.Args(0, 0),
		RunE: t.run(clusterFeatures),
	}
}

// feature is a feature of the cluster, in JSON. A level of null says that it is off.
type feature struct {
	Feature string `json:"feature"`
	Min     int16  `json:"supportedMin"`
	Max     int16  `json:"supportedMax"`
	Level   *int16 `json:"finalized"`
}

// levelText writes the level with the release it belongs to.
func (f *feature) levelText() string {
	text := number(f.Level)
	if f.Level != nil {
		if name, _, _ := strings.Cut(f.about(), ":"); name != "" {
			text += " (" + name + ")"
		}
	}
	return text
}

// about says what the level stands for, if that is known.
func (f *feature) about() string {
	if f.Level == nil {
		return ""
	}
	return kversion.FeatureLevelDescription(f.Feature, *f.Level)
}

// features reads the features out of what a broker says of its versions.
func features(r *kmsg.ApiVersionsResponse) []feature {
	list := []feature{}
	for _, supported := range r.SupportedFeatures {
		f := feature{Feature: supported.Name, Min: supported.MinVersion, Max: supported.MaxVersion}
		for _, finalized := range r.FinalizedFeatures {
			if finalized.Name == f.Feature && finalized.MaxVersionLevel > 0 {
				f.Level = &finalized.MaxVersionLevel
			}
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b feature) int { return strings.Compare(a.Feature, b.Feature) })
	return list
}

func clusterFeatures(ctx context.Context, s *session, _ []string) error {
	o, err := s.readOverview(ctx)
	if err != nil {
		return err
	}
	return s.out.Write(list(o.Features), func() error {
		table := cmdline.NewTable(s.env, "FEATURE", ">MIN", ">MAX", ">LEVEL", "ABOUT")
		for _, f := range o.Features {
			table.Row(f.Feature, f.Min, f.Max, number(f.Level), f.about())
		}
		return table.Write()
	})
}

func (t *tool) newClusterAPIVersions() *cobra.Command {
	var show clusterAPIVersions
	cmd := &cobra.Command{
		Use:     "api-versions",
		Aliases: []string{"apis", "api"},
		Short:   "List the requests that brokers have, with their versions",
		Long: `List the requests of Kafka's protocol that every broker of the cluster has, with
the versions that all of them share; or those of one broker.`,
		Example: `  moldau cluster api-versions
  moldau cluster api-versions --broker 1 -o json`,
		Args: cmdline.Args(0, 0),
		RunE: t.run(show.run),
	}
	cmd.Flags().Int32Var(&show.broker, "broker", -1, "the `id` of the one broker to ask (default: all of them)")
	cmdline.HideDefault(cmd.Flags(), "broker")
	_ = cmd.RegisterFlagCompletionFunc("broker", t.conn.CompleteBrokers)
	return cmd
}

type clusterAPIVersions struct{ broker int32 }

// apiVersions are the versions of a request, in JSON.
type apiVersions struct {
	Key  int16  `json:"apiKey"`
	Name string `json:"name"`
	Min  int16  `json:"minVersion"`
	Max  int16  `json:"maxVersion"`

	brokers int
}

func (c *clusterAPIVersions) run(ctx context.Context, s *session, _ []string) error {
	versions, err := s.admin.ApiVersions(ctx)
	if err != nil {
		return err
	}
	shared := map[int16]*apiVersions{}
	asked := 0
	for _, v := range versions.Sorted() {
		if c.broker >= 0 && v.NodeID != c.broker {
			continue
		}
		if v.Err != nil {
			return fmt.Errorf("ask broker %d: %w", v.NodeID, v.Err)
		}
		asked++
		v.EachKeySorted(func(key, first, last int16) {
			a := shared[key]
			if a == nil {
				a = &apiVersions{Key: key, Name: protocol.KeyName(key), Min: first, Max: last}
				shared[key] = a
			}
			a.Min, a.Max, a.brokers = max(a.Min, first), min(a.Max, last), a.brokers+1
		})
	}
	if asked == 0 {
		return cmdline.WithHint(missingError{fmt.Sprintf("there is no broker %d", c.broker)}, "'moldau cluster nodes' lists them")
	}
	rows := []apiVersions{}
	for _, key := range sortedKeys(shared) {
		if a := shared[key]; a.brokers == asked && a.Min <= a.Max {
			rows = append(rows, *a)
		}
	}
	return s.out.Write(rows, func() error {
		table := cmdline.NewTable(s.env, ">KEY", "API", ">MIN", ">MAX")
		for _, r := range rows {
			table.Row(r.Key, r.Name, r.Min, r.Max)
		}
		return table.Write()
	})
}
