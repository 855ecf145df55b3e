// Package cmdline is what the commands of the command line share: the streams
// and the terminal behind them (Env), the connection to a cluster and its flags
// (Connection), output as a table or JSON (Output, Table), errors that name the
// cause and the cure (Usage, WithHint, Connection.Explain), times and sizes as a
// person writes and reads them, questions, progress and completion.
//
// What always holds: results go to standard output, everything else to standard
// error; nothing is coloured, truncated or redrawn unless the stream is a
// terminal; a command reads no environment and no clock but through Env.
//
// It knows no command, and nothing of the broker: it speaks Kafka's protocol
// through franz-go, to Moldau and to Apache Kafka alike. In Apache Kafka:
// org.apache.kafka.server.util.CommandDefaultOptions and CommandLineUtils.
package cmdline
