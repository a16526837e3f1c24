package spf

import (
	"fmt"
	"io"

	"mailallow/allowlist/ascii"
)

// Node is one record of a policy. The tree holds each record once, below the first term that leads to it. Strings are
// printable ASCII of bounded length, as in Problem.
type Node struct {
	Domain   string
	Record   string // its text, cut; empty unless there is exactly one
	Error    Error  // of the whole record; in the topmost node, of the policy
	Terms    []TermNode
	Problems []Problem // of this record
}

// TermNode is a term of a record and its effect on all addresses that reach it, on every way to the record.
type TermNode struct {
	Text    string
	Effect  string  // in words: "passes 512 IPv4 addresses", "fails 1 IPv4 address", "not reached"
	Targets []*Node // the records that an include or redirect leads to, if they are not yet in the tree; at most one a family
}

func (e *evaluation) tree(found []Problem, err Error) *Node {
	byRecord := map[string][]Problem{}
	for _, p := range found {
		byRecord[p.Record] = append(byRecord[p.Record], p)
	}
	root := e.node(e.zone.domain, byRecord, map[string]bool{})
	root.Error = err
	return root
}

func (e *evaluation) node(domain string, found map[string][]Problem, seen map[string]bool) *Node {
	seen[domain] = true
	v := e.visits[domain]
	n := &Node{
		Domain: ascii.Printable(domain, maxShown), Record: ascii.Printable(v.policy.text, maxText), Error: v.policy.err,
	}
	n.Problems = found[n.Domain]
	for i, t := range v.policy.rec.Terms {
		tn := TermNode{Text: ascii.Printable(t.Text, maxShown), Effect: v.effect(i)}
		if v.reached[i] && t.Listable() && (t.Mechanism == Include || t.Mechanism == Redirect) {
			for _, to := range e.zone.targets(domain, t, nil) {
				switch {
				case e.visits[to.name] == nil:
				case seen[to.name]:
					tn.Effect += ", shown above"
				default:
					tn.Targets = append(tn.Targets, e.node(to.name, found, seen))
				}
			}
		}
		n.Terms = append(n.Terms, tn)
	}
	return n
}

func (v *visit) effect(i int) string {
	t := v.policy.rec.Terms[i]
	switch {
	case t.Mechanism == Exp || t.Mechanism == Unknown:
		return "no effect on addresses"
	case !v.reached[i]:
		return "not reached"
	case !t.Listable():
		return "cannot be listed"
	}
	verb := map[byte]string{'+': "passes", '-': "fails", '~': "softfails", '?': "leaves neutral"}[t.Qualifier]
	if t.Mechanism == All {
		return verb + " all that is left"
	}
	return verb + " " + size(v.matched[i])
}

const (
	maxLine    = 400 // bytes
	maxIndent  = 60  // columns; deeper records stay there
	maxSubject = 80  // bytes of a term before the text of its problem
	column     = 36  // of the effects, if the term is short enough
)

// Write writes the tree as text: a line for each term, below it the records that it leads to, and after each record its
// problems. A line is at most 400 bytes of printable ASCII.
func (n *Node) Write(w io.Writer) error { return n.write(w, 0) }

func (n *Node) write(w io.Writer, indent int) error {
	head := n.Domain
	if n.Error != OK {
		head += ": " + string(n.Error)
	}
	if err := line(w, indent, head); err != nil {
		return err
	}
	if len(n.Terms) == 0 && n.Record != "" {
		if err := line(w, indent+2, n.Record); err != nil {
			return err
		}
	}
	for _, t := range n.Terms {
		if err := line(w, indent+2, fmt.Sprintf("%-*s  %s", max(0, column-indent), t.Text, t.Effect)); err != nil {
			return err
		}
		for _, to := range t.Targets {
			if err := to.write(w, indent+4); err != nil {
				return err
			}
		}
	}
	for _, p := range n.Problems {
		subject := p.Kind
		if p.Term != "" {
			subject += ": " + ascii.Cut(p.Term, maxSubject)
		}
		if err := line(w, indent+2, "! "+subject+": "+p.Text); err != nil {
			return err
		}
	}
	return nil
}

func line(w io.Writer, indent int, text string) error {
	indent = min(indent, maxIndent)
	_, err := fmt.Fprintf(w, "%*s%s\n", indent, "", ascii.Cut(text, maxLine-indent))
	return err
}
