package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"mailallow/allowlist/fault"
)

func ExampleHint() {
	err := fault.Hint("/etc/mail/access.db", "run: chown root /etc/mail/access.db", "the map belongs to user %d", 1000)
	fmt.Println(err)
	fmt.Println(err.Hint)
	// Output:
	// /etc/mail/access.db: the map belongs to user 1000; run: chown root /etc/mail/access.db
	// run: chown root /etc/mail/access.db
}

func ExampleAt() {
	err := fmt.Errorf("offices.cidr: %w", fault.At(7, "not a network"))
	fmt.Println(err)
	fmt.Println(fault.LineOf(err))
	// Output:
	// offices.cidr: line 7: not a network
	// 7
}

func TestEach(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	wrapped := fmt.Errorf("w: %w", errors.Join(a, b))
	twice := fmt.Errorf("%w (%w)", a, b)
	rows := []struct {
		err  error
		want []error
	}{
		{nil, nil},
		{a, []error{a}},
		{errors.Join(a, errors.Join(b, c)), []error{a, b, c}},
		{wrapped, []error{wrapped}}, // it has text of its own
		{twice, []error{twice}},
	}
	for _, row := range rows {
		got := fault.Each(row.err)
		if fmt.Sprint(got) != fmt.Sprint(row.want) {
			t.Errorf("Each(%v) = %v, want %v", row.err, got, row.want)
		}
	}
	if line := fault.LineOf(a); line != 0 {
		t.Errorf("an error without a line has line %d", line)
	}
}

func ExampleIn() {
	err := fault.In("offices.cidr", errors.Join(fault.At(3, "not a network"), fault.At(7, "not a network")))
	fmt.Println(err)
	// Output:
	// offices.cidr: line 3: not a network
	// offices.cidr: line 7: not a network
}

func ExampleUnchanged() {
	fmt.Println(fault.Unchanged(errors.New("the disk is full")))
	// Output:
	// the disk is full
	// nothing was changed
}
