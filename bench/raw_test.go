package main

import (
	"encoding/json"
	"testing"

	"moldau.dev/moldau/internal/bench"
)

// Results outlive changes of their form: the results of every run that is kept can be read,
// also of those that call the cluster's id clusterID.
func TestResultsThatAreKeptCanBeRead(t *testing.T) {
	raws, err := readRaws("results")
	if err != nil {
		t.Fatal(err)
	}
	loads := 0
	for _, r := range raws {
		for _, l := range r.Loads {
			result := &bench.Result{}
			if err := json.Unmarshal(l.Result, result); err != nil {
				t.Errorf("%s of %v: %v", l.Name, r.Started, err)
			}
			if result.Schema != bench.Schema || result.Cluster.ClusterID == "" || result.Seconds == 0 {
				t.Errorf("%s of %v: the result does not tell its schema, cluster or time: %+v", l.Name, r.Started, result)
			}
			loads++
		}
	}
	if loads == 0 {
		t.Error("no results are kept")
	}
}
