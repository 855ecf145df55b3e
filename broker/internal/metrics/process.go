package metrics

import (
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

func itoa(n int) string { return strconv.Itoa(n) }

// build tells what the binary was built from.
func build() (version, revision, goVersion string) {
	version, goVersion = "(devel)", runtime.Version()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, revision, goVersion
	}
	if info.Main.Version != "" {
		version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return version, revision, goVersion
}

// writeProcess writes the metrics of the Go runtime and of the process.
func (x *Exporter) writeProcess(e *exposition) error {
	if x.process == nil {
		registry := prometheus.NewRegistry()
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		x.process = registry
	}
	// What could be gathered is there even with an error, of a system that does not
	// tell everything.
	families, _ := x.process.Gather()
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(e.w, f); err != nil {
			return err
		}
	}
	return nil
}
