package exchange

import (
	"context"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"moldau.dev/moldau/test/apachekafka"
)

// dumped are the endings of the files that dump-log reads.
var dumped = []string{".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checkpoint"}

// complaints are what dump-log says of files it does not like. It also ends with
// an exception.
var complaints = regexp.MustCompile(`Exception|invalid bytes at the end|Mismatches in|Non-consecutive offsets|Found timestamp mismatch|` +
	`Found out of order timestamp|indexed offset is not found|Ignoring unknown file|isvalid: false|isValid: false|[Cc]orrupt|UNKNOWN`)

// dumpAll lets Apache Kafka's dump-log read every file of a data folder in every way
// that applies to it. The node must be stopped.
func dumpAll(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	var data, offsets, metadata, indexes []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		folder := filepath.Base(filepath.Dir(path))
		switch ext := filepath.Ext(path); {
		case err != nil || d.IsDir() || !slices.Contains(dumped, ext) || !strings.Contains(folder, "-") || strings.HasSuffix(folder, "-delete"):
			return err
		case strings.HasPrefix(folder, "__cluster_metadata-"):
			metadata = append(metadata, path)
		case strings.HasPrefix(folder, "__consumer_offsets-"):
			offsets = append(offsets, path)
		default:
			data = append(data, path)
		}
		if ext := filepath.Ext(path); ext == ".index" || ext == ".timeindex" {
			indexes = append(indexes, path)
		}
		return nil
	})
	check(t, err, "list the data folder")
	if len(data) == 0 || len(metadata) == 0 {
		t.Fatalf("%s holds no data", dir)
	}
	dump(ctx, t, data, "--deep-iteration", "--print-data-log")
	dump(ctx, t, offsets, "--deep-iteration", "--offsets-decoder")
	dump(ctx, t, metadata, "--deep-iteration", "--cluster-metadata-decoder")
	dump(ctx, t, indexes, "--index-sanity-check")
}

func dump(ctx context.Context, t *testing.T, files []string, how ...string) {
	t.Helper()
	if len(files) == 0 {
		return
	}
	stdout, stderr, err := kafka.Tool(ctx, apachekafka.DumpLogSegments, append(how, "--files", strings.Join(files, ","))...)
	if err != nil {
		t.Errorf("dump-log %v: %v", how, err)
		return
	}
	shown := 0
	dumping := ""
	for line := range strings.Lines(complaintsOf(stderr) + stdout) {
		if strings.HasPrefix(line, "Dumping ") {
			dumping = line
		}
		if text, _, _ := strings.Cut(line, " payload: "); shown < 10 && complaints.MatchString(text) {
			t.Errorf("dump-log %v: %.500s (%s)", how, line, dumping)
			shown++
		}
	}
	if n := strings.Count(stdout, "Dumping "); n != len(files) {
		t.Errorf("dump-log %v read %d of %d files", how, n, len(files))
	}
}

// complaintsOf gives what dump-log wrote to stderr without what is no complaint:
// it calls offsets non-consecutive when a segment does not begin at 0, and when a
// compacted topic has gaps.
func complaintsOf(stderr string) string {
	var b strings.Builder
	lines := strings.Split(stderr, "\n")
	for i := 0; i < len(lines); i++ {
		file, ok := strings.CutPrefix(lines[i], "Non-consecutive offsets in ")
		if !ok {
			b.WriteString(lines[i] + "\n")
			continue
		}
		base, _ := strconv.ParseInt(strings.TrimSuffix(filepath.Base(file), ".log"), 10, 64)
		compacted := strings.Contains(file, "/"+compactedTopic+"-") || strings.Contains(file, "/__consumer_offsets-") || strings.Contains(file, "/__transaction_state-")
		for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], "  "); i++ {
			begins := strings.TrimSpace(lines[i+1]) == "-1 is followed by "+strconv.FormatInt(base, 10)
			if !begins && !compacted {
				b.WriteString("Non-consecutive offsets in " + file + ":" + lines[i+1] + "\n")
			}
		}
	}
	return b.String()
}

// TestComplaintsAreSeen breaks files on purpose: a check that never fails proves nothing.
func TestComplaintsAreSeen(t *testing.T) {
	for _, stderr := range []string{
		"Mismatches in :/d/a-0/00000000000000000000.index\n", "Found timestamp mismatch in :/d/a-0/0.timeindex\n",
		"Non-consecutive offsets in /d/a-0/00000000000000000000.log\n  4 is followed by 6\n", "Exception in thread \"main\" java.lang\n",
	} {
		if !complaints.MatchString(complaintsOf(stderr)) {
			t.Errorf("not seen: %s", stderr)
		}
	}
	for _, stderr := range []string{"Non-consecutive offsets in /d/a-0/00000000000000000042.log\n  -1 is followed by 42\n", ""} {
		if complaints.MatchString(complaintsOf(stderr)) {
			t.Errorf("not a complaint: %s", stderr)
		}
	}
}

// count gives the number of files that match.
func count(t *testing.T, pattern ...string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(pattern...))
	check(t, err, "look for files")
	return len(found)
}
