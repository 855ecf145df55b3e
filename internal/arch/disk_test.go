package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// disk are the functions of the standard library that touch the file system.
// Flags, modes and errors of package os are free.
var disk = map[string][]string{
	"os": {
		"Chdir", "Chmod", "Chown", "Chtimes", "CopyFS", "Create", "CreateTemp", "DirFS", "Lchown", "Link", "Lstat", "Mkdir", "MkdirAll",
		"MkdirTemp", "Open", "OpenFile", "OpenInRoot", "OpenRoot", "ReadDir", "ReadFile", "Readlink", "Remove", "RemoveAll", "Rename",
		"Stat", "Symlink", "Truncate", "WriteFile",
	},
	"path/filepath": {"EvalSymlinks", "Glob", "Walk", "WalkDir"},
}

// besideTheDoor tells what need not go through vfs: the door itself, the command
// line and its benchmark, which read what their user names, server.properties,
// which is no part of a data folder, and a package for tests.
func besideTheDoor(file, function string) bool {
	switch {
	case strings.HasPrefix(file, "internal/vfs/"), strings.HasPrefix(file, "internal/cli/"), strings.HasPrefix(file, "internal/docs/"),
		strings.HasPrefix(file, "internal/bench/"):
		return true
	default:
		return file == "internal/config/load.go" && function == "os.ReadFile"
	}
}

// Faults, crashes and full disks are tested through vfs, so a file that is
// opened beside it is a file whose failures nobody has seen.
func TestFilesAreReachedThroughVFS(t *testing.T) {
	for _, file := range sourceFiles(t) {
		if !strings.HasPrefix(file, "broker/") && !strings.HasPrefix(file, "internal/") {
			continue
		}
		for _, function := range diskFunctions(t, file) {
			if !besideTheDoor(file, function) {
				t.Errorf("%s uses %s: production code reaches files through internal/vfs", file, function)
			}
		}
	}
}

// diskFunctions lists what a file uses of disk.
func diskFunctions(t *testing.T, file string) (found []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	local := map[string]string{} // name in this file -> package
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		name := imported[strings.LastIndex(imported, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if disk[imported] != nil {
			local[name] = imported
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(disk[local[x.Name]], s.Sel.Name) {
				found = append(found, x.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return found
}
