package plan

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/install"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
)

// Removal is a target out of which the list is to be taken.
type Removal struct {
	Target
	Installed record.Target // what the record says of it; zero: nothing
	Never     bool          // there is a record, which does not have it
	// Stays says why a file in which nothing is left stays as an empty file. Empty: nobody reads it, and it goes.
	Stays string
}

// Removals makes a plan for each target, which takes out of it the list and nothing else. It changes nothing. The error joins those
// of all targets without a plan, as that of All does.
func (pl Planner) Removals(ctx context.Context, removals []Removal) ([]*Plan, error) {
	plans := make([]*Plan, len(removals))
	var failed []error
	for i, r := range removals {
		p, err := pl.removal(ctx, r)
		if err != nil {
			p = &Plan{Target: r.Target, Err: err}
			failed = append(failed, fault.In(r.Path, err))
		}
		plans[i] = p
	}
	return plans, errors.Join(failed...)
}

func (pl Planner) removal(ctx context.Context, r Removal) (*Plan, error) {
	p := &Plan{Target: r.Target}
	var err error
	if p.Current, err = readTarget(r.Target); err != nil {
		return p, err
	}
	if p.MapChoice, err = chooseMap(r.Target); err != nil {
		return p, err
	}
	if p.Content, err = r.content(p.Current); err != nil {
		return p, err
	}
	p.Gone = p.New == nil && (p.Exists || r.hasMap(p.MapType))
	switch {
	case p.MapType == "" || p.Gone:
		return p, nil
	case !p.TextChanged() && (!p.Exists || len(r.Installed.Texts) == 0): // nothing of ours was there
		p.MapType = ""
		return p, nil
	case p.TextChanged():
		if p.mapFile, err = makemap.CanMake(ctx, p.Makemap, p.MapType, p.Path); err != nil {
			return p, err
		}
		return p, nil
	}
	p.MapInStep, err = install.MapInStep(ctx, pl.StateDir, p.Job())
	return p, err
}

// hasMap reports whether a map is there whose text a killed run has removed.
func (r Removal) hasMap(mapType string) bool {
	if mapType == "" || len(r.Installed.Texts) == 0 {
		return false
	}
	path, err := makemap.UsualFile(mapType, r.Path)
	if err != nil {
		return false
	}
	_, err = os.Lstat(path)
	return err == nil
}

// content works out what is left of a file: the lines of others. Lines of theirs among ours stay in their place.
func (r Removal) content(current Current) (c Content, err error) {
	file := block.File{Inside: current.Old}
	if r.inBlock() {
		if file, err = block.Extract(current.Old); err != nil {
			return c, err
		}
	}
	switch {
	case !current.Exists:
		return c, nil
	case r.inBlock() && !file.Found:
		c.New = append([]byte{}, current.Old...) // not nil: an empty file is a file
		return c, nil
	}
	ours, foreign := file.Inside, []record.Line(nil)
	if !r.Format.JSON {
		ours, foreign = r.divide(r.Installed, file)
	}
	what := "it stays, below where the block was"
	if !r.inBlock() {
		what = "it stays"
	}
	c.Problems = notOurs(foreign, what)
	entries, err := r.Format.Read(ours)
	if r.isUnclaimed(current.Old, err) {
		c.New, c.Problems = append([]byte{}, current.Old...), nil
		switch {
		case r.Never: // what an earlier removal has left, and said so
		case err != nil:
			c.Problems = []Problem{unread(err, file, nil, "stays")}
		default:
			c.Problems = []Problem{{Kind: kindUnread, Text: "its first line is not that of mailallow, and it stays"}}
		}
		return c, nil
	}
	if err != nil {
		c.Problems = append(c.Problems, unread(err, file, foreign, "is taken out"))
	}
	c.compareBy(func() Difference {
		return difference(r.Format, allowlist.Nest(entries), slices.Values([]allowlist.Span(nil)), nil)
	})
	var kept []byte
	for _, line := range foreign {
		kept = append(kept, line.Text...)
	}
	if r.inBlock() {
		last := bytes.TrimSuffix(block.LastLine(file.Before), []byte("\n"))
		kept = file.Without(kept, r.Installed.Unterminated != "" && record.Digest(last) == r.Installed.Unterminated)
	}
	c.New = append([]byte{}, kept...)
	return c, r.emptied(&c)
}

// isUnclaimed reports whether somebody else may have written a file that is in no record. A table of ours has a first line that says
// so, in most formats. In the others it is ours if it reads as such and there is no record.
func (r Removal) isUnclaimed(old []byte, unread error) bool {
	if r.inBlock() || r.Installed.Path != "" {
		return false
	}
	header := []byte(format.Header)
	if empty, err := r.emptyList(); err == nil && bytes.HasPrefix(empty, header) {
		return !bytes.HasPrefix(old, header)
	}
	return unread != nil || r.Never
}

// emptyList gives the file without a range.
func (r Removal) emptyList() ([]byte, error) {
	var text bytes.Buffer
	_, err := r.Format.Write(&text, slices.Values([]allowlist.Span(nil)), format.Selection{})
	return append([]byte{}, text.Bytes()...), err
}

// emptied decides about a file in which nothing is left.
func (r Removal) emptied(c *Content) error {
	switch onlyOurs := r.Installed.Created || !r.inBlock(); {
	case len(c.New) > 0 || !onlyOurs:
		return nil
	case !r.Format.Map && r.Format.Use == format.UseNone: // whoever reads it is not known here, and reads an empty list
		var err error
		c.New, err = r.emptyList()
		return err
	}
	// A link to nothing is an error for whoever follows it.
	if info, err := os.Lstat(r.Path); r.Stays == "" && err == nil && info.Mode().IsRegular() {
		c.New = nil
	}
	return nil
}

// Holds reports whether something of what the record says is still in the target.
func (r Removal) Holds() bool {
	current, err := readTarget(r.Target)
	if err != nil || !current.Exists {
		return false
	}
	if r.inBlock() {
		file, err := block.Extract(current.Old)
		return err != nil || file.Found
	}
	ours, _ := r.Installed.Foreign(current.Old)
	return len(ours) > 0
}
