// Package docs keeps the generated pages of docs/ equal to the code they tell of.
//
// A test next to the code builds the text of a page and hands it to Page, which
// fails when the page in the tree says something else, and writes it with
// -update. `make generate` does that for all of them.
//
// It holds no text of its own, and only tests import it.
package docs
