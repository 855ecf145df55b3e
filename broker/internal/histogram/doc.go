// Package histogram counts how values spread, cheaply enough for every request:
// an observation is two atomic additions and neither locks nor allocates.
//
// The buckets are fixed, so that histograms of many nodes can be added up.
//
// It does not know what its numbers mean or how they are shown; see metrics.
//
// In Apache Kafka: com.yammer.metrics.core.Histogram and Timer.
package histogram
