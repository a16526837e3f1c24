package postfix

import (
	"context"
	"net/netip"
	"slices"
)

// Place is a place in a list where a permit for the client changes what becomes of its mail: before the item that refuses it.
type Place struct {
	List   string
	Before Step
	Relays bool // a permit there lets the client relay: the item has to go behind reject_unauth_destination first
}

// maxPlaces bounds the lists that refuse a client one after the other: there are seven, and postscreen's.
const maxPlaces = 8

// Places gives the places that need a permit for the client so that its mail is accepted. It is empty if no permit helps.
func (m *Main) Places(ctx context.Context, c Client, answers Answers) []Place {
	var places []Place
	for range maxPlaces {
		w := m.walk(ctx, c, answers, places)
		if w.Outcome == Accepted {
			return places
		}
		p, ok := m.placeBefore(w.By)
		if !ok || slices.ContainsFunc(places, func(other Place) bool { return other.List == p.List }) {
			return nil
		}
		places = append(places, p)
	}
	return nil
}

// answered changes the answer to the question of one step: a table gives value, the DNS no record.
type answered struct {
	Answers
	step  Step
	value string
}

func (a answered) Lookup(ctx context.Context, table string, keys []string) (key, value string, err error) {
	if (table == a.step.Name || table == a.step.Argument) && slices.Contains(keys, a.step.Asked) {
		return a.step.Asked, a.value, nil
	}
	return a.Answers.Lookup(ctx, table, keys)
}

func (a answered) A(ctx context.Context, name string) ([]netip.Addr, error) {
	if name == a.step.Asked {
		return nil, nil
	}
	return a.Answers.A(ctx, name)
}

// AcceptedWith reports whether the client's mail would be accepted if the question of a step had another answer: value from a
// table, or no record from the DNS.
func (m *Main) AcceptedWith(ctx context.Context, c Client, answers Answers, s Step, value string) bool {
	return m.walk(ctx, c, answered{answers, s, value}, nil).Outcome == Accepted
}

// placeBefore gives the place before a step that refuses. ok is false for a step that fails: no permit helps against a broken
// setting.
func (m *Main) placeBefore(by *Step) (Place, bool) {
	switch {
	case by == nil || by.Reply == "":
		return Place{}, false
	case isPostscreens(by.List):
		return Place{List: "postscreen_access_list", Before: *by}, true
	case by.Why != "":
		return Place{}, false
	}
	return Place{List: by.List, Before: *by, Relays: m.RelaysAt(Use{List: by.List, Position: by.Position})}, true
}

// first is the position of a permit that goes first in its list.
const first = -1

// hasPlace reports whether a permit comes before an item of a list.
func (w *walk) hasPlace(list string, position int) bool {
	return slices.ContainsFunc(w.places, func(p Place) bool {
		at := p.Before.Position
		if p.Before.List != list {
			at = first
		}
		return p.List == list && at == position
	})
}
