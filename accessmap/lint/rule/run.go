package rule

// Entry is a rule with its checks in one room of lint. C is a struct with a function for each part that a rule may look at; a
// nil function finds nothing.
type Entry[C any] struct {
	Rule
	Checks C
}

// Of gives the rules of a room's table.
func Of[C any](entries []Entry[C]) (rules []Rule) {
	for _, e := range entries {
		rules = append(rules, e.Rule)
	}
	return rules
}

// Check looks at a T.
type Check[T any] func(T) []Finding

// Of runs the check, if there is one.
func (c Check[T]) Of(x T) []Finding {
	if c == nil {
		return nil
	}
	return c(x)
}

// CheckIn looks at a part T of what the linter L looks at.
type CheckIn[L, T any] func(L, T) []Finding

// Of runs the check, if there is one.
func (c CheckIn[L, T]) Of(l L, x T) []Finding {
	if c == nil {
		return nil
	}
	return c(l, x)
}

// Run runs the checks of a table of rules, and gives each finding the name of the rule whose check made it.
type Run[C any] struct {
	Table    []Entry[C]
	Findings []Finding
}

// Find runs one check of every rule, in the order of the table.
func (r *Run[C]) Find(check func(*C) []Finding) (found []Finding) {
	for i := range r.Table {
		e := &r.Table[i]
		for _, f := range check(&e.Checks) {
			found = append(found, e.Own(f))
		}
	}
	return found
}

// Each runs one check of every rule and keeps its findings.
func (r *Run[C]) Each(check func(*C) []Finding) { r.Findings = append(r.Findings, r.Find(check)...) }

// Report keeps a finding of a rule.
func (r *Run[C]) Report(of Rule, f Finding) { r.Findings = append(r.Findings, of.Own(f)) }

// Own gives a finding the name and the severity of the rule, unless it is that of another.
func (r Rule) Own(f Finding) Finding {
	if f.Rule == "" {
		f.Rule, f.Severity = r.Name, r.Severity
	}
	return f
}
