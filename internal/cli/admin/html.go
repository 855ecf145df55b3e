package admin

import (
	"html"
	"regexp"
	"strings"
)

// tag finds tags of HTML, which Apache Kafka's documentation has.
var tag = regexp.MustCompile(`</?[a-zA-Z][^<>]*>`)

// plainText makes a documentation one line of text.
func plainText(doc string) string {
	doc = strings.ReplaceAll(doc, "<li>", " - ")
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(doc, ""))), " ")
}
