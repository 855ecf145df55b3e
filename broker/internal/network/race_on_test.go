//go:build race

package network

// raceEnabled: the race detector makes sync.Pool forget at random.
const raceEnabled = true
