package docs

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the generated pages of docs/")

// Page compares text with a page of docs/, named by its path below the root of
// the module, and writes it there with -update.
func Page(t *testing.T, name, text string) {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, filepath.FromSlash(name))
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if page, err := os.ReadFile(path); err != nil || string(page) != text {
		t.Errorf("%s is not what the code says (%v): run make generate", name, err)
	}
}

// moduleRoot looks upwards for go.mod: tests run in the folder of their package.
func moduleRoot() (string, error) {
	dir, err := filepath.Abs(".")
	for err == nil {
		if _, err = os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent != dir {
			dir, err = parent, nil
		}
	}
	return "", err
}
