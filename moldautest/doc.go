// Package moldautest runs a real Kafka broker inside a Go test: the whole of
// Moldau, not a fake, ready in milliseconds and gone with the test.
//
//	func TestOrders(t *testing.T) {
//		b := moldautest.Start(t, moldautest.WithTopic("orders", 3))
//		... kgo.NewClient(kgo.SeedBrokers(b.Addr())) ...
//	}
//
// Every test has a broker of its own, so tests may run in parallel. It keeps its
// data in memory and listens on a free port of loopback, which any client of Kafka
// can use. With WithTempDir the data is in a folder of the test; with
// WithVirtualNetwork there is no socket either, and broker and clients can live in
// a bubble of testing/synctest, where days pass in milliseconds: sessions time
// out, retention deletes, committed offsets expire.
//
// What a test of a client must also see is under its control: Inject answers
// requests with errors, late, or not at all; Stop, Kill, PowerFailure and Start
// take the broker away and bring it back with the data that would be left;
// FillDisk and FailSync break its disk.
//
// The broker's log is the test's: it is shown with -v, and when the test fails. A
// broker that ends by itself fails the test.
//
// The broker is a cluster of one with Kafka's defaults, except that
// __consumer_offsets has one partition, and that a group's first rebalance does
// not wait for further members. WithConfig changes any of it.
package moldautest
