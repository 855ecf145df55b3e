package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"moldau.dev/moldau/internal/docs"
)

//go:generate go test -run TestPageOfDifferences -update .

// marker begins the sentence of a comment that tells a deliberate deviation.
const marker = "Differs from Kafka: "

// difference is one such comment: the declaration it stands in or over, what it
// says before the marker, and what it says in the marker's paragraph.
type difference struct{ symbol, context, text string }

func TestPageOfDifferences(t *testing.T) {
	byPackage := map[string][]difference{}
	total := 0
	for _, file := range sourceFiles(t) {
		found, err := differences(file)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(file)
		byPackage[dir] = append(byPackage[dir], found...)
		total += len(found)
	}
	var page strings.Builder
	fmt.Fprintf(&page, `# Where we differ from Apache Kafka on purpose

%d places, collected from the comments that say "Differs from Kafka:" (`+"`make generate`"+`). What is not there at all
yet is in skipped.md, and what Apache Kafka's own answers are compared with is in answers.md.
`, total)
	for _, dir := range slices.Sorted(maps.Keys(byPackage)) {
		if len(byPackage[dir]) == 0 {
			continue
		}
		fmt.Fprintf(&page, "\n## %s\n\n", dir)
		for _, d := range byPackage[dir] {
			subject := "`" + d.symbol + "`"
			if about, ok := strings.CutPrefix(d.context, d.symbol+" "); ok {
				subject += " " + about
			} else {
				subject = strings.TrimSpace(subject + ": " + d.context)
			}
			fmt.Fprintf(&page, "- %s *Differs from Kafka:* %s\n", subject, d.text)
		}
	}
	docs.Page(t, "docs/compat/differences.md", page.String())
}

// differences reads the comments of a file in their order.
func differences(file string) ([]difference, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), path.Join(root, file), nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var found []difference
	for _, group := range parsed.Comments {
		context, text, ok := strings.Cut(group.Text(), marker)
		if !ok {
			continue
		}
		text, _, _ = strings.Cut(text, "\n\n")
		found = append(found, difference{
			symbol: symbolAt(parsed, group), context: strings.Join(strings.Fields(context), " "), text: strings.Join(strings.Fields(text), " "),
		})
	}
	return found, nil
}

// symbolAt names the top-level declaration that a comment stands in or over: the
// first one that ends after it.
func symbolAt(file *ast.File, group *ast.CommentGroup) string {
	for _, decl := range file.Decls {
		if decl.End() <= group.Pos() {
			continue
		}
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			return decl.Name.Name
		case *ast.GenDecl:
			return specName(decl, group)
		}
	}
	return file.Name.Name
}

// specName names the type, constant or variable of a declaration that a comment
// stands over or in.
func specName(decl *ast.GenDecl, group *ast.CommentGroup) string {
	for _, spec := range decl.Specs {
		if spec.End() < group.Pos() {
			continue
		}
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			return spec.Name.Name
		case *ast.ValueSpec:
			return spec.Names[0].Name
		}
	}
	return decl.Tok.String()
}
