package arch

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
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

// sourceFiles names every Go file of the module but tests, by its path below the root.
func sourceFiles(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(goFiles(t), func(file string) bool { return strings.HasSuffix(file, "_test.go") })
}

// goFiles names every Go file of the module by its path below the root, sorted.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && skipped(path) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	return files
}

// skipped tells of a folder whether the go command looks elsewhere for it: what
// is hidden or built, data, and other modules.
func skipped(folder string) bool {
	name := filepath.Base(folder)
	if strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" {
		return true
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// readPackages parses the imports and package comments of every Go file.
func readPackages(t *testing.T) map[string]*pkg {
	t.Helper()
	packages := map[string]*pkg{}
	for _, file := range goFiles(t) {
		if err := addFile(packages, file); err != nil {
			t.Fatal(err)
		}
	}
	return packages
}

func addFile(packages map[string]*pkg, name string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if packages[dir] == nil {
		packages[dir] = &pkg{imports: map[string]string{}}
	}
	if strings.HasSuffix(name, "_test.go") {
		return nil // Tests may reach up, for instance to drive a whole broker.
	}
	if documented(parsed) {
		packages[dir].docs = append(packages[dir].docs, name)
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if local, ok := strings.CutPrefix(imported, module); ok {
			packages[dir].imports[local] = name
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

// link finds the target of a link in Markdown.
var link = regexp.MustCompile(`\]\(([^)#]+)`)

// formatPage finds the pages that the tree of docs/formats/README.md names.
var formatPage = regexp.MustCompile(`[a-z.-]+\.md`)

func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(filepath.Join(root, "docs", "*", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, deeper...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target := match[1]
			if strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links to %s: %v", page, target, err)
			}
		}
	}
}

func TestFormatsAreListed(t *testing.T) {
	folder := filepath.Join(root, "docs", "formats")
	text, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{"README.md": true}
	for _, name := range formatPage.FindAllString(string(text), -1) {
		named[name] = true
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Errorf("README.md names %s: %v", name, err)
		}
	}
	pages, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if !named[page.Name()] {
			t.Errorf("README.md does not name %s", page.Name())
		}
	}
}

// nameless are words for a file that has no noun of its own.
var nameless = regexp.MustCompile(`(^|_)(base|common|helpers?|misc|new|old|types|utils?|v?2)(_test)?\.go$`)

func TestFilesAreNamedForTheirNoun(t *testing.T) {
	for _, file := range goFiles(t) {
		if nameless.MatchString(path.Base(file)) {
			t.Errorf("%s: name the file for what it holds", file)
		}
	}
}
