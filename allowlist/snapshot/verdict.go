package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
)

// texts reads an object whose members are strings.
func (r *reader) texts(names []string, into ...*string) error {
	return r.object(names, func(member int) (err error) {
		*into[member], err = read[string](r, "string")
		return err
	})
}

func (r *reader) status() (guard.Status, error) {
	text, err := read[string](r, "string")
	if err == nil && text == "" {
		err = errors.New("an empty status")
	}
	return guard.Status(text), err
}

func (r *reader) reason(src *decoded) error {
	if len(src.Reasons) == maxReasons {
		return fmt.Errorf("a source with more than %d reasons", maxReasons)
	}
	var p allowlist.Problem
	err := r.texts([]string{"kind", "text"}, &p.Kind, &p.Text)
	src.Reasons = append(src.Reasons, p)
	return err
}

// refused reads what a held source would have become.
func (r *reader) refused() (*guard.Proposed, error) {
	p := &guard.Proposed{Came: []netip.Prefix{}, Gone: []netip.Prefix{}}
	err := r.object([]string{"digest", "networks", "ipv4_addresses", "came", "gone"}, func(member int) (err error) {
		switch member {
		case 0:
			p.Digest, err = read[string](r, "string")
		case 1:
			var n uint64
			n, err = r.number()
			p.Ranges = int(min(n, math.MaxInt32))
		case 2:
			p.IPv4Addresses, err = r.number()
		case 3:
			p.Came, err = r.networks()
		case 4:
			p.Gone, err = r.networks()
		}
		return err
	})
	return p, err
}

func (r *reader) number() (uint64, error) {
	number, err := read[json.Number](r, "number")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(number.String(), 10, 53)
	if err != nil {
		return 0, fmt.Errorf("%.40s is no whole number", number)
	}
	return n, nil
}

// networks reads at most as many as the guard compares.
func (r *reader) networks() ([]netip.Prefix, error) {
	all := []netip.Prefix{}
	err := r.array(func() error {
		p, err := r.prefix()
		switch {
		case err != nil:
			return err
		case p != p.Masked():
			return fmt.Errorf("%s has host bits set: %s is meant", p, p.Masked())
		case len(all) == guard.MaxChange:
			return fmt.Errorf("more than %d networks that came or went", guard.MaxChange)
		}
		all = append(all, p)
		return nil
	})
	return all, err
}
