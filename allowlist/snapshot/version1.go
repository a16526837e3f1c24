package snapshot

import (
	"net/netip"
	"strconv"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// Version 1 of the snapshot has the whole path beside each range:
//
//	{"prefix": "192.0.2.0/24", "path": ["_spf.example", "ip4:192.0.2.0/24"]}

// versionOneStep is a step above others, for which all ranges of a source share one Path.
type versionOneStep struct {
	above *provenance.Path
	step  string
}

// versionOneRange reads a range.
func (r *reader) versionOneRange(src *decoded) error {
	var prefix netip.Prefix
	var steps []string
	printable := true
	err := r.object([]string{"prefix", "path"}, func(member int) error {
		if member == 0 {
			text, err := read[string](r, "string")
			if err == nil && text != "" { // add reports an empty prefix, with the name of the source
				prefix, err = parsePrefix(text)
			}
			return err
		}
		return r.array(func() error {
			step, err := read[string](r, "string")
			printable = printable && ascii.AllShow(step)
			if len(steps) <= provenance.MaxSteps { // one step past the bound, which is a mistake below
				steps = append(steps, step)
			}
			return err
		})
	})
	switch {
	case err != nil:
		return err
	case len(steps) == 0 || len(steps) > provenance.MaxSteps:
		src.mistake("%s has a path of %d steps", prefix, len(steps))
		return nil
	case !printable:
		src.mistake("%s has a path with characters that cannot be printed", prefix)
	}
	return r.add(src, allowlist.Range{Prefix: prefix, Path: r.versionOnePath(steps)})
}

var listAndLine = pattern.New(`^(.+):([1-9][0-9]*)$`)

// versionOnePath gives a path that shares all steps but the last, and the name of a list, with the paths before it.
func (r *reader) versionOnePath(steps []string) (p *provenance.Path) {
	last := len(steps) - 1
	for _, step := range steps[:last] {
		p = r.below(p, step)
	}
	if found := listAndLine().FindStringSubmatch(steps[last]); found != nil && last == 0 {
		if line, err := strconv.ParseUint(found[2], 10, 32); err == nil && line <= prefixes.MaxLabel {
			return r.below(p, found[1]).AtLine(uint32(line))
		}
	}
	return p.Then(steps[last])
}

func (r *reader) below(above *provenance.Path, step string) *provenance.Path {
	key := versionOneStep{above, step}
	if r.known[key] == nil {
		r.known[key] = above.Then(step)
	}
	return r.known[key]
}
