//go:build !linux

package bench

import "time"

// pacer waits until points in time.
type pacer struct{}

func newPacer() (*pacer, error) { return &pacer{}, nil }

// sleep waits for d.
func (p *pacer) sleep(d time.Duration) error {
	time.Sleep(d)
	return nil
}

func (p *pacer) close() {}
