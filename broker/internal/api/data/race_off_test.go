//go:build !race

package data

// raceEnabled tells whether the race detector is on.
const raceEnabled = false
