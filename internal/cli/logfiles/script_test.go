package logfiles_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"moldau.dev/moldau/internal/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// TestScripts runs the scripts of testdata/script, each with a copy of the folder that
// Apache Kafka wrote as data. They may say:
//
//	flip FILE POSITION    turn a bit of the byte
//	cut FILE N            leave the last N bytes out
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true, UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("MOLDAU_TEST_UNMASKED", "1")
			return copyFolder("../../../broker/offline/testdata/kafka", filepath.Join(env.WorkDir, "data"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"flip": edit("flip FILE POSITION", flip), "cut": edit("cut FILE N", cut),
		},
	})
}

func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
}

// edit is a command that changes a file by a number.
func edit(usage string, change func(data []byte, n int) []byte) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 {
			ts.Fatalf("usage: %s", usage)
		}
		path := ts.MkAbs(args[0])
		data, err := os.ReadFile(path)
		ts.Check(err)
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		ts.Check(os.WriteFile(path, change(data, n), 0o644))
	}
}

func flip(data []byte, at int) []byte {
	data[at] ^= 1
	return data
}

func cut(data []byte, n int) []byte { return data[:len(data)-n] }
