// Package record is the batch format of the log and of the Produce and Fetch
// APIs: reading it without copies, building it, and validating what a client
// sent before it is stored.
//
// A Batch is a view over bytes: accessors read the header in place, setters
// change it in place. The base offset and the leader epoch lie outside the
// checksum, so a leader stamps them onto the client's bytes and writes those.
//
// Invariants: no function here panics, reads out of bounds, or allocates by a
// number found in the input, whatever the input is. A Batch obtained from Read
// is as long as its header says and holds a whole header; accessors may be
// called on nothing shorter. Validation touches no more than the header and the
// framing of the records, and allocates nothing for an uncompressed batch that
// is stored as it came.
//
// Only magic 2 is read in full. The message sets of magic 0 and 1 are recognised
// (Peek) so that old segments on disk can be walked and served as they are;
// they are refused on produce, as Kafka does since 4.0 (KIP-724).
//
// Apache Kafka's counterparts: DefaultRecordBatch, DefaultRecord,
// MemoryRecordsBuilder, ControlRecordUtils, EndTransactionMarker and LogValidator.
// KIPs: 98 (format), 82 (headers), 360 and 534 (delete horizon), 467 (record
// errors), 595, 630, 853 (control records of the metadata log).
package record
