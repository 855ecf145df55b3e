package arch

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "moldau.dev/moldau/"
)

// pkg is one package of the tree, as its files say.
type pkg struct {
	imports map[string]string // imported package of this module -> file that does it
	docs    []string          // files with a package comment
}

// readPackages parses the imports and package comments of every Go file.
func readPackages(t *testing.T) map[string]*pkg {
	t.Helper()
	packages := map[string]*pkg{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "tools" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		return addFile(packages, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) == 0 {
		t.Fatal("no packages found")
	}
	return packages
}

func addFile(packages map[string]*pkg, path string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, filepath.Dir(path))
	if err != nil {
		return err
	}
	name := filepath.ToSlash(rel)
	if packages[name] == nil {
		packages[name] = &pkg{imports: map[string]string{}}
	}
	if strings.HasSuffix(path, "_test.go") {
		return nil // Tests may reach up, for instance to drive a whole broker.
	}
	if documented(file) {
		packages[name].docs = append(packages[name].docs, path)
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if local, ok := strings.CutPrefix(imported, module); ok {
			packages[name].imports[local] = path
		}
	}
	return nil
}

func documented(file *ast.File) bool {
	return file.Doc != nil && len(strings.TrimSpace(file.Doc.Text())) > 0
}

// readLayers gives each package's line number in the policy.
func readLayers(t *testing.T) map[string]int {
	t.Helper()
	f, err := os.Open("layers.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	layers := map[string]int{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		for name := range strings.FieldsSeq(line) {
			if layers[name] != 0 {
				t.Errorf("layers.txt:%d: %s stands twice", n, name)
			}
			layers[name] = n
		}
	}
	return layers
}

func TestPackagesImportOnlyLowerLayers(t *testing.T) {
	packages, layers := readPackages(t), readLayers(t)
	for name, p := range packages {
		if layers[name] == 0 {
			t.Errorf("package %s has no place in layers.txt", name)
			continue
		}
		for imported, file := range p.imports {
			if layers[imported] == 0 || layers[imported] >= layers[name] {
				t.Errorf("%s: %s must not import %s: it is not in a lower layer", file, name, imported)
			}
		}
	}
	for name := range layers {
		if packages[name] == nil {
			t.Errorf("layers.txt names %s, which does not exist", name)
		}
	}
}

func TestEveryPackageHasOneDocumentation(t *testing.T) {
	for name, p := range readPackages(t) {
		if len(p.docs) != 1 {
			t.Errorf("package %s has %d package comments, want 1: %v", name, len(p.docs), p.docs)
		}
	}
}

func TestArchitectureNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range readPackages(t) {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("ARCHITECTURE.md does not name `%s`", name)
		}
	}
}
