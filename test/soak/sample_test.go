package soak

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// sample is one point of the curve. What could not be measured is below 0.
type sample struct {
	at time.Duration // Since the run began.
	// up is how long the process has run, generation counts the processes.
	up         time.Duration
	generation int
	values     [columns]float64
}

// column is what is measured.
type column int

const (
	rss column = iota
	heap
	goroutines
	files
	threads
	cpu
	loadCPU
	disk // Without diskKept.
	diskKept
	produced
	read
	produceP50
	produceP99
	endToEndP99
	columns
)

// columnNames are the heads of the CSV.
var columnNames = [columns]string{
	"rss_mib", "go_heap_inuse_mib", "goroutines", "open_files", "threads", "broker_cpu_percent", "load_cpu_percent", "disk_mib", "disk_kept_mib", "records_acked_per_s", "records_verified_per_s",
	"produce_p50_ms", "produce_p99_ms", "end_to_end_p99_ms",
}

// latency is a histogram in microseconds that is emptied by reading it.
type latency struct {
	mu sync.Mutex // Guards h.
	h  *hdrhistogram.Histogram
}

type latencies struct{ produce, endToEnd latency }

func (l *latency) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.h == nil {
		l.h = hdrhistogram.New(1, int64(time.Hour/time.Microsecond), 3)
	}
	_ = l.h.RecordValue(max(1, d.Microseconds())) // An hour is longer than anything here.
}

// take gives percentiles in milliseconds since it was called last, -1 if there was nothing.
func (l *latency) take(percentiles ...float64) []float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	values := make([]float64, len(percentiles))
	for i, p := range percentiles {
		values[i] = -1
		if l.h != nil && l.h.TotalCount() > 0 {
			values[i] = float64(l.h.ValueAtPercentile(p)) / 1000
		}
	}
	if l.h != nil {
		l.h.Reset()
	}
	return values
}

// sampler measures the differences from one sample to the next.
type sampler struct {
	*soak
	last struct {
		at                        time.Time
		generation                int
		cpu, loadCPU              float64
		produced, read            int64
		generationBegan, diskTime time.Time
	}
}

// sample takes samples until ctx ends.
func (s *soak) sample(ctx context.Context) []sample {
	m := &sampler{soak: s}
	m.last.at, m.last.loadCPU = time.Now(), ownCPU()
	var curve []sample
	tick := time.NewTicker(min(10*time.Second, *duration/8+1))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			curve = append(curve, m.take())
			fmt.Fprintln(os.Stderr, curve[len(curve)-1].csv())
		case <-ctx.Done():
			return curve
		}
	}
}

func (m *sampler) take() sample {
	p, generation, _ := m.node.current()
	now := time.Now()
	if generation != m.last.generation {
		m.last.generation, m.last.generationBegan, m.last.cpu = generation, now, 0
	}
	out := sample{at: now.Sub(m.began), up: now.Sub(m.last.generationBegan), generation: generation}
	for i := range out.values {
		out.values[i] = -1
	}
	v, elapsed := &out.values, now.Sub(m.last.at).Seconds()
	status := procStatus(p.PID())
	v[rss], v[threads] = status["VmRSS"]/1024, status["Threads"]
	if fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID())); err == nil {
		v[files] = float64(len(fds))
	}
	if seconds := procCPU(p.PID()); seconds >= 0 {
		if m.last.cpu > 0 {
			v[cpu] = 100 * (seconds - m.last.cpu) / elapsed
		}
		m.last.cpu = seconds
	}
	own := ownCPU()
	v[loadCPU], m.last.loadCPU = 100*(own-m.last.loadCPU)/elapsed, own
	if metrics, err := scrape(m.node.http); err == nil {
		v[heap], v[goroutines] = metrics["go_memstats_heap_inuse_bytes"]/(1<<20), metrics["go_goroutines"]
	}
	v[disk], v[diskKept] = diskMiB(m.node.options.Dir)
	acked, verified := m.did.produced.Load(), m.did.read.Load()
	v[produced], v[read] = float64(acked-m.last.produced)/elapsed, float64(verified-m.last.read)/elapsed
	m.last.produced, m.last.read, m.last.at = acked, verified, now
	latencies := m.latencies.produce.take(50, 99)
	v[produceP50], v[produceP99] = latencies[0], latencies[1]
	v[endToEndP99] = m.latencies.endToEnd.take(99)[0]
	return out
}

// procStatus gives the numbers of /proc/PID/status; absent ones are below 0.
func procStatus(pid int) map[string]float64 {
	numbers := map[string]float64{"VmRSS": -1024, "Threads": -1}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return numbers
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if fields := strings.Fields(value); len(fields) > 0 {
			if n, err := strconv.ParseFloat(fields[0], 64); err == nil {
				numbers[name] = n
			}
		}
	}
	return numbers
}

// procCPU gives the CPU seconds of a process, -1 if unknown.
func procCPU(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return -1
	}
	// The name, in parentheses, may hold spaces. utime and stime are the 14th and 15th field.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return -1
	}
	const ticks = 100 // Per second, on every Linux.
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		return -1
	}
	return (user + system) / ticks
}

// ownCPU gives the CPU seconds of this process.
func ownCPU() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

// scrape gives the metrics without labels of a node.
func scrape(addr string) (map[string]float64, error) {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get("http://" + addr + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics: %s", resp.Status)
	}
	metrics := map[string]float64{"go_memstats_heap_inuse_bytes": -1 << 20, "go_goroutines": -1}
	lines := bufio.NewScanner(resp.Body)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok && !strings.HasPrefix(name, "#") {
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				metrics[name] = n
			}
		}
	}
	return metrics, lines.Err()
}

// diskMiB sums what the files of a folder take on disk; apart those of topics from which
// nothing is deleted, which grow as they are written.
func diskMiB(dir string) (bounded, kept float64) {
	bytes := map[bool]int64{}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // It was deleted while we looked.
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				bytes[isKept(filepath.Base(filepath.Dir(path)))] += stat.Blocks * 512
			}
		}
		return nil
	})
	return float64(bytes[false]) / (1 << 20), float64(bytes[true]) / (1 << 20)
}

// isKept tells whether a folder is a partition's from which nothing is deleted. What
// groups commit is compacted by a cleaner, which there is not yet.
func isKept(folder string) bool {
	return strings.HasPrefix(folder, keptTopic+"-") || strings.HasPrefix(folder, "__consumer_offsets-")
}

func (s sample) csv() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.0f,%d,%.0f", s.at.Seconds(), s.generation, s.up.Seconds())
	for _, v := range s.values {
		if v < 0 {
			b.WriteString(",")
			continue
		}
		fmt.Fprintf(&b, ",%.4g", v)
	}
	return b.String()
}
