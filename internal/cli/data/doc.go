// Package data is the commands that move records: produce writes them to topics
// and consume reads them.
//
// produce is a pipeline: an input (lines, JSON documents, arguments) makes
// records, a sender gives them to the client and waits for the brokers'
// acknowledgements. consume resolves --from and --to to an offset in every
// partition, and a cursor per partition tells when it has been read; a printer
// writes what passes the filters.
//
// What always holds: the order of the input is the order in each partition, and
// the order of a partition is the order of the output. What consume -o json
// writes, produce -i json reads back to the same bytes. A null is never taken
// for an empty value. consume -g commits a record only when it has been written
// to standard output. A number in a summary counts what brokers have
// acknowledged.
//
// It knows no schemas, and it is no benchmark: that is a command of its own. In
// Apache Kafka: ConsoleProducer, ConsoleConsumer, LineMessageReader,
// DefaultMessageFormatter, OffsetsMessageFormatter.
package data
