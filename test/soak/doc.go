// Package soak runs the binary under mixed load for as long as it is told, `make
// soak DURATION=1h`, and shows that nothing is lost and nothing grows.
//
// The load: idempotent producers of every codec that come and go; groups whose
// members join, leave and vanish; topics with retention by time and by size that
// roll every few seconds; DeleteRecords; topics that are created, used and deleted;
// configurations that change; the broker stopped and killed every few minutes in
// the first part, then a long stretch without restarts, in which leaks would show,
// and restarts again at the end. Package history judges what clients see, all the time.
//
// Samples of the process (memory, goroutines, files, threads, CPU, disk) and of what clients
// feel (throughput, latencies) become a CSV, a page and a picture in
// docs/reliability. What the system does not tell (no /proc, say) is left out.
//
// It holds nothing but tests.
package soak
