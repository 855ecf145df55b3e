package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"moldau.dev/moldau/internal/bench"
)

// schema names the form of a raw file.
const schema = "moldau-beside-kafka/1"

// raw is what a run leaves: every number it measured.
type raw struct {
	Schema  string    `json:"schema"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Machine machine   `json:"machine"`
	// Versions of what was measured.
	Versions map[string]string `json:"versions"`
	// Properties are what both brokers' server.properties had in common beyond ids,
	// addresses and folders.
	Properties map[string]string `json:"properties"`
	// KafkaFlags are the flags of Apache Kafka's JVM.
	KafkaFlags []string `json:"kafkaFlags"`
	Rounds     int      `json:"rounds"`
	// Notes tell what a reader has to know, such as what was left out.
	Notes        []string      `json:"notes,omitempty"`
	Measurements []measurement `json:"measurements"`
	// Loads are the results of `moldau bench` behind them.
	Loads []load `json:"loads"`
}

// measurement is one number.
type measurement struct {
	Metric string  `json:"metric"`
	Broker string  `json:"broker"`
	Round  int     `json:"round"`
	Value  float64 `json:"value"`
	// AtLeast says that the measurement was given up at Value.
	AtLeast bool `json:"atLeast,omitempty"`
}

// load is one run of `moldau bench`.
type load struct {
	Name   string          `json:"name"`
	Broker string          `json:"broker"`
	Round  int             `json:"round"`
	Result json.RawMessage `json:"result"`
}

// machine is what it ran on.
type machine struct {
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Kernel     string `json:"kernel"`
	CPU        string `json:"cpu"`
	Processors int    `json:"processors"`
	MemoryGiB  int64  `json:"memoryGiB"`
	FileSystem string `json:"fileSystem"`
}

func thisMachine(dir string) machine {
	info := bench.NewLoadInfo()
	return machine{
		OS: info.OS, Arch: info.Arch, Kernel: info.Kernel, CPU: info.CPU, Processors: info.Processors,
		MemoryGiB: (memory() + 1<<29) >> 30, FileSystem: fileSystem(dir),
	}
}

// save writes the raw file. Its name is the time of the run.
func (r *raw) save(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, r.Started.UTC().Format("2006-01-02T150405Z")+".json")
	return file, os.WriteFile(file, append(text, '\n'), 0o644)
}

// readRaws reads the raw files of a folder, oldest first.
func readRaws(dir string) ([]*raw, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var raws []*raw
	for _, file := range files { // Glob sorts, and the names are times.
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		r := &raw{}
		if err := json.Unmarshal(text, r); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if r.Schema == schema {
			raws = append(raws, r)
		}
	}
	return raws, nil
}
