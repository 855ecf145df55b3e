//go:build !race

package storage

// raceEnabled says that the race detector is on, which allocates.
const raceEnabled = false
