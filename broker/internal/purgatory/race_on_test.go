//go:build race

package purgatory

// raceEnabled: the race detector makes sync.Pool forget at random.
const raceEnabled = true
