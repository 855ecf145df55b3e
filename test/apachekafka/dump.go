package apachekafka

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// dumped are the endings of the files that DumpLogSegments reads.
var dumped = []string{".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checkpoint"}

// complaints are what DumpLogSegments says of files it does not like. It also ends
// with an exception.
var complaints = regexp.MustCompile(`Exception|invalid bytes at the end|Mismatches in|Non-consecutive offsets|Found timestamp mismatch|` +
	`Found out of order timestamp|indexed offset is not found|Ignoring unknown file|isvalid: false|isValid: false|[Cc]orrupt|UNKNOWN`)

// filesPerRun bounds the command line, and what one run of the tool prints.
const filesPerRun = 500

// Dump lets DumpLogSegments read every file of a data folder in every way that
// applies to it. The node must be stopped. It returns how many files it read, and
// what the tool complains of; topics that are compacted may have gaps.
func (i *Install) Dump(ctx context.Context, dir string, compacted ...string) (files int, complaints []string, err error) {
	data, offsets, metadata, indexes, err := dumpFiles(dir)
	if err != nil {
		return 0, nil, fmt.Errorf("list the data folder: %w", err)
	}
	if len(data) == 0 || len(metadata) == 0 {
		return 0, nil, fmt.Errorf("%s holds no data", dir)
	}
	for _, pass := range []struct {
		files []string
		how   []string
	}{
		{data, []string{"--deep-iteration", "--print-data-log"}},
		{offsets, []string{"--deep-iteration", "--offsets-decoder"}},
		{metadata, []string{"--deep-iteration", "--cluster-metadata-decoder"}},
		{indexes, []string{"--index-sanity-check"}},
	} {
		for batch := range slices.Chunk(pass.files, filesPerRun) {
			complaints = append(complaints, i.dump(ctx, batch, compacted, pass.how...)...)
		}
	}
	return len(data) + len(offsets) + len(metadata), complaints, nil
}

func dumpFiles(dir string) (data, offsets, metadata, indexes []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		folder := filepath.Base(filepath.Dir(path))
		ext := filepath.Ext(path)
		switch {
		case err != nil || d.IsDir() || !slices.Contains(dumped, ext) || !strings.Contains(folder, "-") || strings.HasSuffix(folder, "-delete"):
			return err
		case strings.HasPrefix(folder, "__cluster_metadata-"):
			metadata = append(metadata, path)
		case strings.HasPrefix(folder, "__consumer_offsets-"):
			offsets = append(offsets, path)
		default:
			data = append(data, path)
		}
		if ext == ".index" || ext == ".timeindex" {
			indexes = append(indexes, path)
		}
		return nil
	})
	return data, offsets, metadata, indexes, err
}

// dump runs the tool once and returns what it complains of.
func (i *Install) dump(ctx context.Context, files, compacted []string, how ...string) (found []string) {
	stdout, stderr, err := i.Tool(ctx, DumpLogSegments, append(how, "--files", strings.Join(files, ","))...)
	if err != nil {
		return []string{fmt.Sprintf("dump-log %v: %v", how, err)}
	}
	dumping := ""
	for line := range strings.Lines(complaintsOf(stderr, compacted) + stdout) {
		if strings.HasPrefix(line, "Dumping ") {
			dumping = line
		}
		if text, _, _ := strings.Cut(line, " payload: "); len(found) < 10 && complaints.MatchString(text) {
			found = append(found, fmt.Sprintf("dump-log %v: %.500s (%s)", how, strings.TrimSpace(line), strings.TrimSpace(dumping)))
		}
	}
	if n := strings.Count(stdout, "Dumping "); n != len(files) {
		found = append(found, fmt.Sprintf("dump-log %v read %d of %d files", how, n, len(files)))
	}
	return found
}

// complaintsOf gives what the tool wrote to stderr without what is no complaint:
// it calls offsets non-consecutive when a segment does not begin at 0, and when a
// compacted topic has gaps.
func complaintsOf(stderr string, compactedTopics []string) string {
	compactedTopics = append([]string{"__consumer_offsets", "__transaction_state"}, compactedTopics...)
	var b strings.Builder
	lines := strings.Split(stderr, "\n")
	for i := 0; i < len(lines); i++ {
		file, ok := strings.CutPrefix(lines[i], "Non-consecutive offsets in ")
		if !ok {
			b.WriteString(lines[i] + "\n")
			continue
		}
		base, _ := strconv.ParseInt(strings.TrimSuffix(filepath.Base(file), ".log"), 10, 64)
		compacted := slices.ContainsFunc(compactedTopics, func(topic string) bool { return strings.Contains(file, "/"+topic+"-") })
		for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], "  "); i++ {
			begins := strings.TrimSpace(lines[i+1]) == "-1 is followed by "+strconv.FormatInt(base, 10)
			if !begins && !compacted {
				b.WriteString("Non-consecutive offsets in " + file + ":" + lines[i+1] + "\n")
			}
		}
	}
	return b.String()
}
