// Command moldau is Apache Kafka in one binary: the broker and its tools.
package main

import (
	"os"

	"moldau.dev/moldau/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
