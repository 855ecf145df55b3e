// Package arch holds the order of layers and the tests that keep it.
//
// layers.txt is the policy, readable as text. The tests read the source files
// themselves (never a cached list of packages) and fail when a package imports
// upwards, has no documentation, or is missing from the policy or from
// ARCHITECTURE.md.
package arch
