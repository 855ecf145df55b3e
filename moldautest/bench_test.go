package moldautest_test

import (
	"testing"

	"moldau.dev/moldau/moldautest"
)

// BenchmarkStart measures how long a test waits for its broker, and for its end.
func BenchmarkStart(b *testing.B) {
	for name, opts := range map[string][]moldautest.Option{
		"memory": nil, "virtual network": {moldautest.WithVirtualNetwork()}, "temp dir": {moldautest.WithTempDir()},
		"three topics": {moldautest.WithTopic("a", 1), moldautest.WithTopic("b", 3), moldautest.WithTopic("c", 10)},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				broker := moldautest.Start(b, opts...)
				b.StopTimer()
				broker.Stop()
				b.StartTimer()
			}
		})
	}
}
