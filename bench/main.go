package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	groups                 []string
	rounds, kafkaSlow      int
	moldau, dir            string
	results, page          string
	warmup                 string
	seconds                time.Duration
	brokerCore, loadCore   int
	onlyTable, writesPages bool
	skipKafka              bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if o.onlyTable {
		return writePage(o.page, o.results)
	}
	if runtime.GOOS != "linux" {
		return errors.New("this needs Linux: it pins processes to processors and reads their CPU from /proc")
	}
	if runtime.NumCPU() < 2 {
		return errors.New("this needs two processors, one for the broker and one for the load")
	}
	if err := os.MkdirAll(o.dir, 0o750); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := newSuite(ctx, o, dir)
	if err != nil {
		return err
	}
	failed := s.run(ctx)
	if len(s.raw.Measurements) > 0 { // What was measured before a failure is not lost.
		failed = errors.Join(failed, s.save())
	}
	return failed
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Usage = func() {
		_, _ = fmt.Fprintf(flags.Output(), "usage: bench [flags] [group ...]\n\nGroups of rows: %s. None are all.\n\n", strings.Join(groupNames(), ", "))
		flags.PrintDefaults()
	}
	flags.IntVar(&o.rounds, "rounds", 5, "how often each row is measured on each broker")
	flags.IntVar(&o.kafkaSlow, "kafka-slow-rounds", 1, "the same for Apache Kafka with 10,000 partitions, which takes some five minutes each")
	flags.StringVar(&o.moldau, "moldau", "bin/moldau", "the `binary` of Moldau; it makes the load, too")
	flags.StringVar(&o.dir, "dir", "bin/bench", "`folder` for the brokers' data")
	flags.StringVar(&o.results, "results", "bench/results", "`folder` for what was measured")
	flags.StringVar(&o.page, "page", "docs/performance.md", "the page to write")
	flags.StringVar(&o.warmup, "warmup", "4GB", "how much each broker gets before anything counts")
	flags.DurationVar(&o.seconds, "duration", 5*time.Second, "how long one load is measured, where it has no fixed volume")
	flags.IntVar(&o.brokerCore, "broker-core", 0, "the processor of the broker under load")
	flags.IntVar(&o.loadCore, "load-core", 1, "the processor of the load")
	flags.BoolVar(&o.onlyTable, "table", false, "measure nothing: write the page from the newest results of every row")
	flags.BoolVar(&o.writesPages, "write", false, "write the page although not all groups ran (rows that did not keep their newest results)")
	flags.BoolVar(&o.skipKafka, "skip-kafka", false, "measure Moldau alone")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.groups = flags.Args()
	for _, g := range o.groups {
		if !slices.Contains(groupNames(), g) {
			return o, fmt.Errorf("there is no group %q: want %s", g, strings.Join(groupNames(), ", "))
		}
	}
	if len(o.groups) == 0 {
		o.groups, o.writesPages = groupNames(), true
	}
	if o.rounds < 1 || o.kafkaSlow < 0 {
		return o, errors.New("want one round at least")
	}
	var err error
	o.moldau, err = filepath.Abs(o.moldau)
	return o, err
}
