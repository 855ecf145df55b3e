// Package logfiles is the command moldau log: it reads the files of a stopped node.
// dump decodes single files, verify checks whole log directories, list says what they
// hold, and metadata prints what the cluster's metadata log says.
//
// The work is done by package broker/offline; this package prints. Nothing is ever
// written to the folders.
//
// In Apache Kafka: DumpLogSegments, MetadataShell.
package logfiles
