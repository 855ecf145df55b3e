package quorum

import (
	"context"
	"errors"
	"testing"

	"moldau.dev/moldau/internal/vfs"
)

// BenchmarkDo measures operations against a real disk, alone and many at once.
func BenchmarkDo(b *testing.B) {
	for name, parallel := range map[string]int{"callers=1": 0, "callers=64": 32} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			o := testOptions(b, vfs.Default)
			o.Dir = dir
			if err := Format(o.FS, dir, FormatOptions{Records: o.Bootstrap, Voters: []Voter{StandaloneVoter(1, testDirectory)}}, o.withDefaults().Now()); err != nil {
				b.Fatal(err)
			}
			q := start(b, o)
			op := setConfig("a", "1")
			one := func() error {
				_, err := q.Do(context.Background(), 0, op)
				return err
			}
			if err := one(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			if parallel == 0 {
				for b.Loop() {
					if err := one(); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := one(); err != nil {
						b.Error(errors.Unwrap(err))
						return
					}
				}
			})
		})
	}
}
